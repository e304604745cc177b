//! Behaviour of the generator, on packages in temporary folders. Tests that need cargo are in the package `tests`.

mod builder;
mod command;
mod hostile;
mod large;
mod package;

use std::fs;
use std::path::{Path, PathBuf};

use cache_codegen::{Builder, Change, Generated, Report};
use tempfile::TempDir;

/// A manifest that depends on `cache-core`.
const MANIFEST: &str = "[package]\nname = \"sample\"\n\n[dependencies]\ncache-core = \"0.1\"\n";

/// A package in a temporary folder, with a folder for output next to it.
struct Sample {
    folder: TempDir,
}

impl Sample {
    /// A package of these files, with [`MANIFEST`] unless another is among them.
    #[track_caller]
    fn new(files: &[(&str, &str)]) -> Self {
        let sample = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        sample.write("Cargo.toml", MANIFEST);
        for (path, text) in files {
            sample.write(path, text);
        }
        fs::create_dir_all(sample.out_dir()).expect("an output folder");
        sample
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn out_dir(&self) -> PathBuf {
        self.path().join("out")
    }

    #[track_caller]
    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file in the folder")).expect("its folder");
        fs::write(path, text).expect("a written file");
    }

    fn builder(&self) -> Builder {
        Builder::new().package_dir(self.path()).out_dir(self.out_dir())
    }

    #[track_caller]
    fn run(&self) -> Generated {
        self.builder().run().unwrap_or_else(|report| panic!("{}", report.render(self.path())))
    }

    /// The lines of queries in the generated file.
    #[track_caller]
    fn listed(&self) -> Vec<String> {
        let text = fs::read_to_string(self.out_dir().join("cache_registry.rs")).expect("a generated file");
        let lines =
            text.lines().map(str::trim).filter(|line| line.starts_with("crate::") || line.starts_with("::o"));
        lines.map(|line| line.trim_end_matches(',').to_owned()).collect()
    }
}

/// The messages of a report, errors and warnings alike.
fn messages(report: &Report) -> Vec<&str> {
    report.diagnostics().iter().map(|diagnostic| diagnostic.message.as_str()).collect()
}

/// The paths that cargo is told to watch.
fn watched(generated: &Generated) -> Vec<String> {
    generated.watched.iter().map(|path| path.display().to_string().replace('\\', "/")).collect()
}

/// One query of this name.
fn query(name: &str) -> String {
    format!("#[derive(cache_core::Query)] pub struct {name};\n")
}

/// Checks what became of the generated file.
#[track_caller]
fn assert_change(generated: &Generated, change: Change) {
    assert_eq!(generated.change, change);
}
