//! The content of a page, combined from several queries; independent ones run concurrently. Serves pages and JSON
//! alike.

use std::collections::HashMap;
use std::sync::Arc;

use cache_client::{Context, Fetch};
use cache_core::Holds;
use serde::Serialize;

use crate::CacheRegistry;
use crate::app::Newsroom;
use crate::model::{
    Article, Author, Byline, Card, Comment, Comments, Cursor, DiscussedPage, Discussion, Hit, Present,
    Section, SignedComment,
};
use crate::problem::Problem;
use crate::queries::{CountComments, GetArticle, GetAuthor, GetComments, GetFeed, MostDiscussed, Search};

/// The context of a request.
pub type Cx = Context<Newsroom>;

/// An article with its author and the comments on it.
#[derive(Debug, Serialize)]
pub struct Story {
    /// The article.
    pub article: Present<Article>,
    /// Its author.
    pub author: Option<Present<Author>>,
    /// The comments on it.
    pub comments: Discussion,
    /// Set if the database does not answer and this is out of date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outdated: Option<Outdated>,
}

/// How old an answer is that is out of date, because the database does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Outdated {
    /// The age of the oldest part.
    pub seconds: u64,
}

/// An article in a list.
#[derive(Debug, Serialize)]
pub struct Teaser {
    /// The article.
    #[serde(flatten)]
    pub card: Card,
    /// Its author.
    pub name: String,
    /// How many comments there are on it.
    pub comments: u32,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Feed {
    /// The articles of the page.
    pub articles: Vec<Teaser>,
    /// Where the next page begins, as text.
    pub next: Option<String>,
    /// Set if the database does not answer and this is out of date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outdated: Option<Outdated>,
}

/// The first pages of the list of the most discussed articles.
#[derive(Debug, Serialize)]
pub struct Discussed {
    /// The articles of the pages, most discussed first.
    pub articles: Vec<Teaser>,
    /// Whether there are more.
    pub has_next: bool,
    /// Set if the database does not answer and this is out of date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outdated: Option<Outdated>,
}

/// The result of a search.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// How many articles have all the words.
    pub total: u32,
    /// The best matches, best first.
    pub articles: Vec<Found>,
}

/// An article that a search has found.
#[derive(Debug, Serialize)]
pub struct Found {
    /// The article.
    #[serde(flatten)]
    pub teaser: Teaser,
    /// Some of its text, in pieces: every second one is a word of the search.
    pub excerpt: Vec<String>,
}

/// An article with its author and comments: first the article and its comments, then all their authors.
///
/// # Errors
/// If there is no such article, or something cannot be loaded.
pub async fn story(cx: &Cx, id: u64) -> Result<Story, Problem> {
    let (of_article, of_comments) = (GetArticle { id }, GetComments { article: id });
    let (article, comments) = tokio::join!(cx.query(&of_article), cx.query(&of_comments));
    let article = Present::of(article?).ok_or_else(|| Problem::no_such("article", id))?;
    let (author, comments) = (GetAuthor { id: article.card.author }, comments?);
    let (author, comments) = tokio::join!(cx.query(&author), discussion(cx, &comments));
    let outdated = outdated(cx, &of_article).max(outdated(cx, &of_comments));
    Ok(Story { article, author: Present::of(author?), comments: comments?, outdated })
}

/// Comments with the names of their authors.
///
/// # Errors
/// If a name cannot be loaded.
pub async fn discussion(cx: &Cx, comments: &Comments) -> Result<Discussion, Problem> {
    let names = authors(cx, comments.newest.iter().filter_map(Comment::author)).await?;
    let signed = |comment: &Comment| {
        let name = match &comment.by {
            Byline::Author(author) => name_of(&names, *author),
            Byline::Name(name) => name.clone(),
        };
        SignedComment::new(name, comment)
    };
    Ok(Discussion { total: comments.total, newest: comments.newest.iter().map(signed).collect() })
}

/// One page of the list of articles.
///
/// # Errors
/// If something cannot be loaded.
pub async fn feed(cx: &Cx, section: Option<Section>, before: Option<Cursor>) -> Result<Feed, Problem> {
    let query = GetFeed { section, author: None, before };
    let page = cx.query(&query).await?;
    let articles = teasers(cx, &page.cards).await?;
    let next = page.next.map(|cursor| cursor.to_string());
    Ok(Feed { articles, next, outdated: outdated(cx, &query) })
}

