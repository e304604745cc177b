//! Prepares clients for documents: adds record types to the list of a program, with the steps that store answers.

use cache_client::{App, ClientBuilder};
use cache_core::HasTable;

use crate::document::Document;
use crate::inspect::section;
use crate::records::store::{start_load, store_answer};
use crate::resource::{Resource, ResourceKey, typed};
use crate::resources::{RecordTable, ResourceList, Resources};

impl<A: Resources> ResourceList<A> {
    /// Adds a type. A type that is listed twice counts once.
    ///
    /// # Panics
    /// Another type of the list has the same name in responses.
    pub fn add<R: Resource>(&mut self)
    where
        A::Registry: HasTable<R::Key>,
    {
        if self.types.add::<R>().is_none() {
            return;
        }
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
        let builder = list.installs.iter().fold(self, |builder, install| install(builder));
        let builder = builder.inspected_with(section::<A>);
        #[cfg(feature = "http")]
        let builder = builder.store_with(crate::http::apply_change::<A>);
        builder
    }
}
