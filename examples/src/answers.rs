//! How answers are computed from the graph: pure functions.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::semver::Version;

use crate::graph::Graph;
use crate::queries::Link;

/// Ids of all packages, in order of name and version.
#[must_use]
pub fn all(graph: &Graph) -> Vec<String> {
    let mut ids: Vec<&String> = graph.packages.keys().collect();
    ids.sort_by_cached_key(|id| {
        let package = &graph.packages[*id];
        (&package.name, Version::parse(&package.version).ok())
    });
    ids.into_iter().cloned().collect()
}

/// Ids of the packages with a name, `name@version` or id.
#[must_use]
pub fn find(graph: &Graph, spec: &str) -> Vec<String> {
    let (name, version) = spec.split_once('@').map_or((spec, None), |(name, version)| (name, Some(version)));
    let goes_by = |id: &str| {
        let package = &graph.packages[id];
        id == spec || (package.name == name && version.is_none_or(|version| package.version == version))
    };
    all(graph).into_iter().filter(|id| goes_by(id)).collect()
}

/// A licence in one form: `MIT/Apache-2.0` and `MIT OR Apache-2.0` become `Apache-2.0 OR MIT`.
///
/// Expressions with parentheses are left as they are.
#[must_use]
pub fn licence(expression: Option<&str>) -> String {
    let Some(expression) = expression else { return "none given".to_owned() };
    if expression.contains('(') {
        return expression.to_owned();
    }
    let alternatives = expression.split('/').flat_map(|part| part.split(" OR ")).map(str::trim);
    let alternatives: BTreeSet<&str> = alternatives.collect();
    alternatives.into_iter().collect::<Vec<_>>().join(" OR ")
}

/// Ids of the packages of each licence.
#[must_use]
pub fn by_licence(graph: &Graph) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in all(graph) {
        groups.entry(graph.packages[&id].licence.clone()).or_default().push(id);
    }
    groups
}

/// Names with several versions.
#[must_use]
pub fn several_versions(graph: &Graph) -> Vec<String> {
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for package in graph.packages.values() {
        *versions.entry(&package.name).or_default() += 1;
    }
    versions.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name.to_owned()).collect()
}

/// A package and everything that it is built with. Each package comes after all packages that it is built with itself.
///
/// Walks with an explicit stack, so that no chain is too long for it.
#[must_use]
pub fn dependencies_first<'a>(graph: &'a Graph, id: &'a str) -> Vec<&'a str> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::from([id]);
    let mut path = vec![(id, graph.built_with(id))];
    while let Some((id, rest)) = path.last_mut() {
        match rest.next() {
            Some(next) if seen.insert(next) => path.push((next, graph.built_with(next))),
            Some(_) => {}
            None => {
                order.push(*id);
                path.pop();
            }
        }
    }
    order
}

/// How the longest chain continues from a package with these possible `continuations`: ids with their links.
#[must_use]
pub fn link<'a>(continuations: impl Iterator<Item = (&'a str, u32)>) -> Link {
    // The first of equals, so that the answer is always the same.
    let longest = continuations.min_by_key(|(id, length)| (std::cmp::Reverse(*length), *id));
    match longest {
        Some((id, length)) => Link { length: length + 1, next: Some(id.to_owned()) },
        None => Link { length: 1, next: None },
    }
}

#[cfg(test)]
mod tests;