/// The first page of the list of the most discussed articles.
///
/// # Errors
/// If something cannot be loaded.
pub async fn most_discussed(cx: &Cx) -> Result<Discussed, Problem> {
    let query = MostDiscussed { page: 0 };
    let page = cx.query(&query).await?;
    let mut discussed = discussed(cx, &[page]).await?;
    discussed.outdated = outdated(cx, &query);
    Ok(discussed)
}

/// These pages of the list of the most discussed articles, with what is shown of the articles.
///
/// # Errors
/// If something cannot be loaded.
pub async fn discussed(cx: &Cx, pages: &[Arc<DiscussedPage>]) -> Result<Discussed, Problem> {
    let has_next = pages.last().is_some_and(|page| page.next.is_some());
    // While the pages are loaded again, an article may be on two of them.
    let mut cards: Vec<Card> = Vec::new();
    for card in pages.iter().flat_map(|page| &page.cards) {
        if cards.iter().all(|other| other.id != card.id) {
            cards.push(card.clone());
        }
    }
    let mut articles = teasers(cx, &cards).await?;
    // The list may have been loaded before the numbers.
    articles.sort_by_key(|teaser| std::cmp::Reverse(teaser.comments));
    Ok(Discussed { articles, has_next, outdated: None })
}

/// The articles in which all words of a text occur, best first. `None` if it contains no word.
///
/// # Errors
/// If the text is too long, or something cannot be loaded.
pub async fn found(cx: &Cx, text: &str) -> Result<Option<Findings>, Problem> {
    if text.chars().count() > Search::LONGEST {
        return Err(Problem::BadInput(format!("a search has at most {} characters", Search::LONGEST)));
    }
    let Some(search) = Search::new(text) else { return Ok(None) };
    let hits = cx.query(&search).await?;
    let cards: Vec<_> = hits.best.iter().map(|hit| hit.card.clone()).collect();
    let teasers = teasers(cx, &cards).await?;
    let pair = |(teaser, hit): (Teaser, &Hit)| Found { teaser, excerpt: hit.excerpt.clone() };
    Ok(Some(Findings {
        total: hits.total,
        articles: teasers.into_iter().zip(&hits.best).map(pair).collect(),
    }))
}

/// The age of the answer to a query that is out of date, because the database does not answer. `None` if it is not.
pub(crate) fn outdated<Q: Fetch<Newsroom>>(cx: &Cx, query: &Q) -> Option<Outdated>
where
    CacheRegistry: Holds<Q>,
{
    let client = cx.client();
    let state = client.query_state(query)?;
    let has_failed = client.app().database.is_missing() || client.refresh_error(query).is_some();
    (state.is_stale && has_failed).then_some(Outdated { seconds: state.age.as_secs() })
}

/// Cards with names and numbers of comments, each for all cards together.
async fn teasers(cx: &Cx, cards: &[Card]) -> Result<Vec<Teaser>, Problem> {
    let counts: Vec<_> = cards.iter().map(|card| CountComments { article: card.id }).collect();
    let names = authors(cx, cards.iter().map(|card| card.author));
    let (names, counts) = tokio::join!(names, cx.query_all(&counts));
    let names = names?;
    let teaser = |(card, count): (&Card, Result<Arc<u32>, _>)| {
        Ok(Teaser { name: name_of(&names, card.author), comments: *count?, card: card.clone() })
    };
    cards.iter().zip(counts).map(teaser).collect()
}

/// Authors by their numbers, each queried once.
pub(crate) async fn authors(
    cx: &Cx,
    ids: impl Iterator<Item = u64>,
) -> Result<HashMap<u64, Arc<Option<Author>>>, Problem> {
    let mut keys: Vec<_> = ids.map(|id| GetAuthor { id }).collect();
    keys.sort_unstable_by_key(|key| key.id);
    keys.dedup();
    let authors = cx.query_all(&keys).await;
    keys.iter().zip(authors).map(|(key, author)| Ok((key.id, author?))).collect()
}

fn name_of(names: &HashMap<u64, Arc<Option<Author>>>, id: u64) -> String {
    name(names.get(&id).and_then(|author| author.as_ref().as_ref()))
}

/// The name of an author, who may have been deleted.
#[must_use]
pub fn name(author: Option<&Author>) -> String {
    author.map_or_else(|| "Somebody".to_owned(), |author| author.name.clone())
}
