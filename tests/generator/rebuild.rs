//! What cargo runs again after which change.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::{Fixture, Run};

const PACKAGE: &str = "edition-2024 v0.0.0";
const QUERY: &str = "\n#[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]\n#[query(value = u8)]\npub struct Added;\n";

/// What cargo did for the package of the fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// Nothing.
    Nothing,
    /// It compiled the package, but did not run the generator.
    Compiled,
    /// It ran the generator and compiled the package.
    GeneratedAndCompiled,
}

/// The state of the generated file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Output {
    text: String,
    modified: SystemTime,
}

impl Run {
    /// Returns what cargo reports that it did.
    #[track_caller]
    fn work(&self) -> Work {
        let runs =
            |part: &str| self.stderr.lines().any(|line| line.contains("Running `") && line.contains(part));
        let is_generated = self.stderr.lines().any(|line| {
            let line = line.trim().trim_end_matches('`');
            line.starts_with("Running `")
                && line.ends_with("build-script-build")
                && line.contains("edition-2024-")
        });
        let is_compiled = runs("--crate-name edition_2024");
        let is_fresh = self.stderr.lines().any(|line| line.trim().starts_with(&format!("Fresh {PACKAGE}")));
        match (is_generated, is_compiled, is_fresh) {
            (true, true, false) => Work::GeneratedAndCompiled,
            (false, true, false) => Work::Compiled,
            (false, false, true) => Work::Nothing,
            other => panic!("{other:?} in {}", self.stderr),
        }
    }
}

impl Output {
    /// Finds the generated file in the output folder that cargo reports.
    #[track_caller]
    fn of(run: &Run) -> Self {
        let messages =
            run.stdout.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let of_package = |message: &serde_json::Value| {
            let id = message["package_id"].as_str().unwrap_or_default();
            message["reason"] == "build-script-executed" && id.contains("edition-2024@0.0.0-")
        };
        let message = messages.into_iter().find(of_package).expect("cargo names the output folder");
        let path = Path::new(message["out_dir"].as_str().expect("a path")).join("cache_registry.rs");
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("a time");
        Self { text: fs::read_to_string(&path).expect("text"), modified }
    }
}

/// Returns a built copy of the fixture, and the first build.
#[track_caller]
fn built(purpose: &str) -> (Fixture, Run) {
    let fixture = Fixture::copy("edition_2024", purpose);
    let run = fixture.build().succeeded();
    assert_eq!(run.work(), Work::GeneratedAndCompiled);
    (fixture, run)
}

#[test]
fn a_second_build_does_nothing() {
    let (fixture, _) = built("second");
    let run = fixture.build().succeeded();
    assert_eq!(run.work(), Work::Nothing);
    assert!(!run.stderr.contains("Running `"), "{}", run.stderr);
    assert!(!run.stderr.contains("Compiling"), "{}", run.stderr);
}

#[test]
fn a_new_query_in_a_module_is_listed_by_the_next_build() {
    let (fixture, _) = built("query");
    fixture.append("src/elsewhere/sibling.rs", QUERY);
    let run = fixture.build().succeeded();
    assert_eq!(run.work(), Work::GeneratedAndCompiled);
    assert!(Output::of(&run).text.contains("crate::placed::sibling::Added,"));
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
}

#[test]
fn a_file_that_is_not_a_module_does_not_run_the_generator() {
    let (fixture, _) = built("unrelated");
    fixture.append("src/unrelated.rs", QUERY);
    fixture.write("src/new.rs", QUERY);
    fixture.write("notes.txt", "new");
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
}

#[test]
fn a_module_without_queries_changes_no_output() {
    let (fixture, first) = built("plain");
    let before = Output::of(&first);
    fixture.write("src/plain.rs", "pub fn text() -> &'static str { \"changed\" }");
    let run = fixture.build().succeeded();
    assert_eq!(run.work(), Work::GeneratedAndCompiled);
    assert_eq!(Output::of(&run), before);
}

#[test]
fn a_missing_module_is_reported_by_rustc_and_found_once_it_exists() {
    let (fixture, _) = built("missing");
    fixture.append("src/posts.rs", "pub mod late;");
    let run = fixture.build().failed();
    assert!(run.stderr.contains("error[E0583]: file not found for module `late`"), "{}", run.stderr);
    fixture.write("src/posts/late.rs", QUERY);
    let run = fixture.build().succeeded();
    assert_eq!(run.work(), Work::GeneratedAndCompiled);
    assert!(Output::of(&run).text.contains("crate::posts::late::Added,"));
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
}

