//! The interface for build scripts: settings in, files and cargo instructions out. The only part that talks to cargo.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::panic;
use std::path::{Path, PathBuf};

use crate::cfg::{BuildCfgs, Verdict};
use crate::check::{Include, Skip, check};
use crate::emit::{self, Style};
use crate::identifier::{is_keyword, is_path, is_word};
use crate::model::Model;
use crate::package::Package;
use crate::report::{Diagnostic, Report, Severity, shown};
use crate::scan::{Missing, Scan, scan};
use crate::source::{Location, SourceFile};

/// Name of the generated file. `include_registry!` looks for it.
const REGISTRY_FILE: &str = "cache_registry.rs";
/// Name of a file that is never written. Cargo runs the script again as long as a file that it watches is missing.
const NEVER_WRITTEN: &str = "module-without-a-file";
/// Name of the manifest.
const MANIFEST_FILE: &str = "cache_registry.json";

/// Finds the queries of the package that the build script belongs to, and writes its registry.
///
/// Call it from `build.rs`; [`Builder`] has the options. On failure it prints a report to standard error and ends the
/// build script with exit status 1.
///
/// # Examples
/// ```no_run
/// // build.rs
/// fn main() {
///     cache_codegen::generate();
/// }
/// ```
pub fn generate() {
    Builder::new().generate();
}

/// Settings of one run of the generator.
///
/// # Examples
/// ```no_run
/// // build.rs
/// fn main() {
///     cache_codegen::Builder::new()
///         .include("Page<User>")
///         .skip("experiments")
///         .generate();
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing happens before `generate`"]
pub struct Builder {
    folder: Option<PathBuf>,
    root: Option<PathBuf>,
    out_dir: Option<PathBuf>,
    crate_path: Option<String>,
    registry_name: Option<String>,
    build_cfgs: Option<BuildCfgs>,
    includes: Vec<(Include, Call)>,
    skips: Vec<(Skip, Call)>,
}

/// Where the build script called a method of the builder.
type Call = &'static panic::Location<'static>;

/// The result of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Generated {
    /// The generated file.
    pub registry: PathBuf,
    /// Whether it was written.
    pub change: Change,
    /// The files that were read, and the paths where missing files that this build may compile may appear. Cargo must
    /// run the generator again when one of them changes.
    pub watched: Vec<PathBuf>,
    /// The warnings.
    pub report: Report,
}

/// What happened to the generated file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It was written.
    Written,
    /// It already had this text.
    Same,
    /// A source file is not valid Rust at the moment, so the last good registry was kept. rustc reports the error.
    Kept,
}

impl Builder {
    /// The settings that [`generate`] uses.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the folder of the package. Default: that of the running build script (`CARGO_MANIFEST_DIR`).
    pub fn package_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Sets the file of the crate root, relative to the package. Default: the library, or else the only program.
    pub fn root(mut self, file: impl Into<PathBuf>) -> Self {
        self.root = Some(file.into());
        self
    }

    /// Sets the folder to write into. Default: cargo's (`OUT_DIR`), where `include_registry!` looks; for another
    /// folder, use `include!`.
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Sets the path of `cache_core` in generated code, for a package that does not depend on it directly but reaches
    /// it through another crate: `::my_prelude::cache_core`.
    pub fn crate_path(mut self, path: impl Into<String>) -> Self {
        self.crate_path = Some(path.into());
        self
    }

    /// Sets the name of the generated struct. Default: `CacheRegistry`.
    pub fn registry_name(mut self, name: impl Into<String>) -> Self {
        self.registry_name = Some(name.into());
        self
    }

    /// Sets the `cfg`s of the build. Default: those that cargo passes to the running build script (`CARGO_CFG_*`). They
    /// do not change the registry, which repeats the conditions of each query; they decide which faults and missing
    /// files concern this build.
    pub fn build_cfgs(mut self, cfgs: BuildCfgs) -> Self {
        self.build_cfgs = Some(cfgs);
        self
    }

