//! The list of a program's record types: how records of each are read and written in its cache.

use std::fmt::{self, Debug};
use std::sync::Arc;

use cache_client::{AnswerStore, App, ClientBuilder};
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
        let mut list = Self { types: RecordTypes::default(), tables: Vec::new(), installs: Vec::new() };
        A::list(&mut list);
        list
    }

    /// Returns the record that the cache has.
    pub(crate) fn peek(&self, cache: &Cache<A::Registry>, record: &RecordRef) -> Option<Arc<dyn AnyRecord>> {
        let number = self.types.number_of(record.resource)?;
        (self.tables[number].peek)(cache, &record.id)
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
