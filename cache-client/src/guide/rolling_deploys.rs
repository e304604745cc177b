//! Two builds of a program side by side on one shared tier, as during a rolling deploy.
//!
//! # What both may do
//! Each build has values and leases of its own where the types differ, and all builds hear of all drops:
//!
//! - Under each key the server keeps one value for each *shape*: a hash of the types of key and value, of the codec, and
//!   of the `version` of the query. A build reads and fills the values of its shape, and never sees the others.
//! - A lease belongs to a shape too. So a key is loaded twice, once by each build, and no build waits for a value that it
//!   cannot read.
//! - A drop names the key, the tag or the table. It removes the values of all shapes, ends their leases, and marks the
//!   key on the machines of all builds.
//!
//! Queries whose types are the same in both builds share their values, as ever.
//!
//! ```
//! use std::time::Duration;
//!
//! use cache_client::shared::{SharedTier, SimTier};
//! use cache_client::{App, Client, TokioClock};
//! use cache_core::Cache;
//!
//! /// Declares a build. Both have the same query. The value of the newer build has a field more.
//! macro_rules! build {
//!     ($build:ident { $($field:ident: $type:ty = $loaded:expr),* }) => {
//!         mod $build {
//!             use cache_client::{App, Context, Fetch};
//!             use cache_core::{Query, Shape, registry};
//!             use serde::{Deserialize, Serialize};
//!
//!             #[derive(Shape, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
//!             pub struct Post { $(pub $field: $type),* }
//!
//!             #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
//!             #[query(value = Post, capacity = 1_000, fresh = "10m", share)]
//!             pub struct GetPost { pub id: u64 }
//!
//!             registry! { pub struct CacheRegistry { GetPost } }
//!
//!             pub struct Blog;
//!
//!             impl App for Blog {
//!                 type Registry = CacheRegistry;
//!             }
//!
//!             impl Fetch<Blog> for GetPost {
//!                 type Error = std::io::Error;
//!
//!                 async fn fetch(&self, _: &Context<Blog>) -> Result<Post, std::io::Error> {
//!                     Ok(Post { $($field: $loaded),* })
//!                 }
//!             }
//!         }
//!     };
//! }
//!
//! build!(older { title: String = "Notes".to_owned() });
//! build!(newer { title: String = "Notes".to_owned(), likes: u32 = 7 });
//!
//! async fn machine<A: App>(server: &SimTier, build: A) -> Result<Client<A>, Box<dyn std::error::Error>> {
//!     let cache = Cache::builder().clock(TokioClock::new()).build()?;
//!     let tier = SharedTier::builder(server.clone()).connect().await?;
//!     let client = Client::builder(cache, build).shared(tier).build();
//!     tokio::time::sleep(Duration::from_secs(1)).await;
//!     Ok(client)
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = SimTier::new();
//! let (old, new) = (machine(&server, older::Blog).await?, machine(&server, newer::Blog).await?);
//! // Each build loads once, and fills its own value.
//! old.query(&older::GetPost { id: 1 }).await?;
//! assert_eq!(new.query(&newer::GetPost { id: 1 }).await?.likes, 7);
//! tokio::time::sleep(Duration::from_secs(1)).await;
//! assert_eq!(new.shared_state().unwrap().counts.mismatches, 0);
//! let another = machine(&server, newer::Blog).await?;
//! another.query(&newer::GetPost { id: 1 }).await?;
//! assert_eq!(another.shared_state().unwrap().counts.hits, 1);
//!
//! // A drop reaches both.
//! assert!(old.invalidate(&older::GetPost { id: 1 }).told().await);
//! tokio::time::sleep(Duration::from_millis(1)).await;
//! assert!(new.query_state(&newer::GetPost { id: 1 }).unwrap().is_stale);
//! # Ok(())
//! # }
//! ```
//!
//! # What a change of the code does
//! | change | values | drops |
//! |---|---|---|
//! | a field of the *value* is added, removed, renamed, moved or gets another type; a type in it is renamed | each build has its own | reach all |
//! | the same in the *key*, or another `codec` | each build has its own | of tags, tables and everything reach all. A key that the other build cannot read is taken for its whole table. A key that it *can* read, but that means something else there, marks a wrong key: after two fields of one type were swapped, for example |
//! | the query type is renamed | each build has its own | of tags and everything reach all. Of keys and tables: none, since the table has another name. `name = ".."` in the derive keeps the name |
//! | other tags, in `tags` or `tags_of` | shared, with the tags of the build that has loaded them | a tag that only one build knows does not drop what the other has loaded |
//! | the *meaning* of bytes whose types stay the same | shared: the new build reads what the old one has loaded | reach all |
//! | `share` is added or removed | the build without it loads for itself | the build without it neither tells nor hears |
//! | windows, strategies, capacities, `max_lag`, `lease` | shared. Each build judges the age of a value by the shorter of its own window and that of its writer | reach all |
//!
//! What to do:
//! - If the meaning or the tags change, give the query another `version`, as in `#[query(version = 2)]`. Then it has
//!   another shape.
//! - If a key changes, mark its table or a tag while both builds run, instead of single keys.
//!
//! [`Shape`](cache_core::Shape) lists what counts as a change of a type.
//!
//! # Clearing the tier
//! [`invalidate_all`](crate::Client::invalidate_all) on one machine makes all machines of all builds load again all that
//! is shared, by one request. To begin with an empty server, delete all keys of the namespace, or flush it. The machines
//! notice, and mark all that they have; nothing from before is used again. Do not delete single values by hand: that is no
//! drop, and the machines keep their copies.
//!
//! A build with another namespace has a tier of its own. It does not hear of the changes of the other build, nor the
//! other way round. So this is for another program, not for another build.
//!
//! # Limits
//! - The server needs memory for both builds. The values of the old one go with the next drop of their key, or when the
//!   values of the key are no longer renewed and their times end.
//! - After a build is rolled back, its values are there if no drop has removed them, and they are as old as their
//!   windows allow.
