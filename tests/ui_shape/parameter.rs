//! A parameter that is saved must have a shape.
use cache_core::{Shape, __private::shape::ShapeReport};

struct Foreign;

#[derive(Shape)]
struct Page<T> {
    items: Vec<T>,
}

fn main() {
    let _ = ShapeReport::of::<Page<Foreign>>();
}
