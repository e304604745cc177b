//! The questions, and the types of their answers. Everything that the cache knows about stands here.
//!
//! `persist` puts a table into snapshots; `borrowed` makes `PackageByIdRef` and the like, with which a lookup
//! allocates nothing. Where answers speak of packages they hold ids, to be asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use cache_core::{Query, Shape};
use serde::{Deserialize, Serialize};

/// Which project do the answers belong to, and what were they read from?
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

/// Which packages go by this name, `name@version` or id?
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

/// Who depends on this package?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<Dependency>, capacity = 100_000, persist, borrowed)]
pub struct Dependents {
    /// Id of the package that is depended on.
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

/// How does the longest chain of dependencies go on from this package?
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

/// Which names are there in several versions?
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<String>, capacity = 1, persist)]
pub struct SeveralVersions;

/// A project and the files that the answers depend on.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Folder of the workspace.
    pub root: PathBuf,
    /// Lock file and manifests with the hash of their content when cargo was asked; `None` for those not there.
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
    /// What it says about itself.
    pub description: Option<String>,
    /// The registry or repository that it is from; `None` for those on this machine.
    pub source: Option<String>,
    /// Features that are switched on.
    pub features: Vec<String>,
    /// What it depends on itself.
    pub dependencies: Vec<Dependency>,
}

/// One end of a dependency between two packages.
#[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Id of the package at the other end.
    pub id: String,
    /// For what.
    pub kinds: Vec<Kind>,
}

/// What a dependency is for.
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
    /// Packages from here to the end, this one included.
    pub length: u32,
    /// Id of the next package; `None` at the end.
    pub next: Option<String>,
}

/// Where the time of a run went.
#[derive(Shape, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Finding the project.
    pub find: Duration,
    /// Restoring the snapshot and looking whether the project has changed; `None` if there was none to restore.
    pub restore: Option<Duration>,
    /// Running `cargo metadata` and reading what it says; `None` if that was not needed.
    pub metadata: Option<Duration>,
    /// Answering the questions.
    pub answer: Duration,
}
