//! One run of the generator: what is written, what is watched, what is said.

use std::fs;

use cache_codegen::{Builder, Change};

use crate::{Sample, assert_change, messages, query, watched};

#[test]
fn a_registry_and_its_manifest_are_written() {
    let sample = Sample::new(&[
        (
            "src/lib.rs",
            "mod posts;\nuse cache_core::Query;\n/// Settings.\n#[derive(Query)] struct Settings;\n",
        ),
        ("src/posts.rs", &query("GetPost")),
    ]);
    assert_change(&sample.run(), Change::Written);
    assert_eq!(sample.listed(), ["crate::Settings", "crate::posts::GetPost"]);
    let text = fs::read_to_string(sample.out_dir().join("cache_registry.rs")).expect("a generated file");
    assert!(text.contains("::cache_core::registry! {\n    format = 1;\n"), "{text}");
    assert!(text.contains("        /// Settings.\n        crate::Settings,\n"), "{text}");
    let manifest = fs::read_to_string(sample.out_dir().join("cache_registry.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["queries"][0]["file"], "src/lib.rs");
    assert_eq!(manifest["queries"][0]["line"], 4);
}

#[test]
fn nothing_is_written_unless_the_text_changes() {
    let sample = Sample::new(&[("src/lib.rs", &query("A"))]);
    assert_change(&sample.run(), Change::Written);
    let modified = || {
        fs::metadata(sample.out_dir().join("cache_registry.rs")).and_then(|it| it.modified()).expect("a time")
    };
    let before = modified();
    sample.write("src/lib.rs", &format!("{} fn f() {{}}", query("A")));
    assert_change(&sample.run(), Change::Same);
    assert_eq!(modified(), before);
    sample.write("src/lib.rs", &query("B"));
    assert_change(&sample.run(), Change::Written);
    assert_eq!(sample.listed(), ["crate::B"]);
    let left: Vec<_> = fs::read_dir(sample.out_dir()).expect("a folder").flatten().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn the_order_of_modules_does_not_show_in_the_output() {
    let queries = [("src/a.rs", query("Z")), ("src/b.rs", query("Y")), ("src/c.rs", query("X"))];
    let text_for = |root: &str| {
        let mut files: Vec<_> = queries.iter().map(|(path, text)| (*path, text.as_str())).collect();
        files.push(("src/lib.rs", root));
        let sample = Sample::new(&files);
        sample.run();
        fs::read_to_string(sample.out_dir().join("cache_registry.rs")).expect("a generated file")
    };
    assert_eq!(text_for("mod a; mod b; mod c;"), text_for("mod c; mod a; mod b;"));
}

#[test]
fn exactly_what_was_read_or_lacked_is_watched() {
    let sample = Sample::new(&[
        (
            "src/lib.rs",
            "mod a; mod gone; #[cfg(unix)] mod maybe; #[cfg(test)] mod tests; #[path = \"../x.rs\"] mod x;",
        ),
        ("src/a.rs", ""),
        ("src/tests.rs", ""),
        ("src/unrelated.rs", ""),
        ("x.rs", ""),
    ]);
    assert_eq!(
        watched(&sample.run()),
        ["Cargo.toml", "src/../x.rs", "src/a.rs", "src/gone/mod.rs", "src/gone.rs", "src/lib.rs"]
    );
}

#[test]
fn while_a_file_is_not_rust_the_last_good_registry_stays() {
    let sample =
        Sample::new(&[("src/lib.rs", "mod a; mod b;"), ("src/a.rs", &query("A")), ("src/b.rs", &query("B"))]);
    sample.run();
    sample.write("src/b.rs", "pub struct B { fn");
    let generated = sample.builder().skip("b::Skipped").run().expect("no error of the generator's");
    assert_change(&generated, Change::Kept);
    assert_eq!(messages(&generated.report), ["this is not Rust"]);
    assert!(!generated.report.has_errors());
    assert_eq!(sample.listed(), ["crate::a::A", "crate::b::B"]);
    assert!(watched(&generated).contains(&"src/b.rs".to_owned()));
    sample.write("src/b.rs", "");
    assert_change(&sample.run(), Change::Written);
    assert_eq!(sample.listed(), ["crate::a::A"]);
}

#[test]
fn while_a_file_is_not_rust_and_there_is_no_registry_one_of_the_rest_is_written() {
    let sample =
        Sample::new(&[("src/lib.rs", "mod a; mod b;"), ("src/a.rs", &query("A")), ("src/b.rs", "fn (")]);
    let generated = sample.run();
    assert_change(&generated, Change::Written);
    assert_eq!(generated.report.diagnostics()[0].help, ["its queries are not in the registry"]);
    assert_eq!(sample.listed(), ["crate::a::A"]);
}

#[test]
fn text_that_is_not_utf8_is_left_to_rustc() {
    let sample = Sample::new(&[("src/lib.rs", "mod a;")]);
    fs::write(sample.path().join("src/a.rs"), b"struct \xff;").expect("a written file");
    assert_change(&sample.run(), Change::Written);
}

#[test]
fn all_errors_come_in_one_run_and_point_into_the_build_script() {
    let sample = Sample::new(&[("src/lib.rs", "struct User;")]);
    let result = Builder::new()
        .package_dir(env!("CARGO_MANIFEST_DIR"))
        .root(sample.path().join("src/lib.rs"))
        .out_dir(sample.out_dir())
        .registry_name("not a name")
        .skip("not a path")
        .include("Page<User")
        .run();
    let report = result.expect_err("three mistakes");
    assert_eq!(
        messages(&report),
        [
            "`not a name` cannot be the name of a struct",
            "`not a path` is not the path of a query",
            "`Page<User` is not the path of a type",
        ]
    );
    let shown = report.render(std::path::Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(shown.contains(".include(\"Page<User\")"), "{shown}");
    assert!(shown.contains("tests/it/builder.rs:"), "{shown}");
    assert!(!sample.out_dir().join("cache_registry.rs").exists());
}

#[test]
fn a_manifest_that_is_not_toml_is_shown_with_every_mistake() {
    let sample = Sample::new(&[("Cargo.toml", "[package]\nname = \n[dependencies\n"), ("src/lib.rs", "")]);
    let report = sample.builder().run().expect_err("no manifest");
    assert!(report.diagnostics().len() >= 2, "{report}");
    let shown = report.render(sample.path());
    assert!(shown.contains("--> Cargo.toml:2"), "{shown}");
}

#[test]
fn settings_change_the_generated_struct() {
    let sample = Sample::new(&[
        ("src/lib.rs", ""),
        (
            "src/other.rs",
            "use facade::cache_core::Query; #[derive(Query)] struct A; struct User; struct Page<T>(T);",
        ),
    ]);
    let generated = sample
        .builder()
        .root("src/other.rs")
        .crate_path("::facade::cache_core")
        .registry_name("Tables")
        .include_as("Page<User>", "users")
        .include("::other::Q")
        .run()
        .expect("a registry");
    let text = fs::read_to_string(&generated.registry).expect("a generated file");
    assert!(text.contains("::facade::cache_core::registry! {"), "{text}");
    assert!(text.contains("pub struct Tables {"), "{text}");
    assert_eq!(sample.listed(), ["::other::Q", "crate::A", "crate::Page<crate::User> as \"users\""]);
}

#[test]
fn only_an_identifier_can_be_the_name_of_the_registry() {
    let sample = Sample::new(&[("src/lib.rs", &query("A"))]);
    for name in ["struct", "async", "dyn", "gen", "try", "self", "Self", "crate", "super", "_", "abstract"] {
        let report = sample.builder().registry_name(name).run().expect_err(name);
        assert_eq!(
            messages(&report),
            [format!("`{name}` cannot be the name of a struct: it is a keyword of Rust")]
        );
        assert_eq!(
            report.diagnostics()[0].help,
            ["choose another, as in `Builder::registry_name(\"Tables\")`"]
        );
    }
    for name in [
        "",
        " ",
        "two words",
        "a-b",
        "1st",
        "a::B",
        "\u{b2}",
        "r#struct",
        "A ",
        "A\n",
        "A/**/",
        "Caf\u{e9}!",
        "'a",
    ] {
        let report = sample.builder().registry_name(name).run().expect_err(name);
        assert_eq!(messages(&report), [format!("`{name}` cannot be the name of a struct")]);
    }
    for name in ["Tables", "_Tables", "T2", "union", "auto", "Caf\u{e9}", "\u{8868}"] {
        sample.builder().registry_name(name).run().expect(name);
        let text = fs::read_to_string(sample.out_dir().join("cache_registry.rs")).expect("a generated file");
        assert!(text.contains(&format!("pub struct {name} {{")), "{text}");
    }
}

#[test]
fn a_path_of_the_store_is_names_and_may_begin_as_paths_do() {
    let sample = Sample::new(&[("src/lib.rs", "")]);
    for path in ["::a::b", "a", "crate::a", "self::a", "super::super::a", "::r#type::a"] {
        sample.builder().crate_path(path).run().expect(path);
    }
    for path in ["", "::", "a::", "a::struct", "::crate::a", "a::self", "a b", "a::<B>", "a-b"] {
        let report = sample.builder().crate_path(path).run().expect_err(path);
        assert_eq!(messages(&report), [format!("`{path}` is not the path of a crate")]);
    }
}

#[test]
fn names_that_later_editions_keep_for_the_language_are_written_raw() {
    let sample = Sample::new(&[
        ("src/lib.rs", "mod async; mod gen { pub use self::try::dyn; mod try; }"),
        ("src/async.rs", &query("await")),
        ("src/gen/try.rs", &query("dyn")),
    ]);
    sample.run();
    assert_eq!(sample.listed(), ["crate::r#async::r#await", "crate::r#gen::r#dyn"]);
    for (include, skip) in [("async::await", "crate::gen"), ("crate::r#async::r#await", "gen::dyn")] {
        sample.builder().include_as(include, "x").skip(skip).run().expect("a registry");
        assert_eq!(sample.listed(), ["crate::r#async::r#await as \"x\""]);
    }
}

#[test]
fn a_type_that_is_included_or_left_out_is_written_without_keywords() {
    let sample = Sample::new(&[("src/lib.rs", "mod r#struct;"), ("src/struct.rs", &query("A"))]);
    for path in ["struct", "crate::struct::A", "a::fn"] {
        let report = sample.builder().include(path).run().expect_err(path);
        assert_eq!(messages(&report), [format!("`{path}` is not the path of a type")]);
        let report = sample.builder().skip(path).run().expect_err(path);
        assert_eq!(messages(&report), [format!("`{path}` is not the path of a query")]);
    }
    sample.builder().include_as("r#struct::A", "a").run().expect("a registry");
    assert_eq!(sample.listed(), ["crate::r#struct::A as \"a\""]);
    sample.builder().skip("crate::r#struct").run().expect("a registry");
    assert_eq!(sample.listed(), [""; 0]);
}

#[test]
fn a_skipped_query_is_neither_listed_nor_warned_about() {
    let sample = Sample::new(&[(
        "src/lib.rs",
        &format!("{} mod m {{ #[derive(cache_core::Query)] struct B; }}", query("A")),
    )]);
    assert_eq!(messages(&sample.run().report).len(), 1);
    let generated = sample.builder().skip("A").skip("crate::m::B").run().expect("a registry");
    assert_eq!(messages(&generated.report), [""; 0]);
    assert_eq!(sample.listed(), [""; 0]);
}

#[test]
fn an_output_folder_that_is_not_there_is_an_error() {
    let sample = Sample::new(&[("src/lib.rs", "")]);
    let report = sample.builder().out_dir(sample.path().join("nowhere")).run().expect_err("no folder");
    assert!(messages(&report)[0].starts_with("cannot write `"), "{report}");
}
