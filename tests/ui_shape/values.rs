//! Options with an unexpected, missing or wrong kind of value; options given twice.
use cache_core::Shape;

#[derive(Shape)]
#[shape(crate, self_describing = true, self_describing)]
struct Post {
    #[shape(opaque = "yes")]
    id: u64,
    #[shape(opaque, opaque)]
    title: String,
    #[shape("opaque")]
    body: String,
}

#[derive(Shape)]
#[shape(crate = cache_core)]
struct Path;

#[derive(Shape)]
#[shape(crate = 7)]
struct Number;

#[derive(Shape)]
#[shape(crate = "not a path")]
struct Text;

#[derive(Shape)]
#[shape]
struct Bare;

fn main() {}
