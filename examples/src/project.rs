//! Where the project is, which files its answers depend on, and what cargo reports about it. All I/O except snapshots.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

use crate::error::Error;
use crate::graph::Graph;
use crate::queries::Project;

/// A project that was found.
#[derive(Clone, Debug)]
pub struct Place {
    /// Manifest or folder that the user named.
    path: PathBuf,
    /// Folder of the workspace.
    pub root: PathBuf,
    /// Folder for build output, and for the snapshot.
    pub target: PathBuf,
    /// Manifests of the packages of the workspace.
    members: Vec<PathBuf>,
}

impl Place {
    /// Finds the project that a folder or a manifest belongs to. Runs only a quick command of cargo.
    ///
    /// # Errors
    /// If `path` does not exist, or cargo cannot read the manifests there.
    pub fn find(path: &Path) -> Result<Self, Error> {
        if !path.exists() {
            return Err(Error::NoSuchPath(path.to_owned()));
        }
        let found = cargo(path, &[]).no_deps().exec()?;
        Ok(Self {
            path: path.to_owned(),
            members: found.packages.iter().map(|package| package.manifest_path.clone().into()).collect(),
            root: found.workspace_root.into(),
            target: found.target_directory.into(),
        })
    }

    /// Everything about the packages of the project. Slow, since it runs `cargo metadata`.
    ///
    /// # Errors
    /// If cargo fails.
    pub fn graph(&self) -> Result<Graph, Error> {
        // With a lock file and all packages on this machine, nothing is written and no network is needed.
        let at_hand = self.lock().exists().then(|| cargo(&self.path, &["--locked", "--offline"]).exec().ok());
        let metadata: Metadata = match at_hand.flatten() {
            Some(metadata) => metadata,
            None => cargo(&self.path, &[]).exec()?,
        };
        Ok(metadata.into())
    }

    /// The project with the files that answers from `graph` depend on, as they are now.
    #[must_use]
    pub fn describe(&self, graph: &Graph) -> Project {
        let config = self.root.join(".cargo").join("config.toml");
        let mut paths = vec![self.lock(), self.root.join("Cargo.toml"), config];
        paths.extend(graph.manifests.iter().cloned());
        let inputs = paths.into_iter().map(|path| (path.clone(), hash(&path)));
        Project { root: self.root.clone(), inputs: inputs.collect() }
    }

    /// Why answers about `known` no longer apply to this project; `None` if they do.
    #[must_use]
    pub fn difference(&self, known: &Project) -> Option<String> {
        if known.root != self.root {
            return Some(format!("they are about the project in `{}`", known.root.display()));
        }
        let said = |path: &Path, what| {
            let path = path.strip_prefix(&self.root).unwrap_or(path);
            format!("`{}` {what}", path.display())
        };
        if let Some(member) = self.members.iter().find(|member| !known.inputs.contains_key(*member)) {
            return Some(said(member, "is new"));
        }
        known.inputs.iter().find_map(|(path, before)| match (before, hash(path)) {
            (None, Some(_)) => Some(said(path, "is new")),
            (Some(_), None) => Some(said(path, "is gone")),
            (before, now) => (*before != now).then(|| said(path, "has changed")),
        })
    }

    fn lock(&self) -> PathBuf {
        self.root.join("Cargo.lock")
    }
}

fn cargo(path: &Path, options: &[&str]) -> MetadataCommand {
    let mut command = MetadataCommand::new();
    if path.is_dir() {
        command.current_dir(path)
    } else {
        command.manifest_path(path)
    };
    command.other_options(options.iter().map(ToString::to_string).collect::<Vec<_>>());
    command
}

/// Hash of a file; `None` if it cannot be read.
///
/// Another Rust release may hash differently. The worst consequence is one cold start.
fn hash(path: &Path) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&fs::read(path).ok()?);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests;
