//! What is known of a shape: the fingerprint, and what a reader and a codec must be ready for.

use super::fingerprint::{Fingerprint, Fnv};

/// Fingerprint of a type, with what a codec and a reader of hostile input must know of it.
///
/// Computed by walking the type, in about a microsecond; nothing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShapeReport {
    /// Equal for equal shapes, in every build.
    pub fingerprint: Fingerprint,
    /// Path of the first type met that only a self-describing format can carry.
    pub self_describing: Option<&'static str>,
    /// Whether a type contains itself, so that values can be nested without end.
    pub is_recursive: bool,
    /// Whether a part is not described, so that nobody knows how deep it nests.
    pub is_opaque: bool,
}

impl ShapeReport {
    /// The same shape under another `version`, which changes the fingerprint (`#[query(version = 2)]`).
    #[must_use]
    pub fn with_version(mut self, version: u32) -> Self {
        let mut hash = Fnv::new();
        hash.write(&self.fingerprint.to_le_bytes());
        hash.write(&version.to_le_bytes());
        self.fingerprint = hash.finish();
        self
    }

    /// Whether a reader has to count how deep a value nests.
    #[must_use]
    pub fn has_unknown_depth(&self) -> bool {
        self.is_recursive || self.is_opaque
    }
}
