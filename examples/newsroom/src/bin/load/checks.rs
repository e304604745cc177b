//! What must hold for answers, whatever happens concurrently.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use newsroom::database::LedgerReport;
use newsroom::model::{Article, COMMENTS_SHOWN};
use newsroom::visitor::{Failure, Visitor};
use serde::Deserialize;
use serde_json::Value;

/// Comments that the service has acknowledged: every later request must see them.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged(Mutex<HashMap<u64, (u64, u64)>>);

impl Acknowledged {
    pub(crate) fn note(&self, article: u64, number: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, count) = all.entry(article).or_default();
        *last = number.max(*last);
        *count += 1;
    }

    /// The highest number of a comment on an article.
    pub(crate) fn last(&self, article: u64) -> u64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&article).map_or(0, |(last, _)| *last)
    }

    fn all(&self) -> HashMap<u64, (u64, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Numbers of articles, authors and comments.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Totals {
    pub(crate) articles: u64,
    pub(crate) comments: u64,
}

#[derive(Debug, Deserialize)]
struct Story {
    article: Article,
    author: Author,
    comments: Comments,
}

#[derive(Debug, Deserialize)]
struct Author {
    id: u64,
    name: String,
}

#[derive(Debug, Deserialize)]
struct Comments {
    total: u64,
    newest: Vec<Comment>,
}

#[derive(Debug, Deserialize)]
struct Comment {
    number: u64,
    name: String,
    text: String,
}

/// An article whose text, author and comments belong together, and with all comments up to number `known`.
pub(crate) fn story(body: &str, known: u64) -> Result<(), String> {
    let story: Story = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let Story { article, author, comments } = &story;
    let id = article.card.id;
    if article.card.author != author.id || article.checksum_with(&author.name) != article.checksum {
        return Err(format!("article {id} was not written by {}", author.name));
    }
    if comments.total < known {
        return Err(format!("article {id} has {} comments, after number {known} was there", comments.total));
    }
    if comments.newest.len() as u64 != comments.total.min(COMMENTS_SHOWN.into()) {
        return Err(format!("article {id} shows {} of {} comments", comments.newest.len(), comments.total));
    }
    for (place, comment) in comments.newest.iter().enumerate() {
        if comment.number != comments.total - place as u64 {
            return Err(format!(
                "article {id} has comment {} at place {place} of {}",
                comment.number, comments.total
            ));
        }
        let is_ours = comment.text.starts_with("Reader ");
        if is_ours && !comment.text.starts_with(&format!("{} has", comment.name)) {
            return Err(format!(
                "article {id} has a comment of {} that says: {}",
                comment.name, comment.text
            ));
        }
    }
    Ok(())
}

/// A page whose number of comments matches its list.
pub(crate) fn page(body: &str, known: u64) -> Result<(), String> {
    let total = body.split_once("data-total=\"").and_then(|(_, rest)| rest.split_once('"'));
    let total = total.and_then(|(total, _)| total.parse::<u64>().ok()).ok_or("a page without comments")?;
    let shown = body.matches("<li data-number=").count() as u64;
    if shown != total.min(COMMENTS_SHOWN.into()) {
        return Err(format!("a page shows {shown} of {total} comments"));
    }
    if total < known {
        return Err(format!("a page has {total} comments, after number {known} was there"));
    }
    if body.ends_with("</html>") { Ok(()) } else { Err("a page without an end".to_owned()) }
}

pub(crate) fn front(body: &str) -> Result<(), String> {
    let shown = body.matches("<article").count();
    match shown {
        20 if body.ends_with("</html>") => Ok(()),
        _ => Err(format!("a front page with {shown} articles")),
    }
}

/// A page of the list, in order.
pub(crate) fn feed(body: &str) -> Result<(), String> {
    let feed: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let articles = feed["articles"].as_array().ok_or("a feed without articles")?;
    let ids: Vec<_> = articles.iter().filter_map(|article| article["id"].as_u64()).collect();
    if ids.is_sorted_by(|one, two| one > two) { Ok(()) } else { Err(format!("a feed out of order: {ids:?}")) }
}

pub(crate) fn json(body: &str) -> Result<(), String> {
    serde_json::from_str::<Value>(body).map(drop).map_err(|error| error.to_string())
}

pub(crate) async fn totals(visitor: &mut Visitor) -> Result<Totals, Failure> {
    let stats = stats(visitor).await?;
    Ok(serde_json::from_value(stats["totals"].clone())?)
}

/// What the service reports about itself, if this machine may see it.
async fn stats(visitor: &mut Visitor) -> Result<Value, Failure> {
    let response = visitor.get("/api/stats").await?;
    match response.status.is_success() {
        true => response.json(),
        false => Err(format!("/api/stats: {} {}", response.status, response.body).into()),
    }
}

/// The state after all readers have left.
#[derive(Debug, Default)]
pub(crate) struct FinalState {
    pub(crate) ledger: LedgerReport,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// The faults, in words.
    pub(crate) faults: Vec<String>,
}

/// Checks that each acknowledged comment is there and, if no other program comments, that there are no others.
pub(crate) async fn check_final_state(
    visitor: &mut Visitor,
    before: &Totals,
    acknowledged: &Acknowledged,
    is_alone: bool,
) -> Result<FinalState, Failure> {
    let (mut faults, mut posts) = (Vec::new(), 0);
    for (article, (last, count)) in acknowledged.all() {
        posts += count;
        let body = visitor.get(&format!("/api/articles/{article}")).await?.body;
        faults.extend(story(&body, last).err());
        let total = serde_json::from_str::<Story>(&body)?.comments.total;
        if is_alone && total != last {
            faults
                .push(format!("article {article} has {total} comments, and the last one was number {last}"));
        }
    }
    let stats = stats(visitor).await?;
    let comments = stats["totals"]["comments"].as_u64().unwrap_or_default();
    if comments < before.comments + posts || (is_alone && comments != before.comments + posts) {
        faults.push(format!("{comments} comments, where {} and {posts} more were expected", before.comments));
    }
    let ledger: LedgerReport = serde_json::from_value(stats["database"].clone())?;
    // The ledger does not know which loads are retired by other newsrooms.
    let is_shared = stats["shared"].is_object();
    if ledger.overlaps.unexplained > 0 && !is_shared {
        faults.push(format!("{} loads of a key that was being loaded", ledger.overlaps.unexplained));
    }
    let count = |name: &str| stats["cache"][name].as_u64().unwrap_or_default();
    Ok(FinalState { ledger, hits: count("hits"), misses: count("misses"), faults })
}
