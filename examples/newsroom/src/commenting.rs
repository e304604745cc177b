//! Posting a comment: what is written, and what of the cache that changes.

use std::sync::Arc;
use std::time::SystemTime;

use cache_client::{Client, Context};

use crate::app::Newsroom;
use crate::database::{DatabaseError, Key, write};
use crate::model::{Author, Comment};
use crate::queries::{CountComments, GetAuthor, GetComments, GetTotals};

/// Characters that a name may have.
const LONGEST_NAME: usize = 60;

/// Characters that a comment may have.
const LONGEST_TEXT: usize = 2_000;

/// One comment that somebody wants to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddComment {
    article: u64,
    name: String,
    text: String,
}

/// A comment that was posted.
#[derive(Debug)]
pub struct Posted {
    /// Who wrote it.
    pub author: Author,
    /// The comment.
    pub comment: Comment,
}

/// Why a comment was not posted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommentError {
    /// It is empty, or too long.
    #[error("{0}")]
    Refused(String),
    /// There is nothing to comment on.
    #[error("there is no article {0}")]
    NoSuchArticle(u64),
    /// It could not be written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl AddComment {
    /// A comment on an article.
    ///
    /// # Errors
    /// If name or text are empty or too long.
    pub fn new(article: u64, name: &str, text: &str) -> Result<Self, CommentError> {
        let (name, text) = (tidy("name", name, LONGEST_NAME)?, tidy("text", text, LONGEST_TEXT)?);
        Ok(Self { article, name, text })
    }

    /// Posts it. Who asks for the comments after this has them with this one.
    ///
    /// # Errors
    /// If there is no such article, or the database fails. Nothing has changed then.
    pub async fn post(&self, cx: &Context<Newsroom>) -> Result<Arc<Posted>, CommentError> {
        let posted = Arc::new(self.run(cx).await?);
        self.apply(&posted, cx.client());
        Ok(posted)
    }

    async fn run(&self, cx: &Context<Newsroom>) -> Result<Posted, CommentError> {
        let Self { article, name, text } = self.clone();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Fits until the year 292,277,026,596.
        let posted = now.as_secs().cast_signed();
        let written = cx.app().database.write(move |connection| {
            let written =
                write::comment(connection, article, &name, &text, posted).map_err(DatabaseError::from)?;
            written.ok_or(CommentError::NoSuchArticle(article))
        });
        let (author, comment) = written.await?;
        Ok(Posted { author, comment })
    }

    /// The author is as they were written just now. What the comment makes out of date is loaded again by whoever asks
    /// next: adding to what is there could count the comment twice, since it may have been loaded after the comment was
    /// written.
    fn apply(&self, posted: &Posted, client: &Client<Newsroom>) {
        let (comments, count) =
            (GetComments { article: self.article }, CountComments { article: self.article });
        let out_of_date = vec![Key::of(&comments), Key::of(&count), Key::of(&GetTotals)];
        let _retiring = client.app().database.ledger.retiring(out_of_date);
        client.cache().insert(GetAuthor { id: posted.author.id }, Some(posted.author.clone()));
        client.invalidate(&comments);
        client.invalidate(&count);
        client.invalidate_tag("summaries");
    }
}

fn tidy(what: &str, text: &str, longest: usize) -> Result<String, CommentError> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(CommentError::Refused(format!("the {what} is missing"))),
        length if length > longest => {
            Err(CommentError::Refused(format!("the {what} has {length} characters; at most {longest} fit")))
        }
        _ => Ok(text.to_owned()),
    }
}