    /// Lists a query that the scan cannot find: one instance of a generic query (`Page<User>`), one made by a macro, or
    /// one of another crate (`::other::GetPost`).
    ///
    /// For a type of this crate, the end of its path is enough if it is unique.
    #[track_caller]
    pub fn include(mut self, type_path: impl Into<String>) -> Self {
        self.includes.push((Include::new(type_path), panic::Location::caller()));
        self
    }

    /// Lists a query, and gives its table this name.
    #[track_caller]
    pub fn include_as(mut self, type_path: impl Into<String>, name: impl Into<String>) -> Self {
        let include = Include { name: Some(name.into()), ..Include::new(type_path) };
        self.includes.push((include, panic::Location::caller()));
        self
    }

    /// Leaves out a query (`GetPost`, `posts::GetPost`), a macro call (`my_macro!`), or everything below a module
    /// (`crate::experiments`, which must start with `crate`), and silences the warning about it.
    #[track_caller]
    pub fn skip(mut self, path: impl Into<String>) -> Self {
        self.skips.push((Skip::new(path), panic::Location::caller()));
        self
    }

    /// Writes the registry and tells cargo what it depends on. On failure it prints a report to standard error and ends
    /// the process with exit status 1.
    pub fn generate(self) {
        let folder = self.folder_or_cargo().unwrap_or_default();
        match self.run() {
            Ok(generated) => {
                let _ = instructions(&generated, &folder, &mut io::stdout().lock());
                let _ = write!(io::stderr(), "{}", generated.report.render(&folder));
            }
            Err(report) => {
                let _ = write!(io::stderr(), "{}", report.render(&folder));
                std::process::exit(1);
            }
        }
    }

    /// Writes the registry and returns what was done. Tells cargo nothing.
    ///
    /// # Errors
    /// All errors of the settings and of `Cargo.toml` together. Errors that rustc reports are not among them.
    pub fn run(&self) -> Result<Generated, Report> {
        let mut report = Report::new();
        let folder = self.folder_or_cargo().map_err(Report::from)?;
        let out_dir = collect(&mut report, self.out_dir_or_cargo());
        let package = collect_all(&mut report, Package::read(&folder));
        let style = package.as_ref().and_then(|package| collect(&mut report, self.style(package)));
        let scan = package.as_ref().and_then(|package| collect(&mut report, self.scan(package)));
        let (Some(package), Some(scan)) = (package, scan) else { return Err(report) };
        let mut crates = package.crates.clone();
        if let Some(path) = &self.crate_path {
            let first = path.trim_start_matches("::").split("::").next().unwrap_or_default();
            crates.own.insert(first.to_owned());
            crates.is_dependency = true;
        }
        let model = Model::build(&scan, &crates);
        let listing = check(&model, &self.located_includes(&folder), &self.located_skips(&folder));
        report.extend(listing.report.diagnostics().iter().cloned());
        let (Some(out_dir), Some(style)) = (out_dir, style) else { return Err(report) };
        if report.has_errors() {
            return Err(report);
        }
        let registry = out_dir.join(REGISTRY_FILE);
        let build = self.build_cfgs.clone().unwrap_or_else(BuildCfgs::of_cargo);
        let watched = watched(&package, &scan, &build, &out_dir);
        // A file that this build does not compile needs no watch.
        let verdicts = scan.faults.iter().map(|fault| (fault, build.verdict(&fault.cfgs)));
        let faults: Vec<_> = verdicts.filter(|(_, verdict)| *verdict != Verdict::Never).collect();
        let is_broken = faults.iter().any(|(_, verdict)| *verdict == Verdict::Always);
        let is_kept = is_broken && registry.is_file();
        if is_kept {
            // What is said about the queries that were found is true only if the whole crate was read.
            report = Report::new();
        }
        report.extend(faults.into_iter().map(|(fault, _)| weakened(&fault.diagnostic, is_kept)));
        if is_kept {
            return Ok(Generated { registry, change: Change::Kept, watched, report });
        }
        let text = emit::registry(&listing.lines, &style) + &unwatched(&package, &scan, &build, &out_dir);
        let manifest = emit::manifest(&listing.lines, &style, &folder);
        let change = write_if_changed(&registry, &text)?;
        write_if_changed(&out_dir.join(MANIFEST_FILE), &manifest)?;
        Ok(Generated { registry, change, watched, report })
    }

