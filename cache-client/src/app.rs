//! What the program brings: its state, and how each query is loaded. No behaviour.

use std::future::Future;
use std::sync::Arc;

use cache_core::{Query, Registry};

use crate::context::Context;
use crate::error::QueryError;

/// What a query comes to: its value, or why there is none.
pub type Answer<A, Q> = Result<Arc<<Q as Query>::Value>, QueryError<<Q as Fetch<A>>::Error>>;

/// The program's own state: connections, configuration, whatever loads need.
pub trait App: Send + Sync + Sized + 'static {
    /// The registry of the cache that the client works on.
    type Registry: Registry;
}

/// How a query is loaded.
///
/// The value has to be sized; a text is an `Arc<str>` or a `String`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be loaded with `{A}`",
    label = "this query has no `Fetch<{A}>` implementation",
    note = "add `impl Fetch<{A}> for {Self}` with an `async fn fetch(&self, cx: &Context<{A}>)`"
)]
pub trait Fetch<A: App>: Query<Value: Sized> {
    /// Why a load can fail. Those who wait for one load share the error.
    type Error: Send + Sync + 'static;

    /// Loads the value.
    ///
    /// Runs in a task of its own, once for all who ask at the same time. `cx` is a context of this load alone: it has
    /// neither the deadline nor the memo of who asked, unless that tree is kept from the cache or has answers of its
    /// own.
    ///
    /// # Cancellation
    /// The future is dropped when nobody waits for it any more.
    fn fetch(&self, cx: &Context<A>) -> impl Future<Output = Result<Self::Value, Self::Error>> + Send;
}
