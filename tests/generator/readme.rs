//! The programs of the README, as they are printed there.

use std::fs;

use crate::{Fixture, workspace};

#[test]
fn the_first_program_of_the_readme_prints_what_it_says() {
    let fixture = Fixture::copy("readme", "first");
    write(&fixture, &["build.rs", "src/main.rs"], 0);

    let run = fixture.cargo(&["run", "--quiet"]).succeeded().without_warnings();
    assert_eq!(run.lines(), ["Some(\"Seven\")"]);
}

#[test]
fn the_second_program_of_the_readme_starts_warm_the_second_time() {
    let fixture = Fixture::copy("readme", "run");
    write(&fixture, &["build.rs"], 0);
    write(&fixture, &["src/queries.rs", "src/main.rs", "src/search.rs"], 2);
    fixture.append(
        "src/main.rs",
        "\n#[allow(dead_code)]\nmod search;\nconst _: () = listed::<search::Search>();\n",
    );
    fixture.append(
        "src/main.rs",
        "const fn listed<Q: cache_core::Query>() where CacheRegistry: cache_core::Holds<Q> {}\n",
    );

    let first = fixture.cargo(&["run", "--quiet"]).succeeded().without_warnings();
    assert_eq!(first.lines()[..2], ["no snapshot yet, starting empty", "loaded"]);
    let second = fixture.cargo(&["run", "--quiet"]).succeeded();
    assert!(second.lines()[0].starts_with("restored 1 entry, saved "), "{}", second.stdout);
    assert!(second.lines().contains(&"known: Seven"), "{}", second.stdout);
}

/// Writes the README files with these names into the fixture. The first of them comes after `after` others.
fn write(fixture: &Fixture, names: &[&str], after: usize) {
    let readme = fs::read_to_string(workspace().join("README.md")).expect("the README");
    let files: Vec<(&str, &str)> =
        rust_blocks(&readme).filter_map(named).skip(after).take(names.len()).collect();
    assert_eq!(files.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
    if !fixture.path("src").exists() {
        fs::create_dir(fixture.path("src")).expect("a folder");
    }
    for (name, text) in files {
        fixture.write(name, text);
    }
}

fn rust_blocks(readme: &str) -> impl Iterator<Item = &str> {
    readme.split("```rust\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0))
}

/// Returns a block whose first line names its file.
fn named(block: &str) -> Option<(&str, &str)> {
    Some((block.lines().next()?.strip_prefix("// ")?, block))
}
