//! What the examples of `cache-client` have in common: a blog whose titles come from a map, and the imports.
#![allow(missing_docs, reason = "examples")]

pub use std::collections::BTreeMap;
pub use std::error::Error;
pub use std::io;
pub use std::sync::atomic::{AtomicU32, Ordering};
pub use std::sync::{Arc, Mutex, PoisonError};
pub use std::time::Duration;

pub use cache_client::*;
pub use cache_core::{Cache, Merge, Query, Shape, registry};

/// The title of a post.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[query(value = String, capacity = 1_000, fresh = "30s", tags("posts"), persist)]
pub struct GetTitle {
    pub id: u64,
}

/// The numbers of all posts.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Feed, capacity = 1_000, fresh = "30s", tags("posts"))]
pub struct GetFeed;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed(pub Vec<u64>);

impl Merge for Feed {
    fn merge(&mut self, newer: &Self) {
        self.0.extend(&newer.0);
    }
}

registry! { pub struct CacheRegistry { GetTitle, GetFeed } }

/// Stands for a server.
#[derive(Debug)]
pub struct Blog {
    titles: Mutex<BTreeMap<u64, String>>,
    loads: AtomicU32,
}

impl Blog {
    /// A blog with the posts 1, 2 and 3.
    #[expect(clippy::new_without_default, reason = "an example")]
    pub fn new() -> Self {
        let titles = [(1, "One"), (2, "Two"), (3, "Three")].map(|(id, title)| (id, title.to_owned()));
        Self { titles: Mutex::new(titles.into()), loads: AtomicU32::new(0) }
    }

    /// Changes a title on the server.
    pub fn rename(&self, id: u64, title: &str) {
        self.titles.lock().unwrap_or_else(PoisonError::into_inner).insert(id, title.to_owned());
    }

    /// How many loads the server has answered.
    pub fn loads(&self) -> u32 {
        self.loads.load(Ordering::Relaxed)
    }
}

impl App for Blog {
    type Registry = CacheRegistry;
}

impl Fetch<Blog> for GetTitle {
    type Error = io::Error;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<String, io::Error> {
        cx.app().loads.fetch_add(1, Ordering::Relaxed);
        let title = cx.app().titles.lock().unwrap_or_else(PoisonError::into_inner).get(&self.id).cloned();
        title.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn counts_as_failure(_: &io::Error) -> bool {
        true
    }
}

impl Fetch<Blog> for GetFeed {
    type Error = io::Error;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Feed, io::Error> {
        cx.app().loads.fetch_add(1, Ordering::Relaxed);
        Ok(Feed(cx.app().titles.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()))
    }
}

/// Changes a title on the server, and writes the new one to the cache.
#[derive(Clone, Debug)]
pub struct Rename {
    pub id: u64,
    pub title: &'static str,
}

impl Mutate<Blog> for Rename {
    type Output = String;
    type Error = io::Error;

    async fn run(&self, cx: &Context<Blog>) -> Result<String, io::Error> {
        cx.app().rename(self.id, self.title);
        Ok(self.title.to_owned())
    }

    fn apply(&self, title: &String, changes: &mut Changes<Blog>) {
        changes.set(GetTitle { id: self.id }, title.clone());
    }
}

/// An empty cache that reads tokio's clock.
pub fn blog_cache() -> Cache<CacheRegistry> {
    // The options of both queries are valid.
    Cache::builder().clock(TokioClock::new()).build().expect("valid options")
}

/// A client of a new blog.
pub fn blog_client() -> Client<Blog> {
    Client::builder(blog_cache(), Blog::new()).build()
}
