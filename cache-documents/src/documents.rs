//! Changing records and documents by hand.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_client::{AnswerKey, App, Changes, Client, Fetch, LayerEdit};
use cache_core::{CommitError, Holds};

use crate::document::{Content, Document};
use crate::record::RecordRef;
use crate::records::change::{delete, patch, show};
use crate::records::layer;
use crate::records::state::Documents;
use crate::records::store::store_answer;
use crate::resource::{Resource, ResourceKey};
use crate::resources::Resources;
use crate::sync::Mutex;

/// The records and documents of a client.
///
/// Each change is one commit, with the answers that show what it changes. Hooks of the cache run for it.
pub struct DocumentsOf<'c, A: Resources>(&'c Client<A>);

/// Gives access to the records and documents of a client.
pub trait ClientDocuments<A: Resources> {
    /// Returns the records and documents of the client.
    fn documents(&self) -> DocumentsOf<'_, A>;
}

impl<A: Resources> ClientDocuments<A> for Client<A> {
    fn documents(&self) -> DocumentsOf<'_, A> {
        DocumentsOf(self)
    }
}

impl<'c, A: Resources> DocumentsOf<'c, A> {
    /// Changes a record. Every document that shows it follows. Returns whether there is such a record.
    ///
    /// `change` runs again if another commit changes the record first. Fields that it leaves as they are do not count as
    /// written: a load that runs may still change them. What it writes to a record that is not there is applied to what
    /// the loads that run now bring.
    ///
    /// # Errors
    /// A hook has refused the change, or other commits were faster many times.
    pub async fn patch<K>(
        &self,
        key: &K,
        change: impl Fn(&mut K::Value) + Send + Sync,
    ) -> Result<bool, CommitError>
    where
        K: ResourceKey<Value: Resource<Key = K>>,
    {
        let was_there = AtomicBool::new(false);
        let changed =
            self.0.change(|changes| was_there.store(changes.patch(key, &change), Ordering::Relaxed));
        changed.await.map(|_| was_there.load(Ordering::Relaxed))
    }

    /// Deletes a record: it leaves all lists, links to it become null, and documents about it are marked. A load that
    /// runs now does not bring it back, and a later one does. Returns whether there was such a record. Visits all records
    /// that documents show.
    ///
    /// # Errors
    /// As those of [`patch`](Self::patch).
    pub async fn delete<K>(&self, key: &K) -> Result<bool, CommitError>
    where
        K: ResourceKey<Value: Resource<Key = K>>,
    {
        let was_there = AtomicBool::new(false);
        let changed = self.0.change(|changes| was_there.store(changes.delete(key), Ordering::Relaxed));
        changed.await.map(|_| was_there.load(Ordering::Relaxed))
    }

    /// Stores a document as the answer to a query, like the answer of a load that begins and ends now.
    ///
    /// # Errors
    /// As those of [`patch`](Self::patch).
    pub async fn write<Q, T>(&self, query: &Q, document: Document<T>) -> Result<(), CommitError>
    where
        Q: Fetch<A, Value = Document<T>>,
        T: Content + ?Sized,
        A::Registry: Holds<Q>,
    {
        self.0.change(|changes| ChangeRecords::write(changes, query, document.clone())).await.map(drop)
    }

    /// Merges the records of an answer that has no key, such as that to a POST, a DELETE or a push: every document that
    /// shows one of them follows. Returns the answer with the records as they are known now.
    ///
    /// The cache keeps no answer for it. Records that no other document shows go with the one that is returned.
    ///
    /// # Errors
    /// As those of [`patch`](Self::patch).
    pub async fn merge_records<T: Content + ?Sized>(
        &self,
        answer: Document<T>,
    ) -> Result<Arc<Document<T>>, CommitError> {
        let merged = Mutex::new(None);
        let changed = self.0.change(|changes| {
            // The last run is the one that is committed. What it replaces is dropped without the lock.
            let answer = changes.merge_records(answer.clone());
            let replaced = merged.lock().replace(answer);
            drop(replaced);
        });
        changed.await?;
        Ok(merged.into_inner().unwrap_or_else(|| Arc::new(answer)))
    }