#[test]
fn a_syntax_error_is_reported_by_rustc_and_the_last_registry_stays() {
    let (fixture, first) = built("syntax");
    let before = Output::of(&first);
    let good = fixture.read("src/posts.rs");
    fixture.append("src/posts.rs", "pub fn broken( {");
    let run = fixture.build().failed();
    assert!(run.stderr.contains("error: this file contains an unclosed delimiter"), "{}", run.stderr);
    assert!(!run.stderr.contains("custom build command"), "{}", run.stderr);
    assert_eq!(Output::of(&run), before);
    fixture.write("src/posts.rs", &format!("{good}{QUERY}"));
    let run = fixture.build().succeeded();
    assert_eq!(run.work(), Work::GeneratedAndCompiled);
    assert!(Output::of(&run).text.contains("crate::posts::Added,"));
}

#[test]
fn a_changed_manifest_runs_the_generator() {
    let (fixture, _) = built("manifest");
    fixture.append("Cargo.toml", "\n# changed\n");
    assert_eq!(fixture.build().succeeded().work(), Work::GeneratedAndCompiled);
}

#[test]
fn a_module_of_a_feature_is_found_once_its_file_is_there() {
    let late = ["--features", "late"];
    let fixture = Fixture::copy("edition_2024", "feature");
    fixture.write("Cargo.toml", &fixture.read("Cargo.toml").replace("extra = []", "extra = []\nlate = []"));
    fixture.append("src/main.rs", "#[cfg(feature = \"late\")] pub mod late;");
    fixture.write("src/draft.txt", &format!("pub mod deep;{QUERY}"));
    assert_eq!(fixture.build().succeeded().work(), Work::GeneratedAndCompiled);
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);

    let run = fixture.build_with(&late).failed();
    assert!(run.stderr.contains("error[E0583]: file not found for module `late`"), "{}", run.stderr);
    // Older than the build that failed.
    fixture.rename("src/draft.txt", "src/late.rs");
    let run = fixture.build_with(&late).failed();
    assert!(run.stderr.contains("error[E0583]: file not found for module `deep`"), "{}", run.stderr);
    fixture.write("src/spare.txt", &QUERY.replace("Added", "Deep"));
    fixture.build_with(&late).failed();
    fixture.rename("src/spare.txt", "src/late/deep/mod.rs");
    let run = fixture.build_with(&late).succeeded();
    for query in ["        crate::late::Added,", "        crate::late::deep::Deep,"] {
        assert!(Output::of(&run).text.contains(query), "{}", Output::of(&run).text);
    }
    assert_eq!(fixture.build_with(&late).succeeded().work(), Work::Nothing);
    fixture.build().succeeded();
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
    assert_eq!(fixture.build_with(&late).succeeded().work(), Work::Nothing);
}

#[test]
fn a_module_that_moves_disappears_and_comes_back_is_followed() {
    let (fixture, _) = built("moved");
    fixture.append("src/elsewhere/sibling.rs", QUERY);
    let listed = |run: &Run| Output::of(run).text.contains("crate::placed::sibling::Added,");
    assert!(listed(&fixture.build().succeeded()));
    fixture.rename("src/elsewhere/sibling.rs", "src/elsewhere/sibling/mod.rs");
    let run = fixture.build().succeeded();
    assert_eq!((run.work(), listed(&run)), (Work::GeneratedAndCompiled, true));
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
    fixture.rename("src/elsewhere/sibling/mod.rs", "away.txt");
    fixture.build().failed();
    fixture.build().failed();
    // Older than the builds that failed.
    fixture.rename("away.txt", "src/elsewhere/sibling.rs");
    assert!(listed(&fixture.build().succeeded()));
    fixture.rename("src/elsewhere/sibling.rs", "away.txt");
    fixture.write("src/elsewhere/placed.rs", "#[path = \"other.rs\"] pub mod sibling;");
    fixture.build().failed();
    fixture.rename("away.txt", "src/elsewhere/other.rs");
    let run = fixture.build().succeeded();
    assert_eq!((run.work(), listed(&run)), (Work::GeneratedAndCompiled, true));
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
}

