//! The shared tier of one client, as the rest of the client uses it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_core::Moment;
use tokio::task::AbortHandle;

use super::bound::Bound;
use super::drops::PendingDrop;
use super::inner::{ClientClock, Inner, Sink};
use super::lease::Lease;
use super::lookup::{self, Lookup, Wanted};
use super::machine::Event;
use super::protocol::{Key, Mark, Position, Shape};
use super::session::Session;
use super::settings::SharedTier;
use super::shutdown::ShutdownReport;
use super::state::SharedState;
use crate::runtime::ClientRuntime;
use crate::sync::Mutex;

/// The shared tier of a client. Its task ends when this is dropped.
pub(crate) struct Shared {
    inner: Arc<Inner>,
    session: Mutex<Option<AbortHandle>>,
}

impl Shared {
    pub(crate) fn new(tier: SharedTier, clock: ClientClock, runtime: Arc<ClientRuntime>) -> Self {
        Self { inner: Arc::new(Inner::new(tier, clock, runtime)), session: Mutex::default() }
    }

    /// Sets what marks the cache, and begins to follow the feed. `sink` is called by one task at a time, or where a
    /// change is given up. It must have marked everything when it returns. It must not keep the client alive.
    ///
    /// Only the first call counts.
    pub(crate) fn start(&self, sink: Sink) {
        if self.inner.sink.set(sink).is_ok() {
            self.ensure_running();
        }
    }

    /// Starts the task that follows the feed if it does not run: there was no runtime, or it has ended.
    fn ensure_running(&self) {
        let inner = &self.inner;
        if inner.is_running.load(Ordering::Acquire) || inner.is_closed() || inner.sink.get().is_none() {
            return;
        }
        let Some(runtime) = inner.runtime.try_get_unattended() else { return };
        if !inner.is_running.swap(true, Ordering::AcqRel) {
            let task = runtime.spawn(Session::new(Arc::clone(inner)).run());
            let before = self.session.lock().replace(task);
            drop(before);
        }
    }

    /// Returns until when a copy in memory may be called fresh, whatever its age. One atomic load.
    ///
    /// Must be read *before* the copy and its mark. May be compared with a clock that lags behind by up to 10 ms.
    #[inline]
    pub(crate) fn fresh_until(&self) -> Moment {
        self.inner.bound.until()
    }

    /// Returns how long a copy may be called fresh after its own load has begun. A copy is fresh, and a load may be joined,
    /// as long as now is not after the later of [`fresh_until`](Self::fresh_until) and its start plus this.
    #[inline]
    pub(crate) fn reach(&self) -> Duration {
        Bound::reach(self.inner.max_lag)
    }

    /// Looks for a value in the tier. Waits for another client that loads the key. A server that does not answer takes
    /// at most the limit of a request.
    ///
    /// # Cancellation
    /// May be dropped at any time.
    pub(crate) async fn find(&self, wanted: Wanted<'_>) -> Lookup {
        self.ensure_running();
        lookup::find(&self.inner, wanted).await
    }

    /// Takes the lease of a key that is loaded in any case. `None` if another has it, or the tier cannot be used.
    pub(crate) async fn lease_only(&self, key: &Key, shape: Shape, tags: &[u16]) -> Option<Lease> {
        self.ensure_running();
        lookup::lease_only(&self.inner, key, shape, tags).await
    }

    /// Must be called for a load without a lease, after it has begun and before its answer is shown. Without it, the tier
    /// could answer later with something older.
    pub(crate) fn loaded_alone(&self) {
        let at = self.inner.now();
        self.inner.handle(Event::LoadedAlone { at });
    }

    /// Counts a value of the tier that cannot be decoded.
    pub(crate) fn count_unreadable(&self) {
        self.inner.counters.mismatches.add(1);
    }

    /// Begins a drop, and sends it in the background. `is_committed` says that the change can be seen here already.
    pub(crate) fn begin_drop(&self, marks: Vec<Mark>, is_committed: bool) -> PendingDrop {
        self.ensure_running();
        PendingDrop::begin(&self.inner, marks, is_committed)
    }

    /// Waits until everything is marked here that was dropped up to a position, at most as long as a request may take.
    /// Returns `false` if it took longer: then what a load reads here may be older, and its answer must not be stored in
    /// the tier.
    pub(crate) async fn applied(&self, position: Position) -> bool {
        let mut applied = self.inner.applied.subscribe();
        let is_applied = |own: &Option<Position>| {
            own.is_some_and(|own| own.epoch == position.epoch && own.number >= position.number)
        };
        let waiting = tokio::time::timeout(self.inner.limit, applied.wait_for(is_applied));
        matches!(waiting.await, Ok(Ok(_)))
    }

    /// Waits until the tier is used for the first time.
    #[cfg(test)]
    pub(crate) async fn following(&self) {
        self.ensure_running();
        // The sender lives as long as this.
        let _ = self.inner.applied.subscribe().wait_for(Option::is_some).await;
    }

    pub(crate) fn state(&self) -> SharedState {
        self.inner.state()
    }

    /// Gives up all leases, sends what waits in the outbox, and stops. Takes at most `limit`. The tier is not used
    /// afterwards; drops stay in the outbox.
    pub(crate) async fn shutdown(&self, limit: Duration) -> ShutdownReport {
        let report = self.inner.shutdown(limit).await;
        if let Some(session) = self.session.lock().take() {
            session.abort();
        }
        report
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(session) = self.session.get_mut().take() {
            session.abort();
        }
    }
}
