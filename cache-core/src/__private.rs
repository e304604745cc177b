//! For generated code only; no part of the public interface, may change in any release.

pub use crate::registry::Assembly;
pub use crate::snapshot::codec;
pub use crate::table::AnyTable;

/// What `#[derive(Shape)]` builds on.
pub mod shape {
    pub use crate::snapshot::shape::{Layout, ShapeVisitor};
}
