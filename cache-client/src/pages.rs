//! Answers that come in pages, by number or by cursor. Each page is a query of its own.
//!
//! Pages belong to the client: within the tree of a request, a query has a single answer, so a page could never be
//! reloaded.

pub(crate) mod infinite;
pub(crate) mod infinite_observer;
mod list;
mod numbers;
pub(crate) mod paged;
pub(crate) mod paged_observer;

use std::sync::Arc;

use cache_core::Query;

use crate::error::QueryError;
use crate::fetch::Fetch;

/// The result of moving to another page: that page, `None` if it does not exist, or an error.
pub type PageResult<A, Q> = Result<Option<Arc<<Q as Query>::Value>>, QueryError<<Q as Fetch<A>>::Error>>;

/// The query of the next page, if there is one.
type Step<Q> = Box<dyn Fn(&<Q as Query>::Value) -> Option<Q> + Send + Sync>;
