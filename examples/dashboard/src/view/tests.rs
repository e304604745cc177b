//! The picture on terminals of several sizes.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::draw;
use crate::model::{Article, Author, Card, Comment, Comments, FeedPage, Stats, Story, Teaser, Totals};
use crate::observed::Phase;
use crate::picture::{Picture, Row, ShownBreaker};

#[test]
fn everything_is_seen_on_80_by_24() {
    let screen = text(&drawn(&picture(), 80, 24));
    assert_eq!(
        screen.lines().take(10).collect::<Vec<_>>(),
        [
            " Newsroom http://news.example                                   loaded every 2s",
            "╭ Queries ─────────────────────────────────────────────────────────────────────╮",
            "│query            state        age      next       last error                  │",
            "│stats            ● fresh      1s       in 1s      -                           │",
            "│feed, page 1     ↻ refreshing 12m 03s  -          -                           │",
            "│article 7        ✗ failed     2s       in 1s      unreachable: Connection refu│",
            "│comments 7       ○ pending    -        -          3s ago: it hung             │",
            "│circuit breaker  ✗ breaker open, tries again in 8s                            │",
            "│error            unreachable: Connection refused (os error 111)               │",
            "╰──────────────────────────────────────────────────────────────────────────────╯",
        ]
    );
    for part in [
        "│12 articles, 34 comments",
        "│▶ A headline that is so long that i… 3││A headline that is so long that it",
        "│  日本語の見出し                  1234││",
        "by Ada",
        "5 comments",
        "Bo: Well said.",
    ] {
        assert!(screen.contains(part), "no `{part}` in\n{screen}");
    }
    assert!(screen.lines().last().unwrap().starts_with(" q quit  r refresh  p pause  ↑↓ article  ←→ page"));
}

#[test]
fn a_state_has_a_colour_besides_its_word() {
    let buffer = drawn(&picture(), 80, 24);
    let sign = |row| &buffer[(18, row)];
    assert_eq!((sign(3).symbol(), sign(3).fg), ("●", Color::Green));
    assert_eq!((sign(4).symbol(), sign(4).fg), ("↻", Color::Cyan));
    assert_eq!((sign(5).symbol(), sign(5).fg), ("✗", Color::Red));
    assert!(sign(6).modifier.contains(Modifier::DIM));
}

#[test]
fn on_a_narrow_terminal_the_states_are_left_and_the_list() {
    let screen = text(&drawn(&picture(), 40, 24));
    assert!(screen.contains("│stats            ● fresh "), "{screen}");
    assert!(!screen.contains("last error") && !screen.contains("in 1s"), "{screen}");
    assert!(screen.contains("▶ A headline") && !screen.contains("by Ada"), "{screen}");
    // Times fit in earlier than errors, which need the most room.
    let screen = text(&drawn(&picture(), 60, 24));
    assert!(screen.contains("● fresh      1s       in 1s") && !screen.contains("last"), "{screen}");
}

#[test]
fn a_title_that_is_too_wide_is_cut_where_the_number_of_comments_begins() {
    let item = |title: String| {
        let teaser = Teaser { id: 7, title, comments: 1234, ..Teaser::default() };
        let feed = Some(Arc::new(FeedPage { articles: vec![teaser], next: None }));
        text(&drawn(&Picture { feed, ..picture() }, 80, 24))
    };
    for (letter, kept) in [("日", 15), ("é", 30), ("e\u{301}", 30)] {
        let (cut, whole) = (item(letter.repeat(60)), item(letter.repeat(kept)));
        let letters = letter.repeat(kept);
        assert!(cut.contains(&format!("│▶ {letters}… 1234││")), "no {letters}… in\n{cut}");
        assert!(whole.contains(&format!("│▶ {letters}  1234││")), "no {letters} in\n{whole}");
    }
}

#[test]
fn on_a_low_terminal_the_states_are_left() {
    let screen = text(&drawn(&picture(), 80, 11));
    assert!(
        screen.contains("│comments 7       ○ pending") && screen.contains("tries again in 8s"),
        "{screen}"
    );
    assert!(!screen.contains("12 articles") && !screen.contains("A headline"), "{screen}");
    // A list needs more than three lines.
    for (height, has_list) in [(14, false), (15, true)] {
        let screen = text(&drawn(&picture(), 80, height));
        assert_eq!(screen.contains("Articles, page 1"), has_list, "{height}\n{screen}");
    }
}

#[test]
fn a_terminal_of_any_size_is_drawn_on() {
    for width in [1, 2, 29, 30, 31, 47, 52, 53, 54, 59, 60, 71, 72, 81, 300] {
        for height in [1, 2, 7, 8, 9, 11, 14, 15, 16, 19, 20, 21, 100] {
            drawn(&picture(), width, height);
        }
    }
    assert!(text(&drawn(&picture(), 20, 5)).contains("20 x 5 is too small"));
}

