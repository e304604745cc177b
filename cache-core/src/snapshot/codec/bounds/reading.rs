//! A deserializer around another one that trusts neither lengths nor nesting.
//!
//! The binary codecs read a length and then trust it. A forged length makes them allocate before they notice
//! that the input is shorter, or loop over elements that take no bytes at all. Nested values recurse without
//! end. This layer between the codec and the type
//! - requests strings and bytes *borrowed*, which the codecs check against the input before anything is
//!   allocated,
//! - never lets a sequence announce more elements than there are bytes (each level of nesting half as many,
//!   so that nested claims add up to less than two inputs), and never lets all sequences together yield many
//!   more than that,
//! - counts the depth, and measures the stack.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{Limits, MAX_DEPTH, Refusal};

/// `inner` within `bounds`: a deserializer, a visitor, an access or a seed.
///
/// This code is compiled for each type that is read, so it is kept small: [`Bounds`] decide, and nearly all
/// methods forward without a branch. So structs and tuples that are too deep are read as if they had no
/// fields. A refusal fails the value at the end at the latest ([`Limits::check`]).
pub(in super::super) struct Bounded<'a, T> {
    inner: T,
    bounds: Bounds<'a>,
}

impl<'a, T> Bounded<'a, T> {
    /// Creates bounds from the length of the input. JSON bounds depth and lengths by itself, so only the
    /// stack is left to measure.
    pub(in super::super) fn new<const IS_JSON: bool>(inner: T, input: usize, limits: &'a Limits<'a>) -> Self {
        let (levels, announced) = if IS_JSON { (u32::MAX, usize::MAX) } else { (MAX_DEPTH, input) };
        Self { inner, bounds: Bounds { levels, announced, limits } }
    }
}

#[derive(Clone, Copy)]
struct Bounds<'a> {
    /// Levels that may still be entered.
    levels: u32,
    /// Elements that one sequence may announce.
    announced: usize,
    limits: &'a Limits<'a>,
}

impl<'a> Bounds<'a> {
    /// Enters a value.
    #[inline]
    fn enter(&mut self) -> Option<Refusal> {
        let Some(levels) = self.levels.checked_sub(1) else { return self.limits.refuse(Refusal::Depth) };
        if self.limits.stack.is_passed() {
            return self.limits.refuse(Refusal::Stack);
        }
        self.levels = levels;
        self.announced /= 2;
        None
    }

    /// Enters the fields of a struct; returns none if that is refused.
    // Not inlined, since each type that is read calls it.
    #[inline(never)]
    fn enter_struct(&mut self, fields: &'static [&'static str]) -> &'static [&'static str] {
        if self.enter().is_some() { &[] } else { fields }
    }

    /// Enters the elements of a tuple; returns zero if that is refused.
    #[inline(never)]
    fn enter_tuple(&mut self, len: usize) -> usize {
        if self.enter().is_some() { 0 } else { len }
    }

    /// Enters the elements of a list, which are counted all at once if the list announces their number.
    #[inline]
    fn enter_list(mut self, len: Option<usize>) -> ListBounds<'a> {
        let refusal = match self.enter() {
            None if !self.limits.take_elements(len.unwrap_or(0)) => self.limits.refuse(Refusal::FreeElements),
            refusal => refusal,
        };
        ListBounds { elements: self, refusal, uncounted: len.is_none().then_some(0) }
    }
}

/// The elements of a sequence, or the pairs of a map.
struct Elements<'a, A> {
    inner: A,
    bounds: ListBounds<'a>,
}

struct ListBounds<'a> {
    elements: Bounds<'a>,
    refusal: Option<Refusal>,
    /// Number of elements that were read but not counted yet; `None` if the list announced their number.
    uncounted: Option<usize>,
}

impl ListBounds<'_> {
    /// Returns why the next element may not be read, if that is so.
    #[inline]
    fn next(&mut self) -> Option<Refusal> {
        if let Some(uncounted) = &mut self.uncounted {
            if !self.elements.limits.take_elements(*uncounted) {
                self.refusal = self.elements.limits.refuse(Refusal::FreeElements);
            }
            *uncounted = 1;
        }
        self.refusal
    }

    #[inline]
    fn announced(&self, hint: Option<usize>) -> Option<usize> {
        if self.refusal.is_some() { Some(0) } else { hint.map(|hint| hint.min(self.elements.announced)) }
    }
}

