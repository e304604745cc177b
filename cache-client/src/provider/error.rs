//! Errors of a provider. They are counted and reported, but not returned to callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_core::BoxError;

use super::envelope::EnvelopeError;
use crate::telemetry;

/// The method of a provider that was called.
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

/// Why a call had no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the provider failed: {0}")]
    Failed(BoxError),
    #[error("the provider took longer than {0:?}")]
    TimedOut(Duration),
    #[error("the provider or a codec panicked: {0}")]
    Panicked(Arc<str>),
    #[error("the entry is damaged: {0}")]
    Damaged(#[from] EnvelopeError),
    #[error("the entry cannot be decoded: {0}")]
    Unreadable(BoxError),
    #[error("the entry is that of another key")]
    OtherKey,
    #[error(
        "the entry is from the future: the clock of this machine, or of the one that loaded it, is wrong"
    )]
    Ahead,
    #[error("the entry cannot be encoded: {0}")]
    Unwritable(BoxError),
    /// Two builds with different types share a provider. This is not counted.
    #[error("the entry was written with other types or another codec")]
    OtherShape,
}

/// Counts the errors of a provider.
#[derive(Debug, Default)]
pub(crate) struct ProviderErrors(AtomicU64);

impl ProviderErrors {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Reports an error, once.
    pub(crate) fn note(&self, query: &'static str, action: ProviderAction, error: &ProviderError) {
        if matches!(error, ProviderError::OtherShape) {
            telemetry::provider_passed_over(query, action.name(), error);
            return;
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        telemetry::provider_error(query, action.name(), error);
    }
}
