//! The facts about a shape: the fingerprint, and what a reader and a codec must expect.

use super::Shape;
use super::fingerprint::{Fingerprint, Fnv};
use super::visitor::{Doubts, Misfit, ShapeVisitor};
use crate::snapshot::codec::Codec;

/// Fingerprint of a type, with what a codec and a reader of hostile input must know about it.
///
/// Computed by walking the type, in about a microsecond; nothing is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShapeReport {
    /// Equal for equal shapes, in every build.
    pub fingerprint: Fingerprint,
    /// Path of the first type met that only a self-describing format can carry.
    pub self_describing: Option<&'static str>,
    /// Whether a type contains itself, so that values can be nested without end.
    pub is_recursive: bool,
    /// Whether a part is not described, so that its nesting depth is unknown.
    pub is_opaque: bool,
    doubts: Doubts,
    json_misfit: Option<Misfit>,
}

impl ShapeReport {
    /// Describes `T`.
    #[must_use]
    pub fn of<T: Shape + ?Sized>() -> Self {
        let mut visitor = ShapeVisitor::new();
        visitor.visit::<T>();
        Self::after(visitor)
    }

    /// Describes the entries of a table: the key, then the value.
    #[must_use]
    pub fn of_entry<K: Shape + ?Sized, V: Shape + ?Sized>() -> Self {
        let mut visitor = ShapeVisitor::new();
        visitor.name("entry");
        visitor.visit::<K>();
        if visitor.is_partial {
            // A key that comes back with a different field is another key.
            visitor.doubt();
        }
        visitor.visit::<V>();
        Self::after(visitor)
    }

    /// Stands for types that have no [`Shape`]: only their names count.
    #[must_use]
    pub fn of_opaque_entry(key: &'static str, value: &'static str) -> Self {
        let mut visitor = ShapeVisitor::new();
        visitor.opaque();
        visitor.name("opaque entry");
        visitor.name(key);
        visitor.name(value);
        Self::after(visitor)
    }

    /// Returns the same shape under another `version`, which changes the fingerprint (`#[query(version =
    /// 2)]`).
    #[must_use]
    pub fn with_version(mut self, version: u32) -> Self {
        let mut hash = Fnv::new();
        hash.write(&self.fingerprint.to_le_bytes());
        hash.write(&version.to_le_bytes());
        self.fingerprint = hash.finish();
        self
    }

    /// Returns the findings of a finished walk.
    fn after(visitor: ShapeVisitor) -> Self {
        let ShapeVisitor { hash, self_describing, is_recursive, is_opaque, doubts, json_misfit, .. } =
            visitor;
        Self { fingerprint: hash.finish(), self_describing, is_recursive, is_opaque, doubts, json_misfit }
    }

    /// Returns whether a reader must count the nesting depth of a value.
    #[must_use]
    pub fn has_unknown_depth(&self) -> bool {
        self.is_recursive || self.is_opaque
    }

    /// Returns whether every value of the type that codec `C` writes reads back equal, as far as the shape
    /// shows, so that a save need not read it back.
    ///
    /// `false` does not mean that values are lost. It is the answer for types that contain themselves, opaque
    /// parts, conversions (`from`, `try_from`, `into`), `self_describing` types, generic types, a
    /// `Deserialize` written by hand where the derive can detect it, and types of std and of other crates
    /// that do not always come back as they were. Fields that serde skips count in keys alone: they come back
    /// as their default.
    #[must_use]
    pub fn vouches_for<C: Codec>(&self) -> bool {
        let is_doubted = if C::SELF_DESCRIBING { self.doubts.described } else { self.doubts.binary };
        self.misfit(C::SELF_DESCRIBING).is_none() && !is_doubted && !self.has_unknown_depth()
    }

    /// Returns the first type met that a codec cannot carry, or some of whose values it cannot distinguish.
    pub(crate) fn misfit(&self, is_codec_self_describing: bool) -> Option<Misfit> {
        if is_codec_self_describing {
            return self.json_misfit;
        }
        let problem = "it is marked `#[shape(self_describing)]`, and the codec is not self-describing";
        self.self_describing.map(|type_name| Misfit { type_name, problem })
    }
}
