//! The saved form of a cache.

pub mod codec;
mod persistence;
pub mod shape;

pub use persistence::{Persistence, SavedValue};
