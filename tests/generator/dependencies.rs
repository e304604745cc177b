//! The scan compared with rustc: it walks every crate that this workspace depends on, and reads the files
//! that rustc reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use cache_codegen::Explanation;
use serde_json::Value;

use crate::{Fixture, Run, scratch, target, workspace};

/// Returns the folders of all packages that cargo knows from `folder` for this machine, without a network.
#[track_caller]
fn packages(folder: &Path) -> BTreeSet<PathBuf> {
    let version = Run::of(&Command::new("rustc").arg("-vV").output().expect("rustc can be started"));
    let host =
        version.lines().iter().find_map(|line| line.strip_prefix("host: ")).expect("a host").to_owned();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &host])
        .current_dir(folder)
        .output();
    let run = Run::of(&output.expect("cargo can be started")).succeeded();
    let metadata: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let manifests = metadata["packages"].as_array().expect("a list").iter();
    let manifests = manifests.map(|package| Path::new(package["manifest_path"].as_str().expect("a path")));
    manifests.map(|manifest| manifest.parent().expect("a folder").to_owned()).collect()
}

/// Returns the folders of all packages that this program and its neighbours were built from: they are
/// available without a network.
fn built_packages() -> BTreeSet<PathBuf> {
    let program = std::env::current_exe().expect("the program has a path");
    let roots = dep_infos(program.parent().expect("a folder of cargo"));
    // Some may be from earlier builds, of files that are gone. Lints come first with their settings.
    let roots = roots.keys().map(|root| workspace().join(root));
    let roots =
        roots.filter(|root| root.is_file() && root.extension().is_some_and(|extension| extension == "rs"));
    roots
        .filter_map(|root| {
            root.ancestors().find(|folder| folder.join("Cargo.toml").is_file()).map(Path::to_owned)
        })
        .collect()
}

#[test]
fn every_dependency_of_the_workspace_can_be_walked() {
    let packages = built_packages();
    assert!(packages.len() > 30, "only {} packages", packages.len());
    for folder in packages {
        let explanation = Explanation::of(&folder, None).unwrap_or_else(|report| panic!("{report}"));
        assert!(explanation.faults().is_empty(), "{}", explanation.faults());
        assert!(!explanation.scan.files.is_empty());
        // rustc would fail on a missing file that is always compiled.
        let all = explanation.scan.missing.iter();
        let missing: Vec<_> = all.filter(|missing| missing.cfgs.is_empty() && !missing.is_in_macro).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", folder.display());
        // Crates from outside the workspace have no queries.
        let warnings = explanation.listing.report.render(&folder);
        assert!(warnings.is_empty() || folder.starts_with(workspace()), "{}: {warnings}", folder.display());
    }
}

#[test]
fn the_files_read_are_those_that_rustc_reads() {
    let fixture = Fixture::copy("edition_2024", "dep_info");
    fixture.build().succeeded();
    fixture.cargo(&["build", "--features", "extra"]).succeeded();
    let packages = packages(&fixture.folder);
    let mut compared = 0;
    for (root, files) in dep_infos(&target().join("debug/deps")) {
        let folder = root.ancestors().find(|folder| packages.contains(*folder));
        if let Some(folder) = folder.filter(|folder| !root.starts_with(folder.join("build"))) {
            compared += usize::from(compare(folder, &root, &files));
        }
    }
    assert!(compared >= 10, "only {compared} crates were compared");
}

#[test]
fn every_way_to_place_a_file_means_to_the_scan_what_it_means_to_rustc() {
    let folder = workspace().join("tests/fixtures/module_paths");
    let root = folder.join("src/lib.rs");
    let output = scratch().join("module_paths.d");
    fs::create_dir_all(scratch()).expect("a folder");
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "dep-info", "-o"])
        .args([&output, &root]);
    Run::of(&rustc.output().expect("rustc can be started")).succeeded();
    let text = fs::read_to_string(&output).expect("dep-info");
    let explanation = Explanation::of(&folder, None).unwrap_or_else(|report| panic!("{report}"));
    let read: BTreeSet<_> = explanation.scan.paths().into_iter().map(normal).collect();
    // In this crate, neither conditions nor macros leave a choice.
    let never = ["src/not_chosen.rs", "src/conditional.rs"].map(|file| folder.join(file));
    assert!(never.iter().all(|file| file.is_file() && !read.contains(file)), "{read:?}");
    assert_eq!(read, listed_files(&text).into_iter().map(|file| normal(&file)).collect());
    assert!(explanation.scan.missing.is_empty() && explanation.faults().is_empty());
}

/// Returns crate roots and the files that rustc read for them, from the newest dep-info of each.
fn dep_infos(folder: &Path) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    let mut newest: BTreeMap<PathBuf, (SystemTime, BTreeSet<PathBuf>)> = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder of cargo").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "d") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("dep-info");
        let files = listed_files(&text);
        let Some(root) = files.first().cloned() else { continue };
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).expect("a time");
        let files = files.iter().map(|file| normal(file)).collect();
        let known = newest.entry(root).or_insert((SystemTime::UNIX_EPOCH, BTreeSet::new()));
        if known.0 < modified {
            *known = (modified, files);
        }
    }
    newest.into_iter().map(|(root, (_, files))| (root, files)).collect()
}

/// Returns the files of the first line of a dep-info.
fn listed_files(text: &str) -> Vec<PathBuf> {
    let list = text.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, list)| list);
    let files = list.replace("\\ ", "\0");
    files
        .split(' ')
        .filter(|file| !file.is_empty())
        .map(|file| PathBuf::from(file.replace('\0', " ")))
        .collect()
}

/// Compares the scan of one crate with what rustc read. Returns `false` if that was another target of the
/// package.
#[track_caller]
fn compare(folder: &Path, root: &Path, rustc: &BTreeSet<PathBuf>) -> bool {
    let explanation = Explanation::of(folder, None).unwrap_or_else(|report| panic!("{report}"));
    let scan = &explanation.scan;
    if scan.files[0].path() != root {
        return false;
    }
    let read: BTreeSet<_> = scan.paths().into_iter().map(normal).collect();
    let is_source = |path: &&PathBuf| {
        path.extension().is_some_and(|extension| extension == "rs") && path.starts_with(folder)
    };
    let overlooked: Vec<_> = rustc.difference(&read).filter(is_source).collect();
    assert!(
        overlooked.is_empty() || !scan.unread.is_empty() || has_includes(scan) || has_macros_of_modules(scan),
        "{}: rustc reads {overlooked:?}",
        root.display()
    );
    for (id, module) in scan.iter() {
        let file = normal(module.source.path());
        let is_conditional = !scan.cfgs(id).is_empty() || scan.macro_around(id).is_some();
        assert!(
            is_conditional || rustc.contains(&file),
            "{}: rustc does not read {}",
            root.display(),
            file.display()
        );
    }
    true
}

/// Returns whether some file includes text by `include_str!` or a doc attribute.
fn has_includes(scan: &cache_codegen::scan::Scan) -> bool {
    scan.files.iter().any(|file| file.text().contains("include_"))
}

/// Returns whether some macro declares modules by a name that it is given: the scan does not find modules
/// without `mod`.
fn has_macros_of_modules(scan: &cache_codegen::scan::Scan) -> bool {
    scan.files.iter().any(|file| file.text().contains("mod $"))
}

/// Returns the path without `..` after a name.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}
