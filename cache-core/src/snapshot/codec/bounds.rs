//! A deserializer around another that believes neither lengths nor nesting. Knows nothing of formats.
//!
//! The binary codecs read a length and then trust it: a forged one makes them allocate before they notice that
//! the input is shorter, or loop over elements that take no bytes at all; nested values recurse without end.
//! Standing between the codec and the type, this layer
//! - asks for strings and bytes *borrowed*, which the codecs check against the input before anybody allocates,
//! - never lets a sequence announce more elements than there are bytes (each level of nesting half as many, so
//!   that nested claims add up to less than two inputs), nor yield many more than that,
//! - counts depth.
//!
//! The bounds travel by value, so the layer compiles down to a decrement for each container.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::MAX_DEPTH;

/// Elements that take no bytes (`()`, empty structs) may be so many more than the input is long.
const FREE_ELEMENTS: usize = 1024;

/// Deserializes a `T` within bounds that follow from the length of the input.
pub(super) struct BoundedSeed<T> {
    bounds: Bounds,
    _value: PhantomData<fn() -> T>,
}

impl<T> BoundedSeed<T> {
    pub(super) fn new(input: usize) -> Self {
        let bounds =
            Bounds { depth: MAX_DEPTH, elements: input.saturating_add(FREE_ELEMENTS), announced: input };
        Self { bounds, _value: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for BoundedSeed<T> {
    type Value = T;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T, D::Error> {
        T::deserialize(Bounded { inner, bounds: self.bounds })
    }
}

#[derive(Clone, Copy)]
struct Bounds {
    /// Levels that may still be entered.
    depth: u32,
    /// Elements that one sequence may yield.
    elements: usize,
    /// Elements that one sequence may announce.
    announced: usize,
}

impl Bounds {
    #[inline]
    fn enter<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, announced: self.announced / 2, ..self }),
            None => Err(too_deep()),
        }
    }
}

#[cold]
fn too_deep<E: Error>() -> E {
    E::custom(format_args!("the value is nested deeper than {MAX_DEPTH} levels"))
}

#[cold]
fn too_many<E: Error>() -> E {
    E::custom("a sequence claims more elements than there are bytes")
}

/// `inner` within `bounds`: a deserializer, a visitor, an access or a seed, whatever serde hands around.
struct Bounded<T> {
    inner: T,
    bounds: Bounds,
}

macro_rules! forward {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<D> {
    type Error = D::Error;

    // Leaves: nothing nested can follow.
    forward! {
        deserialize_any deserialize_ignored_any deserialize_identifier deserialize_bool deserialize_char
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_str deserialize_bytes deserialize_unit
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let bounds = self.bounds.enter()?;
        self.inner.deserialize_option(Bounded { inner: visitor, bounds })
    }

    /// Not a level: a newtype alone cannot recurse.
    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_newtype_struct(name, Bounded { inner: visitor, bounds: self.bounds })
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let bounds = self.bounds.enter()?;
        self.inner.deserialize_seq(Bounded { inner: visitor, bounds })
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        let bounds = self.bounds.enter()?;
        self.inner.deserialize_tuple(len, Bounded { inner: visitor, bounds: bounds.for_fields(len) })
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let bounds = self.bounds.enter()?.for_fields(len);
        self.inner.deserialize_tuple_struct(name, len, Bounded { inner: visitor, bounds })
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let bounds = self.bounds.enter()?;
        self.inner.deserialize_map(Bounded { inner: visitor, bounds })
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let bounds = self.bounds.enter()?;
        self.inner.deserialize_struct(name, fields, Bounded { inner: visitor, bounds })
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let bounds = self.bounds.enter()?;
        self.inner.deserialize_enum(name, variants, Bounded { inner: visitor, bounds })
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl Bounds {
    /// The number of fields comes from the type, not from the input, and may be larger than it.
    #[inline]
    fn for_fields(self, len: usize) -> Self {
        Self { elements: self.elements.max(len), ..self }
    }
}

/// What the containers above may call; a leaf's visitor is never wrapped.
impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    #[inline]
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Bounded { inner, bounds: self.bounds })
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Bounded { inner, bounds: self.bounds })
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Elements { inner, bounds: self.bounds, left: self.bounds.elements })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Elements { inner, bounds: self.bounds, left: self.bounds.elements })
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Bounded { inner, bounds: self.bounds })
    }
}

/// The elements of a sequence, or the pairs of a map.
struct Elements<A> {
    inner: A,
    bounds: Bounds,
    left: usize,
}

impl<A> Elements<A> {
    #[inline]
    fn next<E: Error>(&mut self) -> Result<(), E> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(too_many()),
        }
    }

    #[inline]
    fn announced(&self, hint: Option<usize>) -> Option<usize> {
        hint.map(|hint| hint.min(self.bounds.announced))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let bounds = self.bounds;
        let element = self.inner.next_element_seed(Bounded { inner: seed, bounds })?;
        if element.is_some() {
            self.next()?;
        }
        Ok(element)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.announced(self.inner.size_hint())
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Elements<A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let bounds = self.bounds;
        let key = self.inner.next_key_seed(Bounded { inner: seed, bounds })?;
        if key.is_some() {
            self.next()?;
        }
        Ok(key)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(Bounded { inner: seed, bounds: self.bounds })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.announced(self.inner.size_hint())
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<T> {
    type Value = T::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Bounded { inner, bounds: self.bounds })
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<A> {
    type Error = A::Error;
    type Variant = Bounded<A::Variant>;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, Bounded { inner, bounds: self.bounds }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.newtype_variant_seed(Bounded { inner: seed, bounds: self.bounds })
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let bounds = self.bounds.for_fields(len);
        self.inner.tuple_variant(len, Bounded { inner: visitor, bounds })
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Bounded { inner: visitor, bounds: self.bounds })
    }
}
