//! The key of an answer whose query is not known to a step.

use std::any::Any;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use cache_core::{EntryState, Holds, Query, Revision, Transaction};

use super::written_key::mark_if_shared;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::context::memo::Memo;
use crate::erased::AnyValue;
use crate::shared::protocol::Mark;
use crate::sharing::{self};

/// The key of an answer, of a query of unknown type. Clones are cheap.
pub struct AnswerKey<A: App>(pub(super) Arc<dyn AnyAnswerKey<A>>);

impl<A: App> AnswerKey<A> {
    /// Erases the query of a key.
    #[must_use]
    pub fn new<Q: Query>(query: Q) -> Self
    where
        A::Registry: Holds<Q>,
    {
        Self(Arc::new(TypedKey { key: query, as_loaded: None }))
    }

    /// Erases the query of a key that a change writes and loads may write too.
    pub(crate) fn of_answer<Q: Query + AnyQuery<A>>(query: Q) -> Self
    where
        A::Registry: Holds<Q>,
    {
        Self(Arc::new(TypedKey { key: query, as_loaded: Some(|query| query) }))
    }

    pub(crate) fn of_load(query: Arc<dyn AnyQuery<A>>) -> Self {
        Self(Arc::new(LoadedKey(query)))
    }

    /// The query, if it is loaded.
    pub(crate) fn query(&self) -> Option<&dyn AnyQuery<A>> {
        self.0.query()
    }

    /// Returns the value of the entry, if it is a `V`, and its state. Does not count as a use.
    #[must_use]
    pub fn read<V: Send + Sync + 'static>(&self, client: &Client<A>) -> Option<(Arc<V>, EntryState)> {
        let mut found = None;
        self.0.read(client, &mut |value, state| {
            let erased = || value.downcast_ref::<AnyValue>()?.clone().downcast().ok();
            found = value.downcast_ref().cloned().or_else(erased).map(|value: Arc<V>| (value, state));
        });
        found
    }

    /// Forgets the answer that a request has to the key, and the copy in the provider.
    pub(crate) fn forget(&self, client: &Client<A>, memo: Option<&Memo>) {
        self.0.forget(client);
        if let Some(memo) = memo {
            memo.forget(self.0.key());
        }
    }
}

impl<A: App> Clone for AnswerKey<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: App> PartialEq for AnswerKey<A> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<A: App> Eq for AnswerKey<A> {}

impl<A: App> Hash for AnswerKey<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.key().wide_hash());
    }
}

impl<A: App> Debug for AnswerKey<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.key().show(f)
    }
}

/// What a step does with an answer.
pub(super) trait AnyAnswerKey<A: App>: Send + Sync {
    fn key(&self) -> &dyn AnyKey;
    /// The query, if it is loaded.
    fn query(&self) -> Option<&dyn AnyQuery<A>> {
        None
    }
    /// Calls `visit` with the value, either an `Arc` of its type or an [`AnyValue`], and the state of the entry.
    fn read(&self, client: &Client<A>, visit: &mut dyn FnMut(&dyn Any, EntryState));
    /// `value` is an `Arc` of its type, and `erased` the same value.
    fn follow(
        &self,
        commit: (&Client<A>, &mut Transaction<A::Registry>),
        value: &dyn Any,
        erased: &AnyValue,
        seen: Revision,
    );
    fn invalidate(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>);
    /// Replaces a value that the transaction has written. `value` is an `Arc` of its type.
    fn amend(&self, transaction: &mut Transaction<A::Registry>, value: &dyn Any);
    /// Calls `visit` with a value that the transaction has written, an `Arc` of its type.
    fn written(&self, transaction: &mut Transaction<A::Registry>, visit: &mut dyn FnMut(&dyn Any));
    /// Does what [`WrittenKey::mark_if_shared`] does.
    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark>;
    /// Removes the copy in the provider.
    fn forget(&self, client: &Client<A>);
}

/// The key of a load. Compiled once for all queries.
struct LoadedKey<A: App>(Arc<dyn AnyQuery<A>>);

impl<A: App> AnyAnswerKey<A> for LoadedKey<A> {
    fn key(&self) -> &dyn AnyKey {
        &*self.0
    }

    fn query(&self) -> Option<&dyn AnyQuery<A>> {
        Some(&*self.0)
    }

    fn read(&self, client: &Client<A>, visit: &mut dyn FnMut(&dyn Any, EntryState)) {
        if let Some((value, state)) = self.0.read(client.cache(), false) {
            visit(&value, state);
        }
    }

    fn follow(
        &self,
        (client, transaction): (&Client<A>, &mut Transaction<A::Registry>),
        _: &dyn Any,
        erased: &AnyValue,
        seen: Revision,
    ) {
        transaction.follow_any(&self.0.home(client.cache()), &*self.0, &self.0.to_handle(erased), seen);
    }

    fn invalidate(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) {
        transaction.invalidate_any(&self.0.home(client.cache()), &*self.0);
    }

    // The commit of a load writes its answer last.
    fn amend(&self, _: &mut Transaction<A::Registry>, _: &dyn Any) {}

    fn written(&self, _: &mut Transaction<A::Registry>, _: &mut dyn FnMut(&dyn Any)) {}

    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark> {
        client.shared_tier()?;
        let mark = sharing::mark_of(self.0.table(client.cache()), &*self.0)?;
        transaction.invalidate_any(&self.0.home(client.cache()), &*self.0);
        Some(mark)
    }

    fn forget(&self, client: &Client<A>) {
        client.remove_copy_of(&*self.0);
    }
}

/// A key whose query is known.
struct TypedKey<A: App, Q> {
    key: Q,
    /// Returns the query as one that is loaded, if it is.
    as_loaded: Option<fn(&Q) -> &dyn AnyQuery<A>>,
}

impl<A: App, Q: Query> AnyAnswerKey<A> for TypedKey<A, Q>
where
    A::Registry: Holds<Q>,
{
    fn key(&self) -> &dyn AnyKey {
        &self.key
    }

    fn query(&self) -> Option<&dyn AnyQuery<A>> {
        self.as_loaded.map(|as_loaded| as_loaded(&self.key))
    }

    fn read(&self, client: &Client<A>, visit: &mut dyn FnMut(&dyn Any, EntryState)) {
        if let Some((value, state)) = client.cache().value_and_state(&self.key, false) {
            visit(&value, state);
        }
    }

    fn follow(
        &self,
        (_, transaction): (&Client<A>, &mut Transaction<A::Registry>),
        value: &dyn Any,
        _: &AnyValue,
        seen: Revision,
    ) {
        if let Some(value) = value.downcast_ref::<Arc<Q::Value>>() {
            transaction.follow(self.key.clone(), Arc::clone(value), seen);
        }
    }

    fn invalidate(&self, _: &Client<A>, transaction: &mut Transaction<A::Registry>) {
        transaction.invalidate(&self.key);
    }

    fn amend(&self, transaction: &mut Transaction<A::Registry>, value: &dyn Any) {
        if let Some(value) = value.downcast_ref::<Arc<Q::Value>>() {
            transaction.update(&self.key, |_| Arc::clone(value));
        }
    }

    fn written(&self, transaction: &mut Transaction<A::Registry>, visit: &mut dyn FnMut(&dyn Any)) {
        if let Some(value) = transaction.get(&self.key) {
            visit(&value);
        }
    }

    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark> {
        mark_if_shared(&self.key, client, transaction)
    }

    fn forget(&self, client: &Client<A>) {
        client.remove_copy(&self.key);
    }
}
