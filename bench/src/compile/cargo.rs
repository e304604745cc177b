//! A package on disk, and what cargo builds from it.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde::Deserialize;

use super::code::Code;
use super::program::Program;

/// A package in a folder that is kept, so that its dependencies are built once.
pub(super) struct Package {
    folder: PathBuf,
    /// Libraries of a debug build, as passed to the compiler.
    libraries: Vec<String>,
}

/// What cargo reports about what it has built.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<String>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Processor seconds of builds that reuse nothing but the dependencies, and the size of the debug program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    pub(super) check: f64,
    pub(super) dev: f64,
    pub(super) release: f64,
    pub(super) megabytes: f64,
}

const NAME: &str = "many-queries";
/// Number of builds of which the fastest counts.
const REPEATS: usize = 3;
/// As the compiler names them.
const DEPENDENCIES: [&str; 7] =
    ["cache_core", "cache_client", "tokio", "serde", "bincode", "quick_cache", "moka"];

impl Package {
    /// Builds the dependencies unless they are built already.
    pub(super) fn new() -> io::Result<Self> {
        let workspace = workspace();
        let (core, client) = (workspace.join("cache-core"), workspace.join("cache-client"));
        let manifest = format!(
            "[package]\nname = \"{NAME}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             cache-core = {{ path = {core:?} }}\ncache-client = {{ path = {client:?} }}\n\
             serde = {{ version = \"1.0\", features = [\"derive\"] }}\n\
             bincode = {{ version = \"=2.0.1\", default-features = false, features = [\"serde\", \"alloc\"] }}\n\
             quick_cache = \"0.7\"\nmoka = {{ version = \"0.12\", features = [\"sync\", \"future\"] }}\n\
             tokio = {{ version = \"1.54\", default-features = false, features = [\"rt\", \"time\"] }}\n\n[workspace]\n"
        );
        let folder = workspace.join("target/compile");
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        let mut package = Self { folder, libraries: Vec::new() };
        package.write_nothing()?;
        package.libraries = package.build_libraries()?;
        Ok(package)
    }

    fn build_libraries(&self) -> io::Result<Vec<String>> {
        let arguments = ["build", "--quiet", "--message-format=json"];
        let output = self.command(&arguments).stderr(Stdio::inherit()).output()?;
        succeed(&arguments, output.status)?;
        let mut libraries = Vec::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Message { target, filenames } = serde_json::from_str(line)?;
            let Some(Target { name }) = target.filter(|target| DEPENDENCIES.contains(&target.name.as_str()))
            else {
                continue;
            };
            let file = filenames.into_iter().find(|file| file.ends_with(".rlib"));
            libraries.extend(file.map(|file| format!("{name}={file}")));
        }
        Ok(libraries)
    }

    /// Counts the code of a program in a debug build. Generates no machine code, which would take most of the time.
    pub(super) fn code(&self, program: &Program) -> io::Result<Code> {
        self.write(program)?;
        let ir = self.folder.join("program.ll");
        let mut compiler = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        compiler.args([
            "src/main.rs",
            "--crate-type=bin",
            "--crate-name=many_queries",
            "--edition=2024",
            "-Awarnings",
        ]);
        compiler.args(["-Cdebuginfo=2", "-Ccodegen-units=1", "-Cno-prepopulate-passes"]);
        compiler.arg(format!("--emit=llvm-ir={}", ir.display()));
        compiler.arg("-L").arg(format!("dependency={}", self.target().join("debug/deps").display()));
        for library in &self.libraries {
            compiler.args(["--extern", library]);
        }
        succeed(&["rustc"], compiler.current_dir(&self.folder).status()?)?;
        let code = Code::read(BufReader::new(File::open(&ir)?))?;
        fs::remove_file(ir)?;
        Ok(code)
    }

    /// Builds a program from nothing and runs it.
    pub(super) fn build(&self, program: &Program) -> io::Result<Built> {
        let timed = |arguments: &[&str]| {
            // Dependencies first.
            self.write_nothing()?;
            self.cargo(arguments, false)?;
            self.write(program)?;
            self.cargo(arguments, false)
        };
        let check = least((0..REPEATS).map(|_| timed(&["check", "--quiet"])))?;
        let release = timed(&["build", "--quiet", "--release"])?;
        let dev = timed(&["build", "--quiet"])?;
        let file = self.target().join("debug").join(NAME);
        succeed(&["the program"], Command::new(&file).stdout(Stdio::null()).status()?)?;
        Ok(Built { check, dev, release, megabytes: fs::metadata(file)?.len() as f64 / 1e6 })
    }

    /// Builds `before`, then `after`, then `before` again and so on. Returns the least processor seconds of all builds
    /// except the first.
    pub(super) fn rebuild(&self, before: &Program, after: &Program) -> io::Result<f64> {
        let build = |program| {
            self.write(program)?;
            self.cargo(&["build", "--quiet"], true)
        };
        build(before)?;
        least([after, before].into_iter().cycle().take(REPEATS).map(build))
    }

    fn write_nothing(&self) -> io::Result<()> {
        fs::write(self.folder.join("src/main.rs"), "fn main() {}\n")
    }

    fn write(&self, program: &Program) -> io::Result<()> {
        fs::write(self.folder.join("src/main.rs"), program.text())
    }

    fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Runs cargo. Returns the processor seconds of cargo and the compilers.
    fn cargo(&self, arguments: &[&str], is_incremental: bool) -> io::Result<f64> {
        let before = seconds_of_children()?;
        let incremental = if is_incremental { "1" } else { "0" };
        let status = self.command(arguments).env("CARGO_INCREMENTAL", incremental).status()?;
        succeed(arguments, status)?;
        Ok(seconds_of_children()? - before)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(arguments)
            .arg("--offline")
            .arg("--target-dir")
            .arg(self.target())
            .current_dir(&self.folder);
        cargo
    }
}

/// The smallest of several figures: other programs on the machine only make them larger.
fn least(figures: impl Iterator<Item = io::Result<f64>>) -> io::Result<f64> {
    figures.reduce(|least, figure| Ok(least?.min(figure?))).unwrap_or(Ok(0.0))
}

fn succeed(arguments: &[&str], status: ExitStatus) -> io::Result<()> {
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{}: {status}", arguments.join(" ")))),
    }
}

/// The folder of the workspace that this program was built in.
fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Processor seconds of all children that have ended, as the kernel counts them for this process.
fn seconds_of_children() -> io::Result<f64> {
    /// Per second, on every Linux that Rust runs on.
    const TICKS: f64 = 100.0;
    let text = fs::read_to_string("/proc/self/stat").map_err(|error| {
        io::Error::other(format!("cannot read processor times from `/proc` (Linux only): {error}"))
    })?;
    // The name of the program may contain spaces, and ends at the last parenthesis.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(13).take(2).map(|field| field.parse::<f64>().unwrap_or(0.0));
    Ok(ticks.sum::<f64>() / TICKS)
}
