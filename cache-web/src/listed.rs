//! A query of the list, with its types erased.

use std::any::{Any, TypeId};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::Response;
use cache_client::App;

use crate::cx::Cx;
use crate::json::{JsonError, JsonWriter, Quoting};
use crate::typescript::query::QueryText;
use crate::typescript::types::Types;

/// A query of the list.
pub(crate) struct Listed<A: App> {
    pub(crate) name: &'static str,
    pub(crate) query: TypeId,
    /// All of them have to allow it.
    pub(crate) guards: Vec<Arc<Guard>>,
    /// Whether browsers get the texts of errors.
    pub(crate) tells_errors: bool,
    pub(crate) openings: Openings,
    pub(crate) write_key: WriteJson,
    pub(crate) write_value: WriteJson,
    pub(crate) answer: AnswerFn<A>,
    pub(crate) describe: fn(&mut Types<'_>) -> QueryText,
}

/// Decides whether a request may have the answer for a key.
pub(crate) type Guard = dyn Fn(&Parts, &dyn Any) -> bool + Send + Sync;

/// Writes a key or a value of the query.
pub(crate) type WriteJson = fn(&dyn Any, &mut JsonWriter) -> Result<(), JsonError>;

/// Answers a key of the query, given as JSON.
pub(crate) type AnswerFn<A> = for<'a> fn(&'a Listed<A>, &'a Cx<A>, &'a str) -> AnswerFuture<'a>;

/// The answer, or the response to a key that has none.
pub(crate) type AnswerFuture<'a> = Pin<Box<dyn Future<Output = Result<JsonAnswer, Response>> + Send + 'a>>;

/// An answer as JSON.
pub(crate) struct JsonAnswer {
    pub(crate) json: Vec<u8>,
    /// `None` if the answer is not the one in the cache.
    pub(crate) etag: Option<String>,
}

/// How a message about a key of a query begins, up to the key.
#[derive(Clone)]
pub(crate) struct Openings {
    plain: Arc<[u8]>,
    in_script: Arc<[u8]>,
}

impl Openings {
    pub(crate) fn of(name: &str) -> Self {
        let opening = |quoting| {
            let mut json = JsonWriter::after(Vec::new(), quoting);
            json.raw("{\"q\":");
            json.string(name);
            json.raw(",\"k\":");
            json.into_bytes().into()
        };
        Self { plain: opening(Quoting::Plain), in_script: opening(Quoting::InScript) }
    }
}

impl<A: App> Listed<A> {
    /// How a message about a key begins, up to the key.
    pub(crate) fn opening(&self, quoting: Quoting) -> &[u8] {
        match quoting {
            Quoting::Plain => &self.openings.plain,
            Quoting::InScript => &self.openings.in_script,
        }
    }

    /// Whether a request may have the answer for a key.
    pub(crate) fn allows(&self, request: &Parts, key: &dyn Any) -> bool {
        self.guards.iter().all(|may_read| may_read(request, key))
    }
}

impl<A: App> Clone for Listed<A> {
    fn clone(&self) -> Self {
        Self { guards: self.guards.clone(), openings: self.openings.clone(), ..*self }
    }
}
