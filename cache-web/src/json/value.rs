//! A serializer that writes JSON, and refuses what JavaScript cannot hold exactly.

use std::fmt::Display;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::ser::Formatter;

use super::error::{JsonError, Step};
use super::key::KeySerializer;
use super::writer::JsonWriter;

/// The largest integer up to which JavaScript holds all integers: `Number.MAX_SAFE_INTEGER`.
const MAX_SAFE_INTEGER: u128 = (1 << 53) - 1;

/// How long the name of a field may be to be written together with what is around it.
const LONGEST_JOINED_NAME: usize = 28;

impl JsonWriter {
    #[inline]
    fn begin(&mut self, [open, close]: [&'static str; 2]) -> Compound<'_> {
        self.raw(open);
        Compound { writer: self, count: 0, close }
    }

    #[inline(always)]
    fn fields(&mut self, close: &'static str) -> Fields<'_> {
        Fields { writer: self, before: b'{', close }
    }

    /// Inlined, since names are constants: the compiler finds out that most need no escape, and joins them with the
    /// punctuation around them.
    #[inline(always)]
    fn name(&mut self, before: u8, name: &'static str) {
        if name.len() > LONGEST_JOINED_NAME || !is_word(name) {
            return self.any_name(before, name);
        }
        let mut json = [0; LONGEST_JOINED_NAME + 4];
        json[..2].copy_from_slice(&[before, b'"']);
        json[2..][..name.len()].copy_from_slice(name.as_bytes());
        json[2 + name.len()..][..2].copy_from_slice(b"\":");
        self.raw(&json[..name.len() + 4]);
    }

    #[inline(never)]
    fn any_name(&mut self, before: u8, name: &'static str) {
        self.raw([before]);
        self.string(name);
        self.raw(":");
    }

    /// The beginning of the object of a variant with fields.
    fn variant(&mut self, variant: &'static str) {
        self.raw("{");
        self.string(variant);
        self.raw(":");
    }
}

/// A list or map.
pub(crate) struct Compound<'w> {
    writer: &'w mut JsonWriter,
    /// How many parts were written.
    count: usize,
    close: &'static str,
}

impl Compound<'_> {
    fn next(&mut self) -> &mut JsonWriter {
        if self.count > 0 {
            self.writer.raw(",");
        }
        self.count += 1;
        self.writer
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        let index = self.count;
        value.serialize(self.next()).map_err(|error| error.within(Step::Index(index)))
    }

    #[inline(always)]
    fn close(self) {
        self.writer.raw(self.close);
    }
}

/// A struct.
pub(crate) struct Fields<'w> {
    writer: &'w mut JsonWriter,
    /// What is written before the next field: `{` or `,`.
    before: u8,
    close: &'static str,
}

impl Fields<'_> {
    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), JsonError> {
        self.writer.name(self.before, name);
        self.before = b',';
        value.serialize(&mut *self.writer).map_err(|error| error.within(Step::Name(name)))
    }

    #[inline(always)]
    fn close(self) {
        if self.before == b'{' {
            self.writer.raw("{");
        }
        self.writer.raw(self.close);
    }
}

/// Whether a name has only characters of identifiers, which need no escape.
#[inline(always)]
fn is_word(name: &str) -> bool {
    name.bytes().fold(true, |is_word, byte| is_word & (byte.is_ascii_alphanumeric() | (byte == b'_')))
}

/// Integers that JavaScript may not hold.
macro_rules! integers {
    ($($method:ident($type:ty): $magnitude:expr;)*) => {$(
        fn $method(self, number: $type) -> Result<(), JsonError> {
            let magnitude: fn($type) -> u128 = $magnitude;
            if magnitude(number) > MAX_SAFE_INTEGER {
                return Err(JsonError::new(
                    "is an integer beyond 2^53, which JavaScript cannot hold: \
                     write it as a string, with `#[serde(with = \"cache_web::as_string\")]`",
                ));
            }
            match number.try_into() {
                Ok(number) => self.integer(number),
                Err(_) => self.raw(itoa::Buffer::new().format(number)),
            }
            Ok(())
        }
    )*};
}

impl<'w> Serializer for &'w mut JsonWriter {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = Compound<'w>;
    type SerializeTuple = Compound<'w>;
    type SerializeTupleStruct = Compound<'w>;
    type SerializeTupleVariant = Compound<'w>;
    type SerializeMap = Compound<'w>;
    type SerializeStruct = Fields<'w>;
    type SerializeStructVariant = Fields<'w>;

    integers! {
        serialize_i8(i8): |number| number.unsigned_abs().into();
        serialize_i16(i16): |number| number.unsigned_abs().into();
        serialize_i32(i32): |number| number.unsigned_abs().into();
        serialize_i64(i64): |number| number.unsigned_abs().into();
        serialize_i128(i128): |number| number.unsigned_abs();
        serialize_u8(u8): |number| number.into();
        serialize_u16(u16): |number| number.into();
        serialize_u32(u32): |number| number.into();
        serialize_u64(u64): |number| number.into();
        serialize_u128(u128): |number| number;
    }

    fn serialize_f32(self, number: f32) -> Result<(), JsonError> {
        self.float(number.is_finite(), |formatter, out| formatter.write_f32(out, number))
    }

    fn serialize_f64(self, number: f64) -> Result<(), JsonError> {
        self.float(number.is_finite(), |formatter, out| formatter.write_f64(out, number))
    }

    fn serialize_bool(self, value: bool) -> Result<(), JsonError> {
        self.raw(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), JsonError> {
        self.string(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), JsonError> {
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), JsonError> {
        self.collect_seq(value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        self.displayed(value)
    }

    fn serialize_none(self) -> Result<(), JsonError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), JsonError> {
        self.raw("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), JsonError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), JsonError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        self.variant(variant);
        value.serialize(&mut *self).map_err(|error| error.within(Step::Name(variant)))?;
        self.raw("}");
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'w>, JsonError> {
        Ok(self.begin(["[", "]"]))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'w>, JsonError> {
        Ok(self.begin(["[", "]"]))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'w>, JsonError> {
        Ok(self.begin(["[", "]"]))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'w>, JsonError> {
        self.variant(variant);
        Ok(self.begin(["[", "]}"]))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'w>, JsonError> {
        Ok(self.begin(["{", "}"]))
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'w>, JsonError> {
        // `RawValue`, and `Number` with arbitrary precision.
        if name.starts_with("$serde_json::private::") {
            return Err(JsonError::new("is raw JSON, in which nothing can be checked"));
        }
        Ok(self.fields("}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'w>, JsonError> {
        self.variant(variant);
        Ok(self.fields("}}"))
    }
}

/// Lists and tuples.
macro_rules! items {
    ($($name:ident::$method:ident;)*) => {$(
        impl $name for Compound<'_> {
            type Ok = ();
            type Error = JsonError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
                self.item(value)
            }

            #[inline]
            fn end(self) -> Result<(), JsonError> {
                self.close();
                Ok(())
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
        impl $name for Fields<'_> {
            type Ok = ();
            type Error = JsonError;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), JsonError> {
                self.field(name, value)
            }

            #[inline(always)]
            fn end(self) -> Result<(), JsonError> {
                self.close();
                Ok(())
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonError> {
        key.serialize(KeySerializer(self.next()))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.writer.raw(":");
        value.serialize(&mut *self.writer).map_err(|error| error.within(Step::Entry))
    }

    fn end(self) -> Result<(), JsonError> {
        self.close();
        Ok(())
    }
}
