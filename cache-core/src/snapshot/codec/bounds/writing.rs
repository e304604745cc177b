//! A serializer around another one that refuses what could not be read back: values that are nested too deep,
//! and values that JSON writes in the same form as another. It also adds the value to a digest, where one is wanted.
//!
//! The state travels by value, so the layer compiles down to a decrement for each container.

use std::fmt::Display;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{Limits, MAX_DEPTH, MAX_JSON_DEPTH, Refusal};
use crate::snapshot::digest::{Digest, DigestKind};

/// `value` for a serializer of a format: JSON if `IS_JSON`, else a binary one.
pub(in super::super) struct Guarded<'a, T: ?Sized, const IS_JSON: bool> {
    value: &'a T,
    state: WriterState<'a>,
}

impl<'a, T: ?Sized, const IS_JSON: bool> Guarded<'a, T, IS_JSON> {
    pub(in super::super) fn new(value: &'a T, limits: &'a Limits<'a>) -> Self {
        let levels = if IS_JSON { MAX_JSON_DEPTH } else { MAX_DEPTH };
        Self { value, state: WriterState { levels, is_in_some: false, limits } }
    }
}

impl<T: Serialize + ?Sized, const IS_JSON: bool> Serialize for Guarded<'_, T, IS_JSON> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guard::<S, IS_JSON> { inner: serializer, state: self.state })
    }
}

#[derive(Clone, Copy)]
struct WriterState<'a> {
    /// Levels that may still be entered.
    levels: u32,
    /// Whether this is what a `Some` holds, and nothing has been written for it yet.
    is_in_some: bool,
    limits: &'a Limits<'a>,
}

impl<'a> WriterState<'a> {
    /// Returns whether a container of `levels` levels may be entered. If so, this becomes the state inside it.
    // Not inlined, since each type that is saved calls it.
    #[inline(never)]
    fn enter(&mut self, levels: u32) -> bool {
        let may_enter = self.levels >= levels && !self.limits.stack.is_passed();
        if may_enter {
            self.levels -= levels;
            self.is_in_some = false;
        }
        may_enter
    }

    /// Enters a container as [`enter`](Self::enter) does, and adds its begin to the digest, if one is wanted.
    #[inline(never)]
    fn begin(&mut self, levels: u32, kind: DigestKind, bits: u128) -> bool {
        let may_enter = self.enter(levels);
        if may_enter {
            self.digest(|digest| digest.add(kind, bits));
        }
        may_enter
    }

    /// Returns why a container of `levels` levels may not be entered.
    #[cold]
    fn refuse_to_enter<E: Error, const IS_JSON: bool>(self, levels: u32) -> E {
        self.refuse(match (self.levels >= levels, IS_JSON) {
            (true, _) => Refusal::Stack,
            (false, true) => Refusal::JsonDepth,
            (false, false) => Refusal::Depth,
        })
    }

    /// Counts the elements of a sequence or map. JSON needs no count: every element has bytes.
    #[inline]
    fn count<const IS_JSON: bool>(self, len: Option<usize>) {
        if !IS_JSON {
            // The binary formats refuse sequences without a length.
            self.limits.take_elements(len.unwrap_or(0));
        }
    }

    /// Calls `add` with the digest, if one is wanted.
    #[inline]
    fn digest(self, add: impl FnOnce(&Digest)) {
        if let Some(digest) = self.limits.digest {
            add(digest);
        }
    }

    #[inline]
    fn guard<T: ?Sized, const IS_JSON: bool>(self, value: &'a T) -> Guarded<'a, T, IS_JSON> {
        Guarded { value, state: self }
    }

    #[cold]
    fn refuse<E: Error>(self, refusal: Refusal) -> E {
        self.limits.refuse(refusal);
        E::custom(refusal)
    }
}

/// `inner` with the state of the value that it is for.
struct Guard<'a, S, const IS_JSON: bool> {
    inner: S,
    state: WriterState<'a>,
}

impl<'a, S: Serializer, const IS_JSON: bool> Guard<'a, S, IS_JSON> {
    /// Enters a container, and adds its begin to the digest. Each form counts as many levels as the reader of the
    /// format counts for it.
    #[inline]
    fn begin(&mut self, in_json: u32, kind: DigestKind, bits: u128) -> Result<(), S::Error> {
        let levels = Self::levels(in_json);
        match self.state.begin(levels, kind, bits) {
            true => Ok(()),
            false => Err(self.state.refuse_to_enter::<_, IS_JSON>(levels)),
        }
    }

