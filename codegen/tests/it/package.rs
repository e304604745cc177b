//! Which crate root is used, and by which name the cache is known.

use std::fs;

use crate::{MANIFEST, Sample, messages, query, watched};

/// A package with this in its manifest.
fn manifest(more: &str) -> String {
    format!("{MANIFEST}\n{more}")
}

/// The queries listed for a package of these files.
#[track_caller]
fn listed(manifest: &str, files: &[&str]) -> Vec<String> {
    let sources: Vec<_> = files.iter().map(|path| query(&path.replace(['/', '.', '-'], "_"))).collect();
    let mut all: Vec<_> = files.iter().copied().zip(sources.iter().map(String::as_str)).collect();
    all.push(("Cargo.toml", manifest));
    let sample = Sample::new(&all);
    sample.run();
    sample.listed()
}

#[test]
fn the_library_goes_before_programs() {
    assert_eq!(listed(MANIFEST, &["src/main.rs", "src/lib.rs"]), ["crate::src_lib_rs"]);
    assert_eq!(listed(MANIFEST, &["src/main.rs"]), ["crate::src_main_rs"]);
    let moved = manifest("[lib]\npath = \"code/root.rs\"");
    assert_eq!(listed(&moved, &["src/lib.rs", "code/root.rs", "src/main.rs"]), ["crate::code_root_rs"]);
    let program = manifest("[[bin]]\nname = \"tool\"\npath = \"tool.rs\"");
    assert_eq!(listed(&program, &["tool.rs"]), ["crate::tool_rs"]);
    assert_eq!(listed(&program, &["tool.rs", "src/main.rs"]), ["crate::src_main_rs"]);
    let own = manifest("[[bin]]\nname = \"sample\"\npath = \"app.rs\"\n[[bin]]\nname = \"x\"");
    assert_eq!(listed(&own, &["app.rs", "src/bin/x.rs"]), ["crate::app_rs"]);
    assert_eq!(listed(&own, &["app.rs", "src/bin/x.rs", "src/main.rs"]), ["crate::app_rs"]);
    assert_eq!(
        listed(&manifest("[[bin]]\nname = \"x\""), &["src/bin/x/main.rs"]),
        ["crate::src_bin_x_main_rs"]
    );
}

#[test]
fn switched_off_targets_are_not_roots() {
    let text = MANIFEST.replace("\n\n", "\nautolib = false\n\n");
    assert_eq!(listed(&text, &["src/lib.rs", "src/main.rs"]), ["crate::src_main_rs"]);
}

#[test]
fn several_programs_without_a_library_need_a_choice() {
    let two = manifest("[[bin]]\nname = \"a\"\npath = \"a.rs\"\n[[bin]]\nname = \"b\"\npath = \"b.rs\"");
    let sample = Sample::new(&[("Cargo.toml", &two), ("a.rs", &query("A")), ("b.rs", &query("B"))]);
    let report = sample.builder().run().expect_err("two programs");
    assert_eq!(messages(&report), ["package `sample` has neither a library nor exactly one program"]);
    let explanation =
        cache_codegen::Explanation::of(sample.path(), None).expect("one is walked all the same");
    assert_eq!(explanation.listing.lines[0].type_path, "crate::A");
    sample.builder().root("b.rs").run().expect("a registry");
    assert_eq!(sample.listed(), ["crate::B"]);
}

#[test]
fn a_renamed_dependency_gives_the_path_of_the_macro() {
    let renamed = [
        "[package]\nname = \"s\"\n[dependencies]\ncc = { package = \"cache-core\", version = \"1\" }\n",
        "[package]\nname = \"s\"\n[dependencies.cc]\npackage = \"cache-core\"\nversion = \"1\"\n",
        "[package]\nname = \"s\"\n[target.'cfg(unix)'.dependencies]\ncc = { package = \"cache-core\", path = \"x\" }\n",
        "[package]\nname = \"s\"\n[dependencies]\ncc.workspace = true\n[workspace.dependencies]\ncc = { package = \"cache-core\", path = \"x\" }\n",
    ];
    for manifest in renamed {
        let sample =
            Sample::new(&[("Cargo.toml", manifest), ("src/lib.rs", "#[derive(cc::Query)] struct A;")]);
        let generated = sample.run();
        let text = fs::read_to_string(generated.registry).expect("a generated file");
        assert!(text.contains("::cc::registry! {"), "{manifest}: {text}");
        assert_eq!(sample.listed(), ["crate::A"], "{manifest}");
    }
}

#[test]
fn an_inherited_dependency_is_looked_up_in_the_workspace() {
    let sample = Sample::new(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"group/member\"]\n[workspace.dependencies]\ncc = { package = \"cache-core\", version = \"1\" }\n",
        ),
        (
            "group/member/Cargo.toml",
            "[package]\nname = \"member\"\n[dependencies]\ncc = { workspace = true }\n",
        ),
        ("group/member/src/lib.rs", "use cc::Query; #[derive(Query)] struct A;"),
    ]);
    let generated =
        sample.builder().package_dir(sample.path().join("group/member")).run().expect("a registry");
    assert_eq!(sample.listed(), ["crate::A"]);
    let workspace = sample.path().join("Cargo.toml").display().to_string();
    assert!(watched(&generated).contains(&workspace), "{:?}", generated.watched);
}

#[test]
fn a_workspace_without_a_package_is_an_error() {
    let sample = Sample::new(&[("Cargo.toml", "[workspace]\n")]);
    assert_eq!(
        messages(&sample.builder().run().expect_err("no package")),
        ["this manifest has no `[package]`"]
    );
}

#[test]
fn a_missing_manifest_or_root_is_an_error() {
    let sample = Sample::new(&[]);
    let report = sample.builder().root("src/none.rs").run().expect_err("the root is missing");
    assert!(messages(&report)[0].starts_with("cannot read the crate root `"), "{report}");
    fs::remove_file(sample.path().join("Cargo.toml")).expect("removed");
    let report = sample.builder().run().expect_err("no manifest");
    assert!(messages(&report)[0].starts_with("cannot read `"), "{report}");
}
