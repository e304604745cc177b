//! Lists of articles: the front page, a section, the result of a search.

use maud::{Markup, html};

use super::{Content, art, date};
use crate::model::Section;
use crate::reading::{Discussed, Feed, Findings, Found, Teaser};

/// The front page, or that of a section. The first page begins with a large article.
pub(crate) fn front(section: Option<Section>, is_first: bool, feed: &Feed, discussed: &Discussed) -> Content {
    let (lead, rest) = match (is_first, feed.articles.as_slice()) {
        (true, [lead, rest @ ..]) => (Some(lead), rest),
        (_, all) => (None, all),
    };
    let place = section.map_or_else(|| "/".to_owned(), |section| format!("/sections/{}", section.name()));
    let title = section.map_or("The Lantern", Section::title);
    let main = html! {
        @if let Some(section) = section { h1.section-title data-section=(section.name()) { (section.title()) } }
        @else { h1.unseen { "The Lantern" } }
        @if let Some(lead) = lead { (self::lead(lead)) }
        div.columns {
            div.stories {
                @for teaser in rest { (self::teaser(teaser)) }
                @if feed.articles.is_empty() { p { "Nothing has been written here yet." } }
                @if let Some(next) = &feed.next {
                    p.older { a rel="next" href={ (place) "?before=" (next) } { "Older articles" } }
                }
            }
            aside.discussed {
                h2 { "Most discussed" }
                ol {
                    @for teaser in &discussed.articles {
                        li {
                            a href={ "/articles/" (teaser.card.id) } { (teaser.card.title) }
                            span.meta { (comments(teaser.comments)) }
                        }
                    }
                }
                // Scripts keep the list up to date, and can show more of it.
                button.more-discussed type="button" hidden { "Show more" }
            }
        }
    };
    let outdated = feed.outdated.max(discussed.outdated);
    Content { title: title.to_owned(), section, search: String::new(), outdated, main }
}

/// The result of a search; `None` if there was no search.
pub(crate) fn search(wanted: &str, found: Option<&Findings>) -> Content {
    let main = html! {
        h1.section-title { "Search" }
        div.stories {
            @match found {
                None => p { "Write one word or several above; an article is found if it has all of them." },
                Some(Findings { total: 0, .. }) => p { "No article has all of these words: " em { bdi { (wanted) } } },
                Some(Findings { total, articles }) => {
                    p.meta {
                        (total) @if *total == 1 { " article" } @else { " articles" } " for " em { bdi { (wanted) } }
                        @if articles.len() < *total as usize { ", the best " (articles.len()) " of them here" }
                    }
                    @for found in articles { (hit(found)) }
                }
            }
        }
    };
    Content {
        title: "Search · The Lantern".to_owned(),
        section: None,
        search: wanted.to_owned(),
        outdated: None,
        main,
    }
}

fn lead(teaser: &Teaser) -> Markup {
    html! {
        article.lead {
            a.frame href={ "/articles/" (teaser.card.id) } tabindex="-1" aria-hidden="true" { (art::picture(&teaser.card)) }
            div {
                (kicker(teaser))
                h2 { a href={ "/articles/" (teaser.card.id) } { (teaser.card.title) } }
                p.standfirst { (teaser.card.standfirst) }
                (meta(teaser))
            }
        }
    }
}

fn teaser(teaser: &Teaser) -> Markup {
    html! {
        article.teaser {
            a.frame href={ "/articles/" (teaser.card.id) } tabindex="-1" aria-hidden="true" { (art::picture(&teaser.card)) }
            div {
                (kicker(teaser))
                h2 { a href={ "/articles/" (teaser.card.id) } { (teaser.card.title) } }
                p { (teaser.card.standfirst) }
                (meta(teaser))
            }
        }
    }
}

fn hit(found: &Found) -> Markup {
    let Found { teaser, excerpt } = found;
    html! {
        article.hit {
            (kicker(teaser))
            h2 { a href={ "/articles/" (teaser.card.id) } { (teaser.card.title) } }
            p {
                @for (at, piece) in excerpt.iter().enumerate() {
                    @if at % 2 == 1 { mark { (piece) } } @else { (piece) }
                }
            }
            (meta(teaser))
        }
    }
}

fn kicker(teaser: &Teaser) -> Markup {
    let section = teaser.card.section;
    html! { a.kicker href={ "/sections/" (section.name()) } data-section=(section.name()) { (section.title()) } }
}

fn meta(teaser: &Teaser) -> Markup {
    html! {
        p.meta {
            span { (teaser.name) }
            span { (date::day(teaser.card.published)) }
            @if teaser.comments > 0 { span { (comments(teaser.comments)) } }
        }
    }
}

/// How many, in words.
pub(super) fn comments(count: u32) -> String {
    if count == 1 { "1 comment".to_owned() } else { format!("{count} comments") }
}
