//! The program without a terminal.

use std::process::{Command, Output};

fn coherence(arguments: &[&str], server: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coherence"));
    if let Some(server) = server {
        command.env("CACHE_TEST_SERVER", server);
    }
    command.args(arguments).output().unwrap()
}

#[test]
fn the_script_tells_what_happens_in_80_columns_and_that_the_guarantees_held() {
    let output = coherence(&["--script", "--max-lag", "700", "--lease", "1000"], None);
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), &*error), (Some(0), ""), "{out}");
    for part in [
        "all have read all keys at once, with 6 loads",
        "B is cut off",
        "the connections of D end without its notice",
        "D is stopped",
        "B is killed",
        "C is replaced by the newer build",
        "(FLUSHALL)",
        "the server is started again, empty",
        "D shuts down",
        "all held",
    ] {
        assert!(out.contains(part), "no {part:?} in\n{out}");
    }
    assert!(!out.contains("NOT") && out.lines().all(|line| line.chars().count() <= 80), "{out}");
}

#[test]
fn without_a_server_it_says_what_to_install() {
    for arguments in [&["--script"][..], &[]] {
        let output = coherence(arguments, Some("redis-server-that-is-not-installed"));
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("apt-get install redis-server"), "{error}");
    }
}

#[test]
fn mistakes_and_a_missing_terminal_are_told() {
    let output = coherence(&["--lag", "1"], None);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("see `coherence --help`"));

    let output = coherence(&[], None);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a terminal"));

    let output = coherence(&["--help"], None);
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && help.lines().all(|line| line.len() <= 80), "{help}");
}
