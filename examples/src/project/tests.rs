use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Place;
use crate::graph::Graph;

#[test]
fn nothing_is_said_of_a_project_that_did_not_change() {
    let (_folder, place, graph) = project();
    assert_eq!(place.difference(&place.describe(&graph)), None);
}

#[test]
fn each_changed_file_is_named() {
    let (folder, place, graph) = project();
    let known = place.describe(&graph);
    let path = |name: &str| folder.path().join(name);

    fs::write(path("Cargo.lock"), "other").unwrap();
    assert_eq!(place.difference(&known).unwrap(), "`Cargo.lock` has changed");
    fs::remove_file(path("Cargo.lock")).unwrap();
    assert_eq!(place.difference(&known).unwrap(), "`Cargo.lock` is gone");
    fs::write(path("Cargo.lock"), "lock").unwrap();
    assert_eq!(place.difference(&known), None);

    fs::write(path("member/Cargo.toml"), "other").unwrap();
    assert_eq!(place.difference(&known).unwrap(), "`member/Cargo.toml` has changed");
    fs::write(path("member/Cargo.toml"), "").unwrap();

    fs::create_dir(path(".cargo")).unwrap();
    fs::write(path(".cargo/config.toml"), "").unwrap();
    assert_eq!(place.difference(&known).unwrap(), "`.cargo/config.toml` is new");
}

#[test]
fn a_new_member_is_named() {
    let (folder, mut place, graph) = project();
    let known = place.describe(&graph);
    place.members.push(folder.path().join("second/Cargo.toml"));
    assert_eq!(place.difference(&known).unwrap(), "`second/Cargo.toml` is new");
}

#[test]
fn answers_about_another_project_are_rejected() {
    let (_folder, place, graph) = project();
    let mut known = place.describe(&graph);
    known.root = PathBuf::from("/elsewhere");
    assert_eq!(place.difference(&known).unwrap(), "they are about the project in `/elsewhere`");
}

/// A workspace with one member, as it is found.
fn project() -> (TempDir, Place, Graph) {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("member")).unwrap();
    let manifest = root.join("member/Cargo.toml");
    for (path, text) in
        [(root.join("Cargo.lock"), "lock"), (root.join("Cargo.toml"), ""), (manifest.clone(), "")]
    {
        fs::write(path, text).unwrap();
    }
    let place = Place {
        path: root.to_owned(),
        root: root.to_owned(),
        target: root.join("target"),
        members: vec![manifest.clone()],
    };
    let graph = Graph { manifests: vec![manifest], ..Graph::default() };
    (folder, place, graph)
}

#[test]
fn a_path_that_leads_nowhere_is_an_error_by_itself() {
    let error = Place::find(Path::new("no/such/path")).unwrap_err();
    assert_eq!(error.to_string(), "no such file or folder: `no/such/path`");
}
