//! The record types of a program, and how records of each are read and written in its cache.

use std::any::TypeId;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::map::HashMap;
use cache_client::{AnswerStore, App, ClientBuilder};
use cache_core::{Cache, HasTable};

use crate::document::Document;
use crate::frame::{AnyRecordList, RecordList};
use crate::id::Id;
use crate::records::record::RecordRef;
use crate::records::store::{start_load, store_answer};
use crate::resource::{AnyRecord, Resource, ResourceKey, typed};

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
    tables: Vec<RecordTable<A>>,
    installs: Vec<fn(ClientBuilder<A>) -> ClientBuilder<A>>,
}

/// What differs between record types, without the program.
pub(crate) struct RecordType {
    name: &'static str,
    pub(crate) resource: TypeId,
    pub(crate) absent: fn() -> Arc<dyn AnyRecord>,
    pub(crate) to_list: ToList,
}

/// Makes a list of records of the type. The ids are sorted.
type ToList = fn(Arc<[Id]>, Vec<Arc<dyn AnyRecord>>) -> Arc<dyn AnyRecordList>;

/// The record types of a program, by name and by type.
#[derive(Default)]
pub(crate) struct RecordTypes {
    all: Vec<RecordType>,
    by_name: HashMap<&'static str, usize>,
    by_type: HashMap<TypeId, usize>,
}

impl RecordTypes {
    pub(crate) fn by_name(&self, name: &str) -> Option<&RecordType> {
        self.by_name.get(name).map(|&number| &self.all[number])
    }

    pub(crate) fn by_type(&self, resource: TypeId) -> Option<&RecordType> {
        self.by_type.get(&resource).map(|&number| &self.all[number])
    }
}

/// Reads a record without counting this as a use.
type Peek<A> = fn(&Cache<<A as App>::Registry>, &Id) -> Option<Arc<dyn AnyRecord>>;

/// How the records of one type are read and written.
struct RecordTable<A: App> {
    peek: Peek<A>,
    set: fn(&mut AnswerStore<'_, A>, &Id, Arc<dyn AnyRecord>),
    remove: fn(&mut AnswerStore<'_, A>, &Id),
}

impl<A: Resources> ResourceList<A> {
    pub(crate) fn of_app() -> Self {
        let mut list = Self { types: RecordTypes::default(), tables: Vec::new(), installs: Vec::new() };
        A::list(&mut list);
        list
    }

    /// Adds a type. A type that is listed twice counts once.
    ///
    /// # Panics
    /// Another type of the list has the same name in responses.
    pub fn add<R: Resource>(&mut self)
    where
        A::Registry: HasTable<R::Key>,
    {
        let (number, resource) = (self.tables.len(), TypeId::of::<R>());
        if self.types.by_type.contains_key(&resource) {
            return;
        }
        let other = self.types.by_name.insert(R::TYPE, number);
        assert!(other.is_none(), "two record types have the name `{}` in responses", R::TYPE);
        self.types.by_type.insert(resource, number);
        self.types.all.push(RecordType {
            name: R::TYPE,
            resource,
            absent: || Arc::new(R::absent()),
            to_list: RecordList::<R>::erased,
        });
        self.tables.push(RecordTable {
            peek: |cache, id| match cache.peek(&R::Key::from_id(id.clone())) {
                Some(record) => Some(record),
                None => None,
            },
            set: |store, id, record| {
                if let Some(record) = typed::<R>(record) {
                    store.set_part(R::Key::from_id(id.clone()), record);
                }
            },
            remove: |store, id| store.remove_part(&R::Key::from_id(id.clone())),
        });
        self.installs.push(|builder| {
            let builder = builder.started_with::<Document<R>, _>(start_load, store_answer::<A, R>);
            builder.started_with::<Document<[R]>, _>(start_load, store_answer::<A, [R]>)
        });
    }

    /// Returns the record that the cache has.
    pub(crate) fn peek(&self, cache: &Cache<A::Registry>, record: &RecordRef) -> Option<Arc<dyn AnyRecord>> {
        let number = *self.types.by_type.get(&record.resource)?;
        (self.tables[number].peek)(cache, &record.id)
    }

    /// Writes a record.
    pub(crate) fn set(&self, store: &mut AnswerStore<'_, A>, name: &RecordRef, record: Arc<dyn AnyRecord>) {
        if let Some(&number) = self.types.by_type.get(&name.resource) {
            (self.tables[number].set)(store, &name.id, record);
        }
    }

    /// Removes a record.
    pub(crate) fn remove(&self, store: &mut AnswerStore<'_, A>, name: &RecordRef) {
        if let Some(&number) = self.types.by_type.get(&name.resource) {
            (self.tables[number].remove)(store, &name.id);
        }
    }
}

impl<A: App> Debug for ResourceList<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.types.all.iter().map(|listed| listed.name)).finish()
    }
}

/// Prepares a client for documents.
pub trait DocumentsBuilder<A: App> {
    /// Makes the client keep one record of each thing, for the types that the program [lists](Resources::list). Without
    /// this, each document keeps records of its own.
    #[must_use]
    fn documents(self) -> Self
    where
        A: Resources;
}

impl<A: App> DocumentsBuilder<A> for ClientBuilder<A> {
    fn documents(self) -> Self
    where
        A: Resources,
    {
        let list = ResourceList::<A>::of_app();
        list.installs.iter().fold(self, |builder, install| install(builder))
    }
}
