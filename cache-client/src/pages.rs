//! Answers that come in pages, each of which is a query of its own: by number, or by a cursor from one to the next.
//!
//! They are of the client alone: within the tree of a request a query has one answer, and could not be loaded anew.

pub(crate) mod infinite;
pub(crate) mod paged;

use std::sync::Arc;

use cache_core::Query;

use crate::error::QueryError;
use crate::fetch::Fetch;

/// What a step to another page comes to: the page, `None` if there is none, or why it cannot be had.
pub type PageResult<A, Q> = Result<Option<Arc<<Q as Query>::Value>>, QueryError<<Q as Fetch<A>>::Error>>;

/// The query of the page next to one, if there is one.
type Step<Q> = Box<dyn Fn(&<Q as Query>::Value) -> Option<Q> + Send + Sync>;
