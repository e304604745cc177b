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

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = String, share, codec = "postcard")]
struct Shared(u64);

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Vec<V>, share)]
struct SharedList<V: Shape>(u64, std::marker::PhantomData<V>)
where
    V: Serialize + serde::de::DeserializeOwned;

#[test]
fn a_shared_query_is_not_saved_unless_it_says_so() {
    assert!(Shared::persistence().is_none() && Shared::SHARING.is_some());
    assert!(SharedList::<String>::persistence().is_none() && SharedList::<String>::SHARING.is_some());
    assert!(Saved::SHARING.is_none() && NotSaved::SHARING.is_none());
}

#[test]
fn the_key_of_a_shared_query_can_be_read_back() {
    let codec = Shared::SHARING.unwrap()();
    let mut bytes = Vec::new();
    codec.entries().encode_key(&Shared(7), &mut bytes).unwrap();
    assert!(codec.decode_key(&bytes).unwrap().equals(&Shared(7)));
    for hostile in [&b""[..], &bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat(), &[0xff; 64]] {
        assert!(codec.decode_key(hostile).is_err());
    }
}
