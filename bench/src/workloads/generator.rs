//! What the registry costs a build: a crate of 1,000 queries in 200 files is scanned and its registry written.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cache_codegen::Builder;
use proc_macro2::TokenStream;
use tempfile::TempDir;

use crate::measure::Sample;
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

const QUERIES: usize = 1_000;
const FILES: usize = 200;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    let workload = "generator/1000-queries";
    if !options.wants(workload) {
        return Ok(());
    }
    let package = Package::new()?;
    let (mut ours, mut floor) = (Sample::default(), Sample::default());
    for _ in 0..options.effort.rounds {
        ours.times.push(nanos_per_query(|| package.generate())?);
        floor.times.push(nanos_per_query(|| package.read())?);
    }
    let [ours, floor] = [&ours, &floor].map(Figure::time_of);
    report.add(&Row::new(workload, "read-and-lex", 1, ours, floor, Unit::NanosPerOperation));
    Ok(())
}

fn nanos_per_query(work: impl Fn() -> io::Result<()>) -> io::Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_nanos() as f64 / QUERIES as f64)
}

/// A package on disk, with as much ordinary code as queries.
struct Package {
    folder: TempDir,
    files: Vec<PathBuf>,
}

impl Package {
    fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let source = folder.path().join("src");
        fs::create_dir_all(&source)?;
        fs::create_dir_all(folder.path().join("out"))?;
        let manifest = "[package]\nname = \"large\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\ncache-core = \"0.1\"\n";
        fs::write(folder.path().join("Cargo.toml"), manifest)?;
        let mut root = String::new();
        let mut files = Vec::new();
        for file in 0..FILES {
            // Writing to a string cannot fail.
            let _ = writeln!(root, "pub mod part{file};");
            let path = source.join(format!("part{file}.rs"));
            fs::write(&path, text_of(file))?;
            files.push(path);
        }
        fs::write(source.join("lib.rs"), root)?;
        Ok(Self { folder, files })
    }

    /// Everything that the build script does, including writing the files.
    fn generate(&self) -> io::Result<()> {
        let out = self.folder.path().join("out");
        remove(&out.join("cache_registry.rs"))?;
        let builder = Builder::new().package_dir(self.folder.path()).out_dir(out);
        builder.run().map(drop).map_err(|report| io::Error::other(report.to_string()))
    }

    /// The minimum work of any program that reads this code.
    fn read(&self) -> io::Result<()> {
        for file in &self.files {
            let tokens = fs::read_to_string(file)?.parse::<TokenStream>();
            let tokens = tokens.map_err(|error| io::Error::other(error.to_string()))?;
            std::hint::black_box(tokens.into_iter().count());
        }
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn text_of(file: usize) -> String {
    let mut text = "use cache_core::Query;\nuse std::collections::HashMap;\n".to_owned();
    for index in 0..QUERIES / FILES {
        let name = format!("Get{file}x{index}");
        let _ = writeln!(
            text,
            "/// Question {index}.\n#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]\n#[query(value = String, capacity = 10)]\n\
             pub struct {name} {{ pub id: u64 }}\nimpl {name} {{\n    /// Counts words.\n    \
             pub fn count(&self, text: &str) -> HashMap<String, usize> {{\n        let mut map = HashMap::new();\n        \
             for word in text.split_whitespace() {{ *map.entry(word.to_owned()).or_insert(0) += 1; }}\n        map\n    }}\n}}"
        );
    }
    text
}
