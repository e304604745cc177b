use std::collections::BTreeMap;

use super::{all, by_licence, dependencies_first, find, licence, link, several_versions};
use crate::graph::Graph;
use crate::queries::Kind::{Build, Dev, Normal};
use crate::queries::{Dependency, Kind, Link, Package};

#[test]
fn a_package_is_found_by_name_by_version_and_by_id() {
    let graph = graph(&[("a@1", &[]), ("a@2", &[]), ("b@1", &[])]);
    assert_eq!(find(&graph, "a"), ["a@1", "a@2"]);
    assert_eq!(find(&graph, "a@2"), ["a@2"]);
    assert_eq!(find(&graph, "b"), ["b@1"]);
    assert!(find(&graph, "c").is_empty() && find(&graph, "a@3").is_empty());

    let mut graph = graph;
    let odd = graph.packages.remove("b@1").unwrap();
    graph.packages.insert("path+file:///x#b@1".to_owned(), odd);
    assert_eq!(find(&graph, "path+file:///x#b@1"), find(&graph, "b@1"));
}

#[test]
fn the_dependents_of_a_package_are_known_with_the_kinds() {
    let graph = graph(&[("a@1", &[("c@1", &[Normal, Dev])]), ("b@1", &[("c@1", &[Build])]), ("c@1", &[])]);
    let expected = [dependency(("a@1", &[Normal, Dev])), dependency(("b@1", &[Build]))];
    assert_eq!(graph.dependents["c@1"], expected);
    assert!(!graph.dependents.contains_key("a@1"));
}

#[test]
fn licences_in_another_order_are_the_same() {
    for expression in ["MIT OR Apache-2.0", "Apache-2.0 OR MIT", "MIT/Apache-2.0", "Apache-2.0 / MIT"] {
        assert_eq!(licence(Some(expression)), "Apache-2.0 OR MIT");
    }
    assert_eq!(licence(Some("(MIT OR Apache-2.0) AND X")), "(MIT OR Apache-2.0) AND X");
    assert_eq!(licence(Some("Zlib")), "Zlib");
    assert_eq!(licence(None), "none given");
}

#[test]
fn every_package_is_in_the_group_of_its_licence() {
    let mut graph = graph(&[("a@1", &[]), ("b@1", &[]), ("c@1", &[])]);
    graph.packages.get_mut("b@1").unwrap().licence = "Zlib".to_owned();
    let groups = by_licence(&graph);
    assert_eq!(
        groups.into_iter().collect::<Vec<_>>(),
        [
            ("MIT".to_owned(), vec!["a@1".to_owned(), "c@1".to_owned()]),
            ("Zlib".to_owned(), vec!["b@1".to_owned()])
        ]
    );
}

#[test]
fn a_name_with_several_versions_is_listed_once() {
    let graph = graph(&[("a@1", &[]), ("a@2", &[]), ("a@3", &[]), ("b@1", &[])]);
    assert_eq!(several_versions(&graph), ["a"]);
    assert_eq!(all(&graph), ["a@1", "a@2", "a@3", "b@1"]);
}

#[test]
fn versions_are_in_their_own_order() {
    let graph = graph(&[("a@0.10.0", &[]), ("a@0.9.12", &[]), ("Z@1.0.0", &[])]);
    assert_eq!(all(&graph), ["Z@1.0.0", "a@0.9.12", "a@0.10.0"]);
}

#[test]
fn a_package_comes_after_all_that_it_is_built_with() {
    let graph = graph(&[
        ("a@1", &[("b@1", &[Normal]), ("c@1", &[Normal])]),
        ("b@1", &[("c@1", &[Build])]),
        ("c@1", &[]),
        ("unrelated@1", &[("a@1", &[Normal])]),
    ]);
    assert_eq!(dependencies_first(&graph, "a@1"), ["c@1", "b@1", "a@1"]);
}

#[test]
fn what_only_tests_need_makes_no_cycle() {
    let graph = graph(&[("a@1", &[("b@1", &[Normal])]), ("b@1", &[("a@1", &[Dev])])]);
    assert_eq!(dependencies_first(&graph, "a@1"), ["b@1", "a@1"]);
    assert_eq!(dependencies_first(&graph, "b@1"), ["b@1"]);
}

#[test]
fn a_cycle_that_cargo_would_reject_still_ends() {
    let graph = graph(&[("a@1", &[("b@1", &[Normal])]), ("b@1", &[("a@1", &[Normal])])]);
    assert_eq!(dependencies_first(&graph, "a@1"), ["b@1", "a@1"]);
}

#[test]
fn a_chain_continues_with_the_longest_one_and_among_equals_with_the_first() {
    let next = |id: &str, length| Link { length, next: Some(id.to_owned()) };
    assert_eq!(link([].into_iter()), Link { length: 1, next: None });
    assert_eq!(link([("a", 1), ("b", 3), ("c", 2)].into_iter()), next("b", 4));
    assert_eq!(link([("c", 2), ("b", 2), ("a", 1)].into_iter()), next("b", 3));
}

type Edge<'a> = (&'a str, &'a [Kind]);

/// Packages with the licence MIT, whose ids are `name@version`.
fn graph(packages: &[(&str, &[Edge<'_>])]) -> Graph {
    let packages: BTreeMap<String, Package> =
        packages.iter().map(|(id, edges)| ((*id).to_owned(), package(id, edges))).collect();
    Graph::new(packages.keys().cloned().collect(), packages, Vec::new())
}

fn package(id: &str, edges: &[Edge<'_>]) -> Package {
    let (name, version) = id.split_once('@').unwrap();
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        licence: "MIT".to_owned(),
        description: None,
        source: None,
        features: Vec::new(),
        dependencies: edges.iter().copied().map(dependency).collect(),
    }
}

fn dependency((id, kinds): Edge<'_>) -> Dependency {
    Dependency { id: id.to_owned(), kinds: kinds.to_vec() }
}
