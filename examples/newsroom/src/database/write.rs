//! The statement that writes: a comment, and its author with the first one.

use rusqlite::{Connection, OptionalExtension, Result, TransactionBehavior, params};

use crate::model::{Author, Byline, Comment};

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
