//! The list of a program's record types: how records of each are read and written in its cache.

use std::any::TypeId;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use cache_client::{AnswerKey, AnswerStore, App, Client, ClientBuilder};
use cache_core::Cache;

use crate::id::Id;
use crate::record::RecordRef;
use crate::record_types::RecordTypes;
use crate::resource::AnyRecord;

/// A program that works on documents: it lists the types of its records.
///
/// # Examples
/// ```
/// # use cache_client::App;
/// # use cache_core::{Query, registry};
/// # use cache_documents::{Field, Id, Resource};
/// use cache_documents::{ResourceList, Resources};
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = Article, record)]
/// # struct ArticleId(Id);
/// # #[derive(Resource, Clone, Debug, PartialEq)]
/// # #[resource(type = "articles", key = ArticleId)]
/// # struct Article { title: Field<String> }
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = Person, record)]
/// # struct PersonId(Id);
/// # #[derive(Resource, Clone, Debug, PartialEq)]
/// # #[resource(type = "people", key = PersonId)]
/// # struct Person { name: Field<String> }
/// # registry! { struct BlogRegistry { ArticleId, PersonId } }
///
/// struct Blog;
///
/// impl App for Blog {
///     type Registry = BlogRegistry;
/// }
///
/// impl Resources for Blog {
///     fn list(list: &mut ResourceList<Self>) {
///         list.add::<Article>();
///         list.add::<Person>();
///     }
/// }
/// ```
pub trait Resources: App {
    /// Lists the types. Called once for each client.
    fn list(list: &mut ResourceList<Self>);
}

/// The record types of a program.
pub struct ResourceList<A: App> {
    pub(crate) types: RecordTypes,
    pub(crate) tables: Vec<RecordTable<A>>,
    /// Prepare a client for the documents of each type.
    pub(crate) installs: Vec<fn(ClientBuilder<A>) -> ClientBuilder<A>>,
    /// Find the restored answers of each query.
    pub(crate) restored: Vec<FindRestored<A>>,
}

/// Finds restored answers.
pub(crate) type FindRestored<A> = fn(&Client<A>, &mut Vec<RestoredAnswer<A>>);

/// An answer that a restore has brought, and that shows records of its own.
pub(crate) struct RestoredAnswer<A: App> {
    pub(crate) key: AnswerKey<A>,
    /// How old its own load is.
    pub(crate) age: Duration,
    pub(crate) is_marked: bool,
    /// Makes it share its records.
    pub(crate) adopt: fn(&AnswerKey<A>, &mut AnswerStore<'_, A>) -> Adoption,
    /// Returns whether it does.
    pub(crate) shares_records: fn(&AnswerKey<A>, &Client<A>) -> bool,
}

/// What becomes of a restored answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adoption {
    /// It shares its records. If `is_renewed`, it shows others than it was saved with.
    Adopted { is_renewed: bool },
    /// It is marked: it is about a deleted record, or the cache does not keep it.
    Marked,
    /// Something newer has taken its place.
    Overtaken,
}

/// Reads a record without counting this as a use.
pub(crate) type Peek<A> = fn(&Cache<<A as App>::Registry>, &Id) -> Option<Arc<dyn AnyRecord>>;

/// How the records of one type are read and written.
pub(crate) struct RecordTable<A: App> {
    pub(crate) peek: Peek<A>,
    pub(crate) set: fn(&mut AnswerStore<'_, A>, &Id, Arc<dyn AnyRecord>),
    pub(crate) remove: fn(&mut AnswerStore<'_, A>, &Id),
}

impl<A: Resources> ResourceList<A> {
    pub(crate) fn of_app() -> Self {
        let mut list = Self {
            types: RecordTypes::default(),
            tables: Vec::new(),
            installs: Vec::new(),
            restored: Vec::new(),
        };
        A::list(&mut list);
        list
    }

    /// Returns the record that the cache has.
    pub(crate) fn peek(
        &self,
        cache: &Cache<A::Registry>,
        resource: TypeId,
        id: &Id,
    ) -> Option<Arc<dyn AnyRecord>> {
        let number = self.types.number_of(resource)?;
        (self.tables[number].peek)(cache, id)
    }

    /// Writes a record.
    pub(crate) fn set(&self, store: &mut AnswerStore<'_, A>, name: &RecordRef, record: Arc<dyn AnyRecord>) {
        if let Some(number) = self.types.number_of(name.resource) {
            (self.tables[number].set)(store, &name.id, record);
        }
    }

    /// Removes a record.
    pub(crate) fn remove(&self, store: &mut AnswerStore<'_, A>, name: &RecordRef) {
        if let Some(number) = self.types.number_of(name.resource) {
            (self.tables[number].remove)(store, &name.id);
        }
    }
}

impl<A: App> Debug for ResourceList<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.types.names()).finish()
    }
}
