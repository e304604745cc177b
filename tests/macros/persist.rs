//! `persist`: which tables are saved, and what that requires of key and value.

use cache_core::{Query, Shape};
use serde::{Deserialize, Serialize};

/// A table that is not saved has no requirements.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = std::sync::Mutex<u8>)]
pub struct NotSaved;

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = String, persist)]
struct Saved(u64);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = str, persist, opaque, version = 2, codec = "postcard")]
struct Opaque(u64);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = [u8], persist, opaque, codec = "json")]
struct AsJson(u64);

#[test]
fn only_persistent_queries_say_how_they_are_saved() {
    assert!(NotSaved::persistence().is_none());
    assert!(Saved::persistence().is_some());
    assert!(Opaque::persistence().is_some());
    assert!(AsJson::persistence().is_some());
}