    fn folder_or_cargo(&self) -> Result<PathBuf, Diagnostic> {
        or_variable(self.folder.as_ref(), "CARGO_MANIFEST_DIR", "Builder::package_dir")
    }

    fn out_dir_or_cargo(&self) -> Result<PathBuf, Diagnostic> {
        or_variable(self.out_dir.as_ref(), "OUT_DIR", "Builder::out_dir")
    }

    fn style(&self, package: &Package) -> Result<Style, Diagnostic> {
        let mut style = Style::new(&package.crates.core);
        if let Some(path) = &self.crate_path {
            if !is_path(path) {
                return Err(Diagnostic::error(format!("`{path}` is not the path of a crate")));
            }
            style.crate_path.clone_from(path);
        }
        if let Some(name) = &self.registry_name {
            check_name(name)?;
            style.name.clone_from(name);
        }
        Ok(style)
    }

    fn scan(&self, package: &Package) -> Result<Scan, Diagnostic> {
        let root = self.root.as_ref().map(|root| package.folder.join(root)).or_else(|| package.root.clone());
        let Some(root) = root else {
            let message = format!("package `{}` has neither a library nor exactly one program", package.name);
            return Err(
                Diagnostic::error(message).help("name the crate root with `Builder::root(\"src/...\")`")
            );
        };
        scan(&root).map_err(|error| {
            Diagnostic::error(format!("cannot read the crate root `{}`: {error}", root.display()))
        })
    }

    fn located_includes(&self, folder: &Path) -> Vec<Include> {
        let located = self.includes.iter().map(|(include, call)| {
            let location = place_of(call, &include.text, folder);
            Include { location, ..include.clone() }
        });
        located.collect()
    }

    fn located_skips(&self, folder: &Path) -> Vec<Skip> {
        let located = self.skips.iter().map(|(skip, call)| {
            let location = place_of(call, &skip.text, folder);
            Skip { location, ..skip.clone() }
        });
        located.collect()
    }
}

/// Whether a struct can have this name in every edition without `r#`, which all its users would have to repeat.
fn check_name(name: &str) -> Result<(), Diagnostic> {
    let reason = match name {
        _ if is_keyword(name) => ": it is a keyword of Rust",
        _ if !is_word(name) || name.starts_with("r#") => "",
        _ => return Ok(()),
    };
    Err(Diagnostic::error(format!("`{name}` cannot be the name of a struct{reason}"))
        .help("choose another, as in `Builder::registry_name(\"Tables\")`"))
}

/// The place of a call in the build script; `None` if its source is missing.
fn place_of(call: Call, argument: &str, folder: &Path) -> Option<Location> {
    // Cargo compiles the build script of a workspace member from the workspace's folder.
    let read = |above: &Path| {
        let path = above.join(call.file());
        std::fs::read_to_string(&path).ok().map(|text| SourceFile::new(path, text))
    };
    let source = folder.ancestors().find_map(read)?;
    let line = call.line() as usize;
    let start = source.text().split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let rest = source.text().get(start..)?;
    let range = match rest.find(argument) {
        Some(at) if !argument.is_empty() => start + at..start + at + argument.len(),
        _ => start..start + rest.find('\n').unwrap_or(rest.len()),
    };
    Some(Location::new(&source, range))
}

fn or_variable(given: Option<&PathBuf>, variable: &str, method: &str) -> Result<PathBuf, Diagnostic> {
    given.cloned().or_else(|| env::var_os(variable).map(PathBuf::from)).ok_or_else(|| {
        Diagnostic::error(format!("`{variable}` is not set"))
            .help(format!("run this from a build script, or set the folder with `{method}`"))
    })
}

