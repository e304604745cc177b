//! A typed query cache: one table per query, weak values beside strong capacity and time, transactions, snapshots.
//!
//! Each question that a program asks is a small struct with `#[derive(Query)]`. A build script lists them all in one
//! registry, so that `cache.get(&GetPost { id: 7 })` is an `Option<Arc<Post>>`: no string keys, no casts, and a query
//! that is not listed does not compile.
//!
#![cfg_attr(feature = "derive", doc = "```")]
#![cfg_attr(not(feature = "derive"), doc = "```ignore")]
//! use cache_core::{Cache, Query, registry};
//!
//! #[derive(Debug)]
//! pub struct Post { pub title: String }
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Post, capacity = 10_000, ttl = "5m")]
//! pub struct GetPost { pub id: u64 }
//!
//! // Written by the build script (`cache_codegen::generate()`) where there is one.
//! registry! {
//!     pub struct CacheRegistry { crate::GetPost }
//! }
//!
//! # fn main() -> Result<(), cache_core::CommitError> {
//! let cache = Cache::<CacheRegistry>::new();
//! let mut tx = cache.begin();
//! tx.set(GetPost { id: 7 }, Post { title: "Seven".into() });
//! tx.commit()?;
//! assert_eq!(cache.get(&GetPost { id: 7 }).unwrap().title, "Seven");
//! # Ok(())
//! # }
//! ```
//!
//! # A tour
//! - [`Query`] says what a question is; [`Cache`] answers it; [`Builder`] configures a cache.
//! - [`Transaction`] changes many entries at once; [`Cache::insert`] changes one.
//! - [`Cache::invalidate`] marks an entry as out of date; a [`Tag`] marks those that belong together, in any tables.
//! - [`Pinned`] keeps a key; [`Entry`] tells the state of one; [`Inspection`] tells that of all.
//! - [`Cache::reap_every`] gives back the memory of what has expired or died, also while the program is idle.
//! - [`Cache::save`] and [`Cache::restore_or_new`] carry the cache over a restart; [`Shape`] notices types that changed.
//! - [`Dynamic`] entries are for values whose type the registry does not know.
//!
//! # What is kept
//! The index holds values weakly. A table's own claim on an entry, its *residency*, lasts while the entry is within the
//! table's bound (`capacity`, `lru` or `max_weight`) and before its deadlines (`ttl`, `tti`). What is no longer resident
//! is a *survivor*: readable as long as any part of the program holds its `Arc`, and gone, key included, when nobody
//! does. A table with neither bound nor time keeps nothing by itself.
//!
//! # Guarantees
//! - All writes of a commit become visible at once. Transactions are serialisable for reads and writes of single keys.
//! - A reader that has seen one write of a commit sees all of them.
//! - A value is never changed, only replaced: who holds an `Arc` keeps what it read.
//! - No code of yours runs under a lock, but `Eq`, `Hash`, `Clone` and `Drop` of keys. A value's `Drop` may call the cache.
//! - A panic in your code leaves the cache usable and nothing half done. As anywhere in Rust, a value whose `Drop` panics
//!   while a panic unwinds ends the process; so do two such values that are dropped by one operation.
//! - No time ends early. What has expired is noticed as late as the cache's [`Clock`] lags behind.
//! - A file that is being saved over is at every moment the old or the new one, whole.
//!
//! # Costs
//! - A hit: one shared lock of one shard, one probe, one reference count. No allocation, no exclusive lock; the clock is
//!   read only in tables with times.
//! - A write: the exclusive lock of one shard, and a visit to a handful of its survivors, so that dead keys go in time.
//! - A table that is not used costs its fields, some 400 bytes; a shard is two cache lines until it is written to. An
//!   entry takes 75 to 90 bytes beside its value's allocation, with a key of 8 bytes (bench `memory`, 2026-11).
//! - A commit: the locks of the shards that it touches, in one global order, for the time of the installation. Merge
//!   functions, hooks and weighers run before that.
//! - A save: writers wait while it notes which entries there are (some 3 ms for 1,000,000), and readers go on. After that
//!   a write that is the first to change an entry which is not saved yet copies its key and `Arc`.
//!
//! # Limits
//! - Keys are hashed by a fast function with a seed of its own for each table. That spreads keys evenly, those of a
//!   stranger too, as long as the stranger cannot measure how long operations take; it is no defence against one who can.
//! - Time passes by the clock alone: an idle cache lets go of nothing, unless [`Cache::reap_every`] runs.
//! - On `wasm32-unknown-unknown` there is no [`SystemClock`], no file and no thread: give the [`Builder`] a [`Clock`], without
//!   which [`build`](Builder::build) fails, save to bytes ([`Cache::save_to`]), and call [`Cache::reap`] from a timer of the
//!   page.
//!
//! # Features
//! `derive` (default): the derives and `registry!`. `bincode` (default), `postcard`, `json`: snapshot codecs. `chrono`,
//! `time`, `url`, `uuid`: [`Shape`] for the types of these crates.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod __private;
mod cache;
mod clock;
mod commit;
mod commit_log;
mod dynamic;
mod entry_times;
mod erased;
mod error;
mod event;
mod gate;
mod hash_index;
mod hooks;
mod inspect;
mod loading;
mod options;
mod pin;
mod query;
mod reaper;
mod reentrancy;
mod registry;
mod retention;
mod shard;
mod shared;
mod snapshot;
#[cfg_attr(cache_model, path = "../../model/src/sync.rs")]
mod sync;
mod table;
mod tag;
mod transaction;
mod typed;
mod watch;

