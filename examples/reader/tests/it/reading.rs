//! The list, and what belongs to the selected article.

use crate::console::Console;
use crate::program::{DOWN, END, SIZES};
use crate::server::Server;

#[test]
fn an_article_is_shown_with_its_author_and_comments() {
    let server = Server::start();
    let articles = server.articles();
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        console.shows(&[
            &format!("▶ {}", articles[0].start()),
            "● connected",
            "Articles 20 ●",
            "Article ●",
            "Author ●",
        ]);
        console.press(DOWN);
        console.shows(&[&format!("▶ {}", articles[1].start()), &articles[1].author[..10], " comment"]);
        console.press("q");
        assert_eq!(console.ends(), (0, String::new()));
    }
}

#[test]
fn the_list_goes_on_to_the_last_article_by_its_links() {
    let server = Server::start();
    let articles = server.articles();
    for size in SIZES {
        let folder = tempfile::tempdir().unwrap();
        let mut console = Console::reader(&server.url(), folder.path(), size);
        for count in [20, 40, 60] {
            console.shows(&[&format!("Articles {count} ●")]);
            console.press(END);
            console.shows(&[&format!("▶ {}", articles[count - 1].start())]);
        }
    }
}
