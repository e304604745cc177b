//! The table of entries whose type is not known to the registry.

use std::any::Any;

use crate::query::Query;

/// Key of a dynamic entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dynamic(pub std::sync::Arc<str>);

/// A value whose type only its writer and its readers know.
pub trait DynamicValue: Any + Send + Sync {
    /// Name of the value's type.
    fn type_name(&self) -> &'static str;
}

impl<T: Any + Send + Sync> DynamicValue for T {
    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

impl Query for Dynamic {
    type Value = dyn DynamicValue;
    const NAME: &'static str = "dynamic";
}
