//! Everything that needs a self-describing format, all in one run.
use cache_core::Shape;
use serde::{Deserialize, Serialize};

#[derive(Shape, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    A(u8),
}

#[derive(Shape, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internal {
    A,
}

#[derive(Shape, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    A(u8),
}

#[derive(Shape, Serialize, Deserialize)]
enum Partly {
    A,
    #[serde(untagged)]
    B(u8),
}

#[derive(Shape, Serialize, Deserialize)]
struct Fields {
    #[serde(flatten)]
    rest: Rest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sparse: Option<u8>,
    #[serde(default, skip_serializing)]
    read: u8,
    #[serde(skip_deserializing)]
    written: u8,
}

#[derive(Shape, Serialize, Deserialize)]
struct Rest {}

#[derive(Shape, Serialize, Deserialize)]
enum Skipped {
    #[serde(skip)]
    Never,
    A,
}

fn main() {}