    /// Returns the key by which documents show a record: if a local key has become a second name of a record, the key with
    /// the id, else the key itself. See [`Document::saved`].
    #[must_use]
    pub fn key<K: ResourceKey<Value: Resource>>(&self, key: &K) -> K {
        let renamed = self.state().index.renamed(&RecordRef::of(key));
        renamed.map_or_else(|| key.clone(), |name| K::from_id(name.id))
    }

    /// Returns the number of records that documents show.
    #[must_use]
    pub fn records(&self) -> usize {
        self.state().index.len()
    }

    pub(crate) fn of(client: &'c Client<A>) -> Self {
        Self(client)
    }

    pub(crate) fn client(&self) -> &Client<A> {
        self.0
    }

    pub(crate) fn state(&self) -> Arc<Documents<A>> {
        self.0.extension()
    }
}

impl<A: Resources> Debug for DocumentsOf<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentsOf").field("records", &self.records()).finish_non_exhaustive()
    }
}

/// Changes records together with other changes: in a mutation, a confirmation, a pushed value, or a direct change.
pub trait ChangeRecords {
    /// The program.
    type App: Resources;

    /// Changes a record, as [`DocumentsOf::patch`] does. Returns whether there is one.
    fn patch<K>(&mut self, key: &K, change: impl Fn(&mut K::Value)) -> bool
    where
        K: ResourceKey<Value: Resource<Key = K>>;

    /// Deletes a record, as [`DocumentsOf::delete`] does. Returns whether there was one.
    fn delete<K>(&mut self, key: &K) -> bool
    where
        K: ResourceKey<Value: Resource<Key = K>>;

    /// Stores a document as the answer to a query, as [`DocumentsOf::write`] does.
    fn write<Q, T>(&mut self, query: &Q, document: Document<T>)
    where
        Q: Fetch<Self::App, Value = Document<T>>,
        T: Content + ?Sized,
        <Self::App as App>::Registry: Holds<Q>;

    /// Merges the records of an answer that has no key, as [`DocumentsOf::merge_records`] does. Returns the answer with the
    /// records as this commit leaves them so far.
    fn merge_records<T: Content + ?Sized>(&mut self, answer: Document<T>) -> Arc<Document<T>>;

    /// Merges the records of an answer that has no key, as [`merge_records`](Self::merge_records) does, and makes each
    /// document that shows a record show them too. So the answer to a POST confirms what a layer has
    /// [shown](EditRecords::show), in one commit. Links to the new records are [patched](Self::patch).
    fn show<K, T>(&mut self, beside: &K, answer: Document<T>) -> Arc<Document<T>>
    where
        K: ResourceKey<Value: Resource<Key = K>>,
        T: Content + ?Sized;
}

impl<A: Resources> ChangeRecords for Changes<A> {
    type App = A;

    fn patch<K>(&mut self, key: &K, change: impl Fn(&mut K::Value)) -> bool
    where
        K: ResourceKey<Value: Resource<Key = K>>,
    {
        let mut was_there = false;
        self.extend_with(|store| was_there = patch::<A, K::Value>(store, key, &change));
        was_there
    }

    fn delete<K>(&mut self, key: &K) -> bool
    where
        K: ResourceKey<Value: Resource<Key = K>>,
    {
        let mut was_there = false;
        self.extend_with(|store| was_there = delete::<A, K::Value>(store, key));
        was_there
    }

    fn write<Q, T>(&mut self, query: &Q, document: Document<T>)
    where
        Q: Fetch<A, Value = Document<T>>,
        T: Content + ?Sized,
        A::Registry: Holds<Q>,
    {
        self.set_answer(query, document);
    }

    fn merge_records<T: Content + ?Sized>(&mut self, answer: Document<T>) -> Arc<Document<T>> {
        let mut answer = Arc::new(answer);
        self.extend_with(|store| answer = store_answer(Arc::clone(&answer), store));
        answer
    }