    /// Enters a variant with fields, and adds its begin to the digest.
    #[inline]
    fn begin_variant(&mut self, index: u32, len: usize) -> Result<(), S::Error> {
        let levels = Self::levels(2);
        if !self.state.enter(levels) {
            return Err(self.state.refuse_to_enter::<_, IS_JSON>(levels));
        }
        self.state.digest(|digest| digest.add_variant(index, len));
        Ok(())
    }

    const fn levels(in_json: u32) -> u32 {
        if IS_JSON { in_json } else { 1 }
    }

    /// Refuses `null` inside a `Some`: JSON writes this value as `null`.
    #[inline]
    fn check_null(&self) -> Result<(), S::Error> {
        match IS_JSON && self.state.is_in_some {
            true => Err(self.state.refuse(Refusal::NullInside)),
            false => Ok(()),
        }
    }

    /// Refuses a float that is not finite: JSON cannot represent it, and `serde_json` writes `null`.
    #[inline]
    fn check_float(&self, is_finite: bool) -> Result<(), S::Error> {
        match IS_JSON && !is_finite {
            true => Err(self.state.refuse(Refusal::NotFinite)),
            false => Ok(()),
        }
    }
}

macro_rules! leaves {
    ($($method:ident $type:ty: |$value:ident| $kind:ident $bits:expr;)*) => {$(
        #[inline]
        fn $method(self, $value: $type) -> Result<S::Ok, S::Error> {
            self.state.digest(|digest| digest.add(DigestKind::$kind, $bits));
            self.inner.$method($value)
        }
    )*};
}

impl<'a, S: Serializer, const IS_JSON: bool> Serializer for Guard<'a, S, IS_JSON> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = CompoundWriter<'a, S::SerializeSeq, IS_JSON>;
    type SerializeTuple = CompoundWriter<'a, S::SerializeTuple, IS_JSON>;
    type SerializeTupleStruct = CompoundWriter<'a, S::SerializeTupleStruct, IS_JSON>;
    type SerializeTupleVariant = CompoundWriter<'a, S::SerializeTupleVariant, IS_JSON>;
    type SerializeMap = CompoundWriter<'a, S::SerializeMap, IS_JSON>;
    type SerializeStruct = CompoundWriter<'a, S::SerializeStruct, IS_JSON>;
    type SerializeStructVariant = CompoundWriter<'a, S::SerializeStructVariant, IS_JSON>;

    leaves! {
        serialize_bool bool: |value| Bool u128::from(value);
        serialize_i8 i8: |value| Signed i128::from(value).cast_unsigned();
        serialize_i16 i16: |value| Signed i128::from(value).cast_unsigned();
        serialize_i32 i32: |value| Signed i128::from(value).cast_unsigned();
        serialize_i64 i64: |value| Signed i128::from(value).cast_unsigned();
        serialize_i128 i128: |value| Signed value.cast_unsigned();
        serialize_u8 u8: |value| Unsigned u128::from(value);
        serialize_u16 u16: |value| Unsigned u128::from(value);
        serialize_u32 u32: |value| Unsigned u128::from(value);
        serialize_u64 u64: |value| Unsigned u128::from(value);
        serialize_u128 u128: |value| Unsigned value;
        serialize_char char: |value| Char u128::from(u32::from(value));
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        self.state.digest(|digest| digest.add_bytes(DigestKind::Text, value.as_bytes()));
        self.inner.serialize_str(value)
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        self.state.digest(|digest| digest.add_bytes(DigestKind::Bytes, value));
        self.inner.serialize_bytes(value)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.check_float(value.is_finite())?;
        self.state.digest(|digest| digest.add(DigestKind::F32, value.to_bits().into()));
        self.inner.serialize_f32(value)
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.check_float(value.is_finite())?;
        self.state.digest(|digest| digest.add(DigestKind::F64, value.to_bits().into()));
        self.inner.serialize_f64(value)
    }

    #[inline]
    fn serialize_none(mut self) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.begin(0, DigestKind::None, 0)?;
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<S::Ok, S::Error> {
        self.begin(0, DigestKind::Some, 0)?;
        let state = WriterState { is_in_some: true, ..self.state };
        self.inner.serialize_some(&state.guard::<T, IS_JSON>(value))
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.state.digest(|digest| digest.add(DigestKind::Unit, 0));
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.state.digest(|digest| digest.add(DigestKind::Unit, 0));
        self.inner.serialize_unit_struct(name)
    }

    #[inline]
    fn serialize_unit_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.begin(0, DigestKind::Variant, index.into())?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    /// Not a level, and written as what it holds.
    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &self.state.guard::<T, IS_JSON>(value))
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.begin(1, DigestKind::Variant, index.into())?;
        self.inner.serialize_newtype_variant(name, index, variant, &self.state.guard::<T, IS_JSON>(value))
    }

    #[inline]
    fn serialize_seq(mut self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.begin(1, DigestKind::Unordered, 0)?;
        self.state.count::<IS_JSON>(len);
        Ok(CompoundWriter { inner: self.inner.serialize_seq(len)?, state: self.state })
    }

    #[inline]
    fn serialize_tuple(mut self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.begin(1, DigestKind::Ordered, len as u128)?;
        Ok(CompoundWriter { inner: self.inner.serialize_tuple(len)?, state: self.state })
    }

    #[inline]
    fn serialize_tuple_struct(
        mut self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.begin(1, DigestKind::Ordered, len as u128)?;
        Ok(CompoundWriter { inner: self.inner.serialize_tuple_struct(name, len)?, state: self.state })
    }

    #[inline]
    fn serialize_tuple_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.begin_variant(index, len)?;
        Ok(CompoundWriter {
            inner: self.inner.serialize_tuple_variant(name, index, variant, len)?,
            state: self.state,
        })
    }

    #[inline]
    fn serialize_map(mut self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.begin(1, DigestKind::Unordered, 0)?;
        self.state.count::<IS_JSON>(len);
        Ok(CompoundWriter { inner: self.inner.serialize_map(len)?, state: self.state })
    }

    #[inline]
    fn serialize_struct(mut self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.begin(1, DigestKind::Ordered, len as u128)?;
        Ok(CompoundWriter { inner: self.inner.serialize_struct(name, len)?, state: self.state })
    }

    #[inline]
    fn serialize_struct_variant(
        mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.begin_variant(index, len)?;
        Ok(CompoundWriter {
            inner: self.inner.serialize_struct_variant(name, index, variant, len)?,
            state: self.state,
        })
    }

    #[inline]
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.state.digest(|digest| digest.add_display(&value));
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A container that is being written, with the state of each of its parts.
struct CompoundWriter<'a, C, const IS_JSON: bool> {
    inner: C,
    state: WriterState<'a>,
}

