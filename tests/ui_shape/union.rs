//! A union cannot be saved.
use cache_core::Shape;

#[derive(Shape)]
union Bits {
    a: u32,
    b: f32,
}

fn main() {}
