//! Changes: shown before the server has answered, and in every pane.

use std::time::Duration;

use crate::console::Console;
use crate::program::SIZES;
use crate::server::Server;

/// How long the server takes for a change: long enough to see what is shown meanwhile.
const SLOW: Duration = Duration::from_millis(1_500);

#[test]
fn a_renamed_author_has_the_new_name_in_all_three_panes() {
    let server = Server::start();
    for (size, name) in SIZES.into_iter().zip(["Zoe Quill", "Eve Moss"]) {
        let old = server.articles()[0].author.clone();
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&[&old, "Author ●"]);
        console.press("r");
        console.shows(&["A new name for "]);
        server.is_slow(SLOW);
        console.press(&format!("{name}\r"));
        let is_everywhere = |screen: &str| screen.matches(name).count() >= 3;
        console.shows_where(&format!("{name}, unconfirmed"), |screen| {
            is_everywhere(screen) && screen.contains("… saving")
        });
        server.is_slow(Duration::ZERO);
        let screen = console
            .shows_where(name, |screen| is_everywhere(screen) && screen.contains("✓ The author is renamed."));
        assert!(!screen.contains(&old), "{screen}");
    }
}

#[test]
fn a_name_that_the_server_refuses_is_taken_back_and_the_reason_is_shown() {
    let server = Server::start();
    let articles = server.articles();
    let old = &articles[0].author;
    let taken = &articles.iter().find(|article| article.author != *old).unwrap().author;
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&[old, "Author ●"]);
        console.press("r");
        console.shows(&["A new name for "]);
        console.press(&format!("{taken}\r"));
        console.shows(&["✗ The author was not renamed: another author has the name", old]);
    }
}

#[test]
fn a_comment_is_pending_until_the_server_has_it() {
    let server = Server::start();
    for (size, text) in SIZES.into_iter().zip(["Well said.", "So true."]) {
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&["Article ●", "Author ●", " comment"]);
        server.is_slow(SLOW);
        console.press("c");
        console.shows(&["Your comment: "]);
        console.press(&format!("{text}\r"));
        console.shows(&[&format!("… pending Ada: {text}"), "… saving"]);
        server.is_slow(Duration::ZERO);
        console.shows_where("the comment settled", |screen| {
            screen.contains(&format!("│Ada: {text}")) && screen.contains("✓ The comment is posted.")
        });
    }
}

#[test]
fn a_comment_that_cannot_be_posted_is_taken_back_and_the_reason_is_shown() {
    let server = Server::start();
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&["Article ●", "Author ●", " comment"]);
        server.is_slow(SLOW);
        server.is_broken(true);
        console.press("c");
        console.shows(&["Your comment: "]);
        console.press("Lost.\r");
        console.shows(&["… pending Ada: Lost."]);
        console.shows_where("the comment gone", |screen| {
            screen.contains("✗ The comment was not posted: Something went wrong")
                && !screen.contains("Ada: Lost.")
        });
        server.is_slow(Duration::ZERO);
        server.is_broken(false);
    }
}

#[test]
fn a_deleted_article_leaves_every_list() {
    let server = Server::start();
    for size in SIZES {
        let articles = server.articles();
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        // In the list, as the selected article, and among the articles of its author.
        let title = articles[0].start();
        console.shows_where(&title, |screen| {
            screen.contains(&format!("▶ {title}")) && screen.contains(&format!("· {}", &title[..8]))
        });
        console.press("d");
        console.shows(&["Delete this article with its comments? y/n"]);
        console.press("n");
        console.shows_where("no question", |screen| !screen.contains("Delete this article"));
        server.is_slow(SLOW);
        console.press("dy");
        let is_gone =
            |screen: &str| screen.contains(&format!("▶ {}", articles[1].start())) && !screen.contains(&title);
        console
            .shows_where("the article gone at once", |screen| is_gone(screen) && screen.contains("… saving"));
        server.is_slow(Duration::ZERO);
        console.shows_where("the article gone", |screen| {
            is_gone(screen) && screen.contains("✓ The article is deleted.")
        });
    }
}
