//! Compares the public items of each published crate with the listings in this folder, so that a change of the public
//! interface shows in a review. `CACHE_PUBLIC=overwrite cargo test -p cache-tests --test public` writes the listings
//! again.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const PACKAGES: [&str; 6] =
    ["cache-core", "cache-client", "cache-documents", "cache-file", "cache-codegen", "cache-macros"];

/// Writes the documentation of the crates as data, and returns its folder. The compiler writes it only with unstable
/// options; its format belongs to the compiler, and `public-api` is pinned to the release that reads it.
fn documentation() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = root.join("target/public");
    let output = Command::new(env!("CARGO"))
        .current_dir(&root)
        .args(["doc", "--quiet", "--no-deps", "--lib", "--all-features", "--target-dir"])
        .arg(&target)
        .args(PACKAGES.iter().flat_map(|package| ["-p", package]))
        .env("RUSTDOCFLAGS", "-Zunstable-options --output-format=json")
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("doc")
}

fn listing(documentation: &Path, package: &str) -> String {
    let json = documentation.join(package.replace('-', "_")).with_extension("json");
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .expect("the documentation is of the format that `public-api` reads");
    api.items().map(|item| format!("{item}\n")).collect()
}

/// The lines that only one of two listings has, as in a diff.
fn difference(listed: &str, public: &str) -> String {
    let only = |lines: &str, other: &str, sign| {
        let other: Vec<_> = other.lines().collect();
        lines
            .lines()
            .filter(|line| !other.contains(line))
            .map(|line| format!("{sign} {line}\n"))
            .collect::<String>()
    };
    only(listed, public, '-') + &only(public, listed, '+')
}

#[test]
fn the_public_items_are_those_that_are_listed() {
    let overwrite = env::var("CACHE_PUBLIC").is_ok_and(|value| value == "overwrite");
    let mut changes = String::new();
    let documentation = documentation();
    for package in PACKAGES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("public").join(package).with_extension("txt");
        let public = listing(&documentation, package);
        if overwrite {
            fs::write(&path, public).unwrap();
        } else {
            let listed = fs::read_to_string(&path).unwrap();
            if listed != public {
                changes += &format!("{package}:\n{}", difference(&listed, &public));
            }
        }
    }
    assert!(
        changes.is_empty(),
        "if these changes are meant, write the listings again (see the head of this test):\n{changes}"
    );
}
