//! How one table is saved: made by the derive, used by the snapshot writer and reader.

use std::marker::PhantomData;

use crate::query::Query;

/// How the keys and values of `Q` are saved.
#[derive(Debug)]
pub struct Persistence<Q: Query> {
    _query: PhantomData<fn(Q)>,
}

impl<Q: Query + serde::Serialize + serde::de::DeserializeOwned> Persistence<Q>
where
    Q::Value: SavedValue,
{
    /// Stub.
    #[must_use]
    pub fn shaped<C: super::codec::Codec>(_version: u32) -> Self
    where
        Q: super::shape::Shape,
        Q::Value: super::shape::Shape,
    {
        Self { _query: PhantomData }
    }

    /// Stub.
    #[must_use]
    pub fn opaque<C: super::codec::Codec>(_version: u32) -> Self {
        Self { _query: PhantomData }
    }
}

/// Stub.
pub trait SavedValue {}
impl<T: serde::Serialize + serde::de::DeserializeOwned> SavedValue for T {}
impl SavedValue for str {}
