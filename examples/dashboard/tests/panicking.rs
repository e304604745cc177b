//! A panic restores the terminal, and its message is readable there. This program is the test and, inside a terminal,
//! also the program under test.
#![allow(clippy::unwrap_used, dead_code, missing_docs, reason = "tests")]

#[path = "it/console.rs"]
mod console;

use std::env;

use console::Console;
use dashboard::terminal::Screen;
use ratatui::text::Line;

/// Makes the program panic.
const PANIC: &str = "--panic";

fn main() {
    match env::args().any(|argument| argument == PANIC) {
        true => panics_with_the_screen(),
        false => a_panic_restores_the_terminal_and_its_message_is_readable_there(),
    }
}

fn a_panic_restores_the_terminal_and_its_message_is_readable_there() {
    let program = env::current_exe().unwrap();
    let mut console = Console::run(program.to_str().unwrap().to_owned(), &[PANIC]);
    let (status, left) = console.ends();
    assert_ne!(status, 0);
    assert!(left.contains("something is wrong") && left.contains("tests/panicking.rs"), "{left}");
    assert!(!left.contains("what is drawn") && !left.contains("of another thread"), "{left}");
}

fn panics_with_the_screen() {
    let mut screen = Screen::open().unwrap();
    screen.draw(|frame| frame.render_widget(Line::from("what is drawn"), frame.area())).unwrap();
    std::thread::spawn(|| panic!("of another thread")).join().unwrap_err();
    panic!("something is wrong");
}
