//! `derive(Query)`, `derive(Shape)` and `registry!` for `cache-core`, and `derive(Resource)` for `cache-documents`: entry
//! points only. Each macro is a plain function
//! from tokens to tokens in its own module, where it is tested.
//!
//! Depend on `cache-core` or `cache-documents`, which re-export everything from here.
#![forbid(unsafe_code)]

use proc_macro::TokenStream;

mod case;
mod errors;
mod format;
mod query;
mod registry;
mod resource;
mod settings;
mod shape;
mod span;
mod split;
mod suggest;
mod text;

/// Makes a struct or enum a query: a key with a typed answer and a table of its own.
///
/// ```
/// # use cache_core::Query;
/// # pub struct Post;
/// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// #[query(value = Post, capacity = 10_000, ttl = "5m", fresh = "30s")]
/// pub struct GetPost { pub id: u64 }
/// ```
///
/// | option | meaning |
/// |---|---|
/// | `value = Type` | type of the answer, also unsized; required |
/// | `name = "..."` | name of the table; default: the name of the type in `snake_case` |
/// | `capacity = N` | keep at most `N` entries, by the default policy |
/// | `lru = N` | keep at most `N` entries, in exact least-recently-used order |
/// | `max_weight = N`, `weigh = path` | keep entries of at most `N` together, each weighed by `fn(&Query, &Value) -> u32` |
/// | `ttl = "5m"` | keep an entry for this long after it was written |
/// | `tti = "5m"` | keep an entry for this long after it was last used |
/// | `fresh = "30s"` | call an entry fresh for this long; removes nothing |
/// | `history = N` | keep the `N` previous values of an entry |
/// | `persist` | include the table in snapshots; key and value must be `Serialize`, `Deserialize` and `Shape` |
/// | `share` | give the answers to other machines too, if a query client has a shared tier; key and value must be as with `persist` |
/// | `codec = "bincode"` | format in snapshots and shared tiers: `bincode` (default), `postcard` or `json`; the trait `Shape` lists what each loses |
/// | `opaque` | do not require `Shape` for key and value; only `version` tells that they have changed |
/// | `version = N` | entries saved under another version are not restored |
/// | `eq` | compare values with `==`; an equal answer may keep its allocation |
/// | `secret` | keys are hidden wherever the store or a client prints them: in errors, reports and events |
/// | `tags("...", ...)` | tags of all entries: invalidating a tag invalidates the entries of every query that has it |
/// | `tags_of = path` | give each entry tags of its own: those that `fn(&Query) -> impl IntoIterator<Item = Tag>` returns for its key |
/// | `derived` | a loaded answer is invalidated when one of the entries changes that its load has read through its context; not with `persist` or `share` |
/// | `borrowed` | also make `NameRef<'_>`, a borrowed key that allocates nothing; `Hash` and `Eq` must be derived |
/// | `record` | the table holds records of documents: only `cache-documents` writes it, and the compiler refuses any other write; only with `name`, `secret` and `borrowed` |
/// | `crate = "path"` | path of `cache_core`, if the dependency is renamed |
///
/// These tell a query client how to load the query; the store itself does nothing with them:
///
/// | option | meaning |
/// |---|---|
/// | `strategy = "..."` | `cache-first` (default), `stale-while-revalidate`, `network-first`, `refresh`, `network-only` or `cache-only` |
/// | `swr = "5m"` | serve a stale answer for this long while it is loaded again |
/// | `stale_if_error = "1h"` | serve a stale answer for this long when its load fails |
/// | `timeout = "1s"` | let a network-first query fall back to the cache when its load takes longer |
/// | `linger = "5s"` | keep a load running for this long after its last waiting caller has left (default: 5 s); `"0s"` ends it at once, `"until done"` never |
/// | `jitter = 0.1` | shorten the `ttl` of each entry by a random part, at most this fraction |
/// | `beta = 1.0` | load an answer again a little before it becomes stale; a larger number means earlier |
/// | `error_ttl = "1s"` | answer with the error of a failed load for this long |
/// | `absent_ttl = "10s"` | keep an answer that is `None` for this long, and call it fresh for as long |
/// | `fallback = value`, `fallback = path` | answer with this value, or with the result of a `fn(&Query) -> Value`, when all else has failed; never kept |
/// | `retry = N` | retry a load whose error may be temporary, at most `N` times; default: 3 |
/// | `retry_first = "1s"` | wait a random time of at most this long before the first retry; default: 1 s |
/// | `retry_longest = "30s"` | wait at most this long before any retry; default: 30 s |
/// | `retry_factor = 2.0` | multiply the longest wait by this from one retry to the next; at least 1; default: 2 |
/// | `breaker`, `breaker = "name"` | fail loads at once while too many have failed: by a breaker of its own, or one shared by all queries that name it |
/// | `poll = "5s"` | while an answer is observed, load it again this long after its last load |
/// | `batch`, `batch = N` | load several keys at once, at most `N` (default: 100); the query is loaded by `FetchMany` |
/// | `concurrency = N` | let at most `N` loads of the query run at once; others wait their turn |
/// | `keep_prefetched = "5s"` | keep a loaded answer for at least this long if no caller has waited for it; default: 5 s |
///
/// A duration is written in whole numbers with the units `d`, `h`, `m`, `s`, `ms`, `us`, `ns`: `"1h30m"`, `"250ms"`.
///
/// A number may be a constant expression of any integer type (`capacity = MAX_POSTS`, `max_weight = 64 << 20`), a
/// fraction one of type `f64`, and a duration one of type `Duration` (`ttl = POST_TTL`). The compiler evaluates it, and
/// rejects what the option does not allow, such as a capacity of 0.
///
/// A `fallback` that is a path is called as a function. Write a constant in braces: `fallback = { NOBODY }`.
///
/// # With another `Query` in scope
/// `axum` and other crates have types of this name too. Then derive by path and import only the other type. Where you
/// need the trait, import it as `_`:
///
/// ```
/// # mod axum {
/// #     pub mod extract {
/// #         pub struct Query<T>(pub T);
/// #     }
/// # }
/// use axum::extract::Query;
/// use cache_core::Query as _;
///
/// #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
/// #[query(value = Vec<String>, capacity = 1_000)]
/// struct Search {
///     text: String,
/// }
///
/// async fn search(Query(search): Query<Search>) -> String {
///     format!("{}: {}", Search::NAME, search.text)
/// }
/// ```
///
/// `use cache_core::Query as CacheQuery` works as well: the build script follows renames.
#[proc_macro_derive(Query, attributes(query))]
pub fn derive_query(input: TokenStream) -> TokenStream {
    query::derive(input.into()).into()
}

