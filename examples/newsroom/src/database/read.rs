//! The statements that read: a function for each query, which knows SQL and nothing of its callers.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::Edition;
use crate::model::{
    Article, Author, Byline, COMMENTS_SHOWN, Card, Comment, Comments, Cursor, DISCUSSED_PAGES, DiscussedPage,
    FeedPage, Hit, Hits, Latest, PreviousPage, Section, Totals,
};
use crate::queries::GetFeed;

/// Articles on one page of a list.
const PAGE: usize = 20;

/// Maximum number of articles that a search shows.
const MOST_HITS: u32 = 30;

/// Articles on one page of the list of the most discussed.
const DISCUSSED_PAGE: usize = 6;

/// Surrounds the matching words in an excerpt: no text contains it.
const MARK: char = '\u{1}';

/// Articles with the comments on them, and the authors of both.
#[derive(Debug, Default)]
pub struct Stories {
    /// The number of each article, the article, and the comments on it.
    pub articles: Vec<(u64, Option<Article>, Comments)>,
    /// Authors by their numbers.
    pub authors: HashMap<u64, Author>,
}

/// The columns of a [`Card`], in the order of its fields.
const CARD: &str =
    "articles.id, articles.author, articles.section, articles.title, articles.standfirst, articles.published";

/// One article.
///
/// # Errors
/// If SQLite fails, as with all others here.
pub fn article(connection: &Connection, id: u64) -> Result<Option<Article>> {
    let sql = format!("SELECT {CARD}, body, checksum FROM articles WHERE id = ?");
    let found = connection.prepare_cached(&sql)?.query_row([id], |row| {
        let body: String = row.get(6)?;
        let paragraphs = body.split("\n\n").map(str::to_owned).collect();
        Ok(Article { card: card(row)?, paragraphs, checksum: row.get(7)? })
    });
    found.optional()
}

/// The authors among these that exist.
pub fn authors(connection: &Connection, ids: &[u64]) -> Result<HashMap<u64, Author>> {
    let sql = "SELECT id, name, about FROM authors WHERE id IN (SELECT value FROM json_each(?))";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([as_json(ids)], |row| {
        let author = Author { id: row.get(0)?, name: row.get(1)?, about: row.get(2)? };
        Ok((author.id, author))
    })?;
    rows.collect()
}

/// The comments on an article. One statement reads them all, so that count and list match.
pub fn comments(connection: &Connection, article: u64) -> Result<Comments> {
    let mut statement = connection.prepare_cached(
        "SELECT number, author, text, posted FROM comments WHERE article = ? ORDER BY number DESC LIMIT ?",
    )?;
    let rows = statement.query_map(params![article, COMMENTS_SHOWN], |row| {
        Ok(Comment {
            number: row.get(0)?,
            by: Byline::Author(row.get(1)?),
            text: row.get(2)?,
            posted: row.get(3)?,
        })
    })?;
    let newest: Vec<_> = rows.collect::<Result<_>>()?;
    // They are numbered without gaps.
    Ok(Comments { total: newest.first().map_or(0, |comment| comment.number), newest })
}

/// How many comments there are on an article.
pub fn comment_count(connection: &Connection, article: u64) -> Result<u32> {
    let mut statement =
        connection.prepare_cached("SELECT ifnull(max(number), 0) FROM comments WHERE article = ?")?;
    statement.query_row([article], |row| row.get(0))
}

