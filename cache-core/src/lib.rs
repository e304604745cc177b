//! A typed query cache: one table per query, weak values, bounds and lifetimes, transactions, snapshots.
//!
//! Each query of a program is a small struct that derives [`Query`]. A build script lists these structs in
//! one registry, so `cache.get(&GetPost { id: 7 })` returns an `Option<Arc<Post>>`: no string keys, no casts,
//! and a query that is not listed does not compile.
//!
#![cfg_attr(feature = "derive", doc = "```standalone_crate")]
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
//! // Usually written by the build script (`cache_codegen::generate()`).
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
//! - [`Query`] describes a question and its table; [`Cache`] answers it; [`Builder`] configures a cache.
//! - [`Transaction`] changes many entries at once; [`Cache::insert`] changes one.
//! - [`Cache::invalidate`] marks an entry as out of date; a [`Tag`] marks those that belong together, in any tables.
//! - [`Pinned`] keeps a key in the cache; [`Entry`] shows the state of one entry, [`Inspection`] that of all tables.
//! - [`Cache::reap_every`] frees the memory of expired and dropped values, also while the program is idle.
//! - [`Cache::save`] and [`Cache::restore_or_new`] carry the cache over a restart; [`Shape`] detects changed types.
//! - [`Dynamic`] entries hold values whose type the registry does not know.
//!
//! # What is kept
//! The index holds values weakly. A table holds an entry strongly, as a *resident*, while the entry is within the
//! table's bound (`capacity`, `lru` or `max_weight`) and before its deadlines (`ttl`, `tti`). After that the entry is a
//! *survivor*: it stays readable as long as any part of the program holds its `Arc`, and is removed, with its key, when
//! the last one is dropped. A table with neither bound nor lifetime holds nothing by itself.
//!
//! # Guarantees
//! - All writes of a commit become visible at once. Transactions are serialisable for reads and writes of single keys.
//! - A reader that has seen one write of a commit sees all of them.
//! - A value is never changed, only replaced: an `Arc` that you hold stays what you read.
//! - None of your code runs under a lock, except `Eq`, `Hash`, `Clone` and `Drop` of keys. A value's `Drop` may call
//!   the cache.
//! - A panic in your code leaves the cache usable and nothing half done. As anywhere in Rust, the process aborts if a
//!   `Drop` panics while another panic unwinds, or if one operation drops two values that panic.
//! - Nothing expires early. It expires late by as much as the cache's [`Clock`] lags behind.
//! - While a save replaces a file, the file is at every moment either the old one or the new one, whole.
//!
//! # Costs
//! - A hit: one shared lock of one shard, one probe, one reference count. It allocates nothing and takes no exclusive
//!   lock. It reads the clock only in tables with lifetimes.
//! - A write: the exclusive lock of one shard, and a visit to a few of its survivors, which frees keys of
//!   dropped values.
//! - An unused table takes about 400 bytes. A shard takes two cache lines until it is written to. An entry takes 75 to
//!   90 bytes besides its value's allocation, with a key of 8 bytes (bench `memory`, 2026-11).
//! - A commit: the locks of the shards that it touches, in one global order, while it installs its writes. Merge
//!   functions, hooks and weighers run before that.
//! - A save: writers wait while it notes which entries exist (about 3 ms for 1,000,000); readers do not wait. After
//!   that, the first write to an entry that is not saved yet copies its key and `Arc`.
//!
//! # Limits
//! - Keys are hashed by a fast function, with a seed for each table. This spreads keys evenly, even keys chosen by an
//!   attacker, unless the attacker can measure how long operations take: it does not protect against timing attacks.
//! - An idle cache frees nothing, unless [`Cache::reap_every`] runs.
//! - On `wasm32-unknown-unknown` there is no [`SystemClock`], and there are no files and no threads. Give the
//!   [`Builder`] a [`Clock`] (otherwise [`build`](Builder::build) fails), save to bytes ([`Cache::save_to`]), and call
//!   [`Cache::reap`] from a timer.
//!
//! # Features
//! `derive` (default): the derives and `registry!`. `bincode` (default), `postcard`, `json`: snapshot codecs. `chrono`,
//! `time`, `url`, `uuid`: [`Shape`] for the types of these crates.
//!
//! # Stability
//! - Public items follow semantic versioning. Items that these pages do not show, such as `__private`, `client_support`
//!   and hidden methods of traits, belong to generated code and to `cache-client`. They may change in any release.
//! - `registry!` and the derives work only with the release of this crate that they come from. Any other is a
//!   compile-time error.
//! - The minimum supported Rust version (`rust-version`) is raised only in minor releases.
//! - A release reads the snapshots of its own format version. The changelog lists the other versions that it reads.
//! - Texts of errors and reports, `Debug` output and the memory of an entry may change in any release.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod __private;
mod cache;
mod clock;
mod commit;
mod commit_log;
mod dependents;
mod dynamic;
mod entry_times;
mod erased;
mod error;
mod event;
mod gate;
mod hash_index;
mod hooks;
mod inspect;
mod known_hashes;
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
pub use inspect::{EntryReport, EntryView, Inspection, RemovalCounts, TableReport};
pub use loading::{LoadingOptions, Strategy};
pub use options::{Bound, TableOptions};
pub use pin::Pinned;
pub use query::{Batched, Lookup, Query, TagsOf, Writable};
pub use reaper::Reaper;
pub use registry::{HasTable, Holds, Registry};
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

/// What `cache-client` builds on. Not part of the public interface; may change in any release.
#[doc(hidden)]
pub mod client_support {
    pub use crate::commit::inputs::Inputs;
    pub use crate::erased::AnyTable;
    pub use crate::pin::AnyPin;
    pub use crate::query::{ShownKey, has_tag};
    pub use crate::shard::key::AnyKey;
    pub use crate::shard::pairs::ValueHandle;
    pub use crate::snapshot::key_fields::{FieldValue, KeyField};
    pub use crate::snapshot::shape::{Fingerprint, Layout, ShapeReport, ShapeVisitor};
    pub use crate::snapshot::{Persistence, SharedCodec};
    pub use crate::table::handle::AnyTableRef;
    pub use crate::transaction::{Backoff, TRANSACT_ATTEMPTS};
    pub use crate::watch::any::AnyWatch;
    pub use crate::watch::brought::BroughtEntries;
    pub use crate::watch::facts::{AnswerFacts, AnyStoreOutcome};
}

/// Defines a registry with one table per listed query.
///
/// The build script generates a call to it. List generic queries, those made by macros, and those of other
/// crates by hand.
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
