//! The shape of a type: what of it matters to a format that is not self-describing.

/// A type whose structure has a fingerprint. Implement it with `#[derive(Shape)]`.
pub trait Shape {}
