//! What goes wrong with a provider, and who is told. Never the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_core::BoxError;

use super::envelope::EnvelopeError;
use crate::telemetry;

/// What was to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderAction {
    Get,
    Set,
    Remove,
}

impl ProviderAction {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Remove => "remove",
        }
    }
}

/// Why it came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("it failed: {0}")]
    Failed(BoxError),
    #[error("it took longer than {0:?}")]
    TimedOut(Duration),
    #[error("it panicked: {0}")]
    Panicked(Arc<str>),
    #[error("what it has is damaged: {0}")]
    Damaged(#[from] EnvelopeError),
    #[error("what it has does not read back: {0}")]
    Unreadable(BoxError),
    #[error("it has the entry of another key")]
    OtherKey,
    #[error("it has an entry from the future: a clock is wrong, here or where that was loaded")]
    Ahead,
    #[error("the entry cannot be written: {0}")]
    Unwritable(BoxError),
    /// As when two builds with different types share a provider: nothing is wrong.
    #[error("what it has was written with other types or another codec")]
    OtherShape,
}

/// What went wrong so far.
#[derive(Debug, Default)]
pub(crate) struct ProviderErrors(AtomicU64);

impl ProviderErrors {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Tells of one, once.
    pub(crate) fn note(&self, query: &'static str, action: ProviderAction, error: &ProviderError) {
        if matches!(error, ProviderError::OtherShape) {
            telemetry::provider_passed_over(query, action.name(), error);
            return;
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        telemetry::provider_error(query, action.name(), error);
    }
}
