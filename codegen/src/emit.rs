//! From the lines of a registry to text: the generated Rust file and its manifest. Pure functions.

mod json;
mod manifest;
mod registry;

pub(crate) use json::Json;
pub use manifest::manifest;
pub(crate) use manifest::{cfgs, doc_text};
pub use registry::{Style, registry, unwatched};

/// Number of the format of the generated file and its manifest. `registry!` rejects any other.
pub const FORMAT: u32 = 1;

#[cfg(test)]
mod tests;
