//! The queries and the types of their answers. Everything that the cache contains is declared here.
//!
//! `persist` puts a table into snapshots; `borrowed` makes `PackageByIdRef` and the like, with which a lookup does not
//! allocate. Answers refer to packages by id; another query has the package.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use cache_core::{Query, Shape};
use serde::{Deserialize, Serialize};

/// Which project are the answers about, and which files were they read from?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Project, capacity = 1, persist)]
pub struct CurrentProject;

/// How long did the last run without a snapshot take?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Timing, capacity = 1, persist)]
pub struct ColdTiming;

/// Which packages are there? Ids, in order of name and version.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<String>, capacity = 1, persist)]
pub struct AllPackages;

/// Which packages have this name, `name@version` or id?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<String>, lru = 1_000, persist, borrowed)]
pub struct FindPackages {
    /// What the user typed.
    pub spec: String,
}

/// What is the package with this id?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Package, capacity = 100_000, persist, borrowed)]
pub struct PackageById {
    /// Id, as cargo writes it.
    pub id: String,
}

/// Which packages depend on this package?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<Dependency>, capacity = 100_000, persist, borrowed)]
pub struct Dependents {
    /// Id of the package.
    pub id: String,
}

/// Which licences are there?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<String>, capacity = 1, persist)]
pub struct Licences;

/// Which packages have this licence?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<String>, capacity = 10_000, persist, borrowed)]
pub struct PackagesByLicence {
    /// The licence, as [`answers::licence`](crate::answers::licence) writes it.
    pub licence: String,
}

/// How does the longest chain of dependencies continue from this package?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Link, capacity = 100_000, persist, borrowed)]
pub struct ChainFrom {
    /// Id of the package that the chain begins with.
    pub id: String,
}

/// Which chain of dependencies is the longest of the project?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<String>, capacity = 1, persist)]
pub struct LongestChain;

/// Which names have several versions?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<String>, capacity = 1, persist)]
pub struct SeveralVersions;

/// A project and the files that the answers depend on.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Folder of the workspace.
    pub root: PathBuf,
    /// The lock file and the manifests with the hash of their content when cargo was asked; `None` for missing files.
    pub inputs: BTreeMap<PathBuf, Option<u64>>,
}

/// A package.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Licence, as [`answers::licence`](crate::answers::licence) writes it.
    pub licence: String,
    /// Its description.
    pub description: Option<String>,
    /// The registry or repository that it comes from; `None` for packages on this machine.
    pub source: Option<String>,
    /// Enabled features.
    pub features: Vec<String>,
    /// Its own dependencies.
    pub dependencies: Vec<Dependency>,
}

/// One end of a dependency between two packages.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Id of the package at the other end.
    pub id: String,
    /// The kinds of the dependency.
    pub kinds: Vec<Kind>,
}

/// The kind of a dependency.
#[derive(Shape, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// The package itself.
    Normal,
    /// Its build script.
    Build,
    /// Its tests and examples.
    Dev,
}

/// One package of a longest chain.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Number of packages from here to the end, including this one.
    pub length: u32,
    /// Id of the next package; `None` at the end.
    pub next: Option<String>,
}

/// The times of a run.
#[derive(Shape, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Finding the project.
    pub find: Duration,
    /// Restoring the snapshot and checking whether the project has changed; `None` if there was none to restore.
    pub restore: Option<Duration>,
    /// Running `cargo metadata` and reading its output; `None` if that was not needed.
    pub metadata: Option<Duration>,
    /// Answering the questions.
    pub answer: Duration,
}
