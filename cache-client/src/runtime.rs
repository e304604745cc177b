//! Which runtime the tasks of a client run on, and whether that runtime still runs anything. Loads nothing.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep};

/// How long a task that waits for another runtime waits before it probes it. Most loads are shorter.
const FIRST_PROBE: Duration = Duration::from_millis(100);

/// How long a runtime may leave a probe alone before it counts as idle, and how long until the next probe.
const PATIENCE: Duration = Duration::from_secs(1);

/// The runtime that a client prefers for its tasks.
#[derive(Debug)]
pub(crate) struct ClientRuntime {
    preferred: Option<Handle>,
    /// `RUNS`, `IDLE` or `ENDED`.
    state: AtomicU8,
}

const RUNS: u8 = 0;
/// It lives, but nobody drives it: a `current_thread` runtime outside of `block_on`.
const IDLE: u8 = 1;
/// It was dropped or shut down. It stays so.
const ENDED: u8 = 2;

impl ClientRuntime {
    pub(crate) fn new(preferred: Option<Handle>) -> Self {
        Self { preferred, state: AtomicU8::new(RUNS) }
    }

    /// The runtime for the next task: the preferred one while it runs, else that of the caller.
    ///
    /// # Panics
    /// If there is neither.
    #[track_caller]
    pub(crate) fn get(&self) -> TaskRuntime {
        self.try_get().unwrap_or_else(|| TaskRuntime(Handle::current()))
    }

    pub(crate) fn try_get(&self) -> Option<TaskRuntime> {
        let state = self.state.load(Ordering::Acquire);
        let preferred = |is_wanted: bool| self.preferred.as_ref().filter(|_| is_wanted).cloned();
        let handle = preferred(state == RUNS)
            .or_else(|| Handle::try_current().ok())
            .or_else(|| preferred(state == IDLE));
        handle.map(TaskRuntime)
    }

    /// Notes that a runtime has dropped one of its tasks.
    pub(crate) fn note_end(&self, runtime: &TaskRuntime) {
        if self.prefers(runtime) {
            self.state.store(ENDED, Ordering::Release);
        }
    }

    fn note_idle(self: &Arc<Self>, runtime: &TaskRuntime) {
        let changes = |from, to| self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        if self.prefers(runtime) && changes(RUNS, IDLE).is_ok() {
            // Begun after the note, so that a runtime that was only slow is not given up for good.
            let this = Arc::clone(self);
            runtime.0.spawn(async move {
                let _ = this.state.compare_exchange(IDLE, RUNS, Ordering::AcqRel, Ordering::Acquire);
            });
        }
    }

    fn prefers(&self, runtime: &TaskRuntime) -> bool {
        self.preferred.as_ref().is_some_and(|preferred| preferred.id() == runtime.0.id())
    }
}

/// The runtime that a task was started on.
#[derive(Clone, Debug)]
pub(crate) struct TaskRuntime(Handle);

impl TaskRuntime {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.0.spawn(task).abort_handle()
    }

    /// Runs code that reads the time or makes timers by the time of this runtime.
    pub(crate) fn enter<T>(&self, code: impl FnOnce() -> T) -> T {
        let _entered = self.0.enter();
        code()
    }

    /// A timer of the caller's runtime; without one, of this runtime.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let _entered = Handle::try_current().is_err().then(|| self.0.enter());
        tokio::time::sleep_until(deadline)
    }

    /// Whether the caller has another runtime than this one, and so may go on when this one does not.
    pub(crate) fn is_elsewhere(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() != self.0.id())
    }

    /// Whether this runtime may stop running tasks while the caller goes on: it is another one, and needs somebody to
    /// drive it.
    pub(crate) fn may_be_idle(&self) -> bool {
        self.0.runtime_flavor() == RuntimeFlavor::CurrentThread && self.is_elsewhere()
    }

    /// Ends when this runtime has not run anything for a second, or has ended. Never, if it is that of the caller or
    /// has threads of its own.
    pub(crate) async fn is_idle(&self, client: &Arc<ClientRuntime>) {
        if !self.may_be_idle() {
            return pending().await;
        }
        tokio::time::sleep(FIRST_PROBE).await;
        while let Ok(Ok(())) = tokio::time::timeout(PATIENCE, self.0.spawn(async {})).await {
            tokio::time::sleep(PATIENCE).await;
        }
        client.note_idle(self);
    }
}
