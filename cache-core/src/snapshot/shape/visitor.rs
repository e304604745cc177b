//! Walks the types that a type is made of, and hashes them. Every derived type is walked once.
//!
//! It hashes a sequence of tokens from which the walk could be reconstructed, so two different walks already
//! differ as text:
//!
//! | token | bytes |
//! |---|---|
//! | a type of std or of a known crate | its name, `0xFF`; its parameters follow, as many as the name implies |
//! | a number (length of an array) | 8 bytes, little-endian |
//! | a derived type, met first | `0xFE`, 16 bytes: hash of its layout; its fields' types follow, as many as the layout says |
//! | a derived type, met before | `0xFD`, 4 bytes: its place in the order of first meetings |
//!
//! Names are UTF-8, which has no bytes above `0xF4`.

use std::any::{TypeId, type_name};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::Shape;
use super::fingerprint::{Fingerprint, Fnv};
use super::reading::Request;

const END_OF_NAME: u8 = 0xFF;
const LAYOUT: u8 = 0xFE;
const MET_BEFORE: u8 = 0xFD;

/// Collects how a type describes itself. For generated code and the implementations in this crate.
#[doc(hidden)]
#[derive(Debug)]
pub struct ShapeVisitor {
    pub(super) hash: Fnv,
    /// Derived types met so far. `TypeId` is only compared within the walk, never hashed into the fingerprint.
    met: HashMap<TypeId, VisitedType, FixedState>,
    pub(super) self_describing: Option<&'static str>,
    pub(super) is_recursive: bool,
    pub(super) is_opaque: bool,
    pub(super) doubts: Doubts,
    /// Whether some fields of the types met so far are not written.
    pub(super) is_partial: bool,
    /// The first type met for which JSON has one form for two values, or none.
    pub(super) json_misfit: Option<Misfit>,
    /// The JSON form of the type that was walked last.
    form: JsonForm,
    /// Whether the next derived type is read by handwritten code.
    is_by_hand: bool,
}

/// The JSON form of the values of a type, as far as the shape shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum JsonForm {
    /// Always `null`.
    Null,
    /// Sometimes `null`: an `Option`.
    Nullable,
    /// A string, a number or a boolean: what can be the key of an object.
    Scalar,
    /// An array or an object, or a variant with fields.
    Compound,
    /// Decided by code that the shape does not know.
    #[default]
    Unknown,
}

/// A type that a codec cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub type_name: &'static str,
    /// Why not, as a clause that begins with "it".
    pub problem: &'static str,
}

/// The formats in which a value may read back as another one, or not at all, without an error when it is
/// written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubts {
    /// In formats that are not self-describing.
    pub binary: bool,
    /// In self-describing formats.
    pub described: bool,
}

#[derive(Clone, Copy, Debug)]
struct VisitedType {
    /// Place in the order of first meetings.
    number: u32,
    /// Whether its fields are being walked now. Meeting it again then means that it contains itself.
    is_open: bool,
    form: JsonForm,
}

/// What the derive says about one type: a string of names, order and attributes, hashed by the compiler.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    text: Fingerprint,
    /// Only for messages, so it may name the module.
    path: &'static str,
    self_describing: bool,
    is_opaque: bool,
    /// Code other than serde's derive may decide what is written or read.
    is_converted: bool,
    /// Written and read under different names.
    is_renamed: bool,
    /// Some fields are not written, and come back as their default.
    is_partial: bool,
    /// The request that serde's derive makes; `None` where it depends on other types.
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

    /// Says that code other than serde's derive may decide what is written or read: a conversion (`from`,
    /// `try_from`, `into`), or a handwritten `Deserialize` of a generic type.
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

    /// Says what the type requests from a deserializer, if its `Deserialize` is derived.
    #[must_use]
    pub const fn asks_for(mut self, request: Request) -> Self {
        self.request = Some(request);
        self
    }
}

