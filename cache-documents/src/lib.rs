//! Documents over the query client [`cache_client`]: one record of each thing, however many answers show it.
//!
//! A response of [JSON:API](https://jsonapi.org) is an article with its author, another one a list of articles with theirs.
//! A cache of answers has each author many times, and each copy has its own age. Here the answers share *records*. When
//! one response, or the program, renames a person, every document that shows this person follows in the same commit, and
//! no document ever mixes two moments.
//!
//! # Example
//! ```
//! use cache_client::{App, Client, Context, Fetch};
//! use cache_core::{Cache, Query, registry};
//! use cache_documents::{
//!     ClientDocuments, Document, DocumentsBuilder, Field, Id, One, ReadDocument, DocumentError, Resource,
//!     ResourceList, Resources,
//! };
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Article, record)]
//! struct ArticleId(Id);
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Person, record)]
//! struct PersonId(Id);
//!
//! #[derive(Resource, Clone, Debug, PartialEq)]
//! #[resource(type = "articles", key = ArticleId)]
//! struct Article {
//!     title: Field<String>,
//!     author: One<PersonId>,
//! }
//!
//! #[derive(Resource, Clone, Debug, PartialEq)]
//! #[resource(type = "people", key = PersonId)]
//! struct Person {
//!     name: Field<String>,
//! }
//!
//! #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
//! #[query(value = Document<Article>, capacity = 500, fresh = "30s")]
//! struct GetArticle {
//!     id: u64,
//! }
//!
//! registry! { struct BlogRegistry { ArticleId, PersonId, GetArticle } }
//!
//! struct Blog;
//!
//! impl App for Blog {
//!     type Registry = BlogRegistry;
//! }
//!
//! impl Resources for Blog {
//!     fn list(list: &mut ResourceList<Self>) {
//!         list.add::<Article>();
//!         list.add::<Person>();
//!     }
//! }
//!
//! impl Fetch<Blog> for GetArticle {
//!     type Error = DocumentError;
//!
//!     async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<Article>, DocumentError> {
//!         // A real program asks its server.
//!         let body = format!(
//!             r#"{{"data": {{"type": "articles", "id": "{}", "attributes": {{"title": "One"}},
//!                 "relationships": {{"author": {{"data": {{"type": "people", "id": "9"}}}}}}}},
//!                 "included": [{{"type": "people", "id": "9", "attributes": {{"name": "Ann"}}}}]}}"#,
//!             self.id
//!         );
//!         cx.document(body.as_bytes())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder(Cache::new(), Blog).documents().build();
//! let document = client.query(&GetArticle { id: 1 }).await?;
//! let article = document.data().unwrap();
//! assert_eq!(document.one(&article.author).unwrap().name, Field::Value("Ann".to_owned()));
//!
//! let ann = PersonId("9".into());
//! client.documents().patch(&ann, |person| person.name = Field::Value("Zoe".to_owned())).await?;
//! let document = client.query(&GetArticle { id: 1 }).await?; // a hit
//! assert_eq!(document.get(&ann).unwrap().name, Field::Value("Zoe".to_owned()));
//! # Ok(())
//! # }
//! ```
//!
//! [The guide](guide) has a page each on keys, changes by hand, requests, and tests.
//!
//! # What holds
//! - **A record lives as long as a document that shows it**: one that the cache keeps, or that the program holds. When
//!   the last one goes, the record goes, key included. A load that is still running may keep what was written since it
//!   began.
//! - **A response changes what it mentions.** A field that it leaves out stays as it is; null is a value. An answer is
//!   replaced as a whole, and a field too: lists are not merged.
//! - **Order of requests.** A response never overwrites a field that was written by a request that began later, or by a
//!   patch or deletion after its own request.
//! - **One name or two.** What the program creates has a local id until an answer of the server gives it its own. Then
//!   documents and links follow, and the local key still finds the record: see [`Document::saved`].
//! - **All at once.** A response is applied as a whole or not at all, together with what it changes in other documents.
//! - **An equal response wakes nobody.** The records and the document stay the same allocations, and only the age of the
//!   answer begins anew.
//!
//! # Across restarts
//! The answers of a query with `persist` are saved, in [snapshots](cache_core::Cache::save) and by a
//! [`Provider`](cache_client::Provider), if the records that they show have [`persist`](SavedResource) too. Each answer is
//! saved with everything that it shows except the head of its HTTP response. After a restart the answers share their
//! records again: those of a snapshot when the client is built, if the program [lists](ResourceList::add_saved) the query,
//! and those of a provider when they are found. They count as older than everything that the client knows. When the fields
//! of a record type change, the saved answers that show such records are left out; all others are not affected.
//!
//! # When the server reports errors
//! [`document`](ReadDocument::document) fails with a [`DocumentError`], which has the errors that the server has reported:
//! status, code, title, detail, and the pointer, parameter or header that caused them. Nothing is applied, so the last
//! good document stays, and follows its records. An observer shows both ([`State::Failed`](cache_client::State::Failed)).
//! The next query asks the server again. With the option `error_ttl = "10s"` the error is the answer for ten seconds, and
//! [`query_state`](cache_client::Client::query_state) shows it beside the document.
//!
//! Loads are retried as [`Fetch::is_retryable`](cache_client::Fetch::is_retryable) says, so a program says there that a
//! 404 is final: see [`DocumentError`].
//!
//! # Costs
//! Reading a document from the cache costs a hit. `one` and `get` are a binary search among the records of one type that
//! the document shows. Storing a response visits its records, and the documents that show those that have changed. All
//! commits that change records are made one after another. If more than 256 documents show a changed record, those that
//! are neither observed nor pinned are marked instead of rewritten. To delete a record, and to give a local one its id,
//! visits all records. A saved answer has its own copies of its records, as JSON.
#![forbid(unsafe_code)]

mod adopt;
mod builder;
mod context;
mod document;
mod documents;
mod field;
mod frame;
pub mod guide;
#[cfg(feature = "http")]
pub mod http;
mod id;
mod inspect;
mod jsonapi;
mod map;
mod record;
mod record_types;
mod records;
mod relation;
mod resource;
mod resources;
mod saved;
mod saved_document;
mod sync;

pub use cache_macros::Resource;

pub use adopt::AdoptReport;
pub use builder::DocumentsBuilder;
pub use context::ReadDocument;
pub use document::{AnyDocument, Content, Document};
pub use documents::{ChangeRecords, ClientDocuments, DocumentsOf, EditRecords};
pub use field::Field;
pub use id::{Id, IdChanged};
pub use inspect::{DocumentsReport, RecordReport, RecordTypeReport};
pub use jsonapi::{DocumentError, DocumentErrors, ErrorObject, ErrorSource, Link, Links, Meta, ReadError};
pub use relation::{Many, One};
pub use resource::{Resource, ResourceKey};
pub use resources::{ResourceList, Resources};
pub use saved::SavedResource;

/// What the derive macro uses. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use cache_core::Query;

    pub use crate::field::{AnyField, no_field};
    pub use crate::resource::{NoQuery, TableOf};
    pub use crate::saved::SavedField;
}
