//! Cargo builds one program twice, the second time with one change, in the program or in another crate of it.

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
struct Printed {
    post: String,
    steady: String,
    restored: Vec<String>,
}

#[test]
fn a_table_whose_type_changed_between_two_builds_is_skipped_and_the_others_are_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let snapshot = folder.path().join("app.snapshot");
    let first = build_and_run("", "save", &snapshot);
    let mut seen = vec![first.post.clone()];
    for change in CHANGES {
        let second = build_and_run(change, "restore", &snapshot);
        assert!(!seen.contains(&second.post), "{change} gives the fingerprint of another build");
        assert_eq!(second.steady, first.steady, "{change} touched a table that it does not reach");
        let skipped = ["post skipped its key or value type has changed", "steady restored whole"];
        assert_eq!(second.restored, skipped, "{change}");
        seen.push(second.post);
    }
    for harmless in ["nested_documented", ""] {
        let again = build_and_run(harmless, "restore", &snapshot);
        assert_eq!(
            (&again.post, &again.steady),
            (&first.post, &first.steady),
            "{harmless:?} changed a shape"
        );
        assert_eq!(again.restored, ["post restored whole", "steady restored whole"], "{harmless:?}");
    }
}

fn build_and_run(feature: &str, verb: &str, snapshot: &Path) -> Printed {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/two_builds");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    // The versions that this workspace was built with are available without a network.
    fs::copy(lock, fixture.join("Cargo.lock")).expect("the lock file can be copied");
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("two_builds");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--features", feature, "--", verb])
        .arg(snapshot)
        .current_dir(fixture)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{feature}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("the program prints text");
    let is_outcome = |line: &&str| line.contains(" skipped ") || line.contains(" restored ");
    Printed {
        post: line(&text, "post fingerprint"),
        steady: line(&text, "steady fingerprint"),
        restored: text.lines().filter(is_outcome).map(str::to_owned).collect(),
    }
}

fn line(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.expect("the program prints both tables").trim().to_owned()
}
