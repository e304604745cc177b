//! Functions that decide what is saved.
use cache_core::Shape;

#[derive(Shape)]
struct Post {
    #[serde(with = "hex")]
    body: Vec<u8>,
    #[serde(default, serialize_with = "hex::write", deserialize_with = "hex::read")]
    head: Vec<u8>,
    #[shape(opaque)]
    #[serde(with = "hex")]
    tail: Vec<u8>,
}

#[derive(Shape)]
enum Choice {
    #[serde(deserialize_with = "hex::read")]
    A(u8),
}

fn main() {}
