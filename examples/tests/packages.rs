//! The program `packages` as users run it, on small projects that need no network, and on this workspace.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

#[test]
fn the_second_run_gives_the_same_answers_from_the_snapshot() {
    let project = project();
    let cold = succeeds(project.path(), &[]);
    assert!(cold.contains("Cache: cold start, there is no snapshot yet\n"), "{cold}");
    assert_eq!(chain(&cold), ["app", "middle", "leaf"]);
    assert!(cold.contains("MIT                       2  leaf, middle\n"), "{cold}");
    assert!(number_before(" misses", &cold) > 0);

    let warm = succeeds(project.path(), &[]);
    assert!(warm.contains("Cache: restored "), "{warm}");
    assert!(number_before(" entries, saved", &warm) > 0);
    assert_eq!(number_before(" misses", &warm), 0, "{warm}");
    assert!(number_before(" hits", &warm) > 0);
    assert!(warm.contains("Times, restored against cold\n"), "{warm}");
    assert_eq!(answers(&warm), answers(&cold));
}

#[test]
fn a_new_question_is_added_to_the_restored_answers() {
    let project = project();
    succeeds(project.path(), &[]);
    let first = succeeds(project.path(), &["--package", "leaf"]);
    assert!(first.contains("2 packages depend on leaf\n"), "{first}");
    assert!(first.contains("app      1.0.0    dev\n"), "{first}");
    assert!(first.contains("middle   2.0.0    normal, build\n"), "{first}");
    assert!(number_before(" misses", &first) > 0);
    let second = succeeds(project.path(), &["--package", "leaf"]);
    assert_eq!(number_before(" misses", &second), 0, "{second}");
    assert_eq!(answers(&first), answers(&second));
}

#[test]
fn packages_are_listed_by_licence() {
    let project = project();
    let text = succeeds(project.path(), &["--licence", "MIT"]);
    assert!(text.contains("2 packages with licence MIT\n"), "{text}");
    let problem = fails(1, project.path(), &["--licence", "Beer"]);
    assert!(problem.starts_with("error: no package with licence `Beer`"), "{problem}");
}

#[test]
fn a_changed_lock_file_discards_the_answers_and_says_so() {
    let project = project();
    let before = succeeds(project.path(), &[]);
    let lock = project.path().join("Cargo.lock");
    let text = fs::read_to_string(&lock).unwrap();
    fs::write(&lock, format!("{text}\n# changed\n")).unwrap();
    let after = succeeds(project.path(), &[]);
    assert!(after.contains("Cache: cold start, "), "{after}");
    assert!(after.contains(" saved answers discarded: `Cargo.lock` has changed\n"), "{after}");
    assert!(number_before(" saved answers discarded", &after) > 0);
    assert_eq!(answers(&after), answers(&before));
    assert!(succeeds(project.path(), &[]).contains("Cache: restored "));
}

#[test]
fn a_missing_lock_file_discards_the_answers_and_is_created_again() {
    let project = project();
    succeeds(project.path(), &[]);
    fs::remove_file(project.path().join("Cargo.lock")).unwrap();
    let after = succeeds(project.path(), &[]);
    assert!(after.contains("discarded: `Cargo.lock` is gone\n"), "{after}");
    assert!(succeeds(project.path(), &[]).contains("Cache: restored "));
}

#[test]
fn a_changed_manifest_is_seen_though_the_lock_file_is_the_same() {
    let project = project();
    succeeds(project.path(), &[]);
    let manifest = project.path().join("leaf/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("MIT", "Zlib")).unwrap();
    let after = succeeds(project.path(), &[]);
    assert!(after.contains("discarded: `leaf/Cargo.toml` has changed\n"), "{after}");
    assert!(after.contains("Zlib"), "{after}");
}

#[test]
fn a_snapshot_of_another_project_is_discarded() {
    let (one, other) = (project(), project());
    let snapshot = one.path().join("shared.snapshot");
    let cache = ["--cache", snapshot.to_str().unwrap()];
    succeeds(one.path(), &cache);
    let text = succeeds(other.path(), &cache);
    assert!(text.contains("discarded: they are about the project in `"), "{text}");
}

#[test]
fn a_damaged_snapshot_is_a_warning_and_a_cold_start() {
    let project = project();
    let before = succeeds(project.path(), &[]);
    let snapshot = project.path().join("target/packages.snapshot");
    let mut bytes = fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&snapshot, bytes).unwrap();

    let output = run(project.path(), &[]);
    assert_eq!(output.status.code(), Some(0));
    let warning = text(&output.stderr);
    assert!(
        warning.starts_with("warning: `") && warning.contains("the snapshot is damaged at byte"),
        "{warning}"
    );
    assert_eq!(warning.lines().count(), 1, "{warning}");
    let after = text(&output.stdout);
    assert!(after.contains("Cache: cold start, the snapshot could not be read\n"), "{after}");
    assert_eq!(answers(&after), answers(&before));
    assert!(succeeds(project.path(), &[]).contains("Cache: restored "));
}

