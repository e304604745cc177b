//! The HTML of all pages. maud escapes all text.

pub(crate) mod art;
pub(crate) mod article;
mod date;
pub(crate) mod lists;

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use crate::model::Section;
use crate::problem::Problem;
use crate::reading::Outdated;

/// The content between head and foot of a page.
pub(crate) struct Content {
    /// The title of the window.
    pub(crate) title: String,
    /// The section that is highlighted in the navigation.
    pub(crate) section: Option<Section>,
    /// The text of the search.
    pub(crate) search: String,
    /// Set if the content is out of date.
    pub(crate) outdated: Option<Outdated>,
    pub(crate) main: Markup,
}

/// A whole page.
pub(crate) fn page(content: &Content) -> Html<String> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (content.title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/newsroom.css";
                script src="/newsroom.js" defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                (head(content))
                main #main {
                    @if let Some(outdated) = content.outdated { (self::outdated(outdated)) }
                    (content.main)
                }
                (foot())
            }
        }
    };
    Html(markup.into_string())
}

fn outdated(Outdated { seconds }: Outdated) -> Markup {
    html! {
        p.outdated role="status" {
            "Our archive does not answer. This page may be out of date: it is as we knew it " (date::age(seconds)) " ago."
        }
    }
}

fn head(content: &Content) -> Markup {
    html! {
        header.masthead {
            div.bar {
                a.name href="/" { "The Lantern" }
                form.search action="/search" role="search" {
                    input type="search" name="q" value=(content.search) placeholder="Search" aria-label="Search" required;
                }
            }
            nav.sections aria-label="Sections" {
                @for section in Section::ALL {
                    a href={ "/sections/" (section.name()) } data-section=(section.name())
                        aria-current=[(content.section == Some(section)).then_some("page")] { (section.title()) }
                }
            }
        }
    }
}

fn foot() -> Markup {
    html! {
        footer {
            p { "Every person, place and dog in this newspaper is fictional." }
        }
    }
}

/// The page that shows a problem.
pub(crate) fn problem(problem: &Problem) -> Content {
    let status = problem.status();
    let title = status.canonical_reason().unwrap_or("Problem");
    let main = html! {
        section.problem {
            p.number { (status.as_u16()) }
            h1 { (title) }
            p { (problem.message()) }
            p { a href="/" { "Go to the front page" } }
        }
    };
    Content {
        title: format!("{title} · The Lantern"),
        section: None,
        search: String::new(),
        outdated: None,
        main,
    }
}
