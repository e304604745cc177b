//! The definition of a query: its key, the type of its value, its name and options. No storage, no behaviour.

use std::fmt::{self, Debug};
use std::hash::Hash;

use crate::loading::LoadingOptions;
use crate::options::TableOptions;
use crate::snapshot::{Persistence, SharedCodec};
use crate::tag::Tag;

/// A question whose answer the cache can hold. The value of the struct is the key.
///
/// Implement it with `#[derive(Query)]`. Two keys name the same entry if they are equal. The options of the
/// query are not part of its identity.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    label = "this type has no `Query` implementation",
    note = "add `#[derive(Query)]` and `#[query(value = ...)]` to it"
)]
pub trait Query: Clone + Eq + Hash + Debug + Send + Sync + 'static {
    /// The answer. The cache returns it as `Arc<Self::Value>`.
    type Value: ?Sized + Send + Sync + 'static;

    /// Name of the query's table: in snapshots, errors, inspection and events.
    const NAME: &'static str;

    /// What the table keeps and for how long, unless the cache is built with other settings.
    const OPTIONS: TableOptions = TableOptions::new();

    /// How a query client loads the query, unless the client or the call says otherwise. The store ignores it.
    const LOADING: LoadingOptions = LoadingOptions::new();

    /// Names under which the entries of several queries are invalidated together.
    const TAGS: &'static [&'static str] = &[];

    /// The function that gives each entry its own tags, by its key: `#[query(tags_of = path)]`, with the path
    /// of a function `fn(&Query) -> impl IntoIterator<Item = Tag>`.
    ///
    /// Equal keys must have the same tags, at all times. The function runs at each write of the table,
    /// outside all locks, and again for the keys that an invalidation finds.
    ///
    /// The table has an index of the tags: [`Cache::invalidate_tag`](crate::Cache::invalidate_tag) visits only the entries that
    /// have one. It takes 30 to 40 bytes for each tag of an entry (test `store_memory`). Reads pay nothing for it, and tables
    /// without tags of entries have none.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Tag, registry};
    /// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// #[query(value = String, capacity = 1_000, tags_of = GetView::tags)]
    /// struct GetView { article: u64, viewer: u64 }
    ///
    /// impl GetView {
    ///     fn tags(&self) -> [Tag; 2] {
    ///         [Tag::new("article", self.article), Tag::new("viewer", self.viewer)]
    ///     }
    /// }
    /// # registry! { struct CacheRegistry { GetView } }
    /// # let cache = Cache::<CacheRegistry>::new();
    /// # for viewer in 1..=3 {
    /// #     cache.insert(GetView { article: 7, viewer }, "seen".to_owned());
    /// #     cache.insert(GetView { article: 8, viewer }, "seen".to_owned());
    /// # }
    /// # assert_eq!(cache.invalidate_tag(Tag::new("article", 7)), 3);
    /// assert_eq!(cache.invalidate_tag(Tag::new("viewer", 1)), 2);
    /// ```
    const TAGS_OF: Option<TagsOf<Self>> = None;

    /// Returns the tags of this key, by [`TAGS_OF`](Self::TAGS_OF); none without it. Do not implement this
    /// method: the table uses `TAGS_OF`.
    #[must_use]
    fn tags_of(&self) -> Vec<Tag> {
        let mut tags = Vec::new();
        if let Some(tags_of) = Self::TAGS_OF {
            tags_of(self, &mut |tag| tags.push(tag));
        }
        tags
    }

    /// Whether an answer is invalidated when an entry that it was built from changes: `#[query(derived)]`.
    ///
    /// A load that reads other queries through its context is built from them. The stored answer remembers up to 64 of
    /// these keys, by their hashes. When one of them is written, removed or invalidated, the answer is marked before
    /// that call returns, and so are the answers that were built from it. An answer that was built from more keys is
    /// stored as marked. What leaves the cache by itself, by eviction or expiry, marks nothing.
    ///
    /// Each input of an answer takes 30 to 40 bytes. A table whose entries are inputs pays one look at a filter
    /// for each write; other tables pay nothing. Answers of derived queries cannot be persisted, since a snapshot does
    /// not contain what they were built from.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// #[query(value = u64, capacity = 1_000, derived)]
    /// struct GetTotal { cart: u64 }
    /// assert!(GetTotal::DERIVED);
    /// ```
    const DERIVED: bool = false;

    /// Whether the table is one of records: `#[query(record)]`.
    #[doc(hidden)]
    const IS_RECORD: bool = false;

    /// Whether keys are hidden wherever the store or a client prints them: `#[query(secret)]`.
    const SECRET: bool = false;

    /// Returns the weight of one entry, for tables bounded by `max_weight`. Runs outside all locks.
    #[must_use]
    fn weigh(&self, _value: &Self::Value) -> u32 {
        1
    }

    /// Whether [`same_value`](Self::same_value) returns `true` for any values.
    #[doc(hidden)]
    const COMPARES: bool = false;

    /// Returns whether two values are the same answer, so that a refresh may keep the old one
    /// (`#[query(eq)]`).
    #[doc(hidden)]
    #[must_use]
    fn same_value(_old: &Self::Value, _new: &Self::Value) -> bool {
        false
    }

    /// Returns whether a value means that there is nothing (`#[query(absent_ttl = "...")]` on an `Option`).
    #[doc(hidden)]
    #[must_use]
    fn is_absent(_value: &Self::Value) -> bool {
        false
    }

    /// Returns the answer of a query client when everything else has failed (`#[query(fallback = ...)]`).
    #[doc(hidden)]
    #[must_use]
    fn fallback_value(&self) -> Option<Self::Value>
    where
        Self::Value: Sized,
    {
        None
    }

    /// How a client with a shared tier encodes keys and values for other machines; `None` for tables without `share`.
    #[doc(hidden)]
    const SHARING: Option<fn() -> SharedCodec> = None;

    /// Returns how the table is saved; `None` for tables without `persist`.
    #[doc(hidden)]
    #[must_use]
    fn persistence() -> Option<Persistence<Self>> {
        None
    }
}

