//! How far a call has come. Plain data.

use std::sync::Arc;

use tokio::time::Instant;

use super::optimistic::LayersBefore;
use crate::concurrency::LentSlot;
use crate::context::Access;
use crate::erased::AnyValue;
use crate::flight::waiter::Waiter;
use crate::plan::Plan;

/// How far a call has come.
pub(super) enum Progress {
    /// It has its answer.
    Answered(AnyValue),
    /// It has found an answer, over which the layers of the key have yet to be folded.
    Found(AnyValue, Option<LayersBefore>),
    /// It waits for a flight.
    Waiting(WaitingCall),
}

/// A call that waits for a flight.
pub(super) struct WaitingCall {
    pub(super) waiter: Waiter,
    /// Shared, so that a call stays small.
    pub(super) plan: Arc<Plan>,
    pub(super) access: Access,
    /// When a `network-first` call reads the cache. Counted from the call, even if it waits for other keys first.
    pub(super) cache_fallback_at: Option<Instant>,
    /// The slot of the load that makes the call, if there is one.
    pub(super) lent: Option<LentSlot>,
    pub(super) layers: Option<LayersBefore>,
}

impl Progress {
    /// The same progress, with the layers that the key had before anything was read.
    pub(super) fn with_layers(self, layers: Option<LayersBefore>) -> Self {
        match self {
            Self::Answered(value) => Self::Answered(value),
            Self::Found(value, _) => Self::Found(value, layers),
            Self::Waiting(call) => Self::Waiting(WaitingCall { layers, ..call }),
        }
    }
}
