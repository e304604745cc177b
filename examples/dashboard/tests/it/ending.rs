//! However the program ends, the terminal is as it was.

use dashboard::terminal::Screen;
use ratatui::text::Line;

use crate::console::Console;
use crate::newsroom::Newsroom;

#[test]
fn three_keys_and_a_signal_end_it() {
    let newsroom = Newsroom::start();
    let ends: [fn(&mut Console); 4] =
        [|it| it.press("q"), |it| it.press("\x1b"), |it| it.press("\x03"), |it| it.terminate()];
    for end in ends {
        let mut console = Console::dashboard(&["--url", &newsroom.url()]);
        console.shows(&["● fresh"]);
        end(&mut console);
        assert_eq!(console.ends(), (0, String::new()));
    }
}

#[test]
fn a_panic_gives_the_terminal_back_and_is_read_there() {
    let mut console = Console::ignored_test("ending::panics_with_the_screen");
    let (status, left) = console.ends();
    assert_ne!(status, 0);
    assert!(left.contains("something is wrong") && left.contains("tests/it/ending.rs"), "{left}");
    assert!(!left.contains("what is drawn") && !left.contains("of another thread"), "{left}");
}

#[test]
#[ignore = "not a test: it is run in a terminal by the one above"]
fn panics_with_the_screen() {
    let mut screen = Screen::take().unwrap();
    screen.draw(|frame| frame.render_widget(Line::from("what is drawn"), frame.area())).unwrap();
    std::thread::spawn(|| panic!("of another thread")).join().unwrap_err();
    panic!("something is wrong");
}