/// Calls its second argument with each tag of a query's key.
pub type TagsOf<Q> = fn(&Q, &mut dyn FnMut(Tag));

/// Calls `add` for each tag. The derive calls it with the result of the `tags_of` function, so that a result
/// of the wrong type is one error.
pub fn add_tags(tags: impl IntoIterator<Item = Tag>, add: &mut dyn FnMut(Tag)) {
    tags.into_iter().for_each(add);
}

/// Returns whether a key has a tag: its query's, or one of its own.
#[doc(hidden)]
pub fn has_tag<Q: Query>(key: &Q, tag: &Tag) -> bool {
    let mut has_it = tag.is_among(Q::TAGS);
    if let Some(tags_of) = Q::TAGS_OF {
        tags_of(key, &mut |other| has_it |= other == *tag);
    }
    has_it
}

/// Prints a key by its `Debug`, or hides it if its query is derived with `secret`.
#[doc(hidden)]
pub struct ShownKey<'a, Q>(pub &'a Q);

impl<Q: Query> Debug for ShownKey<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Q::SECRET { f.write_str("(secret)") } else { self.0.fmt(f) }
    }
}

/// A query whose loads can take several keys: one derived with the option `batch`. Only a marker, which a
/// query client requires for batch loads.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a batched query",
    label = "this query has no option `batch`",
    note = "add `batch`, or `batch = N`, to its `#[query(...)]`"
)]
pub trait Batched: Query {}

/// A query whose entries the program writes: every query except records, which are derived with the option `record`.
/// Only a marker. The derive implements it; implement it where you implement [`Query`] by hand.
///
/// A record lives while a document shows it, and each document shows the same record. So only the crate that keeps
/// documents writes records.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names records, which are written through `client.documents()`",
    label = "records of `{Self}` cannot be written, removed, marked or loaded in this way",
    note = "the option `record` of a query reserves its table for documents: change a record with `client.documents().patch(..)`, or leave the option out",
    note = "a query that implements `Query` by hand also implements `cache_core::Writable`"
)]
pub trait Writable: Query {}

/// Something that names one key: the query itself, or the borrowed form that `#[query(borrowed)]` makes, with
/// which a lookup allocates nothing.
///
/// The `Hash` of a borrowed form must equal that of the query it names.
pub trait Lookup: Hash {
    /// The query that it looks up.
    type Query: Query;

    /// Returns whether this names `key`.
    fn is_key(&self, key: &Self::Query) -> bool;

    /// Returns the owned key.
    fn to_key(&self) -> Self::Query;
}

impl<Q: Query> Lookup for Q {
    type Query = Q;

    #[inline]
    fn is_key(&self, key: &Q) -> bool {
        self == key
    }

    #[inline]
    fn to_key(&self) -> Q {
        self.clone()
    }
}
