//! One small package for each situation of a user.

use crate::Fixture;

#[test]
fn a_renamed_store_in_the_2021_edition() {
    let run = Fixture::copy("renamed", "run").cargo(&["run", "--quiet"]).succeeded().without_warnings();
    assert_eq!(run.lines(), ["get_post crate::posts::GetPost", "Some(\"seven\")"]);
}

#[test]
fn a_program_in_the_2015_edition() {
    let run = Fixture::copy("edition_2015", "run").cargo(&["run", "--quiet"]).succeeded().without_warnings();
    assert_eq!(run.lines(), ["get_post crate::posts::GetPost", "dyn crate::r#async::Dyn", "Some(7)", "None"]);
}

#[test]
fn a_mistake_is_explained_in_the_2015_edition_too() {
    let fixture = Fixture::copy("edition_2015", "mistakes");
    fixture.append(
        "src/posts.rs",
        "#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)] #[query(value = u8, capasity = 3)] pub struct Misspelt;\n\
         #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)] #[query(value = u8, capacity = 5 - 5)] pub struct Empty;\n\
         #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)] #[query(lru = 3)] pub struct Valueless;\n",
    );
    let run = fixture.cargo(&["check"]).failed();
    for message in [
        "there is no option `capasity`; did you mean `capacity`?",
        "`capacity` must be at least 1",
        "`Valueless` does not say what its answer is",
    ] {
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
    assert!(!run.stderr.contains("cannot find"), "{}", run.stderr);
}

#[test]
fn every_way_to_place_a_module_in_the_2024_edition() {
    let fixture = Fixture::copy("edition_2024", "run");
    let run = fixture.cargo(&["run", "--quiet"]).succeeded().without_warnings();
    let ordinary = [
        "count_posts crate::placed::sibling::CountPosts ",
        "get_post crate::posts::GetPost One post.",
        "newest crate::posts::r#gen::Newest ",
        "get_user crate::users::by_id::GetUser ",
        "no query here",
    ];
    assert_eq!(run.lines(), ordinary);
    let run = fixture.cargo(&["run", "--quiet", "--features", "extra"]).succeeded().without_warnings();
    assert_eq!(run.lines()[0], "extra crate::extra::Extra ");
    assert_eq!(run.lines()[1..], ordinary);
}

#[test]
fn a_library_that_refuses_every_warning() {
    let fixture = Fixture::copy("strict", "run");
    let run = fixture.cargo(&["run", "--quiet", "--example", "show"]).succeeded().without_warnings();
    assert_eq!(
        run.lines(),
        ["revision crate::internal::Revision", "get_post crate::posts::GetPost", "Revision"]
    );
    let run = fixture
        .cargo(&["run", "--quiet", "--example", "show", "--features", "extra"])
        .succeeded()
        .without_warnings();
    assert_eq!(run.lines()[0], "extra crate::internal::Extra");
    fixture.cargo(&["clippy", "--quiet", "--no-deps"]).succeeded().without_warnings();
    fixture.cargo(&["doc", "--quiet", "--no-deps"]).succeeded().without_warnings();
}

#[test]
fn a_member_of_a_workspace_that_inherits_its_dependencies() {
    let run = Fixture::copy("member", "run").cargo(&["run", "--quiet"]).succeeded().without_warnings();
    assert_eq!(run.lines(), ["get_item crate::GetItem", "GetItem(1)"]);
}

#[test]
fn a_library_with_its_root_elsewhere() {
    let run = Fixture::copy("moved_lib", "run")
        .cargo(&["run", "--quiet", "--example", "show"])
        .succeeded()
        .without_warnings();
    assert_eq!(run.lines(), ["answer crate::deep::Answer"]);
}

#[test]
fn a_program_uses_the_registry_of_its_library() {
    let run = Fixture::copy("lib_and_bin", "run").cargo(&["run", "--quiet"]).succeeded().without_warnings();
    assert_eq!(run.lines(), ["get_thing crate::GetThing", "None"]);
}

#[test]
fn what_cannot_be_listed_is_warned_about_and_requests_are_met() {
    let run = Fixture::copy("everything", "run").cargo(&["run"]).succeeded();
    assert_eq!(
        run.lines(),
        [
            "bytes crate::Page<Vec<u8>>",
            "page<User> crate::Page<crate::users::User>",
            "made crate::made::Made",
            "Local Experiment \"Hidden\"",
        ]
    );
    let warnings: Vec<_> =
        run.stderr.lines().filter(|line| line.starts_with("warning: everything")).collect();
    let expected = [
        "src/main.rs:19:12: generic query `crate::Unlisted` is not in the registry; list each one that you use: ",
        "src/main.rs:26:12: query `Local` in the body of `main` is not in the registry; move it into a module; ",
        "src/secret.rs:1:5: query `crate::secret::vault::Hidden` is not in the registry: module `vault` is private; \
         make it `pub(crate) mod vault`, ",
    ];
    assert_eq!(warnings.len(), expected.len(), "{}", run.stderr);
    for (warning, expected) in warnings.iter().zip(expected) {
        assert!(warning.starts_with(&format!("warning: everything@0.0.0-run: {expected}")), "{warning}");
    }
}

#[test]
fn a_query_in_a_module_that_a_macro_declares_is_warned_of_in_the_build() {
    let fixture = Fixture::copy("lib_and_bin", "macro");
    let items = "macro_rules! items { ($($item:item)*) => { $($item)* } }\n";
    fixture.append("src/lib.rs", &format!("\n{items}items! {{ pub mod behind; pub mod plain; }}\n"));
    fixture.write(
        "src/behind.rs",
        "#[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]\n#[query(value = u8)]\npub struct Behind;\n",
    );
    fixture.write("src/plain.rs", "#[derive(Debug)]\npub struct Plain;\n");
    let run = fixture.cargo(&["build"]).succeeded();
    let warnings: Vec<_> =
        run.stderr.lines().filter(|line| line.starts_with("warning: lib-and-bin@")).collect();
    assert_eq!(warnings.len(), 1, "{}", run.stderr);
    assert!(
        warnings[0].contains("src/lib.rs:8:18: query `crate::behind::Behind` is not in the registry"),
        "{warnings:?}"
    );
    assert!(
        warnings[0].contains("`Builder::include(\"crate::behind::Behind\")` in build.rs"),
        "{warnings:?}"
    );
    fixture.write(
        "build.rs",
        "fn main() { cache_codegen::Builder::new().include(\"crate::behind::Behind\").generate(); }",
    );
    let run = fixture.cargo(&["build"]).succeeded();
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    // A program of the package asks for its table.
    fixture.append("src/main.rs", "const _: fn(&CacheRegistry) -> &cache_core::__private::Table<lib_and_bin::behind::Behind> = |all| &all.behind;\n");
    fixture.cargo(&["build"]).succeeded().without_warnings();
}

#[test]
fn mistakes_of_a_build_script_end_in_one_report_without_a_panic() {
    let fixture = Fixture::copy("everything", "mistakes");
    let script = fixture.read("build.rs").replace("Page<User>", "Page<User").replace("Experiment", "no path");
    fixture.write("build.rs", &script);
    let run = fixture.cargo(&["build"]).failed();
    let (first, second) =
        (run.stderr.find("`Page<User` is not the path of a type"), run.stderr.find("`no path`"));
    assert!(first.is_some() && first < second, "{}", run.stderr);
    assert!(run.stderr.contains("build.rs:5:"), "{}", run.stderr);
    assert!(run.stderr.contains("5 |         .include(\"Page<User\")"), "{}", run.stderr);
    assert!(run.stderr.contains("(exit status: 1)"), "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

/// Checks that a build of the fixture fails with one error, which says all this.
#[track_caller]
fn fails_with_one_error(fixture: &Fixture, parts: &[&str]) {
    let run = fixture.cargo(&["build"]).failed();
    for part in parts {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
    let errors =
        run.stderr.lines().filter(|line| line.starts_with("error") && !line.contains("could not compile"));
    assert_eq!(errors.count(), 1, "{}", run.stderr);
}

#[test]
fn a_build_script_that_was_forgotten_is_asked_for() {
    let fixture = Fixture::copy("lib_and_bin", "no_script");
    std::fs::remove_file(fixture.path("build.rs")).expect("a build script");
    let wanted = [
        "error: package `lib-and-bin` has no build script, and so no registry",
        "--> src/lib.rs:5:1",
        "`build.rs` next to its Cargo.toml",
        "cache_codegen::generate();",
        "[build-dependencies]",
        "cache-codegen = \"0.1\"",
    ];
    fails_with_one_error(&fixture, &wanted);
    fixture.write("build.rs", "fn main() { cache_codegen::generate(); }");
    fixture.cargo(&["build"]).succeeded().without_warnings();
}

#[test]
fn a_build_script_that_is_switched_off_is_pointed_at() {
    let fixture = Fixture::copy("lib_and_bin", "script_off");
    let manifest = fixture.read("Cargo.toml").replace("publish = false", "publish = false\nbuild = false");
    fixture.write("Cargo.toml", &manifest);
    fails_with_one_error(
        &fixture,
        &["error: package `lib-and-bin` does not run its `build.rs`", "`build = false`"],
    );
}

#[test]
fn a_build_script_that_writes_no_registry_is_told_what_to_call() {
    let fixture = Fixture::copy("lib_and_bin", "idle_script");
    // An earlier run of this test has written one.
    fixture.write(
        "build.rs",
        "fn main() { let _ = std::fs::remove_file(std::env::var(\"OUT_DIR\").unwrap() + \"/cache_registry.rs\"); }",
    );
    fails_with_one_error(
        &fixture,
        &[
            "error: the build script of package `lib-and-bin` has written no registry",
            "call `cache_codegen::generate()` in `build.rs`",
        ],
    );
    fixture.write("build.rs", "fn main() { cache_codegen::generate(); }");
    fixture.cargo(&["build"]).succeeded().without_warnings();
}

#[test]
fn a_query_that_is_not_listed_says_where_to_look() {
    let fixture = Fixture::copy("lib_and_bin", "unlisted");
    fixture.append(
        "src/main.rs",
        "#[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)] #[query(value = u8)] struct Foreign;\n\
         fn ask(cache: &Cache<CacheRegistry>) { cache.get(&Foreign); }\n",
    );
    let run = fixture.cargo(&["build"]).failed();
    for part in ["query `Foreign` is not listed in `CacheRegistry`", "by following `mod` from the crate root"]
    {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
}

#[test]
fn a_program_with_json_numbers_of_any_precision_loses_no_answer_unnoticed() {
    let run = Fixture::copy("precision", "run").cargo(&["run", "--quiet"]).succeeded().without_warnings();
    let lines = run.lines();
    assert_eq!(lines[0], "saved 10, restored 10");
    let (left_out, kept): (Vec<&str>, Vec<&str>) =
        lines[1..].iter().partition(|line| line.ends_with(": left out and named"));
    assert!(kept.iter().all(|line| line.ends_with(": the same")), "{kept:?}");
    // A float in an enum that reads its content twice arrives as a map.
    assert_eq!(
        left_out,
        ["Tagged(Float { number: 0.1 }): left out and named", "Untagged(Float(0.1)): left out and named"]
    );
}
