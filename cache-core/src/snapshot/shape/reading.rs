//! The first request of a type to a deserializer. A derived `Deserialize` requests its own kind and name; a
//! handwritten one nearly always requests something else. Nothing is read.

use std::fmt;
use std::marker::PhantomData;
use std::mem::forget;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

/// The first call that a type makes to a deserializer.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A unit struct of this name.
    Unit(&'static str),
    /// A struct of one nameless field.
    Newtype(&'static str),
    /// A struct of several nameless fields, or none.
    Tuple(&'static str),
    /// A struct of named fields.
    Struct(&'static str),
    /// An enum.
    Enum(&'static str),
    /// Anything else: no derived type requests it.
    Other,
}

/// Stands for `T`, to find out whether it can be read, and how. Only for types without parameters.
#[doc(hidden)]
#[derive(Debug)]
pub struct Reader<T: ?Sized>(PhantomData<fn() -> Box<T>>);

impl<T: ?Sized> Reader<T> {
    /// The only value.
    pub const NEW: Self = Self(PhantomData);
}

/// A type that can be read. Called as a method of `&Reader<T>`, this is preferred to [`Unreadable`].
#[doc(hidden)]
pub trait Read {
    /// Returns the first request of the type.
    fn request(&self) -> Option<Request>;
}

impl<T: DeserializeOwned> Read for Reader<T> {
    fn request(&self) -> Option<Request> {
        match T::deserialize(ShapeRecorder) {
            // The type built itself without a request. No type does that in practice, so its drop, which would be
            // compiled here for each type, is left out.
            Ok(value) => {
                forget(value);
                Some(Request::Other)
            }
            Err(Requested(request)) => Some(request),
        }
    }
}

/// A type that may be unreadable.
#[doc(hidden)]
pub trait Unreadable {
    /// Returns `None`.
    fn request(&self) -> Option<Request> {
        None
    }
}

impl<T: ?Sized> Unreadable for &Reader<T> {}

/// Answers every request with an error that repeats it.
struct ShapeRecorder;

#[derive(Debug)]
struct Requested(Request);

impl fmt::Display for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Requested {}

impl Error for Requested {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(Request::Other)
    }
}

impl<'de> Deserializer<'de> for ShapeRecorder {
    type Error = Requested;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Requested> {
        Err(Requested(Request::Other))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Requested> {
        Err(Requested(Request::Unit(name)))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Requested> {
        Err(Requested(Request::Newtype(name)))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Requested> {
        Err(Requested(Request::Tuple(name)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Requested> {
        Err(Requested(Request::Struct(name)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Requested> {
        Err(Requested(Request::Enum(name)))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit seq tuple map
        identifier ignored_any
    }
}
