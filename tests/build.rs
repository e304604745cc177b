//! Finds out whether programs for WebAssembly can be built and run on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(runs_wasm)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let Some(targets) = targets() else { return };
    println!("cargo::rerun-if-changed={}", targets.display());
    let has_node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if has_node && targets.join("wasm32-unknown-unknown").exists() {
        println!("cargo::rustc-cfg=runs_wasm");
    }
}

/// Returns the folder of the installed targets.
fn targets() -> Option<PathBuf> {
    let rustc = std::env::var_os("RUSTC")?;
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    Some(Path::new(String::from_utf8(output.stdout).ok()?.trim()).join("lib/rustlib"))
}