#[test]
fn texts_of_any_kind_are_drawn_on_a_terminal_of_any_size() {
    let texts = [
        "w".repeat(4_000),
        "日".repeat(900),
        "Z\u{334}\u{334}\u{334}\u{334}".repeat(90),
        "👩🏽‍🚀".repeat(90),
        String::new(),
    ];
    for words in texts {
        let teaser = Teaser { id: 7, title: words.clone(), comments: u64::MAX, ..Teaser::default() };
        let card = Card { title: words.clone(), standfirst: words.clone() };
        let story = Story { article: Article { card, paragraphs: vec![words.clone()] }, author: None };
        let newest = vec![Comment { name: words.clone(), text: words.clone() }];
        let picture = Picture {
            problem: Some(words),
            feed: Some(Arc::new(FeedPage { articles: vec![teaser], next: None })),
            story: Some(Arc::new(Some(story))),
            comments: Some(Arc::new(Some(Comments { total: u64::MAX, newest }))),
            ..picture()
        };
        for (width, height) in [(30, 8), (31, 14), (40, 24), (60, 20), (61, 50), (200, 60)] {
            let screen = text(&drawn(&picture, width, height));
            assert!(screen.contains("feed, page 1") || height < 14, "{width} x {height}\n{screen}");
        }
    }
}

#[test]
fn on_a_large_terminal_all_of_an_error_is_seen() {
    let screen = text(&drawn(&picture(), 140, 40));
    assert_eq!(screen.matches("unreachable: Connection refused (os error 111)").count(), 2, "{screen}");
}

#[test]
fn without_answers_the_screen_says_how_to_start_a_newsroom() {
    let nothing = Picture { feed: None, story: None, stats: None, place: None, ..picture() };
    let screen = text(&drawn(&nothing, 80, 24));
    assert!(screen.contains("cargo run --release -p newsroom"), "{screen}");
    let waiting = text(&drawn(&Picture { problem: None, ..nothing }, 80, 24));
    assert!(!waiting.contains("cargo run") && waiting.contains("waiting for the first answer"), "{waiting}");
}

#[test]
fn a_pause_is_seen() {
    let screen = text(&drawn(&Picture { is_paused: true, ..picture() }, 80, 24));
    assert!(screen.lines().next().unwrap().ends_with(" paused"), "{screen}");
}

fn picture() -> Picture {
    let row = |name: &str, phase, age: &str, next: &str, problem: &str, is_over| Row {
        name: name.to_owned(),
        phase,
        age: age.to_owned(),
        next: next.to_owned(),
        problem: problem.to_owned(),
        is_over,
    };
    let refused = "unreachable: Connection refused (os error 111)";
    let title = "A headline that is so long that it has to be cut off".to_owned();
    let articles = vec![
        Teaser { id: 7, title: title.clone(), comments: 3, ..Teaser::default() },
        Teaser { id: 6, title: "日本語の見出し".to_owned(), comments: 1234, ..Teaser::default() },
    ];
    let article = Article { card: Card { title, ..Card::default() }, paragraphs: vec!["Words.".to_owned()] };
    let comment = Comment { name: "Bo".to_owned(), text: "Well said.".to_owned() };
    Picture {
        address: "http://news.example".to_owned(),
        every: "2s".to_owned(),
        is_paused: false,
        rows: vec![
            row("stats", Phase::Fresh, "1s", "in 1s", "-", true),
            row("feed, page 1", Phase::Refreshing, "12m 03s", "-", "-", true),
            row("article 7", Phase::Failed, "2s", "in 1s", refused, false),
            row("comments 7", Phase::Pending, "-", "-", "3s ago: it hung", true),
        ],
        breaker: ShownBreaker::Open("8s".to_owned()),
        problem: Some(refused.to_owned()),
        stats: Some(Arc::new(Stats {
            totals: Totals { articles: 12, comments: 34, ..Totals::default() },
            ..Stats::default()
        })),
        page: 1,
        feed: Some(Arc::new(FeedPage { articles, next: None })),
        place: Some(0),
        story: Some(Arc::new(Some(Story { article, author: Some(Author { name: "Ada".to_owned() }) }))),
        comments: Some(Arc::new(Some(Comments { total: 5, newest: vec![comment] }))),
    }
}

fn drawn(picture: &Picture, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, picture)).unwrap();
    terminal.backend().buffer().clone()
}

/// What is readable on the screen: a wide letter covers the cell after it.
fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let line = |cells: &[ratatui::buffer::Cell]| {
        let mut line = String::new();
        let mut cells = cells.iter();
        while let Some(cell) = cells.next() {
            line += cell.symbol();
            if ratatui::text::Span::raw(cell.symbol()).width() > 1 {
                cells.next();
            }
        }
        line.trim_end().to_owned()
    };
    buffer.content.chunks(width).map(line).collect::<Vec<_>>().join("\n")
}