impl Layout {
    /// Returns the form that serde's derive writes in JSON. `part` is the form of the last type visited;
    /// `has_no_parts` if there was none.
    fn form(&self, has_no_parts: bool, part: JsonForm) -> JsonForm {
        if self.self_describing || self.is_converted {
            return JsonForm::Unknown;
        }
        match self.request {
            Some(Request::Unit(_)) => JsonForm::Null,
            Some(Request::Newtype(_)) if !self.is_opaque && !self.is_partial => part,
            Some(Request::Struct(_) | Request::Tuple(_)) => JsonForm::Compound,
            Some(Request::Enum(_)) if !has_no_parts => JsonForm::Compound,
            Some(Request::Enum(_)) if !self.is_opaque => JsonForm::Scalar,
            _ => JsonForm::Unknown,
        }
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
            json_misfit: None,
            form: JsonForm::Unknown,
            is_by_hand: false,
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

    /// Records what a derived type actually requests from a deserializer; `None` if it cannot be read.
    ///
    /// A handwritten `Deserialize` nearly always requests something other than a derived one.
    pub fn asked(&mut self, layout: &Layout, asked: Option<Request>) {
        if let (Some(expected), Some(asked)) = (layout.request, asked)
            && asked != expected
        {
            self.doubt();
            self.is_by_hand = true;
        }
    }

    /// Names a type of std or of a known crate. Its parameters are visited after it; each name always has the
    /// same number of them. JSON writes it as a scalar, unless [`form`](Self::form) says otherwise.
    pub(super) fn name(&mut self, name: &'static str) {
        self.hash.write(name.as_bytes());
        self.hash.write(&[END_OF_NAME]);
        self.form = JsonForm::Scalar;
    }

    /// Adds a number, as a parameter of a named type.
    pub(super) fn number(&mut self, number: u64) {
        self.hash.write(&number.to_le_bytes());
    }

    /// Sets the JSON form of a named type, after its parameters were visited.
    pub(super) fn form(&mut self, form: JsonForm) {
        self.form = form;
    }

    /// Ends the walk of `Option<T>`, after that of `T`.
    pub(super) fn optional<T: 'static>(&mut self) {
        if matches!(self.form, JsonForm::Null | JsonForm::Nullable) {
            self.json_misfit.get_or_insert(Misfit {
                type_name: type_name::<Option<T>>(),
                problem: "it is `null` in JSON both as `None` and as a `Some` whose content is `null`",
            });
        }
        self.form = JsonForm::Nullable;
    }

    /// Records a map of type `M`, after the walk of its keys.
    pub(super) fn keys_of<M: ?Sized + 'static>(&mut self) {
        if !matches!(self.form, JsonForm::Scalar | JsonForm::Unknown) {
            self.json_misfit.get_or_insert(Misfit {
                type_name: type_name::<M>(),
                problem: "its keys are not strings, numbers or enums without fields, and JSON has no others",
            });
        }
    }

    /// Says that only a self-describing format can carry `path`.
    pub(super) fn self_describing(&mut self, path: &'static str) {
        self.self_describing.get_or_insert(path);
    }

    /// Says that a value of a named type may come back as another one without an error of the codecs.
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
        let is_by_hand = std::mem::take(&mut self.is_by_hand);
        if let Some(met) = self.met.get(&id) {
            self.is_recursive |= met.is_open;
            self.form = met.form;
            self.hash.write(&[MET_BEFORE]);
            self.hash.write(&met.number.to_le_bytes());
            return;
        }
        let number = u32::try_from(self.met.len()).unwrap_or(u32::MAX);
        self.met.insert(id, VisitedType { number, is_open: true, form: JsonForm::Unknown });
        self.take_in(layout);
        let head = self.hash;
        self.form = JsonForm::Unknown;
        parts(self);
        self.form = match is_by_hand {
            true => JsonForm::Unknown,
            false => layout.form(head == self.hash, self.form),
        };
        self.met.insert(id, VisitedType { number, is_open: false, form: self.form });
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
