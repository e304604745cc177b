//! From a crate root to its modules and what they declare. Follows `mod` as rustc does and never lists a folder. Knows
//! nothing of queries, names or registries.

mod attributes;
mod cursor;
mod heads;
mod lex;
mod location;
mod walk;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use cursor::{PathText, UseName};

use crate::cfg::Cfg;
use crate::report::Diagnostic;
use crate::source::{Location, SourceFile};

/// Everything found by following `mod` from one crate root.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Scan {
    /// The files that were read, in the order of reading. A file that two modules share is listed twice.
    pub files: Vec<Arc<SourceFile>>,
    /// The modules, parents before children; the first is the crate root.
    pub modules: Vec<Module>,
    /// Paths where the file of a module was expected, but no readable file exists.
    pub missing: Vec<Missing>,
    /// What rustc rejects if it compiles it: text that is not Rust, files that cannot be read. The rest of the crate is
    /// still scanned.
    pub faults: Vec<Fault>,
    /// Macro calls that need files which the scan did not find: `include!(...)`, or a call with a `mod name;` among its
    /// tokens.
    pub unread: Vec<Location>,
}

/// A file that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// Where it was looked for.
    pub path: PathBuf,
    /// Path of its module from the crate root; `None` for a module in a block or a macro call, whose queries are not
    /// listed.
    pub module: Option<String>,
    /// Whether its module is declared among the tokens of a macro call, which may drop it.
    pub is_in_macro: bool,
    /// Conditions of its module and of the modules around it.
    pub cfgs: Vec<Cfg>,
}

/// Something that rustc rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What is wrong.
    pub diagnostic: Diagnostic,
    /// Conditions of the module that it is in and of those around it.
    pub cfgs: Vec<Cfg>,
}

/// Index of a module in [`Scan::modules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId(pub(crate) usize);

impl ModuleId {
    /// The crate root.
    pub const ROOT: Self = Self(0);
}

/// One module, or one function body that declares something.
#[derive(Debug)]
#[non_exhaustive]
pub struct Module {
    /// Name as written; `crate` for the root.
    pub name: String,
    /// What sort of module it is.
    pub kind: ModuleKind,
    /// The module around it; none for the root.
    pub parent: Option<ModuleId>,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its own conditions, without those of the modules around it.
    pub cfgs: Vec<Cfg>,
    /// The macro call or definition in which it is declared. What the macro makes of it is unknown.
    pub macro_call: Option<Location>,
    /// The text that it is written in.
    pub source: Arc<SourceFile>,
    /// The `mod` line; for the root, the start of the file.
    pub location: Location,
    /// What `use` and `extern crate` import.
    pub uses: Vec<Use>,
    /// Structs, enums, unions and type aliases.
    pub types: Vec<TypeItem>,
    /// Macro calls and definitions whose tokens hold a `derive`.
    pub macros: Vec<MacroItem>,
}

/// What sort of module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModuleKind {
    /// The crate root.
    Root,
    /// `mod name;`
    File,
    /// `mod name { ... }`
    Inline,
    /// The body of a function or another block: what it declares cannot be named from outside.
    Block,
    /// A file that `include!` includes: what it declares belongs to the module around it.
    Included,
}

impl ModuleKind {
    /// Whether it is a module of the language, with a name in paths.
    #[must_use]
    pub fn is_named(self) -> bool {
        !matches!(self, Self::Block | Self::Included)
    }
}

/// The visibility of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Visibility {
    /// Everyone, or everyone in this crate.
    Crate,
    /// The module that it is declared in.
    Private,
    /// `pub(super)`, `pub(in path)`: the path.
    In(Vec<String>),
}

/// One name, or glob, imported by `use` or `extern crate`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Use {
    /// What is imported.
    pub path: PathText,
    /// The name that it gets.
    pub name: UseName,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its own conditions.
    pub cfgs: Vec<Cfg>,
}

