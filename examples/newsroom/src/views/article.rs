//! One article, the comments on it, and the form for a new one. A browser that runs scripts replaces the comments and the
//! form by those of `web/article.tsx`, which look the same.

use maud::{Markup, html};

use super::{Content, art, date, lists};
use crate::model::{Article, Author, Discussion, SignedComment};
use crate::reading::{Outdated, name};

/// The page of an article. Without comments it has a link to the page that waits for them.
pub(crate) fn page(
    article: &Article,
    author: Option<&Author>,
    comments: Option<&Discussion>,
    outdated: Option<Outdated>,
) -> Content {
    let card = &article.card;
    let main = html! {
        article.story data-checksum=(article.checksum) {
            header {
                a.kicker href={ "/sections/" (card.section.name()) } data-section=(card.section.name()) {
                    (card.section.title())
                }
                h1 { (card.title) }
                p.standfirst { (card.standfirst) }
                p.meta {
                    span { "By " strong { (name(author)) } }
                    span { (date::day(card.published)) }
                    span { a href="#comments" { (heading(comments)) } }
                }
            }
            div.frame { (art::picture(card)) }
            div.text { @for paragraph in &article.paragraphs { p { (paragraph) } } }
            @if let Some(author) = author { p.signature { strong { (author.name) } ". " (author.about) "." } }
        }
        div #discussion data-article=(card.id) { (discussion(card.id, comments)) }
    };
    Content {
        title: format!("{} · The Lantern", card.title),
        section: Some(card.section),
        search: String::new(),
        outdated,
        main,
    }
}

fn discussion(article: u64, comments: Option<&Discussion>) -> Markup {
    html! {
        section.discussion #comments data-total=[comments.map(|comments| comments.total)] {
            h2 { span.total { (heading(comments)) } }
            form.comment method="post" action={ "/articles/" (article) "/comments" } {
                label { "Your name" input name="name" maxlength="60" autocomplete="name" required; }
                label { "Your comment" textarea name="text" rows="4" maxlength="2000" required {} }
                div.send { button { "Post" } p.notice role="status" {} }
            }
            @match comments {
                Some(comments) => {
                    ol.comments { @for signed in &comments.newest { (comment(signed)) } }
                    p.meta.older hidden[comments.newest.len() as u64 == u64::from(comments.total)] {
                        "Older comments are not shown."
                    }
                }
                None => noscript {
                    p.meta {
                        "The comments are not here yet. "
                        a href={ "/articles/" (article) "?whole=true#comments" } { "Read them" }
                    }
                }
            }
        }
    }
}

fn heading(comments: Option<&Discussion>) -> String {
    comments.map_or_else(|| "Comments".to_owned(), |comments| lists::comments(comments.total))
}

fn comment(signed: &SignedComment) -> Markup {
    html! {
        li data-number=(signed.number) {
            p.meta { strong { bdi { (signed.name) } } span { (date::moment(signed.posted)) } }
            p.said dir="auto" { (signed.text) }
            // The style sheet makes it open the text above it.
            @if signed.is_long { details.more { summary { "Whole comment" } } }
        }
    }
}
