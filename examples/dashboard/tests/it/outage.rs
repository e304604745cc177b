//! A newsroom that is not there, stops, and comes back.

use crate::console::Console;
use crate::newsroom::Newsroom;

#[test]
fn a_newsroom_that_stops_and_comes_back_is_seen() {
    let mut newsroom = Newsroom::start();
    let mut console =
        Console::dashboard(&["--url", &newsroom.url(), "--every", "100ms", "--retry-after", "1s"]);
    console.shows_where("four fresh answers", all_fresh);

    newsroom.stop();
    let screen = console.shows(&["✗ failed", "breaker open, tries again in 1s", "unreachable: "]);
    assert!(screen.contains("Title 4"), "known answers stay: {screen}");

    newsroom.start_again();
    let screen = console.shows_where("four fresh answers again", all_fresh);
    assert!(screen.contains(" ago: unreachable"), "{screen}");

    console.press("q");
    assert_eq!(console.ends(), (0, String::new()));
}

#[test]
fn a_newsroom_that_is_down_at_the_start_is_waited_for() {
    let mut newsroom = Newsroom::start();
    newsroom.stop();
    let mut console =
        Console::dashboard(&["--url", &newsroom.url(), "--every", "100ms", "--retry-after", "500ms"]);
    console.shows(&["Is a newsroom running?", "cargo run --release -p newsroom", "breaker open"]);
    newsroom.start_again();
    console.shows_where("four fresh answers", all_fresh);
    console.press("q");
    assert_eq!(console.ends().0, 0);
}

fn all_fresh(screen: &str) -> bool {
    screen.matches("● fresh").count() == 4 && screen.contains("● closed")
}
