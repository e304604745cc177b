//! Options that do not exist, or are not allowed in this place.
use cache_core::Shape;

#[derive(Shape)]
#[shape(self_describin, krate = "cache", bytes)]
struct Post {
    #[shape(opque)]
    id: u64,
    #[shape(self_describing)]
    title: String,
    #[shape(skip)]
    body: String,
}

#[derive(Shape)]
enum Choice {
    #[shape(opaqe)]
    A(u8),
}

fn main() {}