#[test]
fn a_snapshot_that_cannot_be_written_is_a_warning() {
    let project = project();
    fs::write(project.path().join("file"), "").unwrap();
    let output = run(project.path(), &["--cache", "file/packages.snapshot"]);
    assert_eq!(output.status.code(), Some(0));
    let warning = text(&output.stderr);
    assert!(warning.contains("warning: the answers were not saved: "), "{warning}");
}

#[test]
fn without_a_cache_no_file_is_written() {
    let project = project();
    succeeds(project.path(), &["--no-cache"]);
    assert!(!project.path().join("target").exists());
}

#[test]
fn a_second_run_is_answered_from_the_file_of_the_provider() {
    let project = project();
    let with_provider = ["--provider", "answers.redb"];
    let cold = succeeds(project.path(), &with_provider);
    assert!(cold.contains("Cache: without a snapshot, with a provider\n"), "{cold}");
    assert_eq!(answers(&cold), answers(&succeeds(project.path(), &["--no-cache"])));
    assert_eq!(number_before(" answers found in answers.redb", &cold), 0, "{cold}");
    // Not among them: the packages of each licence, and links of the chain, which came with other answers.
    assert_eq!(number_before(" computed", &cold), 11, "{cold}");
    assert!(!project.path().join("target").exists(), "there is no snapshot");

    let warm = succeeds(project.path(), &with_provider);
    assert_eq!(answers(&warm), answers(&cold));
    assert!(number_before(" answers found in answers.redb", &warm) > 0, "{warm}");
    assert_eq!(number_before(" computed", &warm), 0, "{warm}");
    assert!(asked_no_cargo(&warm), "{warm}");

    // What came with other answers is found too.
    let licence = [&with_provider[..], &["--licence", "MIT"]].concat();
    assert_eq!(number_before(" computed", &succeeds(project.path(), &licence)), 0);
    let other = [&with_provider[..], &["--package", "leaf"]].concat();
    let first = succeeds(project.path(), &other);
    assert!(first.contains("2 packages depend on leaf\n"), "{first}");
    assert_eq!(number_before(" computed", &succeeds(project.path(), &other)), 0);
}

