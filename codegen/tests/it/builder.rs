//! One run of the generator: what it writes, watches and reports.

use std::fs;

use cache_codegen::cfg::BuildCfgs;
use cache_codegen::{Builder, Change};

use crate::{MANIFEST, Sample, assert_change, messages, query, watched};

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

/// The cfgs of a build for Linux with these features.
fn linux(features: &str) -> BuildCfgs {
    let set =
        [("UNIX", ""), ("TARGET_OS", "linux"), ("TARGET_FAMILY", "unix"), ("FEATURE", features), ("SET", "")];
    BuildCfgs::from_variables(set.map(|(name, value)| (format!("CARGO_CFG_{name}"), value.to_owned())))
}

/// What is watched in a build for Linux with feature `a` and this root, without the manifest and the root themselves.
#[track_caller]
fn watched_on_linux(root: &str) -> Vec<String> {
    let sample = Sample::new(&[("src/lib.rs", root), ("src/near/here.rs", "")]);
    let generated = sample.builder().build_cfgs(linux("a")).run().expect("a registry");
    let never = sample.out_dir().join("module-without-a-file");
    assert!(!never.exists());
    let never = never.strip_prefix(sample.path()).expect("in the package").display().to_string();
    let watched =
        watched(&generated).into_iter().filter(|path| !["Cargo.toml", "src/lib.rs"].contains(&path.as_str()));
    watched.map(|path| if path == never { "run again".to_owned() } else { path }).collect()
}

#[test]
fn exactly_what_was_read_or_lacked_is_watched() {
    assert_eq!(watched_on_linux("mod gone;"), ["run again", "src/gone/mod.rs", "src/gone.rs"]);
    assert_eq!(
        watched_on_linux("#[path = \"near/here.rs\"] mod x; #[cfg(test)] mod tests;"),
        ["src/near/here.rs"]
    );
    assert_eq!(watched_on_linux("#[path = \"x.rs\"] mod gone;"), ["run again", "src/x.rs"]);
}

#[test]
fn a_missing_file_is_watched_for_where_this_build_compiles_it() {
    let gone = ["run again", "src/gone/mod.rs", "src/gone.rs"];
    for held in
        ["unix", "feature = \"a\"", "set", "any(windows, unix)", "not(windows)", "not(feature = \"b\")"]
    {
        assert_eq!(watched_on_linux(&format!("#[cfg({held})] mod gone;")), gone, "{held}");
    }
    for excluded in ["windows", "feature = \"b\"", "all(set, windows)", "not(unix)", "target_os = \"macos\""]
    {
        assert_eq!(watched_on_linux(&format!("#[cfg({excluded})] mod gone;")), [""; 0], "{excluded}");
        let around =
            format!("#[cfg({excluded})] mod around {{ mod gone; fn f() {{ #[path = \"x\"] mod x; }} }}");
        assert_eq!(watched_on_linux(&around), [""; 0], "{excluded}");
    }
    let by_path = "#[cfg_attr(unix, path = \"u.rs\")] #[cfg_attr(windows, path = \"w.rs\")] mod os;";
    assert_eq!(watched_on_linux(by_path), ["run again", "src/u.rs"]);
}

#[test]
fn a_missing_file_that_this_build_may_do_without_is_watched_for_by_its_folder() {
    assert_eq!(watched_on_linux("#[cfg(loom)] mod gone;"), ["src"]);
    assert_eq!(watched_on_linux("#[cfg(loom)] #[path = \"near/x.rs\"] mod gone;"), ["src/near"]);
    // What a macro makes of it cannot be seen.
    assert_eq!(
        watched_on_linux("cfg_if! { if #[cfg(x)] { mod gone; } else { #[path = \"near/x.rs\"] mod x; } }"),
        ["src", "src/near"]
    );
    assert_eq!(watched_on_linux("cfg_if! { #[cfg(windows)] mod gone; }"), [""; 0]);
    // Cargo looks at everything below a folder; in these folders other builds or programs write files.
    assert_eq!(watched_on_linux("#[cfg(loom)] #[path = \"../x.rs\"] mod gone;"), [""; 0]);
    assert_eq!(watched_on_linux("#[cfg(loom)] #[path = \"/nowhere/x.rs\"] mod gone;"), [""; 0]);
}

