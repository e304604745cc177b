//! The picture on terminals of several sizes.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw;
use crate::picture::{Notice, Picture, Progress, ShownArticle, ShownAuthor, ShownComment};
use crate::reading::Mark;

fn picture() -> Picture {
    let comment =
        |text: &str, progress| ShownComment { name: "Bo".to_owned(), text: text.to_owned(), progress };
    Picture {
        address: "http://news.example".to_owned(),
        items: vec![("One".to_owned(), "Ann".to_owned()), ("Two".to_owned(), "Ben".to_owned())],
        place: 1,
        list_mark: Mark::Fresh,
        article: Some(ShownArticle {
            title: "Two".to_owned(),
            by: "Ben".to_owned(),
            standfirst: "In short.".to_owned(),
            paragraphs: vec!["At length.".to_owned()],
            comments: vec![comment("Soon.", Progress::Pending), comment("Long ago.", Progress::Posted)],
        }),
        article_mark: Mark::Changing,
        author: Some(ShownAuthor {
            name: "Ben".to_owned(),
            about: "A reporter".to_owned(),
            articles: vec!["Two".to_owned()],
        }),
        author_mark: Mark::Stale,
        ..Picture::default()
    }
}

fn drawn(picture: &Picture, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, picture)).unwrap();
    let cells = terminal.backend().buffer().content.chunks(usize::from(width));
    cells.map(|line| line.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

#[test]
fn three_panes_are_seen_on_80_by_24() {
    let screen = drawn(&picture(), 80, 24);
    for part in [
        " Articles 2 ● ",
        "│▶ Two",
        "by Ben",
        " Article … saving ",
        "At length.",
        " 2 comments ",
        "│… pending Bo: Soon.",
        "│Bo: Long ago.",
        " Author ◐ stale ",
        "A reporter",
        "· Two",
        "↑↓ article",
        "q quit",
    ] {
        assert!(screen.contains(part), "no `{part}` in\n{screen}");
    }
}

#[test]
fn narrow_terminals_lose_the_author_and_then_the_article() {
    let screen = drawn(&picture(), 60, 24);
    assert!(screen.contains("At length.") && !screen.contains("A reporter"), "{screen}");
    let screen = drawn(&picture(), 40, 24);
    assert!(screen.contains("▶ Two") && !screen.contains("At length."), "{screen}");
}

#[test]
fn a_question_comes_before_a_message_and_shows_the_end_of_a_long_answer() {
    let question = Some(("Your comment".to_owned(), "a".repeat(200) + "z"));
    let notice = Some(Notice { text: "Done.".to_owned(), is_error: false });
    let screen = drawn(&Picture { question, notice: notice.clone(), ..picture() }, 80, 24);
    assert!(
        screen.contains("Your comment: aaa") && screen.contains("az▏") && !screen.contains("Done."),
        "{screen}"
    );
    assert!(screen.contains("Enter send") && !screen.contains("q quit"), "{screen}");
    assert!(drawn(&Picture { notice, ..picture() }, 80, 24).contains("✓ Done."));
}

#[test]
fn a_terminal_of_any_size_is_drawn_on() {
    for width in [1, 2, 29, 30, 31, 49, 50, 51, 75, 76, 77, 300] {
        for height in [1, 2, 7, 8, 9, 24, 100] {
            drawn(&picture(), width, height);
            drawn(&Picture::default(), width, height);
        }
    }
    assert!(drawn(&picture(), 20, 5).contains("20 x 5 is too small"));
}
