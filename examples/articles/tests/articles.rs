//! The program as users run it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn articles(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_articles")).args(arguments).output().unwrap()
}

#[test]
fn later_documents_change_the_article_and_records_go_with_the_last_document() {
    let output = articles(&[]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("After the article  the article is by Ann Lind, Malmö\n"), "{text}");
    assert!(text.contains("After the feed     the article is by Ann Lindqvist, Malmö\n"), "{text}");
    assert!(text.contains("After the person   the article is by Ann Lindqvist, Lund\n"), "{text}");
    let shown = "  9: name, town; shown by GetArticle { id: 1 }, GetFeed, GetPerson { id: 9 }\n";
    assert!(text.contains(shown), "{text}");
    let remaining = text.split("records\n").nth(1).unwrap();
    let counts: Vec<_> = remaining.lines().map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(counts, ["6", "6", "4", "0"], "{text}");
}

#[test]
fn a_document_that_does_not_fit_is_an_error_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["article-1.json", "feed.json", "person-9.json"] {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("documents").join(name);
        let text = fs::read_to_string(own).unwrap().replace("1240", "\"many\"");
        fs::write(folder.path().join(name), text).unwrap();
    }
    let output = articles(&[folder.path()]);
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("article-1.json"), "{message}");
    assert!(message.contains("/data/attributes/words"), "{message}");
}

#[test]
fn a_missing_folder_is_an_error_that_names_the_file() {
    let output = articles(&[Path::new("no-such-folder")]);
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("no-such-folder/article-1.json"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_articles"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(program.stdout.take());
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
