//! A package on disk, and what cargo makes of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::program::Program;

/// A package on disk, with a target folder of its own.
pub(super) struct Package(TempDir);

/// How much code the compiler hands to LLVM in a debug build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) lines: u64,
    pub(super) functions: u64,
}

/// Processor seconds of builds from nothing, dependencies aside, and the size of the debug program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    pub(super) check: f64,
    pub(super) dev: f64,
    pub(super) release: f64,
    pub(super) megabytes: f64,
}

/// Processor seconds of an incremental debug build.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incremental {
    pub(super) seconds: f64,
}

const NAME: &str = "many-queries";

impl Package {
    pub(super) fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let workspace = workspace();
        let core = workspace.join("cache-core");
        let manifest = format!(
            "[package]\nname = \"{NAME}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             cache-core = {{ path = {core:?} }}\nserde = {{ version = \"1.0\", features = [\"derive\"] }}\n\
             bincode = {{ version = \"=2.0.1\", default-features = false, features = [\"serde\", \"alloc\"] }}\n\
             quick_cache = \"0.7\"\nmoka = {{ version = \"0.12\", features = [\"sync\"] }}\n\n[workspace]\n"
        );
        fs::create_dir(folder.path().join("src"))?;
        fs::write(folder.path().join("Cargo.toml"), manifest)?;
        fs::copy(workspace.join("Cargo.lock"), folder.path().join("Cargo.lock"))?;
        Ok(Self(folder))
    }

    /// Counts the code of a program.
    pub(super) fn code(&self, program: &Program) -> io::Result<Code> {
        self.write(program)?;
        self.clean()?;
        let flags = ["--", "--emit=llvm-ir", "-Ccodegen-units=1", "-Cno-prepopulate-passes"];
        self.cargo(&["rustc", "--quiet"], &flags, false)?;
        let mut code = Code::default();
        for file in fs::read_dir(self.target().join("debug/deps"))? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "ll") {
                code = count(&fs::read_to_string(path)?);
            }
        }
        match code.functions {
            0 => Err(io::Error::other("cargo has written no LLVM-IR")),
            _ => Ok(code),
        }
    }

    pub(super) fn build(&self, program: &Program) -> io::Result<Built> {
        self.write(program)?;
        let timed = |command: &str, flags: &[&str]| {
            // Dependencies first.
            self.cargo(&[command, "--quiet"], flags, false)?;
            self.clean()?;
            self.cargo(&[command, "--quiet"], flags, false)
        };
        let check = timed("check", &[])?;
        let release = timed("build", &["--release"])?;
        let dev = timed("build", &[])?;
        let bytes = fs::metadata(self.target().join("debug").join(NAME))?.len();
        Ok(Built { check, dev, release, megabytes: bytes as f64 / 1e6 })
    }

    /// Builds `before`, then `after`, of which the second is measured.
    pub(super) fn rebuild(&self, before: &Program, after: &Program) -> io::Result<Incremental> {
        self.clean()?;
        self.write(before)?;
        self.cargo(&["build", "--quiet"], &[], true)?;
        self.write(after)?;
        let seconds = self.cargo(&["build", "--quiet"], &[], true)?;
        Ok(Incremental { seconds })
    }

    fn write(&self, program: &Program) -> io::Result<()> {
        fs::write(self.0.path().join("src/main.rs"), program.text())
    }

    fn clean(&self) -> io::Result<()> {
        self.cargo(&["clean", "--quiet", "--package", NAME], &[], false)?;
        self.cargo(&["clean", "--quiet", "--package", NAME], &["--release"], false).map(drop)
    }

    fn target(&self) -> PathBuf {
        self.0.path().join("target")
    }

    /// Runs cargo. Returns the processor seconds that it and the compilers took.
    fn cargo(&self, arguments: &[&str], flags: &[&str], is_incremental: bool) -> io::Result<f64> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).arg("--offline").arg("--target-dir").arg(self.target()).args(flags);
        let before = seconds_of_children()?;
        let incremental = if is_incremental { "1" } else { "0" };
        let status = cargo.current_dir(self.0.path()).env("CARGO_INCREMENTAL", incremental).status()?;
        match status.success() {
            true => Ok(seconds_of_children()? - before),
            false => Err(io::Error::other(format!("cargo {arguments:?} {flags:?}: {status}"))),
        }
    }
}

/// The folder of the workspace that this program was built in.
fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Lines of functions in a text of LLVM-IR, from `define` to the closing brace, and their number.
fn count(text: &str) -> Code {
    let mut code = Code::default();
    let mut is_inside = false;
    for line in text.lines() {
        if line.starts_with("define ") {
            is_inside = true;
            code.functions += 1;
        }
        code.lines += u64::from(is_inside && !line.is_empty());
        is_inside &= line != "}";
    }
    code
}

/// Processor seconds of all children that have ended, by the kernel's accounts of this process.
fn seconds_of_children() -> io::Result<f64> {
    /// Of a second, on every Linux that Rust runs on.
    const TICKS: f64 = 100.0;
    let text = fs::read_to_string("/proc/self/stat")
        .map_err(|error| io::Error::other(format!("processor times need `/proc` of Linux: {error}")))?;
    // The name of the program may hold spaces and ends with the last bracket.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(13).take(2).map(|field| field.parse::<f64>().unwrap_or(0.0));
    Ok(ticks.sum::<f64>() / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_functions_are_counted_and_no_others() {
        let text = "; a comment\n@x = global i8 0\n\ndefine void @f() {\nstart:\n  ret void\n}\n\ndeclare void @g()\n\
                    define void @h() {\n\n  ret void\n}\n";
        assert_eq!(count(text), Code { lines: 7, functions: 2 });
    }
}
