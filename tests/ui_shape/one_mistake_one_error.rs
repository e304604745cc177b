//! A mistake in one type adds no errors where the type is used.
use cache_core::{Shape, __private::shape::ShapeReport};

#[derive(Shape)]
struct Inner {
    #[shape(opaqe)]
    id: u64,
}

#[derive(Shape)]
struct Outer<T> {
    inner: Vec<Inner>,
    other: T,
}

fn main() {
    let _ = ShapeReport::of::<Outer<u8>>();
}
