//! The statements that write: a comment, and its author with the first one; the name of an author; the deletion of an
//! article.

use rusqlite::{Connection, OptionalExtension, Result, TransactionBehavior, params};

use crate::model::{Author, Byline, Comment, checksum};

/// Writes a comment. `None` if the article does not exist.
///
/// # Errors
/// If SQLite fails; nothing is written then.
pub fn comment(
    connection: &mut Connection,
    article: u64,
    name: &str,
    text: &str,
    posted: i64,
) -> Result<Option<(Author, Comment)>> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let exists = tx.prepare_cached("SELECT 1 FROM articles WHERE id = ?")?.exists([article])?;
    if !exists {
        return Ok(None);
    }
    let author = author(&tx, name)?;
    let number = super::read::comment_count(&tx, article)? + 1;
    tx.prepare_cached("INSERT INTO comments (article, number, author, text, posted) VALUES (?, ?, ?, ?, ?)")?
        .execute(params![article, number, author.id, text, posted])?;
    tx.commit()?;
    let comment = Comment { number, by: Byline::Author(author.id), text: text.to_owned(), posted };
    Ok(Some((author, comment)))
}

/// The author with this name, created if new.
fn author(connection: &Connection, name: &str) -> Result<Author> {
    let known = connection
        .prepare_cached("SELECT id, name, about FROM authors WHERE name = ?")?
        .query_row([name], |row| Ok(Author { id: row.get(0)?, name: row.get(1)?, about: row.get(2)? }))
        .optional()?;
    if let Some(author) = known {
        return Ok(author);
    }
    let about = "A reader";
    connection.prepare_cached("INSERT INTO authors (name, about) VALUES (?, ?)")?.execute([name, about])?;
    let id = connection.last_insert_rowid().unsigned_abs();
    Ok(Author { id, name: name.to_owned(), about: about.to_owned() })
}

/// What came of a request to rename an author.
#[derive(Debug)]
pub enum Renaming {
    /// The author has the name.
    Done(Renamed),
    /// Another author has it.
    Taken,
    /// There is no such author.
    Absent,
}

/// An author with a new name.
#[derive(Clone, Debug)]
pub struct Renamed {
    /// The author.
    pub author: Author,
    /// The author's articles, and their checksums, which include the name.
    pub checksums: Vec<(u64, u32)>,
}

/// Renames an author.
///
/// # Errors
/// If SQLite fails; nothing is written then.
pub fn rename(connection: &mut Connection, id: u64, name: &str) -> Result<Renaming> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let about = tx.query_row("SELECT about FROM authors WHERE id = ?", [id], |row| row.get(0)).optional()?;
    let Some(about) = about else { return Ok(Renaming::Absent) };
    if tx.prepare("SELECT 1 FROM authors WHERE name = ? AND id <> ?")?.exists(params![name, id])? {
        return Ok(Renaming::Taken);
    }
    tx.execute("UPDATE authors SET name = ? WHERE id = ?", params![name, id])?;
    let mut statement = tx.prepare("SELECT id, title, standfirst, body FROM articles WHERE author = ?")?;
    let checksums = statement.query_map([id], |row| {
        let texts: [String; 3] = [row.get(1)?, row.get(2)?, row.get(3)?];
        let [title, standfirst, body] = &texts;
        let parts = [name, title, standfirst].into_iter().chain(body.split("\n\n"));
        Ok((row.get(0)?, checksum(parts)))
    })?;
    let checksums: Vec<(u64, u32)> = checksums.collect::<Result<_>>()?;
    drop(statement);
    let mut update = tx.prepare("UPDATE articles SET checksum = ? WHERE id = ?")?;
    for (article, checksum) in &checksums {
        update.execute(params![checksum, article])?;
    }
    drop(update);
    count_edit(&tx)?;
    tx.commit()?;
    Ok(Renaming::Done(Renamed { author: Author { id, name: name.to_owned(), about }, checksums }))
}

/// Deletes an article with its comments. Returns whether there was one.
///
/// # Errors
/// If SQLite fails; nothing is written then.
pub fn delete(connection: &mut Connection, article: u64) -> Result<bool> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // The index of words has no content of its own.
    let unindexed = tx.execute(
        "INSERT INTO words (words, rowid, title, standfirst, body)
         SELECT 'delete', id, title, standfirst, body FROM articles WHERE id = ?",
        [article],
    )?;
    if unindexed == 0 {
        return Ok(false);
    }
    tx.execute("DELETE FROM comments WHERE article = ?", [article])?;
    tx.execute("DELETE FROM articles WHERE id = ?", [article])?;
    count_edit(&tx)?;
    tx.commit()?;
    Ok(true)
}

/// A snapshot of the cache from before the edit is out of date.
fn count_edit(connection: &Connection) -> Result<()> {
    connection.execute("UPDATE edition SET edits = edits + 1", []).map(drop)
}
