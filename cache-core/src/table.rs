//! One query's entries.

use std::fmt::Debug;
use std::marker::PhantomData;

use crate::query::Query;

/// All entries of one query.
#[derive(Debug)]
pub struct Table<Q: Query> {
    name: &'static str,
    _query: PhantomData<fn(Q)>,
}

impl<Q: Query> Table<Q> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, _query: PhantomData }
    }
}

/// A table whose query is not known at compile time.
#[doc(hidden)]
pub trait AnyTable: Send + Sync + Debug {
    /// Name of the table.
    fn name(&self) -> &'static str;
}

impl<Q: Query> AnyTable for Table<Q> {
    fn name(&self) -> &'static str {
        self.name
    }
}
