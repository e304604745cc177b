//! Keys, and a terminal that changes its size.

use crate::console::Console;
use crate::newsroom::Newsroom;

const DOWN: &str = "\x1b[B";
const RIGHT: &str = "\x1b[C";
const LEFT: &str = "\x1b[D";

#[test]
fn arrows_choose_articles_and_pages() {
    let (_newsroom, mut console) = started("100ms");
    console.shows(&["article 4", "▶ Four", "Title 4", "by Ada", "Bo: Said of 4.", "4 articles, 77 comments"]);
    console.press(DOWN);
    console.shows(&[
        "article 3",
        "▶ Three",
        "This article no longer exists.",
        "● closed",
        "error            none",
    ]);
    console.press(RIGHT);
    console.shows(&["feed, page 2", "▶ Two", "Title 2", "Said of 2."]);
    console.press(LEFT);
    console.shows(&["feed, page 1", "▶ Four", "Title 4"]);
}

#[test]
fn a_pause_lets_answers_grow_stale_and_its_end_loads_them() {
    let (_newsroom, mut console) = started("100ms");
    console.shows(&["● fresh"]);
    console.press("p");
    console.shows_where("four stale answers", |screen| {
        screen.matches("◐ stale").count() == 4 && screen.lines().next().unwrap().ends_with("paused ")
    });
    console.press("p");
    console.shows(&["● fresh", "loaded every 100ms"]);
}

#[test]
fn a_refresh_does_not_wait_for_the_next_time() {
    let (mut newsroom, mut console) = started("60m");
    console.shows(&["Said of 4.", "● fresh", "in 1h 00m"]);
    newsroom.stop();
    console.press("r");
    console.shows(&["✗ failed", "unreachable: ", "breaker open, the next load is a trial"]);
    newsroom.start_again();
    console.press("r");
    console.shows_where("four fresh answers", |screen| screen.matches("● fresh").count() == 4);
}

#[test]
fn the_picture_follows_the_size_of_the_terminal() {
    let (_newsroom, console) = started("100ms");
    console.shows(&["last error", "Title 4"]);
    console.resize(40, 12);
    console.shows_where("the states alone", |screen| {
        screen.contains("● fresh") && !screen.contains("last error") && !screen.contains("Title 4")
    });
    console.resize(100, 30);
    console.shows_where("a line of 100", |screen| {
        screen.contains("Title 4") && screen.lines().any(|line| line.chars().count() == 100)
    });
}

fn started(every: &str) -> (Newsroom, Console) {
    let newsroom = Newsroom::start();
    let console = Console::dashboard(&["--url", &newsroom.url(), "--every", every, "--retry-after", "500ms"]);
    (newsroom, console)
}
