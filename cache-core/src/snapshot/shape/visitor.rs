//! Walks the types that a type is made of and hashes what it meets. Every type derived from is walked once.
//!
//! What is hashed is a sequence of tokens, from which the walk could be read back, so that two different walks
//! differ as text already:
//!
//! | token | bytes |
//! |---|---|
//! | a type of std or of a known crate | its name, `0xFF`; its parameters follow, as many as the name implies |
//! | a number (length of an array) | 8 bytes, little-endian |
//! | a derived type, met first | `0xFE`, 16 bytes: hash of its layout; its fields' types follow, as many as the layout says |
//! | a derived type, met before | `0xFD`, 4 bytes: its place in the order of first meetings |
//!
//! Names are UTF-8, which has no bytes above `0xF4`.

use std::any::TypeId;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Shape;
use super::fingerprint::{Fingerprint, Fnv};
use super::reading::Request;

const END_OF_NAME: u8 = 0xFF;
const LAYOUT: u8 = 0xFE;
const MET_BEFORE: u8 = 0xFD;

/// Takes in what a type tells of itself. For generated code and the implementations of this crate.
#[doc(hidden)]
#[derive(Debug)]
pub struct ShapeVisitor {
    pub(super) hash: Fnv,
    /// Derived types met so far. `TypeId` is only compared within the walk, never hashed into the fingerprint.
    met: HashMap<TypeId, Met, FixedState>,
    pub(super) self_describing: Option<&'static str>,
    pub(super) is_recursive: bool,
    pub(super) is_opaque: bool,
    pub(super) doubts: Doubts,
    /// Whether fields of a type met so far are not written.
    pub(super) is_partial: bool,
}

/// The formats in which a value may read back as another one, or not at all, and nobody would notice when it is
/// written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubts {
    /// In formats that are not self-describing.
    pub binary: bool,
    /// In formats that are.
    pub described: bool,
}

#[derive(Clone, Copy, Debug)]
struct Met {
    /// Place in the order of first meetings.
    number: u32,
    /// Whether its fields are being walked now: meeting it again then means that it contains itself.
    is_open: bool,
}

/// What the derive says of one type: a text over names, order and attributes, hashed by the compiler.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    text: Fingerprint,
    /// Only for messages, so it may name the module.
    path: &'static str,
    self_describing: bool,
    is_opaque: bool,
    /// Other code than serde's derive decides what is written or read.
    is_converted: bool,
    /// Written and read under different names.
    is_renamed: bool,
    /// Some fields are not written, and come back as their default.
    is_partial: bool,
    /// What serde's derive makes the type ask for; `None` where that depends on other types.
    request: Option<Request>,
}

impl Layout {
    /// Describes the type at `path` by `text`.
    #[must_use]
    pub const fn new(path: &'static str, text: &'static str) -> Self {
        let mut hash = Fnv::new();
        hash.write(text.as_bytes());
        Self {
            text: hash.finish(),
            path,
            self_describing: false,
            is_opaque: false,
            is_converted: false,
            is_renamed: false,
            is_partial: false,
            request: None,
        }
    }

    /// Says that only a self-describing format can carry the type.
    #[must_use]
    pub const fn self_describing(mut self) -> Self {
        self.self_describing = true;
        self
    }

    /// Says that part of the type is not described.
    #[must_use]
    pub const fn opaque(mut self) -> Self {
        self.is_opaque = true;
        self
    }

    /// Says that the type is converted to or from another one when it is saved (`from`, `try_from`, `into`).
    #[must_use]
    pub const fn converted(mut self) -> Self {
        self.is_converted = true;
        self
    }

    /// Says that something is written under one name and read under another.
    #[must_use]
    pub const fn renamed(mut self) -> Self {
        self.is_renamed = true;
        self
    }

    /// Says that some fields are not written.
    #[must_use]
    pub const fn partial(mut self) -> Self {
        self.is_partial = true;
        self
    }

    /// Says what the type asks a deserializer for, if its `Deserialize` is derived.
    #[must_use]
    pub const fn asks_for(mut self, request: Request) -> Self {
        self.request = Some(request);
        self
    }
}

impl ShapeVisitor {
    pub(super) fn new() -> Self {
        Self {
            hash: Fnv::new(),
            met: HashMap::with_hasher(FixedState::default()),
            self_describing: None,
            is_recursive: false,
            is_opaque: false,
            doubts: Doubts::default(),
            is_partial: false,
        }
    }

    /// Walks `T`, the next part of the type being described.
    #[inline]
    pub(crate) fn visit<T: Shape + ?Sized>(&mut self) {
        T::shape(self);
    }

    /// Describes a derived type. `parts` visits the types that `layout` leaves open, in its order.
    pub fn derived<T: ?Sized + 'static>(&mut self, layout: &Layout, parts: fn(&mut Self)) {
        self.derived_by_id(TypeId::of::<T>(), layout, parts);
    }

    /// Takes in what a derived type really asks a deserializer for; `None` if it cannot be read.
    ///
    /// A `Deserialize` written by hand nearly always asks for something else than a derived one.
    pub fn asked(&mut self, layout: &Layout, asked: Option<Request>) {
        if let (Some(expected), Some(asked)) = (layout.request, asked)
            && asked != expected
        {
            self.doubt();
        }
    }

    /// Names a type of std or of a known crate. Its parameters are visited after it; each name always has the
    /// same number of them.
    pub(super) fn name(&mut self, name: &'static str) {
        self.hash.write(name.as_bytes());
        self.hash.write(&[END_OF_NAME]);
    }

    /// Adds a number, as a parameter of a named type.
    pub(super) fn number(&mut self, number: u64) {
        self.hash.write(&number.to_le_bytes());
    }

    /// Says that only a self-describing format can carry `path`.
    pub(super) fn self_describing(&mut self, path: &'static str) {
        self.self_describing.get_or_insert(path);
    }

    /// Says that a value of a named type may come back as another one, and the codecs would not notice.
    pub(super) fn doubt(&mut self) {
        self.doubts = Doubts { binary: true, described: true };
    }

    /// Says that a named type contains itself.
    #[cfg(feature = "json")]
    pub(super) fn recursive(&mut self) {
        self.is_recursive = true;
    }

    /// Says that a named type is not described any further.
    pub(super) fn opaque(&mut self) {
        self.is_opaque = true;
    }

    fn derived_by_id(&mut self, id: TypeId, layout: &Layout, parts: fn(&mut Self)) {
        if let Some(met) = self.met.get(&id) {
            self.is_recursive |= met.is_open;
            self.hash.write(&[MET_BEFORE]);
            self.hash.write(&met.number.to_le_bytes());
            return;
        }
        let number = u32::try_from(self.met.len()).unwrap_or(u32::MAX);
        self.met.insert(id, Met { number, is_open: true });
        self.take_in(layout);
        parts(self);
        self.met.insert(id, Met { number, is_open: false });
    }

    fn take_in(&mut self, layout: &Layout) {
        if layout.self_describing {
            self.self_describing(layout.path);
        }
        self.is_opaque |= layout.is_opaque;
        self.is_partial |= layout.is_partial;
        if layout.is_converted {
            self.doubt();
        }
        self.doubts.described |= layout.self_describing || layout.is_renamed;
        self.hash.write(&[LAYOUT]);
        self.hash.write(&layout.text.to_le_bytes());
    }
}
