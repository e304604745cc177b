//! Changing records by hand, before or after the server has answered.
//!
//! The tables of records refuse `insert`, `remove` and the writes of transactions when the program is compiled: a write
//! past the documents would leave them behind. These calls change a record *and* every document that shows it, in one
//! commit:
//!
//! | what is known | call |
//! |---|---|
//! | a field of a record has changed | [`documents().patch(&key, f)`](crate::DocumentsOf::patch) |
//! | a record is gone | [`documents().delete(&key)`](crate::DocumentsOf::delete) |
//! | a whole document, such as one that was pushed | [`documents().write(&query, document)`](crate::DocumentsOf::write) |
//! | the same together with other changes: in a mutation, a confirmation, a pushed value | [`ChangeRecords`](crate::ChangeRecords) |
//! | a change that the server has not confirmed yet | [`EditRecords`](crate::EditRecords), in a layer |
//!
//! # What they do
//! - `patch` leaves a record that it does not change alone: no document is written, and nobody wakes. If there is no
//!   such record, nothing is written now, and the change is applied to the record if a load that runs brings it.
//! - `delete` takes the record out of every list, makes links to it null, and marks the documents about it, which are
//!   loaded at their next use. A load that ran at that moment does not bring the record back; a later one does.
//! - `write` counts as the answer to a request that begins and ends now.
//!
//! # Order
//! A patch or deletion counts as issued when it is made. A load that began before it never overwrites the patched
//! fields, whenever its response comes, and may write the others. A load that began after it does. So a patch after a
//! successful `PATCH` request is safe while older reads are still under way, and the next reload brings whatever the
//! server made of it.
//!
//! # Before the server has answered
//! A layer shows a change at once, in every document that shows the record, and takes it back if the mutation fails.
//! The cache has what was committed; `query` and observers of the client show it with the layers. See
//! [`optimistic`](cache_client::guide::optimistic).
//!
//! What the program creates has a [local id](crate::Id::local) until the server names it. A layer
//! [shows](crate::EditRecords::show) it in the documents that show another record, such as a comment in those that show
//! its article, or [at the end of a list](crate::EditRecords::push). The answer to the POST takes its place in one commit,
//! by [`ChangeRecords::show`](crate::ChangeRecords::show):
//!
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! /// Adds a reader to article 1.
//! #[derive(Clone)]
//! struct AddReader { local: PersonId, name: String }
//!
//! fn add(article: &mut Article, reader: &PersonId) {
//!     let readers = article.readers.keys().iter().chain([reader]).cloned();
//!     article.readers = Many::to(readers.collect::<Vec<_>>());
//! }
//!
//! impl Mutate<Blog> for AddReader {
//!     type Output = Document<Person>;
//!     type Error = DocumentError;
//!
//!     async fn run(&self, cx: &Context<Blog>) -> Result<Document<Person>, DocumentError> {
//!         // A real program sends a POST.
//!         let name = &self.name;
//!         let body = format!(r#"{{"data": {{"type": "people", "id": "5", "attributes": {{"name": "{name}"}}}}}}"#);
//!         cx.document(body.as_bytes())
//!     }
//!
//!     fn optimistic(&self, layer: &mut LayerEdit<Blog>) {
//!         let (article, local) = (ArticleId("1".into()), self.local.clone());
//!         let made = Person { name: Field::Value(self.name.clone()), nickname: Field::Absent };
//!         layer.show(&article, Document::about(&local, made));
//!         layer.patch(&article, move |article| add(article, &local));
//!     }
//!
//!     fn apply(&self, answer: &Document<Person>, changes: &mut Changes<Blog>) {
//!         let article = ArticleId("1".into());
//!         let answer = changes.show(&article, answer.clone());
//!         if let Some(reader) = answer.key() {
//!             changes.patch(&article, |article| add(article, &reader));
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! let client = Client::builder(Cache::new(), Blog::default()).documents().build();
//! client.query(&GetArticle { id: 1 }).await?;
//! client.mutate(&AddReader { local: PersonId(Id::local("bo")), name: "Bo".to_owned() }).await?;
//!
//! let document = client.query(&GetArticle { id: 1 }).await?; // a hit
//! let reader = document.many(&document.data().unwrap().readers).next().unwrap();
//! assert_eq!(reader.name, Field::Value("Bo".to_owned()));
//! # Ok(())
//! # }
//! ```
//! If the program links to the local id elsewhere, the answer is one by which
//! [both become one record](crate::Document::saved). From that commit on, layers too show the record under its id.
//!
//! # Example
//! ```
//! # mod blog { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/blog.rs")); }
//! # use blog::*;
//! /// Renames a person on the server.
//! #[derive(Clone)]
//! struct Rename { person: PersonId, name: String }
//!
//! impl Mutate<Blog> for Rename {
//!     type Output = ();
//!     type Error = std::io::Error;
//!
//!     async fn run(&self, _: &Context<Blog>) -> Result<(), std::io::Error> {
//!         // A real program asks its server. This one refuses empty names.
//!         if self.name.is_empty() { Err(std::io::ErrorKind::InvalidInput.into()) } else { Ok(()) }
//!     }
//!
//!     /// Shown until the server has answered.
//!     fn optimistic(&self, layer: &mut LayerEdit<Blog>) {
//!         let name = self.name.clone();
//!         layer.patch(&self.person, move |person| person.name = Field::Value(name.clone()));
//!     }
//!
//!     /// Committed when it has.
//!     fn apply(&self, (): &(), changes: &mut Changes<Blog>) {
//!         changes.patch(&self.person, |person| person.name = Field::Value(self.name.clone()));
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! let client = Client::builder(Cache::new(), Blog::default()).documents().build();
//! let ann = PersonId("9".into());
//! let name = async || -> Result<_, Box<dyn Error>> {
//!     let document = client.query(&GetArticle { id: 1 }).await?;
//!     Ok(document.get(&ann).unwrap().name.clone())
//! };
//! assert_eq!(name().await?, Field::Value("Ann".to_owned()));
//!
//! client.mutate(&Rename { person: ann.clone(), name: "Zoe".to_owned() }).await?;
//! assert_eq!(name().await?, Field::Value("Zoe".to_owned()));
//!
//! // A refused mutation leaves nothing behind.
//! assert!(client.mutate(&Rename { person: ann.clone(), name: String::new() }).await.is_err());
//! assert_eq!(name().await?, Field::Value("Zoe".to_owned()));
//!
//! // Her links become null, and she leaves the documents.
//! client.documents().delete(&ann).await?;
//! let list = client.cache().get(&GetArticle { id: 1 }).unwrap();
//! assert!(list.data().unwrap().author.data().is_null());
//! # Ok(())
//! # }
//! ```