macro_rules! forward {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    // Leaves: nothing nested can follow.
    forward! {
        deserialize_ignored_any deserialize_identifier deserialize_bool deserialize_char
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_str deserialize_bytes deserialize_unit
    }

    /// Only self-describing formats support it.
    #[inline]
    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, D::Error> {
        match self.bounds.enter() {
            None => self.inner.deserialize_any(Bounded { inner: visitor, bounds: self.bounds }),
            Some(refusal) => Err(D::Error::custom(refusal)),
        }
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
    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, D::Error> {
        match self.bounds.enter() {
            None => self.inner.deserialize_option(Bounded { inner: visitor, bounds: self.bounds }),
            Some(refusal) => Err(D::Error::custom(refusal)),
        }
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
        self.inner.deserialize_seq(ListedElement { inner: visitor, bounds: self.bounds })
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        let len = self.bounds.enter_tuple(len);
        self.inner.deserialize_tuple(len, Bounded { inner: visitor, bounds: self.bounds })
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let len = self.bounds.enter_tuple(len);
        self.inner.deserialize_tuple_struct(name, len, Bounded { inner: visitor, bounds: self.bounds })
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(ListedElement { inner: visitor, bounds: self.bounds })
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let fields = self.bounds.enter_struct(fields);
        self.inner.deserialize_struct(name, fields, Bounded { inner: visitor, bounds: self.bounds })
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        match self.bounds.enter() {
            None => {
                self.inner.deserialize_enum(name, variants, Bounded { inner: visitor, bounds: self.bounds })
            }
            Some(refusal) => Err(D::Error::custom(refusal)),
        }
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visit {
    ($($method:ident $type:ty;)*) => {$(
        #[inline]
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

macro_rules! visit_leaves {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.inner.expecting(f)
        }

        visit! {
            visit_bool bool;
            visit_i8 i8;
            visit_i16 i16;
            visit_i32 i32;
            visit_i64 i64;
            visit_i128 i128;
            visit_u8 u8;
            visit_u16 u16;
            visit_u32 u32;
            visit_u64 u64;
            visit_u128 u128;
            visit_f32 f32;
            visit_f64 f64;
            visit_char char;
            visit_str &str;
            visit_borrowed_str &'de str;
            visit_string String;
            visit_bytes &[u8];
            visit_borrowed_bytes &'de [u8];
            visit_byte_buf Vec<u8>;
        }

        #[inline]
        fn visit_none<E: Error>(self) -> Result<V::Value, E> {
            self.inner.visit_none()
        }

        #[inline]
        fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
            self.inner.visit_unit()
        }
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, V> {
    type Value = V::Value;

    visit_leaves! {}

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
        self.inner.visit_seq(Bounded { inner, bounds: self.bounds })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Bounded { inner, bounds: self.bounds })
    }

    #[inline]
    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Bounded { inner, bounds: self.bounds })
    }
}

/// The visitor of a sequence or map, whose number of elements comes from the input, not from the type.
struct ListedElement<'a, V> {
    inner: V,
    bounds: Bounds<'a>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for ListedElement<'_, V> {
    type Value = V::Value;

    visit_leaves! {}

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let bounds = self.bounds.enter_list(inner.size_hint());
        self.inner.visit_seq(Elements { inner, bounds })
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let bounds = self.bounds.enter_list(inner.size_hint());
        self.inner.visit_map(Elements { inner, bounds })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.inner.next_element_seed(Bounded { inner: seed, bounds: self.bounds })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.inner.next_key_seed(Bounded { inner: seed, bounds: self.bounds })
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(Bounded { inner: seed, bounds: self.bounds })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        match self.bounds.next() {
            None => self.inner.next_element_seed(Bounded { inner: seed, bounds: self.bounds.elements }),
            Some(refusal) => Err(A::Error::custom(refusal)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.bounds.announced(self.inner.size_hint())
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.bounds.next() {
            None => self.inner.next_key_seed(Bounded { inner: seed, bounds: self.bounds.elements }),
            Some(refusal) => Err(A::Error::custom(refusal)),
        }
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(Bounded { inner: seed, bounds: self.bounds.elements })
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.bounds.announced(self.inner.size_hint())
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, T> {
    type Value = T::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Bounded { inner, bounds: self.bounds })
    }
}

impl<'de, 'a, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'a, A> {
    type Error = A::Error;
    type Variant = Bounded<'a, A::Variant>;

    #[inline]
    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, Bounded { inner, bounds: self.bounds }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
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
        self.inner.tuple_variant(len, Bounded { inner: visitor, bounds: self.bounds })
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
