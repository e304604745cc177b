//! Posting a comment: what is written, what is shown meanwhile, and what changes in the cache.

use std::time::SystemTime;

use cache_client::{Changes, Context, LayerEdit, Mutate};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::app::Newsroom;
use crate::database::{DatabaseError, Key, Retiring, write};
use crate::model::{Author, Comment};
use crate::queries::{CountComments, GetAuthor, GetComments, GetTotals, MostDiscussed};
use crate::texts;

/// Maximum number of characters in a name.
pub(crate) const LONGEST_NAME: usize = 60;

/// Maximum number of characters in a comment.
const LONGEST_TEXT: usize = 2_000;

/// A comment to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddComment {
    article: u64,
    name: String,
    text: String,
    /// In seconds since 1970.
    posted: i64,
}

/// A comment that was posted.
#[derive(Debug)]
pub struct Posted {
    /// Its author.
    pub author: Author,
    /// The comment.
    pub comment: Comment,
    /// Held until the cache has changed and this value is dropped.
    _retiring: Retiring,
    /// Held for the same time.
    _writing: TaskTrackerToken,
}

/// Why a comment was not posted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommentError {
    /// It is empty, too long, or has invisible characters.
    #[error("{0}")]
    Refused(String),
    /// The article does not exist.
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
    /// If the name or the text is empty or too long, or the name has invisible characters.
    pub fn new(article: u64, name: &str, text: &str) -> Result<Self, CommentError> {
        let name = texts::name(name, LONGEST_NAME).map_err(CommentError::Refused)?;
        let text = texts::text(text, LONGEST_TEXT).map_err(CommentError::Refused)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Cannot overflow before the year 292,277,026,596.
        Ok(Self { article, name, text, posted: now.as_secs().cast_signed() })
    }

    fn comments(&self) -> GetComments {
        GetComments { article: self.article }
    }

    fn count(&self) -> CountComments {
        CountComments { article: self.article }
    }
}

impl Mutate<Newsroom> for AddComment {
    type Output = Posted;
    type Error = CommentError;

    async fn run(&self, cx: &Context<Newsroom>) -> Result<Posted, CommentError> {
        let Self { article, name, text, posted } = self.clone();
        let database = &cx.app().database;
        let writing = cx.app().writing.token();
        let written = database.write(move |connection| {
            let written =
                write::comment(connection, article, &name, &text, posted).map_err(DatabaseError::from)?;
            written.ok_or(CommentError::NoSuchArticle(article))
        });
        let (author, comment) = written.await?;
        let of_article = [Key::of(&self.comments()), Key::of(&self.count()), Key::of(&GetTotals)];
        let out_of_date = of_article.into_iter().chain(MostDiscussed::all().map(|page| Key::of(&page)));
        Ok(Posted {
            author,
            comment,
            _retiring: database.ledger.retiring(out_of_date.collect()),
            _writing: writing,
        })
    }

    /// Observers of the article see the comment in its place. The next query loads everything again, because another
    /// comment may have been written earlier and not have arrived yet.
    fn apply(&self, posted: &Posted, changes: &mut Changes<Newsroom>) {
        changes.set(GetAuthor { id: posted.author.id }, Some(posted.author.clone()));
        changes.update(&self.comments(), |known| known.with(posted.comment.clone()));
        changes.invalidate(&self.comments());
        changes.invalidate(&self.count());
        // By key, and not by their tag: this also removes the copies in the file of answers.
        changes.invalidate(&GetTotals);
        MostDiscussed::all().for_each(|page| changes.invalidate(&page));
    }

    fn optimistic(&self, layer: &mut LayerEdit<Newsroom>) {
        let Self { name, text, posted, .. } = self.clone();
        layer.update(&self.comments(), move |known| Some(known?.with_unwritten(&name, &text, posted)));
    }
}
