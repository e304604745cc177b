//! Key and value of entries whose type the registry does not know.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::options::TableOptions;
use crate::query::{Query, Writable};

/// Key of a dynamic entry. Its value is `dyn DynamicValue`; [`Cache::dynamic`](crate::Cache::dynamic) reads and writes it by type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dynamic(pub(crate) Arc<str>);

/// A value whose type only its writer and its readers know. Implemented for every type that can be shared.
pub trait DynamicValue: Any + Send + Sync {
    /// Returns the name of the value's type.
    fn type_name(&self) -> &'static str;
}

/// Default capacity of the dynamic table.
const DYNAMIC_CAPACITY: u64 = 1_000;

impl Query for Dynamic {
    type Value = dyn DynamicValue;
    const NAME: &'static str = "dynamic";
    const OPTIONS: TableOptions = TableOptions::new().capacity(DYNAMIC_CAPACITY);
}

impl Writable for Dynamic {}

impl Dynamic {
    /// Creates the key of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl<T: Any + Send + Sync> DynamicValue for T {
    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

impl Debug for dyn DynamicValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}
