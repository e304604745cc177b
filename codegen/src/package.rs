//! The parts of `Cargo.toml` that concern the generator: the crate root, and the names of the cache crates. Cargo
//! checks the rest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::report::{Diagnostic, Report};
use crate::source::{Location, SourceFile};

/// The package whose traits and macros the generated code uses.
const CORE: &str = "cache-core";
/// The package that defines the derive.
const MACROS: &str = "cache-macros";

/// The parts of one package that concern the generator.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Package {
    /// Folder of its `Cargo.toml`.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// The file of the crate root; `None` if the package has neither a library nor exactly one program.
    pub root: Option<PathBuf>,
    /// The crate roots of the programs that the manifest lists.
    pub programs: Vec<PathBuf>,
    /// The crates that the derive may come from.
    pub crates: CrateNames,
    /// The manifests that were read: the package's own, and that of the workspace if needed.
    pub manifests: Vec<PathBuf>,
}

/// The names that a crate has for the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrateNames {
    /// The path of `cache_core` for generated code, `::cache_core` unless the dependency is renamed.
    pub core: String,
    /// First segments of paths that lead to the derive.
    pub own: BTreeSet<String>,
    /// Whether the package depends on the cache.
    pub is_dependency: bool,
}

impl Default for CrateNames {
    fn default() -> Self {
        let own = BTreeSet::from([rust_name(CORE), rust_name(MACROS)]);
        Self { core: "::cache_core".to_owned(), own, is_dependency: false }
    }
}

impl Package {
    /// Reads `Cargo.toml` of `folder`, and that of its workspace if a dependency is inherited.
    ///
    /// # Errors
    /// If a manifest cannot be read or cargo would reject it.
    pub fn read(folder: &Path) -> Result<Self, Report> {
        let manifest = Manifest::read(&folder.join("Cargo.toml"))?;
        let document = manifest.parse()?;
        let Some(package) = table(&document, "package").or_else(|| table(&document, "project")) else {
            let message = "this manifest has no `[package]`";
            let report = Diagnostic::error(message).at(manifest.at(0..0), "");
            return Err(report.help("name the folder of one package of the workspace").into());
        };
        let name = text(package, "name").unwrap_or_default().to_owned();
        let mut manifests = vec![manifest.source.path().to_owned()];
        let crates = crate_names(folder, &name, package, &document, &mut manifests)?;
        let programs = programs(folder, &document);
        let root = root(folder, &name, package, &document, &programs);
        let programs = programs.into_iter().map(|(_, path)| path).collect();
        Ok(Self { folder: folder.to_owned(), name, root, programs, crates, manifests })
    }
}

/// One `Cargo.toml`.
struct Manifest {
    source: Arc<SourceFile>,
}

impl Manifest {
    fn read(path: &Path) -> Result<Self, Report> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self { source: SourceFile::new(path, text) }),
            Err(error) => Err(Diagnostic::error(format!("cannot read `{}`: {error}", path.display())).into()),
        }
    }

    fn parse(&self) -> Result<DeTable<'_>, Report> {
        let (document, errors) = DeTable::parse_recoverable(self.source.text());
        if errors.is_empty() {
            return Ok(document.into_inner());
        }
        let mut report = Report::new();
        for error in errors {
            let location = self.at(error.span().unwrap_or(0..0));
            report.push(Diagnostic::error("this is not a valid manifest").at(location, error.message()));
        }
        Err(report)
    }

    fn at(&self, range: std::ops::Range<usize>) -> Location {
        Location::new(&self.source, range)
    }
}

/// The crate root by cargo's rules: the library, or else the program of the package, or else its only program.
fn root(
    folder: &Path,
    name: &str,
    package: &DeTable<'_>,
    document: &DeTable<'_>,
    programs: &[(String, PathBuf)],
) -> Option<PathBuf> {
    let is_auto = |key| value(package, key).and_then(DeValue::as_bool).unwrap_or(true);
    if let Some(lib) = table(document, "lib") {
        let legacy = text(lib, "name").unwrap_or(name).replace('-', "_");
        let inferred = || existing(folder, &["src/lib.rs", &format!("src/{legacy}.rs")]);
        return text(lib, "path").map(|path| folder.join(path)).or_else(inferred);
    }
    if is_auto("autolib")
        && let Some(lib) = existing(folder, &["src/lib.rs"])
    {
        return Some(lib);
    }
    let own = programs.iter().find(|(program, _)| program == name).map(|(_, path)| path.clone());
    let main = || existing(folder, &["src/main.rs"]).filter(|_| is_auto("autobins"));
    let only = || match programs {
        [(_, path)] => Some(path.clone()),
        _ => None,
    };
    own.or_else(main).or_else(only)
}

