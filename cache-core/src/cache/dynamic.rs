//! Reads and writes dynamic entries as the type that the caller names, which each read checks.

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

/// Returns the value as a `T`, or an error that names both types.
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
    /// Writes a value of any type under a name, visible at once, and returns its `Arc`.
    ///
    /// A value of another type under the same name is replaced.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.dynamic().insert::<u64>("limit", 10);
    /// cache.dynamic().insert::<String>("limit", "none".to_owned());
    /// assert_eq!(*cache.dynamic().get_as::<String>("limit")?.unwrap(), "none");
    /// # Ok::<(), cache_core::TypeMismatch>(())
    /// ```
    pub fn insert<T: Any + Send + Sync>(
        &self,
        name: impl Into<Arc<str>>,
        value: impl Into<Arc<T>>,
    ) -> Arc<T> {
        let value: Arc<T> = value.into();
        let _ = self.cache.insert(Dynamic::new(name), Arc::clone(&value) as Arc<dyn DynamicValue>);
        value
    }

    /// Returns the value under a name as a `T`, or `None` if the name has no value. Counts as a use.
    ///
    /// # Errors
    /// [`TypeMismatch`] if the value is of another type.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.dynamic().insert::<u64>("visits", 42);
    /// assert_eq!(cache.dynamic().get_as::<u64>("visits")?.as_deref(), Some(&42));
    /// assert!(cache.dynamic().get_as::<u64>("clicks")?.is_none());
    ///
    /// let error = cache.dynamic().get_as::<i8>("visits").unwrap_err();
    /// assert_eq!(error.to_string(), "dynamic entry \"visits\" has type `u64`, not `i8`");
    /// # Ok::<(), cache_core::TypeMismatch>(())
    /// ```
    pub fn get_as<T: Any + Send + Sync>(&self, name: &str) -> Result<Option<Arc<T>>, TypeMismatch> {
        let key = Dynamic::new(name);
        self.cache.get(&key).map(|value| typed(&key, value)).transpose()
    }

    /// Removes a dynamic entry and returns whether it was readable. Is a commit.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.dynamic().insert::<u64>("visits", 42);
    /// assert!(cache.dynamic().remove("visits"));
    /// assert!(!cache.dynamic().remove("visits"));
    /// ```
    pub fn remove(&self, name: &str) -> bool {
        self.cache.remove(&Dynamic::new(name))
    }
}

impl<R: Holds<Dynamic>> Cache<R> {
    /// Returns the table of dynamic entries: values whose type the registry does not know.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.dynamic().insert::<u64>("visits", 42);
    /// assert_eq!(cache.dynamic().get_as::<u64>("visits")?.as_deref(), Some(&42));
    /// assert!(cache.dynamic().get_as::<String>("visits").is_err());
    /// # Ok::<(), cache_core::TypeMismatch>(())
    /// ```
    #[must_use]
    pub fn dynamic(&self) -> DynamicTable<'_, R> {
        DynamicTable { cache: self }
    }
}

impl<R: Holds<Dynamic>> Transaction<R> {
    /// Writes a dynamic entry, and returns the `Arc` that will be committed.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// let mut tx = cache.begin();
    /// tx.set_dynamic::<u64>("visits", 42);
    /// tx.commit()?;
    /// assert_eq!(cache.dynamic().get_as::<u64>("visits")?.as_deref(), Some(&42));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_dynamic<T: Any + Send + Sync>(
        &mut self,
        name: impl Into<Arc<str>>,
        value: impl Into<Arc<T>>,
    ) -> Arc<T> {
        let value: Arc<T> = value.into();
        let _ = self.set(Dynamic::new(name), Arc::clone(&value) as Arc<dyn DynamicValue>);
        value
    }

    /// Returns a dynamic entry as this transaction sees it; see [`get`](Self::get).
    ///
    /// # Errors
    /// [`TypeMismatch`] if the value is of another type.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.dynamic().insert::<u64>("visits", 41);
    /// let mut tx = cache.begin();
    /// let visits = tx.get_as::<u64>("visits")?.map_or(0, |visits| *visits);
    /// tx.set_dynamic::<u64>("visits", visits + 1);
    /// assert_eq!(tx.get_as::<u64>("visits")?.as_deref(), Some(&42));
    /// # Ok::<(), cache_core::TypeMismatch>(())
    /// ```
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
