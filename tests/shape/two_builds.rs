//! One program built twice by cargo, the second time with one change, here or in another crate of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CHANGES: [&str; 12] = [
    "own_field_added",
    "own_field_removed",
    "own_field_renamed",
    "own_field_retyped",
    "own_fields_moved",
    "own_variant_inserted",
    "nested_field_added",
    "nested_field_removed",
    "nested_field_renamed",
    "nested_field_retyped",
    "nested_fields_moved",
    "nested_variant_inserted",
];

/// What one build of the program printed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fingerprints {
    post: String,
    steady: String,
}

#[test]
fn each_change_between_two_builds_changes_the_fingerprint_of_its_table_alone() {
    let first = build_and_run("");
    let mut seen = vec![first.post.clone()];
    for change in CHANGES {
        let second = build_and_run(change);
        assert!(!seen.contains(&second.post), "{change} gives the fingerprint of another build");
        assert_eq!(second.steady, first.steady, "{change} touched a table that it does not reach");
        seen.push(second.post);
    }
    assert_eq!(build_and_run("nested_documented"), first, "a doc comment changed a fingerprint");
    assert_eq!(build_and_run(""), first, "the same program has other fingerprints when built again");
}

fn build_and_run(feature: &str) -> Fingerprints {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/two_builds");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    // The versions that this workspace was built with are there without a network.
    fs::copy(lock, fixture.join("Cargo.lock")).expect("the lock file can be copied");
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("two_builds");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--features", feature])
        .current_dir(fixture)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{feature}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("fingerprints are ASCII");
    Fingerprints { post: line(&text, "post"), steady: line(&text, "steady") }
}

fn line(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.expect("the program prints both tables").trim().to_owned()
}
