//! A field of a foreign type has no shape, and is not marked opaque.
use cache_core::Shape;

#[derive(Shape)]
struct Post {
    id: u64,
    channel: std::sync::mpsc::Sender<u8>,
}

#[derive(Shape)]
struct Deep(Option<Vec<std::thread::Thread>>);

fn main() {}
