//! The program in a terminal.

use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use portable_pty::CommandBuilder;

use crate::console::Console;

const DOWN: &str = "\x1b[B";

fn start() -> Console {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_coherence"));
    command.args(["--max-lag", "700", "--lease", "1000"]);
    Console::start(command, (80, 24))
}

/// Whether a line has all these parts.
fn line_has(text: &str, parts: &[&str]) -> bool {
    text.lines().any(|line| parts.iter().all(|part| line.contains(part)))
}

#[test]
fn machines_and_the_server_are_troubled_by_keys_and_recover() {
    let mut console = start();
    console.shows(&["▶ A ● follows", "B ● follows", "D ● follows", "● the server is up", "hold for"]);
    // No changes at random.
    console.press("p");
    console.shows(&["only by `w`"]);
    console.press("w");
    console.shows(&["A changes key 0"]);

    console.press(DOWN);
    console.press("c");
    console.shows_where("B is cut off", |text| line_has(text, &["▶", "B ✗ cut off"]));
    console.press("w");
    // A change of before the pause may wait there too.
    let has_outbox = |line: &str| line.contains("B ✗ cut off") && !line.contains(" 0│");
    console.shows_where("an outbox", |text| text.lines().any(has_outbox));
    console.press("c");
    console.shows_where("B is back", |text| line_has(text, &["B ● follows", " 0│"]));

    console.press(DOWN);
    console.press("s");
    console.shows(&["C ✗ stopped", "○"]);
    console.press("s");
    console.shows(&["C ● follows"]);
    console.press("k");
    console.shows(&["C ✗ killed"]);
    console.press("k");
    console.shows(&["C ● follows"]);

    console.press("f");
    console.shows(&["FLUSHALL"]);
    console.press("K");
    console.shows(&["✗ the server is killed", "A ◐ alone"]);
    console.press("K");
    let text = console.shows(&["● the server is up", "A ● follows", "C ● follows", "hold for"]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    console.press("q");
    assert_eq!(console.ends(), (0, String::new()));
}

#[test]
fn two_keys_and_a_signal_end_it() {
    let ends: [fn(&mut Console); 3] = [|it| it.press("q"), |it| it.press("\x03"), |it| it.terminate()];
    for end in ends {
        let mut console = start();
        console.shows(&["A ● follows"]);
        end(&mut console);
        assert_eq!(console.ends(), (0, String::new()));
    }
}

#[test]
fn a_signal_ends_it_and_the_server_even_if_the_terminal_accepts_no_output() {
    let console = start();
    let text = console.shows(&["A ● follows"]);
    let port = text.split("on port ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let port: u16 = port.unwrap_or_else(|| panic!("{text}")).parse().unwrap();
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    console.hold();
    // The screen must be drawn again, which never ends.
    console.resize(100, 30);
    console.terminate();
    console.is_gone();
    // The terminal hangs up, which servers survive.
    match server.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("the server runs on: {other:?}"),
    }
}

#[test]
fn a_small_terminal_says_so() {
    let mut console = start();
    console.shows(&["A ● follows"]);
    console.resize(40, 10);
    console.shows(&["40 x 10 is too small"]);
    console.resize(80, 24);
    console.shows(&["A ● follows"]);
    console.press("q");
    console.ends();
}
