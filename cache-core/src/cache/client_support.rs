//! Hidden methods of [`Cache`] that `cache-client` builds on. They are not part of the public interface.

use std::any::TypeId;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Cache, any_table_in, table_in};
use crate::clock::Moment;
use crate::commit::inputs::Inputs;
use crate::erased::AnyTable;
use crate::query::{Lookup, Query};
use crate::registry::{HasTable, Registry};
use crate::shard::pairs::ValueHandle;
use crate::table::Use;
use crate::table::entry::EntryState;
use crate::table::handle::{AnyTableRef, TableAccess};
use crate::typed::{Lines, Pairs};
use crate::watch::any::AnyWatch;
use crate::watch::same::is_same_of;

impl<R: Registry> Cache<R> {
    /// Returns value and state as [`get_entry`](Self::get_entry) does, without the key, so that nothing is
    /// allocated. Counts as a use if `counts`.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn value_and_state<L: Lookup>(
        &self,
        lookup: &L,
        counts: bool,
    ) -> Option<(Arc<<L::Query as Query>::Value>, EntryState)>
    where
        R: HasTable<L::Query>,
    {
        let use_ = if counts { Use::Counted } else { Use::Uncounted };
        self.table::<L::Query>().value_and_state(lookup, use_)
    }

    /// Returns the value of a resident that is fresh by the times of its table, and counts a hit. Returns
    /// `None` and counts nothing if this quick check does not suffice: use another method then.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn plainly_fresh<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().plainly_fresh(lookup)
    }

    /// Returns the same value as [`plainly_fresh`](Self::plainly_fresh), and since when it is true. Its entry has no
    /// times of its own.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn plainly_fresh_since<L: Lookup>(
        &self,
        lookup: &L,
    ) -> Option<(Arc<<L::Query as Query>::Value>, Moment)>
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().plainly_fresh_since(lookup)
    }

    /// Returns the value of a resident that nobody has marked and that has no deadline, whether it is fresh or not, and
    /// counts a hit. Reads no clock. Returns `None` and counts nothing if this quick check does not suffice: use another
    /// method then.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn plainly_unmarked<L: Lookup>(&self, lookup: &L) -> Option<Arc<<L::Query as Query>::Value>>
    where
        R: HasTable<L::Query>,
    {
        self.table::<L::Query>().plainly_unmarked(lookup)
    }

    /// Returns the table of a query, with its query erased.
    #[doc(hidden)]
    #[must_use]
    pub fn any_table<Q: Query>(&self) -> AnyTable<'_>
    where
        R: HasTable<Q>,
    {
        AnyTable::of(self.table::<Q>())
    }

    /// Returns the name of a table, which may differ from that of its query.
    #[doc(hidden)]
    #[must_use]
    pub fn name_of<Q: Query>(&self) -> &'static str
    where
        R: HasTable<Q>,
    {
        self.table::<Q>().name()
    }

    /// Returns the date and time of day by the cache's clock.
    #[doc(hidden)]
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.shared().clock.wall()
    }

    /// Visits all tables, in the order of the registry.
    #[doc(hidden)]
    pub fn each_table<'a>(&'a self, visit: &mut dyn FnMut(AnyTable<'a>)) {
        self.visit(&mut |table| visit(AnyTable(table)));
    }

    /// Starts recording, for every persisted table, the keys changed by anything other than a load. Callers that keep
    /// copies of entries elsewhere need this.
    #[doc(hidden)]
    pub fn record_changes(&self) {
        self.visit(&mut |table| {
            if table.head().codec().is_some() {
                table.head().dirty_marks.record();
            }
        });
    }

    /// Returns how often the cache was cleared or restored. Counted before anything changes.
    #[doc(hidden)]
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.shared().resets()
    }

    /// Returns the current moment, read as cheaply as possible: it may lag by a few milliseconds.
    #[doc(hidden)]
    #[must_use]
    pub fn about_now(&self) -> Moment {
        self.shared().now()
    }

    /// Returns a handle of the table of a query, with its query erased.
    #[doc(hidden)]
    #[must_use]
    pub fn any_table_ref<Q: Query>(&self) -> AnyTableRef
    where
        R: HasTable<Q>,
    {
        let access = const {
            &TableAccess {
                query: TypeId::of::<Q>,
                used: |cache| table_in::<Q, R>(cache).ensure_shards(),
                table: any_table_in::<Q, R>,
                has_value: Lines::<Q>::has_value,
                is_same: is_same_of::<Q>(),
                pairs: Pairs::<Q>::boxed,
            }
        };
        AnyTableRef { cache: self.any(), access }
    }

    /// Records the value that was read under a key in `inputs`, as [`Inputs::note_any`] does.
    #[doc(hidden)]
    pub fn note_input<Q: Query>(
        &self,
        inputs: &mut Inputs,
        key: &Q,
        value: Option<&Arc<Q::Value>>,
        was_marked: bool,
        watch: Option<&AnyWatch>,
    ) where
        R: HasTable<Q>,
    {
        let value = value.map(|value| ValueHandle::new::<Q>(Arc::clone(value)));
        inputs.note_any(self.any_table_ref::<Q>(), key, value, was_marked, watch);
    }
}
