//! If a codec is not compiled in, the compiler reports it with a message that names the feature.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn check(features: &str) -> Output {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/no_codec");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    // The versions that this workspace was built with are available without a network.
    std::fs::copy(lock, fixture.join("Cargo.lock")).unwrap();
    Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline", "--features", features])
        .current_dir(fixture)
        .env("CARGO_TARGET_DIR", PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("no_codec"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap()
}

#[test]
fn a_codec_that_was_left_out_is_a_compile_error_that_names_the_feature() {
    let output = check("");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for part in ["codec::Json` is not compiled in", "features = [\"bincode\"]", "\"json\""] {
        assert!(text.contains(part), "{text}");
    }
    let output = check("json");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