#[test]
fn where_no_folder_can_be_watched_a_module_without_a_file_fails_the_builds_that_compile_it() {
    let guards = |root: &str| {
        let sample = Sample::new(&[("lib.rs", root), ("late/other.rs", "")]);
        sample.write("Cargo.toml", &format!("{MANIFEST}[lib]\npath = \"lib.rs\"\n"));
        sample.builder().build_cfgs(linux("a")).run().expect("a registry");
        let text = fs::read_to_string(sample.out_dir().join("cache_registry.rs")).expect("a generated file");
        text.split_once("\n}\n").expect("a registry").1.to_owned()
    };
    let guard = guards("#[cfg(unix)] mod around { #[cfg(loom)] pub mod r#fn; } #[cfg(windows)] mod gone;");
    let expected = "#[cfg(unix)]\n#[cfg(loom)]\ncompile_error!(\"the registry lacks the queries of module \
                    `crate::around::r#fn`, which had no file when it was generated (`around/fn.rs` or `around/fn/mod.rs`)";
    assert!(guard.starts_with(expected) && guard.contains("save `lib.rs` again"), "{guard}");
    assert_eq!(guard.matches("compile_error!").count(), 1, "{guard}");
    // The folder of one of its two files can be watched, the other cannot.
    assert!(guards("#[cfg(loom)] mod late;").contains("(`late.rs`)"));
    for quiet in [
        "mod gone;",
        "#[cfg(unix)] mod gone;",
        "#[cfg(windows)] mod gone;",
        "#[cfg(loom)] #[path = \"late/here.rs\"] mod gone;",
        "#[cfg(loom)] fn f() { #[path = \"gone.rs\"] mod gone; }",
        "#[cfg(loom)] #[path = \"late/other.rs\"] mod here;",
    ] {
        assert_eq!(guards(quiet), "", "{quiet}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_watched() {
    let sample = Sample::new(&[("src/lib.rs", "mod a;"), ("src/a.rs/x", "")]);
    let generated = sample.run();
    assert!(messages(&generated.report)[0].starts_with("cannot read `"), "{}", generated.report);
    assert!(watched(&generated).contains(&"src/a.rs".to_owned()), "{:?}", generated.watched);
    assert!(
        generated.watched.iter().any(|path| !sample.path().join(path).exists()),
        "{:?}",
        generated.watched
    );
}

#[test]
fn a_fault_in_code_that_this_build_does_not_compile_is_ignored() {
    for (cfg, is_fault) in [
        ("#[cfg(windows)] mod broken;", false),
        ("#[cfg(windows)] mod around { mod broken; }", false),
        ("mod around { #![cfg(windows)] mod broken; }", false),
        (
            "#[cfg_attr(windows, path = \"broken.rs\")] #[cfg_attr(not(windows), path = \"near.rs\")] mod m;",
            false,
        ),
        ("#[cfg(not(any(unix, feature = \"a\")))] mod broken;", false),
        ("#[cfg(all(unix, feature = \"b\"))] mod broken;", false),
        ("#[cfg(unix)] mod broken;", true),
        ("#[cfg(feature = \"a\")] mod broken;", true),
        ("#[cfg_attr(unix, path = \"broken.rs\")] mod m;", true),
        ("mod broken;", true),
    ] {
        let sample = Sample::new(&[("src/lib.rs", "mod near;"), ("src/near.rs", &query("A"))]);
        sample.run();
        let builder = sample.builder().build_cfgs(linux("a"));
        sample.write("src/near.rs", &query("B"));
        for broken in ["src/broken.rs", "src/around/broken.rs"] {
            sample.write(broken, "fn f( {");
        }
        sample.write("src/lib.rs", &format!("mod near; {cfg}"));
        let generated = builder.run().expect("a registry");
        assert_change(&generated, if is_fault { Change::Kept } else { Change::Written });
        assert_eq!(generated.report.is_empty(), !is_fault, "{cfg}: {}", generated.report);
        let kept = if is_fault { "crate::near::A" } else { "crate::near::B" };
        assert!(sample.listed().contains(&kept.to_owned()), "{cfg}: {:?}", sample.listed());
    }
}

#[test]
fn a_fault_in_code_that_this_build_may_not_compile_is_only_a_warning() {
    let sample = Sample::new(&[("src/lib.rs", &query("A"))]);
    sample.run();
    sample.write("src/lib.rs", &format!("{} #[cfg(loom)] mod broken;", query("B")));
    sample.write("src/broken.rs", "fn f( {");
    let generated = sample.builder().build_cfgs(linux("")).run().expect("a registry");
    assert_change(&generated, Change::Written);
    assert_eq!(sample.listed(), ["crate::B"]);
    assert_eq!(messages(&generated.report), ["this is not Rust"]);
    assert_eq!(generated.report.diagnostics()[0].help, ["its queries are not in the registry"]);
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

/// The warnings, one line each, with place and ways to fix it.
fn warnings(sample: &Sample) -> Vec<String> {
    sample.run().report.warnings().map(|warning| warning.one_line(sample.path())).collect()
}

#[test]
fn queries_in_modules_that_are_declared_in_macro_calls_are_warned_of() {
    let sample = Sample::new(&[
        (
            "src/lib.rs",
            "\ncfg_if! { if #[cfg(unix)] { mod sys; } else { mod sys; } }\nmod near;\ncfg_if! { mod near; mod plain; }",
        ),
        ("src/sys.rs", &format!("mod deep;{}", query("A"))),
        ("src/sys/deep.rs", &query("B")),
        ("src/near.rs", &query("C")),
        ("src/plain.rs", "pub struct D; #[derive(other::Query)] struct E;"),
    ]);
    let expected = |path: &str| {
        format!(
            "src/lib.rs:2:33: query `{path}` is not in the registry: module `sys` is declared inside the macro `cfg_if!`; \
             declare it outside, as `#[cfg(...)] mod sys;`, or list the query: `Builder::include(\"{path}\")` in build.rs; \
             silence this with `Builder::skip(\"{path}\")` in build.rs"
        )
    };
    assert_eq!(warnings(&sample), [expected("crate::sys::A"), expected("crate::sys::deep::B")]);
    assert_eq!(sample.listed(), ["crate::near::C"]);
    assert!(watched(&sample.run()).contains(&"src/sys/deep.rs".to_owned()));

    let generated = sample.builder().include("sys::A").skip("crate::sys::deep").run().expect("a registry");
    assert_eq!(messages(&generated.report), [""; 0]);
    assert_eq!(sample.listed(), ["crate::near::C", "crate::sys::A"]);
}

#[test]
fn queries_in_modules_that_a_macro_makes_of_names_are_warned_of() {
    let modules = "macro_rules! modules { ($($name:ident),*) => { $(#[path = \"x\"] pub mod $name;)* } }";
    let sample = Sample::new(&[
        ("src/lib.rs", "modules!(one, two, gone);\n#[macro_use] mod macros; other!(three);\nmod deep;"),
        ("src/macros.rs", &modules.replace("#[path = \"x\"] ", "")),
        ("src/one.rs", &query("A")),
        ("src/two/mod.rs", "pub struct Plain;"),
        ("src/three.rs", &query("C")),
        ("src/deep.rs", "modules! { four }"),
        ("src/deep/four.rs", &query("D")),
    ]);
    let expected = |place: &str, path: &str, name: &str| {
        format!(
            "{place}: query `{path}` is not in the registry: module `{name}` is declared inside the macro `modules!`; \
             declare it outside, as `#[cfg(...)] mod {name};`, or list the query: `Builder::include(\"{path}\")` in build.rs; \
             silence this with `Builder::skip(\"{path}\")` in build.rs"
        )
    };
    assert_eq!(
        warnings(&sample),
        [
            expected("src/deep.rs:1:12", "crate::deep::four::D", "four"),
            expected("src/lib.rs:1:10", "crate::one::A", "one")
        ]
    );
}

#[test]
fn queries_in_files_that_are_included_are_warned_of() {
    let sample = Sample::new(&[
        ("src/lib.rs", "mod a;"),
        (
            "src/a.rs",
            "use cache_core::Query;\ninclude!(\"b.rs\");\ninclude!(concat!(env!(\"OUT_DIR\"), \"/c.rs\"));",
        ),
        ("src/b.rs", "#[derive(Query)] pub(crate) struct B;"),
    ]);
    assert_eq!(
        warnings(&sample),
        [
            "src/a.rs:2:1: query `crate::a::B` is not in the registry: its file is included by `include!`; declare the file as a \
          module, or list the query: `Builder::include(\"crate::a::B\")` in build.rs; silence this with \
          `Builder::skip(\"crate::a::B\")` in build.rs"
        ]
    );
    sample.builder().include("crate::a::B").run().expect("a registry");
    assert_eq!(sample.listed(), ["crate::a::B"]);
}

#[test]
fn macro_calls_that_hide_no_query_cause_no_warning() {
    let sample = Sample::new(&[
        (
            "src/lib.rs",
            "cfg_if! { if #[cfg(unix)] { mod unix; pub use self::unix::*; } else { mod windows; } } \
             lazy_static! { static ref A: u8 = 1; } thread_local! { static B: u8 = 1; } bitflags! { struct C: u8 { const D = 1; } } \
             include!(concat!(env!(\"OUT_DIR\"), \"/bindings.rs\")); tonic::include_proto!(\"x\"); cache_core::include_registry!(); \
             const E: [u8; 1] = include!(\"e.in\"); mod f { automod::dir!(\"src/f\"); } macro_rules! g { () => { mod h; } } \
             #[cfg(test)] cfg_if! { mod tests; }",
        ),
        ("src/unix.rs", "#[derive(Debug, Clone)] pub struct U;"),
        ("src/windows.rs", "not Rust ("),
        ("src/e.in", "[1]"),
        ("src/tests.rs", &query("T")),
        ("src/nowhere.rs", &query("N")),
    ]);
    assert_eq!(warnings(&sample), [""; 0]);
    assert_eq!(sample.listed(), [""; 0]);
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
fn a_table_has_one_name_that_can_be_printed() {
    let sample = Sample::new(&[("src/lib.rs", &query("A"))]);
    for name in ["", " ", "a\nb", "\u{1b}[2J"] {
        let report = sample.builder().include_as("A", name).run().expect_err("no name");
        assert_eq!(messages(&report), [format!("{name:?} cannot be the name of the table of `A`")]);
    }
    let twice = "`crate::A` is included twice: as";
    let report =
        sample.builder().include_as("A", "x").include_as("crate::A", "y").run().expect_err("two names");
    assert_eq!(messages(&report), [format!("{twice} \"x\" and as \"y\"")]);
    let report = sample.builder().include_as("A", "x").include("A").run().expect_err("two names");
    assert_eq!(messages(&report), [format!("{twice} \"x\" and as its own name")]);
    sample.builder().include_as("A", "x").include_as("A", "x").run().expect("the same name");
    assert_eq!(sample.listed(), ["crate::A as \"x\""]);
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