/// A struct, enum, union or type alias.
#[derive(Debug)]
#[non_exhaustive]
pub struct TypeItem {
    /// Name as written.
    pub name: String,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its own conditions.
    pub cfgs: Vec<Cfg>,
    /// Its doc comment, one entry per line or block.
    pub docs: Vec<String>,
    /// What it derives.
    pub derives: Vec<Derive>,
    /// Whether it carries a `#[query(...)]`.
    pub has_query: bool,
    /// The generic parameters as written, with their brackets.
    pub generics: Option<String>,
    /// The name.
    pub location: Location,
}

/// One path of a `derive(...)`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Derive {
    /// The path as written.
    pub path: PathText,
    /// The conditions of the `cfg_attr`s around it.
    pub cfgs: Vec<Cfg>,
}

/// A macro call, or a `macro_rules!`, whose tokens hold a `derive`.
#[derive(Debug)]
#[non_exhaustive]
pub struct MacroItem {
    /// Name of the macro.
    pub name: String,
    /// Whether this defines the macro.
    pub is_definition: bool,
    /// Its own conditions.
    pub cfgs: Vec<Cfg>,
    /// The paths inside every `derive(...)` among the tokens.
    pub derives: Vec<PathText>,
    /// The name.
    pub location: Location,
}

impl Scan {
    /// The module with this id.
    ///
    /// # Panics
    /// If `id` belongs to another scan.
    #[must_use]
    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.0]
    }

    /// All modules with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (ModuleId, &Module)> {
        self.modules.iter().enumerate().map(|(index, module)| (ModuleId(index), module))
    }

    /// The module and those around it, innermost first.
    pub fn ancestors(&self, id: ModuleId) -> impl Iterator<Item = (ModuleId, &Module)> {
        std::iter::successors(Some(id), |id| self.module(*id).parent).map(|id| (id, self.module(id)))
    }

    /// The macro call in which the module, or one around it, is declared.
    #[must_use]
    pub fn macro_around(&self, id: ModuleId) -> Option<&Location> {
        self.ancestors(id).find_map(|(_, module)| module.macro_call.as_ref())
    }

    /// `crate::a::b` as segments.
    #[must_use]
    pub fn path(&self, id: ModuleId) -> Vec<String> {
        let named = self.ancestors(id).filter(|(_, module)| module.kind != ModuleKind::Included);
        let mut path: Vec<_> = named.map(|(_, module)| module.name.clone()).collect();
        path.reverse();
        path
    }

    /// Conditions of the module and of those around it, outermost first.
    #[must_use]
    pub fn cfgs(&self, id: ModuleId) -> Vec<Cfg> {
        let mut levels: Vec<_> = self.ancestors(id).map(|(_, module)| &module.cfgs).collect();
        levels.reverse();
        let mut cfgs = Vec::new();
        for cfg in levels.into_iter().flatten() {
            crate::cfg::push(&mut cfgs, cfg.clone());
        }
        cfgs
    }

    /// Paths of the files that were read, sorted, without duplicates.
    #[must_use]
    pub fn paths(&self) -> BTreeSet<&Path> {
        self.files.iter().map(|file| file.path()).collect()
    }
}

/// Follows `mod` from the file `root`.
///
/// # Errors
/// If `root` itself cannot be read. Problems in other files are in [`Scan::faults`] or [`Scan::missing`].
pub fn scan(root: &Path) -> io::Result<Scan> {
    scan_with(root, |path| std::fs::read(path))
}

/// Like [`scan`], but reads files with `read`. An error of kind `NotFound` means that the file does not exist.
///
/// # Errors
/// If `root` itself cannot be read.
pub fn scan_with(root: &Path, read: impl FnMut(&Path) -> io::Result<Vec<u8>>) -> io::Result<Scan> {
    walk::Walk::new(read).run(root)
}

#[cfg(test)]
mod tests;
