//! Where the file of a `mod name;` is looked for, by the rules of rustc.

use std::path::{Path, PathBuf};

/// The place of a module in the file system, as far as it matters for its child modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directory {
    path: PathBuf,
    /// `foo` while in `foo.rs`, whose children are in `foo/`; `None` in `mod.rs` and the like.
    relative: Option<String>,
    /// In a function body, `mod name;` needs a `#[path]`.
    is_block: bool,
}

impl Directory {
    /// The children of a crate root, of a `mod.rs` and of a file named by `#[path]` are in the same folder.
    pub(super) fn same_folder(file: &Path) -> Self {
        Self { path: parent(file), relative: None, is_block: false }
    }

    /// The children of `foo.rs` are in `foo/`.
    fn below(file: &Path, name: &str) -> Self {
        Self { path: parent(file), relative: Some(name.to_owned()), is_block: false }
    }

    /// The place of a block inside this one.
    pub(super) fn block(&self) -> Self {
        Self { is_block: true, ..self.clone() }
    }

    /// The place of `mod name { ... }`. Its `#[path]` names a folder.
    pub(super) fn inline(&self, name: &str, path: Option<&str>) -> Self {
        if let Some(path) = path {
            return Self { path: self.path.join(path), relative: None, is_block: false };
        }
        let mut folder = self.path.clone();
        if let Some(relative) = &self.relative {
            folder.push(relative);
        }
        folder.push(name);
        Self { path: folder, relative: None, is_block: self.is_block }
    }

    /// Where the file of `#[path = "..."] mod name;` is. It counts as a `mod.rs`.
    pub(super) fn at_path(&self, path: &str) -> (PathBuf, Self) {
        let file = self.path.join(path);
        let directory = Self::same_folder(&file);
        (file, directory)
    }

    /// Where the file of `mod name;` may be, in order of preference.
    pub(super) fn candidates(&self, name: &str) -> Vec<(PathBuf, Self)> {
        if self.is_block {
            return Vec::new();
        }
        let folder = match &self.relative {
            Some(relative) => self.path.join(relative),
            None => self.path.clone(),
        };
        let file = folder.join(format!("{name}.rs"));
        let mod_file = folder.join(name).join("mod.rs");
        let below = Self::below(&file, name);
        let same_folder = Self::same_folder(&mod_file);
        vec![(file, below), (mod_file, same_folder)]
    }
}

fn parent(file: &Path) -> PathBuf {
    file.parent().map(Path::to_path_buf).unwrap_or_default()
}
