//! A server that is not there, stops, and comes back.

use crate::console::Console;
use crate::program::{DOWN, SIZES};
use crate::server::Server;

const UP: &str = "\x1b[A";

#[test]
fn while_the_server_is_stopped_what_was_read_stays_and_is_marked() {
    let mut server = Server::start();
    let articles = server.articles();
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&["Article ●", "Author ●"]);
        console.press(DOWN);
        console.shows(&[&format!("▶ {}", articles[1].start()), "Article ●", "Author ●"]);
        server.stop();
        console.shows(&["✗ offline", "Articles 20 ◐ stale", "Article ◐ stale", "Author ◐ stale"]);
        console.press(UP);
        let first = format!("▶ {}", articles[0].start());
        console.shows(&[&first, "Article ◐ stale", " comment"]);
        // It was never opened.
        console.press(&[DOWN, DOWN].concat());
        console.shows(&[&format!("▶ {}", articles[2].start()), "The text cannot be"]);
        console.press("c");
        console.press("Anybody?\r");
        console.shows(&["✗ The comment was not posted: the server does not answer"]);
        server.start_again();
        console.shows(&["● connected", "Articles 20 ●", "Article ●", "Author ●"]);
    }
}

#[test]
fn without_a_server_and_without_anything_saved_it_says_what_to_do() {
    let mut server = Server::start();
    server.stop();
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&[
            "✗ offline",
            "the server does not answer: ",
            "Is a newsroom running?",
            "cargo run -p newsroom",
        ]);
        server.start_again();
        console.shows(&["● connected", "Articles 20 ●"]);
        console.press("q");
        assert_eq!(console.ends(), (0, String::new()));
        server.stop();
    }
}

#[test]
fn what_was_read_last_is_there_after_a_start_without_the_server() {
    let mut server = Server::start();
    let articles = server.articles();
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&["Articles 20 ●", "Article ●", "Author ●"]);
        console.press(DOWN);
        console.shows(&[&format!("▶ {}", articles[1].start()), "Article ●", "Author ●"]);
        console.press("q");
        assert_eq!(console.ends(), (0, String::new()));

        server.stop();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&["✗ offline", "Articles 20 ◐ stale", "Article ◐ stale", "Author ◐ stale"]);
        console.shows(&[&format!("▶ {}", articles[0].start()), &articles[0].author[..10], " comment"]);
        console.press(DOWN);
        console.shows(&[&format!("▶ {}", articles[1].start()), "Article ◐ stale", &articles[1].author[..10]]);
        server.start_again();
        console.shows(&["● connected", "Articles 20 ●", "Article ●", "Author ●"]);
        console.press("q");
        assert_eq!(console.ends(), (0, String::new()));
    }
}

#[test]
fn a_file_that_cannot_be_read_counts_as_none() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let name = server.url().replace("http://", "").replace(['.', ':'], "-");
    std::fs::write(folder.path().join(format!("{name}.snapshot")), "not this").unwrap();
    let mut console = Console::reader(&server.url(), folder.path(), SIZES[0]);
    console.shows(&["● connected", "Articles 20 ●"]);
    console.press("q");
    assert_eq!(console.ends(), (0, String::new()));
}
