//! A key that a step has written.

use cache_core::client_support::AnyKey;
use cache_core::{Holds, Query, Transaction};

use crate::app::App;
use crate::client::Client;
use crate::context::memo::Memo;
use crate::mutate::order::WrittenEntry;
use crate::shared::protocol::Mark;
use crate::sharing::{self};

/// A written key of a query of unknown type.
pub(crate) trait WrittenKey<A: App>: Send {
    fn key(&self) -> &dyn AnyKey;

    /// Marks the key at the commit if other machines share it: they may have changed it later, and one load tells. Returns
    /// what names it for them.
    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark>;

    /// Forgets the answer that the request has, and the copy in the provider.
    fn forget(&self, client: &Client<A>, memo: Option<&Memo>);

    /// The entry that is compared with other commits.
    fn written(self: Box<Self>) -> WrittenEntry<Client<A>>;
}

pub(crate) struct KeyOf<Q>(pub(crate) Q);

impl<A: App, Q: Query> WrittenKey<A> for KeyOf<Q>
where
    A::Registry: Holds<Q>,
{
    fn key(&self) -> &dyn AnyKey {
        &self.0
    }

    fn mark_if_shared(&self, client: &Client<A>, transaction: &mut Transaction<A::Registry>) -> Option<Mark> {
        mark_if_shared(&self.0, client, transaction)
    }

    fn forget(&self, client: &Client<A>, memo: Option<&Memo>) {
        forget(&self.0, client, memo);
    }

    fn written(self: Box<Self>) -> WrittenEntry<Client<A>> {
        WrittenEntry::new((&self.0 as &dyn AnyKey).wide_hash(), self.0, |client, key| {
            client.cache().invalidate(key);
            client.remove_copy(key);
        })
    }
}

/// Whether other machines share the keys of a query.
pub(super) fn is_shared<A: App, Q: Query>(client: &Client<A>) -> bool {
    // Known to the compiler.
    Q::SHARING.is_some() && client.shared_tier().is_some()
}

/// Does what [`WrittenKey::mark_if_shared`] does.
pub(super) fn mark_if_shared<A: App, Q: Query>(
    key: &Q,
    client: &Client<A>,
    transaction: &mut Transaction<A::Registry>,
) -> Option<Mark>
where
    A::Registry: Holds<Q>,
{
    if !is_shared::<A, Q>(client) {
        return None;
    }
    let mark = sharing::mark_of(client.cache().any_table::<Q>(), key)?;
    transaction.invalidate(key);
    Some(mark)
}

/// Forgets the answer that a request has to a key, and the copy in the provider.
pub(crate) fn forget<A: App, Q: Query>(key: &Q, client: &Client<A>, memo: Option<&Memo>)
where
    A::Registry: Holds<Q>,
{
    client.remove_copy(key);
    if let Some(memo) = memo {
        memo.forget(key);
    }
}
