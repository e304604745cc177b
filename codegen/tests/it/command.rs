//! The program `cache-codegen`: what it prints and how it ends.

use std::process::{Command, Output};

use crate::{Sample, query};

fn explain(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cache-codegen"));
    command.args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn sample() -> Sample {
    Sample::new(&[
        (
            "src/lib.rs",
            "mod a; mod gone;\n#[derive(other::Query)] struct Lookalike;\n#[derive(cache_core::Query)] struct Page<T>(T);\ncfg_if! { mod b; }",
        ),
        ("src/a.rs", &query("A")),
    ])
}

#[test]
fn explain_prints_modules_queries_and_lookalikes() {
    let sample = sample();
    let output = explain(&["explain", sample.path().to_str().expect("a text path")]);
    let expected = "\
package sample

modules walked:
  crate (src/lib.rs)
  crate::a (src/a.rs)

modules without a file (left to rustc):
  src/gone.rs
  src/gone/mod.rs

queries found:
  crate::a::A (src/a.rs:1)

not listed:
  src/lib.rs:3:37: generic query `crate::Page` is not in the registry; list each one that you use: \
`Builder::include(\"Page<...>\")` in build.rs, or a line `crate::Page<...>` in a `registry!` of your own; \
silence this with `Builder::skip(\"crate::Page\")` in build.rs

ignored:
  crate::Lookalike (src/lib.rs:2): `other::Query` is `other::Query`, which is not the cache's

macro calls with files that are not found:
  cfg_if! (src/lib.rs:4)
";
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn explain_answers_in_json() {
    let sample = sample();
    let output = explain(&["explain", "--json", sample.path().to_str().expect("a text path")]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["package"], "sample");
    assert_eq!(json["files"], serde_json::json!(["src/a.rs", "src/lib.rs"]));
    assert_eq!(json["queries"][0]["type"], "crate::a::A");
    assert_eq!(json["ignored"][0]["derive"], "other::Query");
    assert_eq!(json["not_listed"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["faults"], serde_json::json!([]));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_crate_that_cannot_be_walked_ends_with_status_1_and_a_report() {
    let sample = Sample::new(&[("src/lib.rs", "mod a;\n"), ("src/a.rs", "fn f() {\n")]);
    let output = explain(&["explain", sample.path().to_str().expect("a text path")]);
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stderr);
    assert!(report.contains("error: this is not Rust") && report.contains("src/a.rs:1:8"), "{report}");
    let output = explain(&["explain", "/nowhere/at/all"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot read `/nowhere/at/all/Cargo.toml`"));
}

#[test]
fn bad_usage_ends_with_status_2() {
    for arguments in
        [&[][..], &["explain"], &["other", "x"], &["explain", "a", "b"], &["explain", "a", "--wrong"]]
    {
        let output = explain(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("Usage: cache-codegen explain"), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(explain(&["--help"]).status.code(), Some(0));
    assert_eq!(explain(&["--version"]).status.code(), Some(0));
}
