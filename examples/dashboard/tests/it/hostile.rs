//! A newsroom that is broken, or something else: its answers never harm the terminal, and never keep the program from
//! ending.

use std::net::TcpListener;

use crate::console::Console;
use crate::newsroom::Newsroom;

/// Sets the title of the window, clears the screen, changes the direction of text, and draws over the lines above.
const HOSTILE: &str =
    r"\u001b]0;owned\u0007\u001b[2J\u009b2J\u202eZ\u0334\u0334\u0334\u0334\u0334\u0334\u0334\u0334one\ntwo";

fn hostile(path: &str) -> Option<String> {
    Some(match path {
        "/api/stats" => format!(
            r#"{{"totals":{{"latest":{{"title":"{HOSTILE}","name":"{HOSTILE}"}}}},"database":{{"queries":{{"{HOSTILE}":{{"loads":1}}}}}}}}"#
        ),
        "/api/feed" => format!(
            r#"{{"articles":[{{"id":4,"title":"{HOSTILE}","name":"{HOSTILE}"}}],"next":"{HOSTILE}"}}"#
        ),
        "/api/articles/4" => format!(
            r#"{{"article":{{"card":{{"title":"{HOSTILE}","standfirst":"{HOSTILE}"}},"paragraphs":["{HOSTILE}"]}},"author":{{"name":"{HOSTILE}"}}}}"#
        ),
        _ => format!(r#"{{"total":1,"newest":[{{"name":"{HOSTILE}","text":"{HOSTILE}"}}]}}"#),
    })
}

/// Texts of megabytes, and lists of many thousands.
fn huge(path: &str) -> Option<String> {
    let (megabyte, text) = ("a ".repeat(500_000), "\u{301}".repeat(200_000));
    Some(match path {
        "/api/feed" => {
            let articles: Vec<_> = (1..40_000).map(|id| format!(r#"{{"id":{id},"title":"{id}"}}"#)).collect();
            format!(r#"{{"articles":[{{"id":40000,"title":"{megabyte}"}},{}]}}"#, articles.join(","))
        }
        "/api/articles/40000" => {
            let paragraphs = format!(r#""{megabyte}","Z{text}""#);
            format!(r#"{{"article":{{"card":{{"title":"{megabyte}"}},"paragraphs":[{paragraphs}]}}}}"#)
        }
        "/api/articles/40000/comments" => {
            let comments = vec![r#"{"name":"Bo","text":"Hm."}"#; 100_000];
            format!(r#"{{"total":100000,"newest":[{}]}}"#, comments.join(","))
        }
        _ => "{}".to_owned(),
    })
}

#[test]
fn nothing_that_a_newsroom_says_reaches_the_terminal_as_a_command() {
    let newsroom = Newsroom::saying(hostile);
    let mut console = Console::dashboard(&["--url", &newsroom.url(), "--every", "100ms"]);
    let screen = console.shows_where("four fresh answers", |screen| screen.matches("● fresh").count() == 4);
    assert!(screen.contains("one two"), "words are separate: {screen}");
    // The next page begins at something that is not a path.
    console.press("\x1b[C");
    console.shows(&["feed, page 2", "✗ failed", "is not a path"]);
    console.press("q");
    assert_eq!(console.ends(), (0, String::new()));
    let written = console.written();
    assert!(!written.contains("\u{1b}]0;") && !written.contains('\u{9b}') && !written.contains('\u{202e}'));
    assert!(!written.contains(&"\u{334}".repeat(5)), "too many marks on a letter");
}

#[test]
fn messages_of_errors_cannot_contain_commands_either() {
    let newsroom = Newsroom::saying(|_| None);
    let mut console = Console::dashboard(&["--url", &newsroom.url(), "--every", "100ms"]);
    console.shows(&["404 Not Found: There is]0;owned no such thing."]);
    console.press("q");
    assert_eq!(console.ends(), (0, String::new()));
    assert!(!console.written().contains("\u{1b}]0;"));
}

#[test]
fn texts_and_lists_of_any_length_keep_no_user_waiting() {
    let newsroom = Newsroom::saying(huge);
    let mut console = Console::dashboard(&["--url", &newsroom.url(), "--every", "60m"]);
    console.shows_where("four fresh answers", |screen| screen.matches("● fresh").count() == 4);
    // A long title leaves room for the rest.
    console.shows(&["▶ a a a", "100000 comments"]);
    console.press("\x1b[B");
    console.shows(&["▶ 1"]);
    // The end of the part of the list that is kept.
    console.press("\x1b[F");
    console.shows(&["▶ 199"]);
    console.press("q");
    assert_eq!(console.ends(), (0, String::new()));
}

#[test]
fn an_answer_of_more_than_4_mib_is_broken_off() {
    let newsroom = Newsroom::saying(|path| match path {
        // This answer would be valid.
        "/api/feed" => Some(format!(r#"{{"articles":[]{}}}"#, " ".repeat(4 << 20))),
        _ => Some("{}".to_owned()),
    });
    let mut console = Console::dashboard(&["--url", &newsroom.url(), "--every", "60m"]);
    console.shows(&["● fresh", "the answer to /api/feed broke off"]);
    console.press("q");
    assert_eq!(console.ends(), (0, String::new()));
}

#[test]
fn keys_that_arrive_faster_than_pictures_do_not_delay_the_user() {
    let newsroom = Newsroom::start();
    let mut console = Console::dashboard(&["--url", &newsroom.url(), "--every", "60m"]);
    console.shows(&["▶ Four"]);
    // As if a text were pasted, no longer than the terminal holds.
    console.press(&"p".repeat(4_000));
    console.press("q");
    assert_eq!(console.ends_before_a_load(), (0, String::new()));
}

#[test]
fn loads_that_are_never_answered_keep_no_user_waiting() {
    // The system accepts connections, and nothing reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let ends: [fn(&mut Console); 3] = [|it| it.press("q"), |it| it.press("\x03"), |it| it.terminate()];
    for end in ends {
        let mut console = Console::dashboard(&["--url", &url]);
        console.shows(&["○ pending"]);
        end(&mut console);
        assert_eq!(console.ends_before_a_load(), (0, String::new()));
    }
}

#[test]
fn a_terminal_that_claims_billions_of_cells_is_rejected_and_restored() {
    let newsroom = Newsroom::start();
    let mut console = Console::dashboard(&["--url", &newsroom.url(), "--every", "100ms"]);
    console.shows(&["● fresh"]);
    console.claim(u16::MAX, u16::MAX);
    let (status, left) = console.ends();
    assert_eq!(status, 1);
    assert!(left.contains("error: the terminal reports a size of 65535 x 65535"), "{left}");
}