/// The `[[bin]]`s: name and path.
fn programs(folder: &Path, document: &DeTable<'_>) -> Vec<(String, PathBuf)> {
    let bins = value(document, "bin").and_then(DeValue::as_array);
    let tables = bins.into_iter().flatten().filter_map(|bin| bin.get_ref().as_table());
    let mut programs = Vec::new();
    for bin in tables {
        let name = text(bin, "name").unwrap_or_default();
        let inferred =
            || existing(folder, &[&format!("src/bin/{name}.rs"), &format!("src/bin/{name}/main.rs")]);
        if let Some(path) = text(bin, "path").map(|path| folder.join(path)).or_else(inferred) {
            programs.push((name.to_owned(), path));
        }
    }
    programs
}

fn existing(folder: &Path, paths: &[&str]) -> Option<PathBuf> {
    paths.iter().map(|path| folder.join(path)).find(|path| path.is_file())
}

fn crate_names(
    folder: &Path,
    name: &str,
    package: &DeTable<'_>,
    document: &DeTable<'_>,
    manifests: &mut Vec<PathBuf>,
) -> Result<CrateNames, Report> {
    let mut names = CrateNames::default();
    if name == CORE {
        names.core = "crate".to_owned();
        names.own.insert("crate".to_owned());
        return Ok(names);
    }
    let dependencies = dependencies(document);
    let is_inherited = |(_, spec): &(&str, &DeValue<'_>)| {
        let spec = spec.as_table();
        spec.and_then(|spec| value(spec, "workspace")).and_then(DeValue::as_bool).unwrap_or(false)
    };
    let workspace = match dependencies.iter().any(is_inherited) {
        true => workspace_manifest(folder, package, document, manifests)?,
        false => None,
    };
    let shared = match &workspace {
        Some(manifest) => Some(manifest.parse()?),
        None => None,
    };
    let shared = shared.as_ref().or(Some(document)).and_then(|root| table(root, "workspace"));
    let shared = shared.and_then(|workspace| table(workspace, "dependencies"));
    for dependency in &dependencies {
        let (key, spec) = *dependency;
        let spec = match is_inherited(dependency) {
            true => shared.and_then(|shared| value(shared, key)),
            false => Some(spec),
        };
        let renamed = spec.and_then(DeValue::as_table).and_then(|spec| text(spec, "package"));
        match renamed.unwrap_or(key) {
            CORE => {
                // A second name of the same package looks the same as the first; both lead to the derive.
                names.core = format!("::{}", rust_name(key));
                names.own.insert(rust_name(key));
                names.is_dependency = true;
            }
            MACROS => {
                names.own.insert(rust_name(key));
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Every entry of `[dependencies]` and `[target.*.dependencies]`.
fn dependencies<'a>(document: &'a DeTable<'_>) -> Vec<(&'a str, &'a DeValue<'a>)> {
    let targets = table(document, "target").into_iter().flat_map(|targets| targets.values());
    let targets = targets.filter_map(|target| table(target.get_ref().as_table()?, "dependencies"));
    let tables = table(document, "dependencies").into_iter().chain(targets);
    tables.flatten().map(|(key, spec)| (key.get_ref().as_ref(), spec.get_ref())).collect()
}

/// The manifest of the workspace, unless that is the package's own.
fn workspace_manifest(
    folder: &Path,
    package: &DeTable<'_>,
    document: &DeTable<'_>,
    manifests: &mut Vec<PathBuf>,
) -> Result<Option<Manifest>, Report> {
    if table(document, "workspace").is_some() {
        return Ok(None);
    }
    if let Some(path) = text(package, "workspace") {
        let path = folder.join(path).join("Cargo.toml");
        manifests.push(path.clone());
        return Manifest::read(&path).map(Some);
    }
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    for above in folder.ancestors().skip(1) {
        let path = above.join("Cargo.toml");
        if !path.is_file() {
            continue;
        }
        let manifest = Manifest::read(&path)?;
        if table(&manifest.parse()?, "workspace").is_some() {
            manifests.push(path);
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

fn rust_name(package: &str) -> String {
    package.replace('-', "_")
}

fn value<'a, 'i>(table: &'a DeTable<'i>, key: &str) -> Option<&'a DeValue<'i>> {
    table.get(key).map(Spanned::get_ref)
}

fn table<'a, 'i>(parent: &'a DeTable<'i>, key: &str) -> Option<&'a DeTable<'i>> {
    value(parent, key).and_then(DeValue::as_table)
}

fn text<'a>(table: &'a DeTable<'_>, key: &str) -> Option<&'a str> {
    value(table, key).and_then(DeValue::as_str)
}
