//! One article, the comments on it, and the form for a new one.

use maud::{Markup, html};

use super::{Content, art, date, lists};
use crate::model::{Discussion, SignedComment};
use crate::reading::{Story, name};

/// The page of an article.
pub(crate) fn page(story: &Story) -> Content {
    let Story { article, author, comments, outdated } = story;
    let card = &article.card;
    let author = author.as_deref();
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
                    span { a href="#comments" { (lists::comments(comments.total)) } }
                }
            }
            div.frame { (art::picture(card)) }
            div.text { @for paragraph in &article.paragraphs { p { (paragraph) } } }
            @if let Some(author) = author { p.signature { strong { (author.name) } ". " (author.about) "." } }
        }
        (discussion(card.id, comments))
    };
    Content {
        title: format!("{} · The Lantern", card.title),
        section: Some(card.section),
        search: String::new(),
        outdated: *outdated,
        main,
    }
}

fn discussion(article: u64, comments: &Discussion) -> Markup {
    html! {
        section.discussion #comments data-article=(article) data-total=(comments.total) {
            h2 { span.total { (lists::comments(comments.total)) } span.live hidden { "live" } }
            form.comment method="post" action={ "/articles/" (article) "/comments" } {
                label { "Your name" input name="name" maxlength="60" autocomplete="name" required; }
                label { "Your comment" textarea name="text" rows="4" maxlength="2000" required {} }
                div.send { button { "Post" } p.notice role="status" {} }
            }
            ol.comments { @for signed in &comments.newest { (comment(signed)) } }
            p.meta.older hidden[comments.newest.len() as u64 == u64::from(comments.total)] {
                "Older comments are not shown."
            }
        }
    }
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
