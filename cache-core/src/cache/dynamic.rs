//! Reading and writing dynamic entries by the type that the caller names, checked at each read.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::cache::Cache;
use crate::dynamic::{Dynamic, DynamicValue};
use crate::error::TypeMismatch;
use crate::registry::{Holds, Registry};
use crate::transaction::Transaction;

/// The dynamic entries of a cache.
pub struct DynamicTable<'a, R: Registry> {
    cache: &'a Cache<R>,
}

/// The value as a `T`, or an error that names both types.
fn typed<T: Any + Send + Sync>(key: &Dynamic, value: Arc<dyn DynamicValue>) -> Result<Arc<T>, TypeMismatch> {
    let found = (*value).type_name();
    let any: Arc<dyn Any + Send + Sync> = value;
    any.downcast().map_err(|_| TypeMismatch {
        name: key.name().to_owned(),
        expected: std::any::type_name::<T>(),
        found,
    })
}

impl<R: Holds<Dynamic>> DynamicTable<'_, R> {
    /// Writes a value of any type under a name. Returns its `Arc`.
    pub fn insert<T: Any + Send + Sync>(
        &self,
        name: impl Into<Arc<str>>,
        value: impl Into<Arc<T>>,
    ) -> Arc<T> {
        let value: Arc<T> = value.into();
        let _ = self.cache.insert(Dynamic::new(name), Arc::clone(&value) as Arc<dyn DynamicValue>);
        value
    }

    /// The value under a name; `None` if there is none.
    ///
    /// # Errors
    /// [`TypeMismatch`] if it is of another type.
    pub fn get_as<T: Any + Send + Sync>(&self, name: &str) -> Result<Option<Arc<T>>, TypeMismatch> {
        let key = Dynamic::new(name);
        self.cache.get(&key).map(|value| typed(&key, value)).transpose()
    }

    /// Removes the entry. Returns whether it was readable.
    pub fn remove(&self, name: &str) -> bool {
        self.cache.remove(&Dynamic::new(name))
    }
}

impl<R: Holds<Dynamic>> Cache<R> {
    /// The dynamic entries.
    #[must_use]
    pub fn dynamic(&self) -> DynamicTable<'_, R> {
        DynamicTable { cache: self }
    }
}

impl<R: Holds<Dynamic>> Transaction<R> {
    /// Writes a dynamic entry. Returns the `Arc` that will be committed.
    pub fn set_dynamic<T: Any + Send + Sync>(
        &mut self,
        name: impl Into<Arc<str>>,
        value: impl Into<Arc<T>>,
    ) -> Arc<T> {
        let value: Arc<T> = value.into();
        let _ = self.set(Dynamic::new(name), Arc::clone(&value) as Arc<dyn DynamicValue>);
        value
    }

    /// A dynamic entry as this transaction sees it.
    ///
    /// # Errors
    /// [`TypeMismatch`] if it is of another type.
    pub fn get_as<T: Any + Send + Sync>(&mut self, name: &str) -> Result<Option<Arc<T>>, TypeMismatch> {
        let key = Dynamic::new(name);
        self.get(&key).map(|value| typed(&key, value)).transpose()
    }
}

impl<R: Registry> Debug for DynamicTable<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynamicTable")
    }
}