#[test]
fn a_changed_project_is_not_answered_from_the_file() {
    let project = project();
    let with_provider = ["--provider", "answers.redb"];
    let before = succeeds(project.path(), &with_provider);
    let manifest = project.path().join("leaf/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("MIT", "Zlib")).unwrap();
    let after = succeeds(project.path(), &with_provider);
    assert!(after.contains("Zlib"), "{after}");
    assert_eq!(number_before(" computed", &after), number_before(" computed", &before));
    assert_eq!(number_before(" computed", &succeeds(project.path(), &with_provider)), 0);
    // As it was before.
    fs::write(&manifest, text).unwrap();
    assert_eq!(answers(&succeeds(project.path(), &with_provider)), answers(&before));
}

#[test]
fn two_projects_share_a_file() {
    let (one, other, folder) = (project(), project(), TempDir::new().unwrap());
    let file = folder.path().join("answers.redb");
    let with_provider = ["--provider", file.to_str().unwrap()];
    let manifest = other.path().join("leaf/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("MIT", "Zlib")).unwrap();
    let (first, second) = (succeeds(one.path(), &with_provider), succeeds(other.path(), &with_provider));
    assert!(second.contains("Zlib") && !first.contains("Zlib"));
    for (project, before) in [(&one, first), (&other, second)] {
        let now = succeeds(project.path(), &with_provider);
        assert_eq!(answers(&now), answers(&before));
        assert_eq!(number_before(" computed", &now), 0, "{now}");
        assert!(asked_no_cargo(&now), "{now}");
    }
}

#[test]
fn problems_of_a_run_with_a_provider_are_one_line_and_status_1() {
    let project = project();
    let problem = fails(1, project.path(), &["--provider", "no/such/folder/answers.redb"]);
    assert!(problem.starts_with("error: cannot use the file of `--provider`: "), "{problem}");
    assert!(problem.contains("no/such/folder/answers.redb"), "{problem}");
    let problem = fails(1, project.path(), &["--provider", "answers.redb", "-p", "nobody"]);
    assert_eq!(problem, "error: no package `nobody` in this project\n");
    fs::remove_dir_all(project.path().join("leaf")).unwrap();
    let problem = fails(1, project.path(), &["--provider", "answers.redb"]);
    assert!(problem.starts_with("error: cargo cannot read the project: "), "{problem}");
}

#[test]
fn inspection_shows_tables_and_commits() {
    let text = succeeds(project().path(), &["--inspect"]);
    assert!(text.contains("\npackage_by_id "), "{text}");
    assert!(text.contains("  licences  "), "{text}");
}

#[test]
fn a_path_that_leads_nowhere_is_one_line_and_status_1() {
    let problem = fails(1, project().path(), &["no/such/folder"]);
    assert_eq!(problem, "error: no such file or folder: `no/such/folder`\n");
}

#[test]
fn a_broken_manifest_is_one_line_and_status_1_whether_or_not_there_is_a_snapshot() {
    let project = project();
    succeeds(project.path(), &[]);
    for arguments in [&[][..], &["--no-cache"]] {
        fs::write(project.path().join("Cargo.toml"), "[package\nname = 1").unwrap();
        let problem = fails(1, project.path(), arguments);
        assert!(problem.starts_with("error: cargo cannot read the project: unclosed table"), "{problem}");
    }
}

#[test]
fn a_dependency_that_is_not_there_is_one_line_and_status_1() {
    let project = project();
    fs::remove_dir_all(project.path().join("leaf")).unwrap();
    let problem = fails(1, project.path(), &[]);
    assert!(problem.starts_with("error: cargo cannot read the project: "), "{problem}");
}

#[test]
fn an_unknown_package_is_one_line_and_status_1() {
    let problem = fails(1, project().path(), &["-p", "nobody"]);
    assert_eq!(problem, "error: no package `nobody` in this project\n");
}

#[test]
fn an_invalid_command_line_ends_with_status_2() {
    let problem = fails(2, project().path(), &["--colour"]);
    assert_eq!(problem, "error: invalid option '--colour'; see `packages --help`\n");
    assert!(succeeds(project().path(), &["--help"]).contains("Usage: packages [OPTIONS] [PATH]"));
}

#[test]
fn the_project_is_named_by_folder_or_by_manifest() {
    let project = project();
    let elsewhere = TempDir::new().unwrap();
    let manifest = project.path().join("Cargo.toml");
    let cold = succeeds(elsewhere.path(), &[project.path().to_str().unwrap()]);
    let warm = succeeds(elsewhere.path(), &[manifest.to_str().unwrap()]);
    assert!(warm.contains("Cache: restored "), "{warm}");
    assert_eq!(answers(&warm), answers(&cold));
}

#[test]
fn this_workspace_has_answers() {
    let folder = TempDir::new().unwrap();
    let snapshot = folder.path().join("packages.snapshot");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = ["-p", "cache-core", "--cache", snapshot.to_str().unwrap()];
    let cold = succeeds(workspace, &arguments);
    assert!(cold.contains("packages depend on cache-core\n"), "{cold}");
    let warm = succeeds(workspace, &arguments);
    assert!(warm.contains("Cache: restored "), "{warm}");
    assert_eq!(number_before(" misses", &warm), 0);
    assert_eq!(answers(&warm), answers(&cold));
    // Ids and sources are single words, which may be wider.
    let mut lines = answers(&warm).lines().skip(1).filter(|line| !line.contains("://"));
    assert!(lines.all(|line| line.chars().count() <= 100), "{warm}");
}

/// A project of three packages: `app` is built with `middle`, and `middle` with `leaf`. Tests of `leaf` need `middle`,
/// and tests of `app` need `leaf`.
fn project() -> TempDir {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    package(
        root,
        "app",
        "1.0.0",
        "license = \"MIT OR Apache-2.0\"",
        "[dependencies]\nmiddle = { path = \"middle\" }\n[dev-dependencies]\nleaf = { path = \"leaf\" }",
    );
    package(
        &root.join("middle"),
        "middle",
        "2.0.0",
        "license = \"MIT\"",
        "[dependencies]\nleaf = { path = \"../leaf\" }\n[build-dependencies]\nleaf = { path = \"../leaf\" }",
    );
    package(
        &root.join("leaf"),
        "leaf",
        "3.0.0",
        "license = \"MIT\"",
        "[dev-dependencies]\nmiddle = { path = \"../middle\" }",
    );
    folder
}

fn package(folder: &Path, name: &str, version: &str, facts: &str, dependencies: &str) {
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    let text = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n{facts}\n{dependencies}\n"
    );
    fs::write(folder.join("Cargo.toml"), text).unwrap();
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packages"));
    command
        .current_dir(folder)
        .args(arguments)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_BUILD_TARGET_DIR");
    command.output().unwrap()
}

/// Runs the program, which must print no warning, and returns its output.
#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout)
}

/// Runs the program, which must fail with one line, and returns that line.
#[track_caller]
fn fails(status: i32, folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let problem = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{problem}");
    assert_eq!(problem.lines().count(), 1, "{problem}");
    assert_eq!(text(&output.stdout), "");
    problem
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The output before the report on the cache.
fn answers(printed: &str) -> &str {
    printed.split("Cache: ").next().unwrap()
}

/// Whether the run has not needed the graph of packages.
fn asked_no_cargo(printed: &str) -> bool {
    printed.lines().any(|line| line.starts_with("cargo metadata") && line.ends_with('-'))
}

/// Names along the printed chain.
fn chain(printed: &str) -> Vec<&str> {
    let lines = printed.lines().skip_while(|line| !line.starts_with("The longest chain")).skip(2);
    lines.take_while(|line| !line.is_empty()).map(|line| line.split_whitespace().nth(1).unwrap()).collect()
}

#[track_caller]
fn number_before(what: &str, printed: &str) -> u64 {
    let (before, _) = printed.split_once(what).unwrap_or_else(|| panic!("no `{what}` in {printed}"));
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap();
    digits.parse().unwrap()
}
