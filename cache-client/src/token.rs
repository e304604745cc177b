//! Cancels contexts and loads. Most of them end on their own, and nothing waits for their cancellation, so tokio's
//! token is created at its first use.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Cancels its owner, and everything with a clone or a child of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Token(Arc<OnceLock<CancellationToken>>);

impl Token {
    /// Creates the token if necessary, so that a concurrent caller gets the cancelled one.
    pub(crate) fn cancel(&self) {
        self.get().cancel();
    }

    /// Whether both are clones of the same token.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.get().is_some_and(CancellationToken::is_cancelled)
    }

    /// Waits until it is cancelled.
    pub(crate) async fn cancelled(&self) {
        self.get().cancelled().await;
    }

    /// A token that is cancelled together with this one, or on its own.
    pub(crate) fn child(&self) -> Self {
        Self(Arc::new(OnceLock::from(self.get().child_token())))
    }

    fn get(&self) -> &CancellationToken {
        self.0.get_or_init(CancellationToken::new)
    }
}
