//! The list, and what belongs to the selected article.

use crate::console::Console;
use crate::program::{DOWN, END, SIZES};
use crate::server::Server;

#[test]
fn an_article_is_shown_with_its_author_and_comments() {
    let server = Server::start();
    let articles = server.articles();
    let commenters: Vec<_> = articles[..20].iter().map(|article| server.commenters(&article.id)).collect();
    let commented = (1..20).find(|&place| !commenters[place].is_empty()).expect("an article has comments");
    let (article, names) = (&articles[commented], &commenters[commented]);
    let heading = match names.len() {
        1 => " 1 comment ".to_owned(),
        count => format!(" {count} comments "),
    };
    let of_author = articles.iter().find(|other| other.author == article.author).unwrap();
    let first_word = of_author.title.split(' ').next().unwrap();
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
        (0..commented).for_each(|_| console.press(DOWN));
        console.shows(&[
            &format!("▶ {}", article.start()),
            &format!("by {}", article.author),
            &heading,
            &format!("{}:", names[0]),
            &format!("· {first_word}"),
        ]);
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