#[cfg(feature = "derive")]
pub use cache_macros::{Query, Shape};

pub use cache::Cache;
pub use cache::builder::Builder;
pub use cache::dynamic::DynamicTable;
pub use cache::restore::RestoreOptions;
pub use cache::save::SaveOptions;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use clock::SystemClock;
pub use clock::{Clock, ManualClock, Moment, Revision};
pub use commit_log::{CommitLog, CommitRecord};
pub use dynamic::{Dynamic, DynamicValue};
pub use entry_times::EntryTimes;
pub use error::{BuildError, CommitError, OpenError, TypeMismatch};
pub use event::{Change, ChangeKind, Removal, RemovalCause};
pub use hooks::{BoxError, Proposal};
pub use inspect::{EntryReport, Inspection, RemovalCounts, TableReport};
pub use loading::{LoadingOptions, Strategy};
pub use options::{Bound, TableOptions};
pub use pin::Pinned;
pub use query::{Batched, Lookup, Query, TagsOf};
pub use reaper::Reaper;
pub use registry::{Holds, Registry};
pub use shard::state::HistoryEntry;
pub use snapshot::shape::Shape;
pub use snapshot::{
    Damage, EntryCodec, PathProblem, RegisterError, RestoreReport, SaveReport, SkipReason, SkippedEntries,
    SkippedEntry, SkippedTable, SnapshotError, TableRestore, TableSave,
};
pub use table::entry::{Entry, EntryState, Freshness, Residency};
pub use tag::Tag;
pub use transaction::{Merge, ReadSet, Receipt, Transaction};
pub use watch::{StoreOutcome, Watch};

/// What `cache-client` builds on; no part of the public interface, may change in any release.
#[doc(hidden)]
pub mod client_support {
    pub use crate::commit::inputs::Inputs;
    pub use crate::erased::AnyTable;
    pub use crate::pin::AnyPin;
    pub use crate::query::{ShownKey, has_tag};
    pub use crate::shard::key::AnyKey;
    pub use crate::shard::pairs::ValueHandle;
    pub use crate::snapshot::Persistence;
    pub use crate::snapshot::shape::Fingerprint;
    pub use crate::table::handle::UsedTableRef;
    pub use crate::transaction::{Backoff, TRANSACT_ATTEMPTS};
    pub use crate::watch::any::{AnyWatch, StoredAs};
}

/// Makes a registry: one table per listed query.
///
/// The build script writes a call of it; a list by hand serves for generic queries, those made by macros, and those
/// of other crates.
///
/// ```ignore
/// cache_core::registry! {
///     pub struct CacheRegistry {
///         /// One post.
///         crate::queries::GetPost,
///         crate::queries::Page<crate::User> as "user_page",
///     }
/// }
/// ```
#[cfg(feature = "derive")]
#[macro_export]
macro_rules! registry {
    ($($listing:tt)*) => {
        $crate::__private::registry_impl! { crate = $crate; core_format = 1; $($listing)* }
    };
}

/// Includes the registry that the build script wrote: a struct `CacheRegistry`, unless the script names it otherwise.
///
/// It does not compile in a package without such a script; the error says what to write.
#[cfg(feature = "derive")]
#[macro_export]
macro_rules! include_registry {
    () => {
        $crate::__private::include_registry_impl! {}
    };
}
