//! A serializer that refuses what JavaScript cannot hold exactly, and knows where it is in the value.

use std::cell::{OnceCell, RefCell};
use std::fmt::{Display, Write};

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The largest integer up to which JavaScript holds all integers: `Number.MAX_SAFE_INTEGER`.
const MAX_SAFE_INTEGER: u128 = (1 << 53) - 1;

/// Where a serializer is, and what it has refused.
#[derive(Default)]
pub(super) struct Track {
    path: RefCell<Vec<Step>>,
    problem: OnceCell<&'static str>,
}

#[derive(Clone, Copy)]
enum Step {
    Name(&'static str),
    Index(usize),
    /// An entry of a map. Its key is data, which has no place in a log.
    Entry,
}

impl Track {
    /// The place of the first problem.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for step in &*self.path.borrow() {
            match *step {
                Step::Name(name) if path.is_empty() => path.push_str(name),
                Step::Name(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Step::Index(index) => {
                    let _ = write!(path, "[{index}]");
                }
                Step::Entry => path.push_str("[..]"),
            }
        }
        path
    }

    pub(super) fn problem(&self) -> Option<&'static str> {
        self.problem.get().copied()
    }

    fn refuse<T, E: Error>(&self, problem: &'static str) -> Result<T, E> {
        let _ = self.problem.set(problem);
        Err(E::custom(problem))
    }

    /// Goes one step into the value. After an error the path stays where it is.
    fn enter<T, E>(&self, step: Step, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.path.borrow_mut().push(step);
        let result = work()?;
        self.path.borrow_mut().pop();
        Ok(result)
    }

    fn check_integer<E: Error>(&self, magnitude: u128) -> Result<(), E> {
        match magnitude <= MAX_SAFE_INTEGER {
            true => Ok(()),
            false => self.refuse(
                "is an integer beyond 2^53, which JavaScript cannot hold: \
                 write it as a string, with `#[serde(with = \"cache_web::as_string\")]`",
            ),
        }
    }

    fn check_float<E: Error>(&self, is_finite: bool) -> Result<(), E> {
        match is_finite {
            true => Ok(()),
            false => self.refuse("is infinite or not a number, for which JSON has no form"),
        }
    }
}

/// A part of the value.
struct Part<'a, T: ?Sized> {
    value: &'a T,
    track: &'a Track,
}

impl<T: Serialize + ?Sized> Serialize for Part<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(ExactSerializer::new(serializer, self.track))
    }
}

pub(super) struct ExactSerializer<'a, S> {
    inner: S,
    track: &'a Track,
}

impl<'a, S> ExactSerializer<'a, S> {
    pub(super) fn new(inner: S, track: &'a Track) -> Self {
        Self { inner, track }
    }

    fn compound<C, E>(self, begin: impl FnOnce(S) -> Result<C, E>) -> Result<Compound<'a, C>, E> {
        Ok(Compound { inner: begin(self.inner)?, track: self.track, index: 0 })
    }
}

/// A list, map or struct.
pub(super) struct Compound<'a, C> {
    inner: C,
    track: &'a Track,
    index: usize,
}

impl<'a, C> Compound<'a, C> {
    fn item<T: Serialize + ?Sized, E>(
        &mut self,
        value: &T,
        write: impl FnOnce(&mut C, &Part<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let step = Step::Index(self.index);
        self.index += 1;
        let (inner, track) = (&mut self.inner, self.track);
        track.enter(step, || write(inner, &Part { value, track }))
    }

    fn field<T: Serialize + ?Sized, E>(
        &mut self,
        name: &'static str,
        value: &T,
        write: impl FnOnce(&mut C, &Part<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (inner, track) = (&mut self.inner, self.track);
        track.enter(Step::Name(name), || write(inner, &Part { value, track }))
    }
}

/// Passed on as they are.
macro_rules! plain {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

/// Checked, and passed on.
macro_rules! checked {
    ($($method:ident($type:ty): $check:expr;)*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            let check: fn(&Track, $type) -> Result<(), S::Error> = $check;
            check(self.track, value)?;
            self.inner.$method(value)
        }
    )*};
}

impl<'a, S: Serializer> Serializer for ExactSerializer<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Compound<'a, S::SerializeSeq>;
    type SerializeTuple = Compound<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Compound<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Compound<'a, S::SerializeTupleVariant>;
    type SerializeMap = Compound<'a, S::SerializeMap>;
    type SerializeStruct = Compound<'a, S::SerializeStruct>;
    type SerializeStructVariant = Compound<'a, S::SerializeStructVariant>;

    plain! {
        serialize_bool(bool) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32)
    }

    checked! {
        serialize_i64(i64): |track, value| track.check_integer(value.unsigned_abs().into());
        serialize_i128(i128): |track, value| track.check_integer(value.unsigned_abs());
        serialize_u64(u64): |track, value| track.check_integer(value.into());
        serialize_u128(u128): |track, value| track.check_integer(value);
        serialize_f32(f32): |track, value| track.check_float(value.is_finite());
        serialize_f64(f64): |track, value| track.check_float(value.is_finite());
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let track = self.track;
        self.inner.serialize_some(&Part { value, track })
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let track = self.track;
        self.inner.serialize_newtype_struct(name, &Part { value, track })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let track = self.track;
        track.enter(Step::Name(variant), || {
            self.inner.serialize_newtype_variant(name, index, variant, &Part { value, track })
        })
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.compound(|inner| inner.serialize_seq(length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.compound(|inner| inner.serialize_tuple(length))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.compound(|inner| inner.serialize_tuple_struct(name, length))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.compound(|inner| inner.serialize_tuple_variant(name, index, variant, length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.compound(|inner| inner.serialize_map(length))
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Self::SerializeStruct, S::Error> {
        // `RawValue`, and `Number` with arbitrary precision.
        if name.starts_with("$serde_json::private::") {
            return self.track.refuse("is raw JSON, in which nothing can be checked");
        }
        self.compound(|inner| inner.serialize_struct(name, length))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.compound(|inner| inner.serialize_struct_variant(name, index, variant, length))
    }
}

/// Lists and tuples.
macro_rules! items {
    ($($name:ident::$method:ident;)*) => {$(
        impl<C: $name> $name for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.item(value, |inner, part| inner.$method(part))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

items! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

/// Structs.
macro_rules! fields {
    ($($name:ident)*) => {$(
        impl<C: $name> $name for Compound<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                self.field(name, value, |inner, part| inner.serialize_field(name, part))
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

impl<C: SerializeMap> SerializeMap for Compound<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    /// Numbers are strings as keys, and so exact.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let (inner, track) = (&mut self.inner, self.track);
        track.enter(Step::Entry, || inner.serialize_value(&Part { value, track }))
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.inner.end()
    }
}
