//! Queries and a hand-written registry, used by a cache.

use std::sync::Arc;

use cache_core::{Cache, Query};

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub struct User {
    /// Full name.
    pub name: &'static str,
}

/// A user by name.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = User, capacity = 100, borrowed)]
pub struct GetUser {
    /// Login name.
    pub login: String,
    /// Which of the domains.
    pub domain: u32,
}

/// The length of a text.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = str, max_weight = 10, weigh = weight)]
pub struct Text(u8);

fn weight(_: &Text, text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

cache_core::registry! {
    /// All tables.
    pub struct Tables {
        /// A user by name.
        GetUser,
        Text,
    }
}

#[test]
fn an_owned_and_a_borrowed_key_find_one_entry() {
    let cache = Cache::<Tables>::new();
    let user = cache.insert(GetUser { login: "ada".to_owned(), domain: 1 }, User { name: "Ada" });
    let found = cache.get(&GetUserRef { login: "ada", domain: 1 });
    assert!(Arc::ptr_eq(&found.expect("it was just inserted"), &user));
    assert_eq!(cache.get(&GetUserRef { login: "ada", domain: 2 }), None);
    assert!(cache.remove(&GetUserRef { login: "ada", domain: 1 }));
    assert_eq!(cache.get(&GetUser { login: "ada".to_owned(), domain: 1 }), None);
}

#[test]
fn the_weigher_of_the_derive_bounds_the_table() {
    let cache = Cache::<Tables>::new();
    drop(cache.insert(Text(1), "12345678"));
    assert_eq!(cache.get(&Text(1)).as_deref(), Some("12345678"));
    drop(cache.insert(Text(2), "far too heavy"));
    assert_eq!(cache.get(&Text(2)), None);
    assert_eq!(format!("{:?}", cache.get(&Text(1))), "Some(\"12345678\")");
}
