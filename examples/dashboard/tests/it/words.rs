//! What the program prints when there is nothing to draw.

use std::process::{Command, Output};

#[test]
fn without_a_terminal_it_says_so() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("error: standard output is not a terminal") && said.lines().count() == 1,
        "{said}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn an_invalid_command_line_ends_with_status_2() {
    let output = run(&["--every", "soon"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("as in 500ms") && said.contains("see `dashboard --help`"), "{said}");
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(help.contains("--retry-after TIME"), "{help}");
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dashboard")).args(arguments).output().unwrap()
}
