//! The fields of a key as text, if the key is a flat struct of scalars. Knows nothing of codecs, nor of how fields are
//! joined.

use std::borrow::Cow;
use std::fmt::{Debug, Display};

use serde::ser::{self, Impossible, Serialize, SerializeStruct, SerializeTupleStruct, Serializer};

/// One field of a key.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyField {
    /// The name that serde gives it; its position in a tuple struct.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: FieldValue,
}

/// The value of a field of a key.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// `None`.
    Absent,
    /// A boolean, or a number, which begins with a digit or a minus sign.
    Plain(String),
    /// Text, a character, or a variant without content.
    Text(String),
}

/// Collects the fields of a key that is serialized into it. The code that is compiled for each key only calls
/// its methods, which are compiled once for each type of field.
#[derive(Debug, Default)]
pub(crate) struct KeyFields {
    fields: Vec<KeyField>,
    /// The field whose value comes next. `None` outside of fields.
    name: Option<Cow<'static, str>>,
    /// Whether that value is in a `Some`. Another option in it would be ambiguous.
    is_some: bool,
}

/// The key is not a flat struct of scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a flat struct of scalars")]
pub(crate) struct NotFlat;

impl ser::Error for NotFlat {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

impl KeyFields {
    /// Returns the fields, in the order of their names.
    pub(crate) fn sorted(self) -> Vec<KeyField> {
        let mut fields = self.fields;
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        fields
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: Cow<'static, str>, value: &T) -> Result<(), NotFlat> {
        (self.name, self.is_some) = (Some(name), false);
        value.serialize(self)
    }

    fn next_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFlat> {
        self.field(Cow::Owned(self.fields.len().to_string()), value)
    }

    /// Ends a field with its value.
    fn end_field(&mut self, value: FieldValue) -> Result<(), NotFlat> {
        let name = self.name.take().ok_or(NotFlat)?;
        self.fields.push(KeyField { name, value });
        Ok(())
    }

    /// Ends a field with a number or a boolean. `Debug` shows each so that it reads back as the same.
    fn end_plain(&mut self, value: &dyn Debug) -> Result<(), NotFlat> {
        self.end_field(FieldValue::Plain(format!("{value:?}")))
    }

    /// Begins a struct, which must be the whole key.
    fn begin_struct(&mut self) -> Result<&mut Self, NotFlat> {
        if self.name.is_none() { Ok(self) } else { Err(NotFlat) }
    }
}

macro_rules! plain {
    ($($method:ident($type:ty);)*) => {
        $(fn $method(self, value: $type) -> Result<(), NotFlat> {
            self.end_plain(&value)
        })*
    };
}

macro_rules! refused {
    ($($method:ident($($type:ty),*) -> $output:ty;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<$output, NotFlat> {
            Err(NotFlat)
        })*
    };
}

type Refused = Impossible<(), NotFlat>;

impl Serializer for &mut KeyFields {
    type Ok = ();
    type Error = NotFlat;
    type SerializeStruct = Self;
    type SerializeTupleStruct = Self;
    type SerializeSeq = Refused;
    type SerializeTuple = Refused;
    type SerializeTupleVariant = Refused;
    type SerializeMap = Refused;
    type SerializeStructVariant = Refused;

    plain! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
    }

    refused! {
        serialize_bytes(&[u8]) -> ();
        serialize_unit() -> ();
        serialize_seq(Option<usize>) -> Refused;
        serialize_tuple(usize) -> Refused;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Refused;
        serialize_map(Option<usize>) -> Refused;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Refused;
    }

    fn serialize_f32(self, value: f32) -> Result<(), NotFlat> {
        if value.is_finite() { self.end_plain(&value) } else { Err(NotFlat) }
    }

    fn serialize_f64(self, value: f64) -> Result<(), NotFlat> {
        if value.is_finite() { self.end_plain(&value) } else { Err(NotFlat) }
    }

    fn serialize_char(self, value: char) -> Result<(), NotFlat> {
        self.end_field(FieldValue::Text(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<(), NotFlat> {
        self.end_field(FieldValue::Text(value.to_owned()))
    }

    fn serialize_none(self) -> Result<(), NotFlat> {
        if self.is_some { Err(NotFlat) } else { self.end_field(FieldValue::Absent) }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotFlat> {
        self.is_some = true;
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), NotFlat> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), NotFlat> {
        Err(NotFlat)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), NotFlat> {
        self.begin_struct().map(drop)
    }

    /// The value alone, except for the key itself.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotFlat> {
        if self.name.is_none() { self.next_field(value) } else { value.serialize(self) }
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, NotFlat> {
        self.begin_struct()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, NotFlat> {
        self.begin_struct()
    }
}

impl SerializeStruct for &mut KeyFields {
    type Ok = ();
    type Error = NotFlat;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotFlat> {
        self.field(Cow::Borrowed(name), value)
    }

    fn end(self) -> Result<(), NotFlat> {
        Ok(())
    }
}

impl SerializeTupleStruct for &mut KeyFields {
    type Ok = ();
    type Error = NotFlat;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotFlat> {
        self.next_field(value)
    }

    fn end(self) -> Result<(), NotFlat> {
        Ok(())
    }
}