/// How many comments there are on each of the articles that have any.
pub fn comment_counts(connection: &Connection, articles: &[u64]) -> Result<HashMap<u64, u32>> {
    let mut statement = connection.prepare_cached(
        "SELECT article, max(number) FROM comments WHERE article IN (SELECT value FROM json_each(?)) GROUP BY article",
    )?;
    let rows = statement.query_map([as_json(articles)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// One page of the list of articles.
pub fn feed(connection: &Connection, query: &GetFeed) -> Result<FeedPage> {
    let of_list = of_list(query);
    let sql = format!(
        "SELECT {CARD} FROM articles WHERE {of_list} (published, id) < (?1, ?2)
         ORDER BY published DESC, id DESC LIMIT ?3"
    );
    let Cursor { published, id } =
        query.before.unwrap_or(Cursor { published: i64::MAX, id: i64::MAX.unsigned_abs() });
    // Reads one more than is shown, to find out whether there is a next page.
    let values = params![published, id, PAGE + 1, query.section.map(Section::name), query.author];
    let mut statement = connection.prepare_cached(&sql)?;
    let mut cards: Vec<_> = statement.query_map(values, card)?.collect::<Result<_>>()?;
    let is_last = cards.len() <= PAGE;
    cards.truncate(PAGE);
    let last = cards.last().filter(|_| !is_last);
    let next = last.map(|card| Cursor { published: card.published, id: card.id });
    Ok(FeedPage { cards, previous: previous(connection, query)?, next })
}

/// The condition for the articles of a list. Each combination is a statement of its own, instead of one with `OR`, so that
/// each uses an index.
fn of_list(query: &GetFeed) -> &'static str {
    match (query.section, query.author) {
        (None, None) => "?4 IS NULL AND ?5 IS NULL AND",
        (Some(_), None) => "section = ?4 AND ?5 IS NULL AND",
        (None, Some(_)) => "?4 IS NULL AND author = ?5 AND",
        (Some(_), Some(_)) => "section = ?4 AND author = ?5 AND",
    }
}

/// Where the page before a page begins.
fn previous(connection: &Connection, query: &GetFeed) -> Result<PreviousPage> {
    let Some(Cursor { published, id }) = query.before else { return Ok(PreviousPage::None) };
    let of_list = of_list(query);
    let sql = format!(
        "SELECT published, id FROM articles WHERE {of_list} (published, id) >= (?1, ?2)
         ORDER BY published, id LIMIT ?3"
    );
    let values = params![published, id, PAGE + 1, query.section.map(Section::name), query.author];
    let mut statement = connection.prepare_cached(&sql)?;
    let newer = statement.query_map(values, |row| Ok(Cursor { published: row.get(0)?, id: row.get(1)? }))?;
    let newer: Vec<_> = newer.collect::<Result<_>>()?;
    Ok(match newer.get(PAGE) {
        Some(cursor) => PreviousPage::Below(*cursor),
        None if newer.is_empty() => PreviousPage::None,
        None => PreviousPage::First,
    })
}

/// The articles of these cards and the comments on them, and the authors of all.
pub fn stories(connection: &Connection, cards: &[Card]) -> Result<Stories> {
    let mut stories = Stories::default();
    let mut authors: BTreeSet<u64> = cards.iter().map(|card| card.author).collect();
    for id in cards.iter().map(|card| card.id) {
        let comments = comments(connection, id)?;
        authors.extend(comments.newest.iter().filter_map(Comment::author));
        stories.articles.push((id, article(connection, id)?, comments));
    }
    let authors: Vec<_> = authors.into_iter().collect();
    stories.authors = self::authors(connection, &authors)?;
    Ok(stories)
}

/// One page of the list of the articles with the most comments.
pub fn most_discussed(connection: &Connection, page: u32) -> Result<DiscussedPage> {
    let sql = format!(
        "SELECT {CARD} FROM (
             SELECT article, max(number) AS count FROM comments GROUP BY article
             ORDER BY count DESC, article DESC LIMIT ? OFFSET ?
         ) JOIN articles ON articles.id = article ORDER BY count DESC, article DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    // Reads one more than is shown, to find out whether there is a next page.
    let range = params![DISCUSSED_PAGE + 1, page as usize * DISCUSSED_PAGE];
    let mut cards: Vec<_> = statement.query_map(range, card)?.collect::<Result<_>>()?;
    let has_next = cards.len() > DISCUSSED_PAGE && page + 1 < DISCUSSED_PAGES;
    cards.truncate(DISCUSSED_PAGE);
    Ok(DiscussedPage { cards, next: has_next.then_some(page + 1) })
}

/// Numbers of articles, authors and comments.
pub fn totals(connection: &Connection) -> Result<Totals> {
    let count =
        |table: &str| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
    let latest = connection.query_row(
        "SELECT article, title, name, number, comments.author, text, posted
         FROM comments JOIN articles ON articles.id = article JOIN authors ON authors.id = comments.author
         ORDER BY posted DESC, comments.id DESC LIMIT 1",
        [],
        |row| {
            let comment = Comment {
                number: row.get(3)?,
                by: Byline::Author(row.get(4)?),
                text: row.get(5)?,
                posted: row.get(6)?,
            };
            Ok(Latest { article: row.get(0)?, title: row.get(1)?, name: row.get(2)?, comment })
        },
    );
    Ok(Totals {
        articles: count("articles")?,
        authors: count("authors")?,
        comments: count("comments")?,
        latest: latest.optional()?,
    })
}

/// The articles in which all words occur as prefixes of words: how many there are, and the best of them.
pub fn search(connection: &Connection, words: &[String]) -> Result<Hits> {
    // Both statements see the same articles.
    let tx = connection.unchecked_transaction()?;
    let sql = format!(
        "SELECT {CARD}, snippet(words, -1, ?3, ?3, ' … ', 24) FROM words JOIN articles ON articles.id = words.rowid
         WHERE words MATCH ?1 ORDER BY bm25(words, 8.0, 3.0, 1.0) LIMIT ?2"
    );
    // Within quotes nothing is an operator. Words contain no quotes.
    let pattern = words.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" ");
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map(params![&pattern, MOST_HITS, MARK.to_string()], |row| {
        let excerpt: String = row.get(6)?;
        Ok(Hit { card: card(row)?, excerpt: excerpt.split(MARK).map(str::to_owned).collect() })
    })?;
    let best = rows.collect::<Result<_>>()?;
    let mut count = tx.prepare_cached("SELECT count(*) FROM words WHERE words MATCH ?")?;
    Ok(Hits { total: count.query_row([pattern], |row| row.get(0))?, best })
}

pub(super) fn edition(connection: &Connection) -> Result<Edition> {
    let sql = "SELECT number, (SELECT ifnull(max(id), 0) FROM comments), edits FROM edition";
    connection.query_row(sql, [], |row| {
        Ok(Edition { database: row.get(0)?, last_comment: row.get(1)?, edits: row.get(2)? })
    })
}

fn card(row: &Row<'_>) -> Result<Card> {
    let section: String = row.get(2)?;
    let section = section.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Card {
        id: row.get(0)?,
        author: row.get(1)?,
        section,
        title: row.get(3)?,
        standfirst: row.get(4)?,
        published: row.get(5)?,
    })
}

/// A list as one value, so that the statement is the same for any number of items.
fn as_json(ids: &[u64]) -> String {
    // JSON writes numbers in the same way.
    format!("{ids:?}")
}
