//! The shape of a type: what of it matters to a format that is not self-describing.

/// A type whose structure has a fingerprint. Implement it with `#[derive(Shape)]`.
pub trait Shape {}

impl Shape for u8 {}
impl Shape for u64 {}
impl Shape for String {}
impl Shape for str {}
impl<T: Shape> Shape for Vec<T> {}