impl<C: SerializeSeq, const IS_JSON: bool> SerializeSeq for CompoundWriter<'_, C, IS_JSON> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.state.digest(Digest::begin_element);
        let written = self.inner.serialize_element(&self.state.guard::<T, IS_JSON>(value));
        self.state.digest(Digest::end_element);
        written
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.state.digest(Digest::end_elements);
        self.inner.end()
    }
}

impl<C: SerializeMap, const IS_JSON: bool> SerializeMap for CompoundWriter<'_, C, IS_JSON> {
    type Ok = C::Ok;
    type Error = C::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.state.digest(Digest::begin_element);
        self.inner.serialize_key(&self.state.guard::<T, IS_JSON>(key))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        let written = self.inner.serialize_value(&self.state.guard::<T, IS_JSON>(value));
        self.state.digest(Digest::end_element);
        written
    }

    #[inline]
    fn end(self) -> Result<C::Ok, C::Error> {
        self.state.digest(Digest::end_elements);
        self.inner.end()
    }
}

/// Containers whose parts have no names.
macro_rules! nameless {
    ($($container:ident $method:ident;)*) => {$(
        impl<C: $container, const IS_JSON: bool> $container for CompoundWriter<'_, C, IS_JSON> {
            type Ok = C::Ok;
            type Error = C::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
                self.inner.$method(&self.state.guard::<T, IS_JSON>(value))
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

/// Containers whose parts have names.
macro_rules! named {
    ($($container:ident)*) => {$(
        impl<C: $container, const IS_JSON: bool> $container for CompoundWriter<'_, C, IS_JSON> {
            type Ok = C::Ok;
            type Error = C::Error;

            // Compiled once for each type of a field, since each type with fields calls it.
            #[inline(never)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), C::Error> {
                // Fields may be left out, and then the next one is no longer at its place.
                self.state.digest(|digest| digest.add_bytes(DigestKind::Text, name.as_bytes()));
                self.inner.serialize_field(name, &self.state.guard::<T, IS_JSON>(value))
            }

            #[inline]
            fn skip_field(&mut self, name: &'static str) -> Result<(), C::Error> {
                self.inner.skip_field(name)
            }

            #[inline]
            fn end(self) -> Result<C::Ok, C::Error> {
                self.inner.end()
            }
        }
    )*};
}

nameless! {
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

named! { SerializeStruct SerializeStructVariant }
