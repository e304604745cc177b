//! Programs for `wasm32-unknown-unknown`, built by cargo and run in node.

use std::path::Path;
use std::process::Command;

/// Returns the outcome of each program, by name.
fn outcomes() -> Vec<String> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wasm");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    // The versions that this workspace was built with are available without a network.
    std::fs::copy(lock, fixture.join("Cargo.lock")).unwrap();
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--target", "wasm32-unknown-unknown"])
        .current_dir(&fixture)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));

    let programs = ["client_hits", "client_loads", "no_clock", "store"];
    let path = |program| target.join(format!("wasm32-unknown-unknown/debug/{program}.wasm"));
    let run = Command::new("node").arg(fixture.join("run.mjs")).args(programs.map(path)).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
#[cfg_attr(
    not(runs_wasm),
    ignore = "not run: needs node, and the target of `rustup target add wasm32-unknown-unknown`"
)]
fn the_store_works_on_wasm_with_a_clock_and_the_client_reads_what_is_there() {
    assert_eq!(
        outcomes(),
        ["client_hits returned 0", "client_loads panicked", "no_clock returned 0", "store returned 0"]
    );
}
