//! What the client shares with other machines: which queries, under which names, for how long copies of theirs are
//! fresh, and how drops of other machines reach the cache. `shared` is the tier itself, and knows no queries.

mod direct;
pub(crate) mod drops;
pub(crate) mod entry;
pub(crate) mod marks;

use cache_core::client_support::{AnyKey, AnyTable};
use cache_core::{Moment, Tag};

use crate::app::App;
use crate::client::Client;
use crate::plan::Plan;
use crate::shared::protocol::{Key, Mark};

impl<A: App> Client<A> {
    /// Whether copies of shared queries are fresh, whatever their age. Must be asked before a copy is read.
    #[inline]
    pub(crate) fn is_within_lag(&self) -> bool {
        self.shared_tier().is_none_or(|tier| {
            let until = tier.fresh_until();
            self.cache().about_now() <= until
        })
    }

    /// When the load of a copy must have begun so that it may be fresh, or a load so that it may be joined. `None` if
    /// any may. Must be asked before a copy is read.
    pub(crate) fn oldest_fresh(&self, plan: &Plan) -> Option<Moment> {
        let tier = self.shared_tier().filter(|_| plan.is_shared())?;
        let until = tier.fresh_until();
        let now = self.cache().about_now();
        (now > until).then(|| now - tier.reach())
    }
}

/// The name of a key on all machines. `None` if its codec cannot write it.
pub(crate) fn shared_key(table: AnyTable<'_>, key: &dyn AnyKey) -> Option<Key> {
    let mut bytes = Vec::new();
    let codec = table.sharing()?.entries();
    entry::catch_codec(|| codec.encode_key(key, &mut bytes)).ok()?;
    Some(Key::new(table.name(), &bytes))
}

/// What names a changed key for other machines. `None` if the table is not shared.
pub(crate) fn mark_of(table: AnyTable<'_>, key: &dyn AnyKey) -> Option<Mark> {
    if !table.is_shared() {
        return None;
    }
    // Too much is never wrong.
    Some(shared_key(table, key).map_or_else(|| Mark::Table(table.name().into()), Mark::Key))
}

impl<A: App> Client<A> {
    /// What names all keys with a tag for other machines. `None` if no shared query may have it.
    pub(crate) fn mark_of_tag(&self, tag: &Tag) -> Option<Mark> {
        let mut may_have_it = false;
        self.each_shared_table(|table| may_have_it |= table.may_have_tag(tag));
        may_have_it.then(|| Mark::Tag(tag.as_bytes().into()))
    }

    /// What names everything for other machines. `None` if no query is shared.
    pub(crate) fn mark_of_all(&self) -> Option<Mark> {
        let mut any_shared = false;
        self.each_shared_table(|_| any_shared = true);
        any_shared.then_some(Mark::All)
    }
}
