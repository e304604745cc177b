//! Crates of many queries, and how long they take to build.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;

pub const USAGE: &str = "usage: compile [QUERIES]";
pub const QUERIES: usize = 100;

/// What a crate does with its queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Listed,
    Used,
    Saved,
}

/// Prints what 100 queries add to a build, measured with `queries` of them.
pub fn run(queries: usize) -> Result<(), Box<dyn Error>> {
    let package = Package::new()?;
    println!("{:<10}{:<10}{:>24}", "profile", "queries", "seconds per 100 queries");
    for (profile, flags) in [("dev", &[][..]), ("release", &["--release"])] {
        package.write(0, Usage::Listed)?;
        package.build(flags)?;
        let alone = package.rebuild(flags)?;
        for (name, usage) in [("listed", Usage::Listed), ("used", Usage::Used), ("saved", Usage::Saved)] {
            package.write(queries, usage)?;
            let added = (package.rebuild(flags)? - alone) * 100.0 / queries as f64;
            println!("{profile:<10}{name:<10}{added:>24.1}");
        }
    }
    Ok(())
}

/// A package on disk.
struct Package(TempDir);

impl Package {
    fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let workspace = workspace();
        let core = workspace.join("cache-core");
        let manifest = format!(
            "[package]\nname = \"many-queries\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             cache-core = {{ path = {core:?} }}\nserde = {{ version = \"1.0\", features = [\"derive\"] }}\n\n[workspace]\n"
        );
        fs::create_dir(folder.path().join("src"))?;
        fs::write(folder.path().join("Cargo.toml"), manifest)?;
        fs::copy(workspace.join("Cargo.lock"), folder.path().join("Cargo.lock"))?;
        Ok(Self(folder))
    }

    fn write(&self, queries: usize, usage: Usage) -> io::Result<()> {
        fs::write(self.0.path().join("src/main.rs"), program(queries, usage))
    }

    /// Builds the package alone, from nothing. Returns the seconds that it took.
    fn rebuild(&self, flags: &[&str]) -> io::Result<f64> {
        self.cargo(&["clean", "--quiet", "--package", "many-queries"], flags)?;
        let start = Instant::now();
        self.build(flags)?;
        Ok(start.elapsed().as_secs_f64())
    }

    fn build(&self, flags: &[&str]) -> io::Result<()> {
        self.cargo(&["build", "--quiet"], flags)
    }

    fn cargo(&self, arguments: &[&str], flags: &[&str]) -> io::Result<()> {
        let folder = self.0.path();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(arguments).args(flags).arg("--offline").arg("--target-dir").arg(folder.join("target"));
        // A fresh folder has nothing that an incremental build could take over.
        let status = cargo.current_dir(folder).env("CARGO_INCREMENTAL", "0").status()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("cargo {arguments:?}: {status}"))),
        }
    }
}

/// The folder of the workspace that this program was built in.
fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

fn program(queries: usize, usage: Usage) -> String {
    let mut items = String::new();
    let mut lines = String::new();
    let mut calls = String::new();
    let (derives, persist) = match usage {
        Usage::Saved => (", serde::Serialize, serde::Deserialize, cache_core::Shape", ", persist"),
        Usage::Listed | Usage::Used => ("", ""),
    };
    for number in 0..queries {
        let (value, make) = match number % 4 {
            0 => ("String".to_owned(), "String::new()".to_owned()),
            1 => ("Vec<u64>".to_owned(), "vec![1]".to_owned()),
            _ => (
                format!("Value{number}"),
                format!("Value{number} {{ id: 1, name: String::new(), tags: vec![] }}"),
            ),
        };
        let bound =
            ["capacity = 100", "lru = 100", "capacity = 100, fresh = \"1m\"", "ttl = \"1h\""][number % 4];
        let key = format!("Get{number}");
        // Writing to a text cannot fail.
        let _ = writeln!(
            items,
            "#[derive(Clone, Debug, PartialEq{derives})]\n\
             pub struct Value{number} {{ pub id: u64, pub name: String, pub tags: Vec<u32> }}\n\
             #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash{derives})]\n\
             #[query(value = {value}, {bound}{persist})]\n\
             pub struct {key} {{ pub id: u64 }}"
        );
        let _ = writeln!(lines, "{key},");
        if usage != Usage::Listed {
            let _ = writeln!(
                items,
                "pub fn use{number}(cache: &cache_core::Cache<Registry>) {{\n\
                 if cache.get(&{key} {{ id: 1 }}).is_none() {{ cache.insert({key} {{ id: 1 }}, {make}); }}\n\
                 let mut transaction = cache.begin();\n\
                 transaction.set({key} {{ id: 2 }}, {make});\n\
                 transaction.commit().unwrap();\n}}"
            );
            let _ = writeln!(calls, "use{number}(&cache);");
        }
    }
    format!(
        "{items}\ncache_core::registry! {{ pub struct Registry {{ {lines} }} }}\n\
         fn main() {{\nlet cache = cache_core::Cache::<Registry>::new();\n{calls}\
         println!(\"{{}}\", cache.inspect());\n\
         cache.save(\"snapshot\").and_then(|_| cache.restore(\"snapshot\")).unwrap();\n}}\n"
    )
}
