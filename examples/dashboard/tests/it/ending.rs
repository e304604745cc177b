//! However the program ends, the terminal is restored.

use crate::console::Console;
use crate::newsroom::Newsroom;

#[test]
fn two_keys_and_three_signals_end_it() {
    let newsroom = Newsroom::start();
    let ends: [fn(&mut Console); 5] = [
        |it| it.press("q"),
        |it| it.press("\x03"),
        |it| it.signal("-INT"),
        |it| it.signal("-HUP"),
        |it| it.terminate(),
    ];
    for end in ends {
        let mut console = Console::dashboard(&["--url", &newsroom.url()]);
        console.shows(&["● fresh"]);
        end(&mut console);
        assert_eq!(console.ends(), (0, String::new()));
    }
}

#[test]
fn a_signal_ends_it_even_if_the_terminal_accepts_no_output() {
    let newsroom = Newsroom::start();
    let console = Console::dashboard(&["--url", &newsroom.url(), "--every", "100ms"]);
    console.shows(&["● fresh"]);
    console.hold();
    // The screen must be drawn again, which never ends.
    console.resize(100, 30);
    console.terminate();
    console.is_gone();
}
