//! Reads several keys at one moment, without blocking writers unless writers keep winning.

use std::sync::Arc;

use crate::cache::Cache;
use crate::clock::Moment;
use crate::query::{Lookup, Query};
use crate::registry::{HasTable, Registry};
use crate::table::Use;

/// Rounds of [`Cache::get_all`] before writers are made to wait.
const READS_BEFORE_GATE: usize = if cfg!(cache_model) { 1 } else { 8 };

impl<R: Registry> Cache<R> {
    /// Reads several keys, of any tables, at one moment. A miss gives `None` at its place.
    ///
    /// Does not block other readers or writers: it reads the keys repeatedly until nothing has changed in
    /// between. If writers keep winning, they wait for one round.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, CommitError, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let (left, right) = (GetName { id: 1 }, GetName { id: 2 });
    /// cache.transact(|tx| {
    ///     tx.set(left.clone(), "Ann".to_owned());
    ///     tx.set(right.clone(), "Bob".to_owned());
    ///     Ok::<_, CommitError>(())
    /// })?;
    /// // Both or none: the two were committed together.
    /// let (a, b, c) = cache.get_all((&left, &right, &GetName { id: 3 }));
    /// assert_eq!((a.unwrap().as_str(), b.unwrap().as_str(), c), ("Ann", "Bob", None));
    /// # Ok::<(), CommitError>(())
    /// ```
    pub fn get_all<T: ReadSet<R>>(&self, lookups: T) -> T::Values {
        loop {
            for _ in 0..READS_BEFORE_GATE {
                if let Some(values) = lookups.read_at_once(self) {
                    return values;
                }
            }
            // No foreign code runs while the gate is closed: the next round removes expired entries, and
            // values of discarded rounds are dropped after the gate is open.
            let now = self.shared().now();
            let closed = self.shared().gate.close();
            let (values, is_all) = lookups.read_closed(self, now);
            drop(closed);
            if is_all {
                return values;
            }
        }
    }
}

/// A tuple of references to keys, for [`Cache::get_all`].
pub trait ReadSet<R: Registry> {
    /// The values, each an `Option<Arc<_>>`.
    type Values;

    /// Reads all keys, and checks whether anything has changed by the end.
    #[doc(hidden)]
    fn read_at_once(&self, cache: &Cache<R>) -> Option<Self::Values>;

    /// Reads all keys while the gate is closed. Returns `false` if some resident is past its deadline and
    /// must be released first.
    #[doc(hidden)]
    fn read_closed(&self, cache: &Cache<R>, now: Moment) -> (Self::Values, bool);
}

macro_rules! impl_read_set {
    ($($lookup:ident $at:tt),+) => {
        impl<R: Registry, $($lookup: Lookup),+> ReadSet<R> for ($(&$lookup,)+)
        where
            $(R: HasTable<$lookup::Query>),+
        {
            type Values = ($(Option<Arc<<$lookup::Query as Query>::Value>>,)+);

            fn read_at_once(&self, cache: &Cache<R>) -> Option<Self::Values> {
                let revision = cache.shared().revision();
                let values = ($(cache.table::<$lookup::Query>().get(self.$at),)+);
                if cache.shared().revision() == revision {
                    return Some(values);
                }
                drop(values);
                let revision = cache.shared().revision();
                let read = ($(cache.table::<$lookup::Query>().read_versioned(self.$at, Use::Uncounted),)+);
                // Without a commit meanwhile, all reads are valid at the moment of the last one: the values
                // found are held here, so they are still readable, and no missing value has been written.
                let is_one_moment = cache.shared().revision() == revision
                    || $(cache.table::<$lookup::Query>().read_versioned(self.$at, Use::Uncounted).1 == read.$at.1)&&+;
                is_one_moment.then(|| ($(read.$at.0,)+))
            }

            fn read_closed(&self, cache: &Cache<R>, now: Moment) -> (Self::Values, bool) {
                let read = ($(cache.table::<$lookup::Query>().read_unexpired(self.$at, now),)+);
                let is_all = $(read.$at.1)&&+;
                (($(read.$at.0,)+), is_all)
            }
        }
    };
}

impl_read_set!(A 0);
impl_read_set!(A 0, B 1);
impl_read_set!(A 0, B 1, C 2);
impl_read_set!(A 0, B 1, C 2, D 3);
impl_read_set!(A 0, B 1, C 2, D 3, E 4);
impl_read_set!(A 0, B 1, C 2, D 3, E 4, F 5);
impl_read_set!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
impl_read_set!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
