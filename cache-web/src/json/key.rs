//! Keys of maps, which are always strings in JSON. Numbers are exact in them.

use std::fmt::Display;
use std::io;

use serde::ser::{Impossible, Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use super::error::JsonError;
use super::writer::JsonWriter;

/// Writes the key of an entry.
pub(super) struct KeySerializer<'w>(pub(super) &'w mut JsonWriter);

impl KeySerializer<'_> {
    fn float(
        self,
        is_finite: bool,
        write: impl FnOnce(&mut CompactFormatter, &mut Vec<u8>) -> io::Result<()>,
    ) -> Result<(), JsonError> {
        self.0.raw("\"");
        self.0.float(is_finite, write)?;
        self.0.raw("\"");
        Ok(())
    }
}

fn no_string<T>() -> Result<T, JsonError> {
    Err(JsonError::new("has a key that is no text, number or `bool`, which JSON has no form for"))
}

macro_rules! displayed {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, value: $type) -> Result<(), JsonError> {
            self.0.displayed(&value)
        }
    )*};
}

impl Serializer for KeySerializer<'_> {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = Impossible<(), JsonError>;
    type SerializeTuple = Impossible<(), JsonError>;
    type SerializeTupleStruct = Impossible<(), JsonError>;
    type SerializeTupleVariant = Impossible<(), JsonError>;
    type SerializeMap = Impossible<(), JsonError>;
    type SerializeStruct = Impossible<(), JsonError>;
    type SerializeStructVariant = Impossible<(), JsonError>;

    displayed! {
        serialize_bool(bool) serialize_char(char)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }

    fn serialize_f32(self, number: f32) -> Result<(), JsonError> {
        self.float(number.is_finite(), |formatter, out| formatter.write_f32(out, number))
    }

    fn serialize_f64(self, number: f64) -> Result<(), JsonError> {
        self.float(number.is_finite(), |formatter, out| formatter.write_f64(out, number))
    }

    fn serialize_str(self, value: &str) -> Result<(), JsonError> {
        self.0.string(value);
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        self.0.displayed(value)
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

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), JsonError> {
        no_string()
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), JsonError> {
        no_string()
    }

    fn serialize_unit(self) -> Result<(), JsonError> {
        no_string()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), JsonError> {
        no_string()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), JsonError> {
        no_string()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, JsonError> {
        no_string()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, JsonError> {
        no_string()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, JsonError> {
        no_string()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, JsonError> {
        no_string()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, JsonError> {
        no_string()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, JsonError> {
        no_string()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, JsonError> {
        no_string()
    }
}
