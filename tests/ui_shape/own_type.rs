//! A user's own type without the derive.
use cache_core::Shape;

struct Author;

#[derive(Shape)]
enum Post {
    By { author: Author },
}

fn main() {}
