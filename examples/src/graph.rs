//! Packages and their dependencies: plain data, made from the output of cargo. Knows nothing of the cache.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cargo_metadata::{DependencyKind, Metadata, Node, Package as CargoPackage, PackageId};

use crate::answers::licence;
use crate::queries::{Dependency, Kind, Package};

/// The packages of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Ids of the packages of the workspace.
    pub members: Vec<String>,
    /// All packages by id.
    pub packages: BTreeMap<String, Package>,
    /// The dependents of a package, by its id, in the order of their ids.
    pub dependents: BTreeMap<String, Vec<Dependency>>,
    /// Manifests of the packages on this machine.
    pub manifests: Vec<PathBuf>,
}

impl Graph {
    /// The graph of some packages, by their ids.
    #[must_use]
    pub fn new(members: Vec<String>, packages: BTreeMap<String, Package>, manifests: Vec<PathBuf>) -> Self {
        let mut dependents: BTreeMap<String, Vec<Dependency>> = BTreeMap::new();
        for (id, package) in &packages {
            for Dependency { id: of, kinds } in &package.dependencies {
                let dependent = Dependency { id: id.clone(), kinds: kinds.clone() };
                dependents.entry(of.clone()).or_default().push(dependent);
            }
        }
        Self { members, packages, dependents, manifests }
    }

    /// Ids of the packages that a package is built with, without dependencies of its tests. Without these there are no
    /// cycles.
    pub fn built_with<'a>(&'a self, id: &str) -> impl Iterator<Item = &'a str> {
        let dependencies = self.packages.get(id).map_or(&[][..], |package| &package.dependencies);
        let for_building = dependencies.iter().filter(|it| it.kinds.iter().any(|kind| *kind != Kind::Dev));
        for_building.map(|dependency| dependency.id.as_str())
    }
}

impl From<Metadata> for Graph {
    fn from(metadata: Metadata) -> Self {
        let nodes = metadata.resolve.into_iter().flat_map(|resolve| resolve.nodes);
        let mut nodes: BTreeMap<PackageId, Node> = nodes.map(|node| (node.id.clone(), node)).collect();
        let local = metadata.packages.iter().filter(|package| package.source.is_none());
        let manifests = local.map(|package| package.manifest_path.clone().into()).collect();
        let packages = metadata.packages.into_iter().map(|package| {
            let node = nodes.remove(&package.id);
            (package.id.repr.clone(), to_package(package, node))
        });
        let members = metadata.workspace_members.into_iter().map(|id| id.repr);
        Self::new(members.collect(), packages.collect(), manifests)
    }
}

fn to_package(package: CargoPackage, node: Option<Node>) -> Package {
    let (features, dependencies) = node.map(|node| (node.features, node.deps)).unwrap_or_default();
    let dependencies = dependencies.into_iter().map(|dependency| {
        let kinds = dependency.dep_kinds.into_iter().map(|kind| to_kind(kind.kind));
        Dependency { id: dependency.pkg.repr, kinds: sorted(kinds) }
    });
    Package {
        name: package.name.to_string(),
        version: package.version.to_string(),
        licence: licence(package.license.as_deref()),
        description: package.description,
        source: package.source.map(|source| source.repr),
        features: features.into_iter().map(|feature| feature.to_string()).collect(),
        dependencies: dependencies.collect(),
    }
}

fn to_kind(kind: DependencyKind) -> Kind {
    match kind {
        DependencyKind::Build => Kind::Build,
        DependencyKind::Development => Kind::Dev,
        _ => Kind::Normal,
    }
}

fn sorted(kinds: impl Iterator<Item = Kind>) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = kinds.collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}