#[test]
fn a_module_that_its_build_script_switches_on_is_found_once_its_file_is_there() {
    let (fixture, _) = built("switched");
    let script = |line: &str| {
        let check = "println!(\"cargo::rustc-check-cfg=cfg(switched)\");";
        format!("fn main() {{ {check} {line} cache_codegen::generate(); }}")
    };
    fixture.write("build.rs", &script(""));
    fixture.append("src/posts.rs", "#[cfg(switched)] pub mod late;");
    fixture.build().succeeded();
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
    fixture.write("build.rs", &script("println!(\"cargo::rustc-cfg=switched\");"));
    fixture.build().failed();
    fixture.write("src/posts/late.rs", QUERY);
    let run = fixture.build().succeeded();
    assert!(Output::of(&run).text.contains("crate::posts::late::Added,"));
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
}

#[test]
fn a_module_beside_the_manifest_that_appears_unseen_fails_the_build_until_the_generator_runs() {
    let fixture = Fixture::copy("edition_2024", "beside");
    let manifest = fixture.read("Cargo.toml");
    fixture.write("Cargo.toml", &format!("{manifest}[[bin]]\nname = \"edition-2024\"\npath = \"main.rs\"\n"));
    let script = |line: &str| {
        let check = "println!(\"cargo::rustc-check-cfg=cfg(switched)\");";
        format!("fn main() {{ {check} {line} cache_codegen::generate(); }}")
    };
    fixture.write("build.rs", &script(""));
    let root = format!(
        "#[cfg(switched)] pub mod late;{QUERY}cache_core::include_registry!(); fn main() {{ CacheRegistry::describe(); }}"
    );
    fixture.write("main.rs", &root);
    // A build that does not need the file is not disturbed, and settles.
    let run = fixture.build().succeeded();
    assert!(!run.stderr.contains("lacks the queries"), "{}", run.stderr);
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);

    let lacks = "error: the registry lacks the queries of module `crate::late`, which had no file when it was generated \
                 (`late.rs` or `late/mod.rs`)";
    let advice = "save `main.rs` again";
    for by_flag in [true, false] {
        let build = || match by_flag {
            true => fixture.cargo(&[
                "rustc",
                "--message-format",
                "json-render-diagnostics",
                "--",
                "--cfg",
                "switched",
            ]),
            false => fixture.build(),
        };
        if !by_flag {
            fixture.write("build.rs", &script("println!(\"cargo::rustc-cfg=switched\");"));
        }
        let run = build().failed();
        assert!(run.stderr.contains("error[E0583]: file not found for module `late`"), "{}", run.stderr);
        fixture.write("late.rs", &QUERY.replace("Added", "Late"));
        let run = build().failed();
        assert!(run.stderr.contains(lacks) && run.stderr.contains(advice), "{}", run.stderr);
        fixture.write("main.rs", &root);
        let run = build().succeeded();
        assert!(Output::of(&run).text.contains("crate::late::Late,"), "{}", Output::of(&run).text);
        assert!(!build().succeeded().stderr.contains("Compiling"));
        fs::remove_file(fixture.path("late.rs")).expect("a file that can be removed");
    }
}

#[test]
fn a_module_in_a_macro_call_is_warned_of_once_its_file_is_there() {
    let (fixture, _) = built("hidden");
    fixture.append(
        "src/main.rs",
        "macro_rules! pass { ($($tokens:tt)*) => { $($tokens)* } } pass! { pub mod late; }",
    );
    fixture.build().failed();
    fixture.write("src/late.rs", QUERY);
    let run = fixture.build().succeeded();
    assert_eq!(run.work(), Work::GeneratedAndCompiled);
    let warning = "query `crate::late::Added` is not in the registry: module `late` is declared inside the macro `pass!`";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
}

#[test]
fn a_module_of_another_platform_that_is_not_rust_does_not_fail_the_build() {
    let (fixture, _) = built("platform");
    let elsewhere = "#[cfg(target_os = \"none\")] mod elsewhere { mod broken; }";
    fixture.append("src/posts.rs", elsewhere);
    fs::create_dir_all(fixture.path("src/posts/elsewhere")).expect("a folder");
    fixture.write("src/posts/elsewhere/broken.rs", "pub fn broken( {");
    let run = fixture.build().succeeded();
    assert!(!run.stderr.contains("this is not Rust"), "{}", run.stderr);
    fixture.append("src/posts.rs", QUERY);
    let run = fixture.build().succeeded();
    assert!(!run.stderr.contains("this is not Rust"), "{}", run.stderr);
    assert!(Output::of(&run).text.contains("crate::posts::Added,"));
    assert_eq!(fixture.build().succeeded().work(), Work::Nothing);
}
