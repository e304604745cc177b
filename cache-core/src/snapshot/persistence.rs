//! How one table is saved: made by the derive, used by the snapshot writer and reader.

use std::marker::PhantomData;

use crate::query::Query;

/// How the keys and values of `Q` are saved.
#[derive(Debug)]
pub struct Persistence<Q: Query> {
    _query: PhantomData<fn(Q)>,
}
