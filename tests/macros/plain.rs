//! The ordinary case: a few queries, listed by hand.

use std::time::Duration;

use cache_core::{Query, TableOptions};

/// An answer.
#[derive(Debug)]
pub struct Post;

/// One post.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Post, capacity = 10_000, ttl = "5m")]
pub struct GetPost {
    /// Which.
    pub id: u64,
}

/// A page of anything.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<T>)]
pub struct Page<T>(u32, std::marker::PhantomData<T>);

cache_core::registry! {
    /// All tables.
    pub struct CacheRegistry {
        /// One post.
        GetPost,
        crate::plain::Page<u8> as "bytes",
    }
}

#[test]
fn a_registry_describes_its_queries_in_order() {
    let [post, page] = &CacheRegistry::describe()[..] else { panic!("expected two tables") };
    assert_eq!((post.name, post.path, post.doc), ("get_post", "GetPost", "One post."));
    assert_eq!(post.options, TableOptions::new().capacity(10_000).ttl(Duration::from_mins(5)));
    assert_eq!((page.name, page.path, page.doc), ("bytes", "crate::plain::Page<u8>", ""));
    assert!(!page.is_persistent);
}