    fn show<K, T>(&mut self, beside: &K, answer: Document<T>) -> Arc<Document<T>>
    where
        K: ResourceKey<Value: Resource<Key = K>>,
        T: Content + ?Sized,
    {
        let answer = self.merge_records(answer);
        self.extend_with(|store| show::<A, K::Value>(store, beside, &answer.frame));
        answer
    }
}

/// Shows changes of records before the server has answered.
pub trait EditRecords {
    /// The program.
    type App: Resources;

    /// Changes a record in the documents that show it now. Documents that come later show it as the server said.
    ///
    /// `change` must be pure: it is called again after each commit of these documents.
    fn patch<K>(&mut self, key: &K, change: impl Fn(&mut K::Value) + Send + Sync + 'static)
    where
        K: ResourceKey<Value: Resource<Key = K>>;

    /// Takes a record out of the documents that show it now, with the links to it.
    fn delete<K>(&mut self, key: &K)
    where
        K: ResourceKey<Value: Resource<Key = K>>;

    /// Shows records that the program has made, under [local ids](crate::Id::local), in the documents that show another
    /// record now. Those that such a document shows already stay as they are. Links to the new records are
    /// [patched](Self::patch).
    ///
    /// Once a commit has [saved](Document::saved) one of them, it is shown under its id, and links that the layer has
    /// made to the local id are links to the id.
    ///
    /// [`ChangeRecords::show`] takes the server's answer in their place.
    fn show<K, T>(&mut self, beside: &K, made: Document<T>)
    where
        K: ResourceKey<Value: Resource<Key = K>>,
        T: Content + ?Sized;

    /// Shows a record that the program has made, under a [local id](crate::Id::local), at the end of the list that a
    /// query answers. Nothing is shown while the query has no answer. Once a commit has [saved](Document::saved) the
    /// record, it is shown under its id. A list that has it then is shown as it is.
    fn push<Q, R>(&mut self, query: &Q, key: &R::Key, made: impl Into<Arc<R>>)
    where
        Q: Fetch<Self::App, Value = Document<[R]>>,
        R: Resource,
        <Self::App as App>::Registry: Holds<Q>;
}

impl<A: Resources> EditRecords for LayerEdit<A> {
    type App = A;

    fn patch<K>(&mut self, key: &K, change: impl Fn(&mut K::Value) + Send + Sync + 'static)
    where
        K: ResourceKey<Value: Resource<Key = K>>,
    {
        layer::patch::<A, K::Value>(self, key, change);
    }

    fn delete<K>(&mut self, key: &K)
    where
        K: ResourceKey<Value: Resource<Key = K>>,
    {
        layer::delete::<A, K::Value>(self, key);
    }

    fn show<K, T>(&mut self, beside: &K, made: Document<T>)
    where
        K: ResourceKey<Value: Resource<Key = K>>,
        T: Content + ?Sized,
    {
        layer::show::<A, K::Value>(self, beside, made.frame);
    }

    fn push<Q, R>(&mut self, query: &Q, key: &R::Key, made: impl Into<Arc<R>>)
    where
        Q: Fetch<A, Value = Document<[R]>>,
        R: Resource,
        A::Registry: Holds<Q>,
    {
        let (key, made, state) = (key.clone(), made.into(), self.client().extension::<Documents<A>>());
        let (name, answer) = (RecordRef::of(&key), AnswerKey::of_fetched(query.clone()));
        let entered = state.index.enter_layer([name].into_iter(), [answer].into_iter());
        self.update(query, move |list| {
            let saved = entered.renames().into_values().next().map(|name| R::Key::from_id(name.id));
            let list = list.filter(|list| saved.as_ref().is_none_or(|saved| list.get(saved).is_none()))?;
            Some(list.pushing(saved.as_ref().unwrap_or(&key), Arc::clone(&made)))
        });
    }
}
