//! The generator under real cargo: it builds, changes and rebuilds fixture packages, and walks every crate
//! that this workspace depends on.

mod dependencies;
mod fixtures;
mod readme;
mod rebuild;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A copy of one fixture, built in a target folder that all fixtures share.
struct Fixture {
    folder: PathBuf,
}

/// The outcome of one run of cargo.
struct Run {
    is_success: bool,
    stdout: String,
    stderr: String,
}

impl Fixture {
    /// Makes a fresh copy of `tests/fixtures/<name>`, only for the test `purpose`.
    #[track_caller]
    fn copy(name: &str, purpose: &str) -> Self {
        let folder = scratch().join("fixtures").join(format!("{name}-{purpose}"));
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the last copy can be removed");
        }
        // Cargo distinguishes packages of one name by version, not by folder.
        let version = format!("version = \"0.0.0-{}\"", purpose.replace('_', "-"));
        copy_folder(&workspace().join("tests/fixtures").join(name), &folder, &version);
        // The versions that this workspace was built with are available without a network.
        fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
        Self { folder }
    }

    #[track_caller]
    fn cargo(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO"));
        command.arg("--offline").args(arguments).current_dir(&self.folder);
        command.env("CARGO_TARGET_DIR", target()).env("CARGO_TERM_COLOR", "never");
        // This `OUT_DIR` belongs to this package, which has a build script.
        for variable in
            ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WRAPPER", "OUT_DIR"]
        {
            command.env_remove(variable);
        }
        Run::of(&command.output().expect("cargo can be started"))
    }

    /// Builds, and returns what cargo did.
    #[track_caller]
    fn build(&self) -> Run {
        self.build_with(&[])
    }

    /// Builds with more arguments, and returns what cargo did.
    #[track_caller]
    fn build_with(&self, arguments: &[&str]) -> Run {
        let usual = ["build", "--verbose", "--message-format", "json-render-diagnostics"];
        self.cargo(&[&usual, arguments].concat())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    #[track_caller]
    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).expect("a file of the fixture")
    }

    #[track_caller]
    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).expect("a file that can be written");
    }

    /// Moves a file, which keeps the time of its last change.
    #[track_caller]
    fn rename(&self, from: &str, to: &str) {
        let to = self.path(to);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::rename(self.path(from), to).expect("a file that can be moved");
    }

    #[track_caller]
    fn append(&self, file: &str, text: &str) {
        self.write(file, &format!("{}{text}", self.read(file)));
    }
}

impl Run {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            is_success: output.status.success(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    #[track_caller]
    fn succeeded(self) -> Self {
        assert!(self.is_success, "{}", self.stderr);
        self
    }

    #[track_caller]
    fn failed(self) -> Self {
        assert!(!self.is_success, "{}", self.stderr);
        self
    }

    /// Checks that rustc has no warnings about the fixture or its generated file; the store may have some.
    #[track_caller]
    fn without_warnings(self) -> Self {
        for place in ["--> src/", "--> examples/", "cache_registry.rs"] {
            assert!(!self.stderr.contains(place), "{}", self.stderr);
        }
        self
    }

    fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

fn workspace() -> &'static Path {
    // The package of this test is a folder of the workspace.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of the workspace")
}

fn scratch() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("generator")
}

fn target() -> PathBuf {
    scratch().join("target")
}

/// Copies a folder; manifests get this version, and absolute paths to the crates of this workspace.
fn copy_folder(from: &Path, to: &Path, version: &str) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder of the fixture").map(|entry| entry.expect("an entry")) {
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &copy, version);
        } else if entry.file_name() == "Cargo.toml" {
            let text = fs::read_to_string(&source).expect("a manifest");
            let root = workspace().display().to_string().replace('\\', "/");
            let text = text.replace("../../../", &format!("{root}/")).replace("version = \"0.0.0\"", version);
            fs::write(&copy, text).expect("a manifest");
        } else if entry.file_name() != "Cargo.lock" {
            fs::copy(&source, &copy).expect("a copied file");
        }
    }
}
