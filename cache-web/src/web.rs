//! The list of queries whose answers may leave the server. Loads nothing.

use std::any::{Any, TypeId};
use std::fmt::{self, Debug};
use std::sync::Arc;

use axum::http::request::Parts;
use cache_client::{App, Fetch};
use cache_core::{Holds, Query};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ts_rs::TS;

use crate::answer::answer_of;
use crate::json::{JsonError, JsonWriter};
use crate::listed::{Listed, Openings};
use crate::typescript::query::QueryText;

/// The queries whose answers may leave the server, in [pages](crate::Page) and by the [route](Self::answers) for
/// browsers. Nothing else ever does.
///
/// Cheap to clone. Usually a `static` with a `LazyLock`.
pub struct Web<A: App> {
    listed: Arc<Vec<Listed<A>>>,
}

impl<A: App> Web<A> {
    /// Creates an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self { listed: Arc::default() }
    }

    /// Adds a query whose answers anybody may have. If the query has been listed before, its guards stay.
    #[must_use]
    pub fn public<Q>(mut self) -> Self
    where
        Q: Fetch<A> + Serialize + DeserializeOwned + TS,
        Q::Value: Serialize + DeserializeOwned + TS,
        A::Registry: Holds<Q>,
    {
        self.list::<Q>();
        self
    }

    /// Adds a query whose answers leave the server only for requests and keys for which `may_read` returns `true`. It
    /// gets the head of the request, with the extensions that middleware has set, such as a session. It is called
    /// before anything is read or loaded for the browser, and decides for each request anew.
    ///
    /// If the query has been listed before, all its guards have to return `true`.
    #[must_use]
    pub fn guarded<Q>(mut self, may_read: impl Fn(&Parts, &Q) -> bool + Send + Sync + 'static) -> Self
    where
        Q: Fetch<A> + Serialize + DeserializeOwned + TS,
        Q::Value: Serialize + DeserializeOwned + TS,
        A::Registry: Holds<Q>,
    {
        // A key of another type cannot come here.
        let guard = move |request: &Parts, key: &dyn Any| {
            key.downcast_ref().is_some_and(|key| may_read(request, key))
        };
        if let Some(listed) = self.list::<Q>() {
            listed.guards.push(Arc::new(guard));
        }
        self
    }

    /// Tells browsers the texts of the errors of a listed query. Otherwise they learn only that a load has failed.
    #[must_use]
    pub fn with_errors<Q: Query>(mut self) -> Self {
        let listed = Arc::make_mut(&mut self.listed);
        for listed in listed.iter_mut().filter(|listed| listed.query == TypeId::of::<Q>()) {
            listed.tells_errors = true;
        }
        self
    }

    /// The query of the list, which is added if it is missing.
    fn list<Q>(&mut self) -> Option<&mut Listed<A>>
    where
        Q: Fetch<A> + Serialize + DeserializeOwned + TS,
        Q::Value: Serialize + DeserializeOwned + TS,
        A::Registry: Holds<Q>,
    {
        let (listed, query) = (Arc::make_mut(&mut self.listed), TypeId::of::<Q>());
        if !listed.iter().any(|listed| listed.query == query) {
            listed.push(Listed {
                name: Q::NAME,
                query,
                guards: Vec::new(),
                tells_errors: false,
                openings: Openings::of(Q::NAME),
                write_key: write_json::<Q>,
                write_value: write_json::<Q::Value>,
                answer: answer_of::<A, Q>,
                describe: QueryText::of::<Q>,
            });
        }
        listed.iter_mut().find(|listed| listed.query == query)
    }

    pub(crate) fn index_of<Q: Query>(&self) -> Option<usize> {
        let query = TypeId::of::<Q>();
        self.listed.iter().position(|listed| listed.query == query)
    }

    /// The query with a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Listed<A>> {
        self.listed.iter().find(|listed| listed.name == name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Listed<A>> {
        self.listed.iter()
    }

    pub(crate) fn listed(&self, index: usize) -> &Listed<A> {
        &self.listed[index]
    }
}

fn write_json<T: Serialize + Any>(value: &dyn Any, json: &mut JsonWriter) -> Result<(), JsonError> {
    match value.downcast_ref::<T>() {
        Some(value) => value.serialize(json),
        None => unreachable!("keys and values of a query have the types of their query"),
    }
}

impl<A: App> Default for Web<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: App> Clone for Web<A> {
    fn clone(&self) -> Self {
        Self { listed: Arc::clone(&self.listed) }
    }
}

impl<A: App> Debug for Web<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.listed.iter().map(|listed| listed.name);
        f.debug_tuple("Web").field(&names.collect::<Vec<_>>()).finish()
    }
}