/// What `cache_core::registry!` expands to; called by that macro only, which adds the path of `cache_core` and its
/// format number.
#[doc(hidden)]
#[proc_macro]
pub fn registry_impl(input: TokenStream) -> TokenStream {
    registry::expand(input.into()).into()
}

/// What `cache_core::include_registry!` expands to; called by that macro only.
#[doc(hidden)]
#[proc_macro]
pub fn include_registry_impl(_: TokenStream) -> TokenStream {
    registry::include::expand(&registry::include::Package::of_cargo()).into()
}

/// Gives a type a fingerprint, so that a snapshot notices when the type changes.
///
/// ```ignore
/// #[derive(Shape, Serialize, Deserialize)]
/// pub struct Post {
///     pub id: u64,
///     pub title: String,
///     #[shape(opaque)]
///     pub colour: palette::Srgb,
/// }
/// ```
///
/// It also reads `#[serde(...)]`: whatever changes the encoding changes the fingerprint.
///
/// | option | where | meaning |
/// |---|---|---|
/// | `opaque` | field, variant, type | only the names and the source text of types count; needed where a type is foreign or `#[serde(with)]` decides what is saved |
/// | `self_describing` | type | saved with `codec = "json"` only; needed for `untagged`, `flatten`, `tag`, `skip_serializing_if` and the like |
/// | `crate = "path"` | type | path of `cache_core`, if the dependency is renamed |
#[proc_macro_derive(Shape, attributes(shape, serde))]
pub fn derive_shape(input: TokenStream) -> TokenStream {
    shape::derive(input.into()).into()
}

/// Makes a struct the type of a record: all that is known of one thing, from whatever document.
///
/// ```ignore
/// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// #[query(value = Article, record)]
/// pub struct ArticleId(pub Id);
///
/// #[derive(Resource, Clone, Debug, PartialEq)]
/// #[resource(type = "articles", key = ArticleId)]
/// pub struct Article {
///     pub title: Field<Arc<str>>,
///     #[resource(rename = "written-by")]
///     pub author: One<PersonId>,
///     pub comments: Many<CommentId>,
/// }
/// ```
///
/// An attribute is a `Field`, a relationship a `One` or a `Many`. The derive also makes the key able to name records: it
/// is a tuple struct of one `Id`, and its query has the option `record`.
///
/// | option | where | meaning |
/// |---|---|---|
/// | `type = "..."` | type | name of the type in responses; required |
/// | `key = Type` | type | the query whose keys name the records; required |
/// | `rename_all = "..."` | type | case of the fields' names in responses, by the rules of serde: `kebab-case`, `camelCase`, `snake_case`, `PascalCase`, `lowercase`, `UPPERCASE`, `SCREAMING_SNAKE_CASE` or `SCREAMING-KEBAB-CASE`; default: as written |
/// | `persist` | type | records are saved with the documents that show them; types of attributes must be `Serialize` and `Shape`, and related records `persist` |
/// | `crate = "path"` | type | path of `cache_documents`, if the dependency is renamed |
/// | `rename = "..."` | field | name of the field in responses |
#[proc_macro_derive(Resource, attributes(resource))]
pub fn derive_resource(input: TokenStream) -> TokenStream {
    resource::derive(input.into()).into()
}
