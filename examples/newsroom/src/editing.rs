//! Editing the newspaper: renaming an author, deleting an article, and what changes in the cache with it.

use cache_client::{Changes, Context, Mutate};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::app::Newsroom;
use crate::commenting::LONGEST_NAME;
use crate::database::write::{self, Renamed, Renaming};
use crate::database::{DatabaseError, Key, Retiring};
use crate::model::{Article, FeedPage};
use crate::queries::{
    CountComments, GetArticle, GetAuthor, GetComments, GetDiscussion, GetFeed, GetTotals, MostDiscussed,
    Search,
};
use crate::texts;

/// A new name for an author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameAuthor {
    author: u64,
    name: String,
}

/// The deletion of an article, with its comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteArticle {
    /// Its number.
    pub id: u64,
}

/// An edit that was written.
#[derive(Debug)]
pub struct Edited<T> {
    /// What the database says of it.
    pub outcome: T,
    /// Held until the cache has changed and this value is dropped.
    _retiring: Retiring,
    /// Held for the same time.
    _editing: TaskTrackerToken,
}

/// Why nothing was edited.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The name is empty, too long, or has invisible characters.
    #[error("{0}")]
    Refused(String),
    /// Another author has the name.
    #[error("another author has the name `{0}`; choose one that nobody has")]
    Taken(String),
    /// The author does not exist.
    #[error("there is no author {0}")]
    NoSuchAuthor(u64),
    /// The article does not exist.
    #[error("there is no article {0}")]
    NoSuchArticle(u64),
    /// It could not be written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl RenameAuthor {
    /// A new name for an author.
    ///
    /// # Errors
    /// If the name is empty or too long, or has invisible characters.
    pub fn new(author: u64, name: &str) -> Result<Self, EditError> {
        Ok(Self { author, name: texts::name(name, LONGEST_NAME).map_err(EditError::Refused)? })
    }
}

impl Mutate<Newsroom> for RenameAuthor {
    type Output = Edited<Renamed>;
    type Error = EditError;

    async fn run(&self, cx: &Context<Newsroom>) -> Result<Edited<Renamed>, EditError> {
        let Self { author, name } = self.clone();
        let Newsroom { database, editing, .. } = cx.app();
        let editing = editing.token();
        let outcome = database.write(move |connection| {
            match write::rename(connection, author, &name).map_err(DatabaseError::from)? {
                Renaming::Done(renamed) => Ok(renamed),
                Renaming::Taken => Err(EditError::Taken(name)),
                Renaming::Absent => Err(EditError::NoSuchAuthor(author)),
            }
        });
        let outcome = outcome.await?;
        let articles = outcome.checksums.iter().map(|(id, _)| Key::of(&GetArticle { id: *id }));
        let keys = [Key::of(&GetAuthor { id: author }), Key::of(&GetTotals)].into_iter().chain(articles);
        let retiring = database.ledger.retiring(keys.collect());
        Ok(Edited { outcome, _retiring: retiring, _editing: editing })
    }

    /// The author and the checksums of the articles, which include the name, change in one commit.
    fn apply(&self, edited: &Edited<Renamed>, changes: &mut Changes<Newsroom>) {
        let Renamed { author, checksums } = &edited.outcome;
        changes.set(GetAuthor { id: author.id }, Some(author.clone()));
        for &(id, checksum) in checksums {
            changes.update(&GetArticle { id }, |article| {
                Option::as_ref(article).map(|article| Article { checksum, ..article.clone() })
            });
        }
        // They have the names of authors of comments.
        changes.invalidate(&GetTotals);
        changes.invalidate_query::<GetDiscussion>();
    }
}

impl Mutate<Newsroom> for DeleteArticle {
    /// The pages of lists that the cache has.
    type Output = Edited<Vec<GetFeed>>;
    type Error = EditError;

    async fn run(&self, cx: &Context<Newsroom>) -> Result<Edited<Vec<GetFeed>>, EditError> {
        let id = self.id;
        let Newsroom { database, editing, .. } = cx.app();
        let editing = editing.token();
        let deleted = database.write(move |connection| {
            let was_there = write::delete(connection, id).map_err(DatabaseError::from)?;
            was_there.then_some(()).ok_or(EditError::NoSuchArticle(id))
        });
        deleted.await?;
        let of_article = [
            Key::of(&GetArticle { id }),
            Key::of(&GetComments { article: id }),
            Key::of(&CountComments { article: id }),
            Key::of(&GetTotals),
            Key::all::<GetFeed>(),
            Key::all::<Search>(),
        ];
        let keys = of_article.into_iter().chain(MostDiscussed::all().map(|page| Key::of(&page)));
        let retiring = database.ledger.retiring(keys.collect());
        let pages = cx.client().cache().keys::<GetFeed>().into_iter().collect();
        Ok(Edited { outcome: pages, _retiring: retiring, _editing: editing })
    }

    /// Pages of lists lose the article at once, and are loaded again, by key, so that copies in the file of answers are
    /// removed too.
    fn apply(&self, edited: &Edited<Vec<GetFeed>>, changes: &mut Changes<Newsroom>) {
        let id = self.id;
        for page in &edited.outcome {
            changes.update(page, |page| FeedPage {
                cards: page.cards.iter().filter(|card| card.id != id).cloned().collect(),
                ..(**page).clone()
            });
            changes.invalidate(page);
        }
        changes.set(GetArticle { id }, None);
        changes.invalidate(&GetComments { article: id });
        changes.invalidate(&CountComments { article: id });
        changes.invalidate(&GetTotals);
        changes.invalidate_query::<GetFeed>();
        changes.invalidate_query::<Search>();
        MostDiscussed::all().for_each(|page| changes.invalidate(&page));
    }
}
