//! Keys and identity: which records there are, what names them, and how long they live.
//!
//! # A record is named by type and id
//! JSON:API names each thing by its `type` and `id`. In the program, each type has a struct of its fields and a query
//! whose keys are the ids:
//!
//! | in a response | in the program |
//! |---|---|
//! | `"type": "people"` | `#[resource(type = "people", key = PersonId)] struct Person` |
//! | `"id": "9"` | `PersonId("9".into())` |
//! | an attribute | [`Field<T>`](crate::Field): absent, null, or a value |
//! | a relationship to one | [`One<PersonId>`](crate::One) |
//! | a relationship to many | [`Many<PersonId>`](crate::Many) |
//!
//! The table of `PersonId` has exactly one record of person 9, merged from all that responses have said: `cache.get`
//! of the key returns it. A relationship has the *key* of a record, so that records which point at each other do not
//! keep each other alive.
//!
//! Ids are texts. `"9"` and `"09"` are two things, and so are two things of different types with the same id.
//!
//! # A document shows records
//! The answer to a query is a [`Document`](crate::Document). It keeps the very records that its response had, as
//! primary data or included: [`one`](crate::Document::one), [`many`](crate::Document::many) and
//! [`get`](crate::Document::get) find them in the document, without a look-up in the cache. What the response did not
//! include is not there, even if the cache has it: the document shows what the server said together.
//!
//! # A record lives as long as a document that shows it
//! A document in the cache keeps its records; so does one that the program holds or observes. When the last of them
//! goes, the record goes, key included. There is nothing to configure, and no collection that could take what is on the
//! screen. The capacity of the *documents'* tables bounds the memory of the records.
//!
//! # What a response changes
//! - A field that it does not mention stays as it is. [`Field::Absent`](crate::Field::Absent) means that no response
//!   has mentioned it yet.
//! - `null` is a value of its own: [`Field::Null`](crate::Field::Null).
//! - A field is replaced as a whole. Lists are never merged.
//! - Data, links and meta of a relationship are replaced each for itself: a response with links alone leaves the known
//!   data.
//! - No inverse is derived: if the server says that article 1 is by person 9, nothing is added to the articles of
//!   person 9.
//! - A type that the program does not [list](crate::Resources) is skipped and
//!   [counted](crate::Document::skipped); an unknown member is ignored.
//! - A value that does not fit its field is an error with a JSON pointer to it, and nothing of the response is applied.
//!
//! # Example
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! let client = Client::builder(Cache::new(), Blog::default()).documents().build();
//! let ann = PersonId("9".into());
//!
//! // The response about article 1 has the nickname of its author.
//! let article = client.query(&GetArticle { id: 1 }).await?;
//! // The list has the same author, without the nickname: it stays.
//! let list = client.query(&ListArticles).await?;
//! let person = client.cache().get(&ann).unwrap();
//! assert_eq!(person.nickname, Field::Value("ann".to_owned()));
//!
//! // Both documents show the same record.
//! assert!(Arc::ptr_eq(article.get(&ann).unwrap(), list.get(&ann).unwrap()));
//!
//! // It goes with the last document that shows it.
//! drop((article, list, person));
//! client.cache().remove(&GetArticle { id: 1 });
//! assert!(client.cache().get(&ann).is_some());
//! client.cache().remove(&ListArticles);
//! assert!(client.cache().get(&ann).is_none());
//! # Ok(())
//! # }
//! ```
