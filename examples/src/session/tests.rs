use std::collections::BTreeMap;

use cache_core::Cache;

use super::link_chain;
use crate::graph::Graph;
use crate::queries::{ChainFrom, Dependency, Kind, Link, Package};

#[test]
fn one_commit_links_a_package_and_all_that_it_is_built_with() {
    let cache = Cache::new();
    let graph = row_of_packages(3);
    let link = link_chain(&cache, &graph, "1").unwrap();
    assert_eq!(*link, Link { length: 2, next: Some("2".to_owned()) });
    assert_eq!(cache.count::<ChainFrom>(), 2);
    assert_eq!(cache.revision().unwrap(), link_revision(&cache, "2"));

    let before = cache.get(&ChainFrom { id: "2".to_owned() }).unwrap();
    assert_eq!(link_chain(&cache, &graph, "0").unwrap().length, 3);
    let after = cache.get(&ChainFrom { id: "2".to_owned() }).unwrap();
    assert!(std::sync::Arc::ptr_eq(&before, &after), "known links are reused, not computed again");
    assert!(cache.revision().unwrap() > link_revision(&cache, "2"));
}

#[test]
fn a_chain_may_be_very_long() {
    let cache = Cache::new();
    assert_eq!(link_chain(&cache, &row_of_packages(20_000), "0").unwrap().length, 20_000);
}

#[track_caller]
fn link_revision(cache: &Cache<crate::CacheRegistry>, id: &str) -> cache_core::Revision {
    cache.get_entry(&ChainFrom { id: id.to_owned() }).unwrap().revision()
}

/// Packages `0`, `1`, .., each of which is built with the next one.
fn row_of_packages(count: usize) -> Graph {
    let package = |at: usize| {
        let next = Dependency { id: (at + 1).to_string(), kinds: vec![Kind::Normal] };
        Package {
            name: at.to_string(),
            version: "1.0.0".to_owned(),
            licence: "MIT".to_owned(),
            description: None,
            source: None,
            features: Vec::new(),
            dependencies: if at + 1 < count { vec![next] } else { Vec::new() },
        }
    };
    let packages: BTreeMap<String, Package> = (0..count).map(|at| (at.to_string(), package(at))).collect();
    Graph::new(vec!["0".to_owned()], packages, Vec::new())
}