/// Paths for cargo to watch: each once, sorted, relative to the package if they are in it.
fn watched(package: &Package, scan: &Scan, build: &BuildCfgs, out_dir: &Path) -> Vec<PathBuf> {
    let folder = &package.folder;
    let mut all: Vec<_> = scan.paths().into_iter().map(Path::to_path_buf).collect();
    all.extend(package.manifests.iter().cloned());
    for missing in &scan.missing {
        match build.verdict(&missing.cfgs) {
            Verdict::Never => {}
            // rustc rejects the crate until the file exists. Watching only the file is not enough: a file that is
            // moved there may be older than this run.
            Verdict::Always if !missing.is_in_macro => {
                all.extend([missing.path.clone(), out_dir.join(NEVER_WRITTEN)]);
            }
            // The build may succeed without the file; it must not run the generator again each time.
            Verdict::Always | Verdict::Depends => all.extend(folder_to_watch(&missing.path, folder, out_dir)),
        }
    }
    let mut paths: Vec<_> = all
        .into_iter()
        .map(|path| path.strip_prefix(folder).map(Path::to_path_buf).unwrap_or(path))
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// The folder whose content changes when `file` appears. `None` if other builds change it too, since cargo watches
/// everything below a folder.
fn folder_to_watch(file: &Path, package: &Path, out_dir: &Path) -> Option<PathBuf> {
    let folder = file.ancestors().skip(1).find(|folder| folder.is_dir())?;
    let [inside, package, out_dir] = [folder, package, out_dir].map(|path| path.canonicalize().ok());
    let (inside, package, out_dir) = (inside?, package?, out_dir?);
    (!package.starts_with(&inside) && !out_dir.starts_with(&inside)).then(|| folder.to_path_buf())
}

/// Code that fails the build if it compiles a module whose file appeared without a run of the generator.
fn unwatched(package: &Package, scan: &Scan, build: &BuildCfgs, out_dir: &Path) -> String {
    let is_unwatched = |missing: &&Missing| {
        build.verdict(&missing.cfgs) == Verdict::Depends
            && folder_to_watch(&missing.path, &package.folder, out_dir).is_none()
    };
    let mut modules = BTreeMap::<_, Vec<_>>::new();
    for missing in scan.missing.iter().filter(is_unwatched) {
        if let Some(module) = &missing.module {
            let paths = modules.entry((module, &missing.cfgs)).or_default();
            paths.push(shown(&missing.path, &package.folder));
        }
    }
    let root = scan.files.first().map(|file| shown(file.path(), &package.folder)).unwrap_or_default();
    modules.iter().map(|((module, cfgs), paths)| emit::unwatched(module, paths, cfgs, &root)).collect()
}

fn instructions(generated: &Generated, folder: &Path, out: &mut impl Write) -> io::Result<()> {
    for path in &generated.watched {
        writeln!(out, "cargo::rerun-if-changed={}", path.display())?;
    }
    for warning in generated.report.warnings() {
        writeln!(out, "cargo::warning={}", warning.one_line(folder))?;
    }
    out.flush()
}

/// A fault in the user's source as a warning: rustc reports the error. If rustc found none, the registry would be out
/// of date without any message.
fn weakened(fault: &Diagnostic, is_kept: bool) -> Diagnostic {
    let consequence = match is_kept {
        true => "the registry of the last good build is used",
        false => "its queries are not in the registry",
    };
    Diagnostic { severity: Severity::Warning, ..fault.clone() }.help(consequence)
}

/// Writes the file unless it already has this text. A concurrent reader sees the old text or the new, never a part.
fn write_if_changed(path: &Path, text: &str) -> Result<Change, Report> {
    if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(Change::Same);
    }
    let temporary = path.with_extension("tmp");
    let written = std::fs::write(&temporary, text).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| Diagnostic::error(format!("cannot write `{}`: {error}", path.display())))?;
    Ok(Change::Written)
}

fn collect<T>(report: &mut Report, result: Result<T, Diagnostic>) -> Option<T> {
    result.map_err(|diagnostic| report.push(diagnostic)).ok()
}

fn collect_all<T>(report: &mut Report, result: Result<T, Report>) -> Option<T> {
    result.map_err(|errors| report.extend(errors.diagnostics().iter().cloned())).ok()
}
