//! The runtimes on which the tasks of a client run, and whether they still run anything. Loads nothing.

mod endable;

use std::future::{Future, pending};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep};

use endable::Endable;

/// How long a task that waits for another runtime waits before it probes that runtime. Most loads are shorter.
const FIRST_PROBE: Duration = Duration::from_millis(100);

/// How long a runtime may leave a probe waiting before it counts as idle, and how long until the next probe.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// The runtimes of a client: the preferred one, and those that run no tasks.
#[derive(Debug)]
pub(crate) struct ClientRuntime {
    preferred: Option<Handle>,
    /// Whether the preferred runtime has neither ended nor become idle.
    is_preferred: AtomicBool,
    /// Runtimes that exist but are not driven, such as a `current_thread` runtime outside `block_on`.
    idle: Mutex<Vec<Id>>,
    /// The first runtime of a load with a concurrency limit, and whether there are others.
    first: OnceLock<Id>,
    are_several: AtomicBool,
    /// How often a runtime was found idle, or has dropped a task.
    losses: AtomicU64,
}

impl ClientRuntime {
    pub(crate) fn new(preferred: Option<Handle>) -> Self {
        let is_preferred = AtomicBool::new(preferred.is_some());
        let (first, are_several) = (OnceLock::new(), AtomicBool::new(false));
        Self {
            preferred,
            is_preferred,
            idle: Mutex::default(),
            first,
            are_several,
            losses: AtomicU64::new(0),
        }
    }

    /// The runtime for the next task: the preferred one while it runs, otherwise that of the caller.
    ///
    /// # Panics
    /// If there is neither.
    #[track_caller]
    pub(crate) fn get(&self) -> TaskRuntime {
        self.try_get().unwrap_or_else(|| TaskRuntime(Handle::current()))
    }

    pub(crate) fn try_get(&self) -> Option<TaskRuntime> {
        match &self.preferred {
            Some(handle) if self.is_preferred.load(Ordering::Acquire) => Some(TaskRuntime(handle.clone())),
            _ => Handle::try_current().ok().map(TaskRuntime),
        }
    }

    /// The runtime for the next task that no caller waits for. Nobody would notice if such a task did not run. So the
    /// caller's runtime is used if the preferred one has ended, or is another `current_thread` runtime, which may be
    /// idle.
    ///
    /// # Panics
    /// If there is neither.
    #[track_caller]
    pub(crate) fn get_unattended(&self) -> TaskRuntime {
        self.try_get_unattended().unwrap_or_else(|| TaskRuntime(Handle::current()))
    }

    pub(crate) fn try_get_unattended(&self) -> Option<TaskRuntime> {
        let runtime = self.try_get()?;
        match Handle::try_current() {
            Ok(current) if runtime.may_be_idle() || runtime.has_ended() => Some(TaskRuntime(current)),
            _ => Some(runtime),
        }
    }

    /// Notes that a runtime has ended, since it has dropped one of its tasks.
    pub(crate) fn note_end(&self, runtime: &TaskRuntime) {
        if self.prefers(runtime) {
            self.is_preferred.store(false, Ordering::Release);
        }
        self.losses.fetch_add(1, Ordering::AcqRel);
    }

    fn note_idle(self: &Arc<Self>, runtime: &TaskRuntime) {
        let id = runtime.0.id();
        let mut idle = self.idle.lock();
        if idle.contains(&id) {
            return;
        }
        idle.push(id);
        if self.prefers(runtime) {
            self.is_preferred.store(false, Ordering::Release);
        }
        drop(idle);
        self.losses.fetch_add(1, Ordering::AcqRel);
        // After the note, so that a runtime that was only slow is not given up for good.
        let probe = IdleProbe { client: Arc::clone(self), id, is_awake: false };
        runtime.spawn(probe.run());
    }

    /// Whether a runtime was found idle, and has run nothing since.
    pub(crate) fn is_idle(&self, runtime: &TaskRuntime) -> bool {
        self.idle.lock().contains(&runtime.0.id())
    }

    /// Notes that a load with a concurrency limit runs on a runtime.
    pub(crate) fn note_use(&self, runtime: &TaskRuntime) {
        if *self.first.get_or_init(|| runtime.0.id()) != runtime.0.id() {
            self.are_several.store(true, Ordering::Release);
        }
    }

    /// Completes when one of these runtimes, which may change, has run nothing for a second. Never completes while all
    /// loads with limits run on one runtime.
    pub(crate) async fn until_one_is_idle(self: &Arc<Self>, runtimes: impl Fn() -> Vec<TaskRuntime>) {
        if !self.are_several.load(Ordering::Acquire) {
            return pending().await;
        }
        loop {
            let mut runtimes = runtimes();
            runtimes.retain(TaskRuntime::may_be_idle);
            runtimes.sort_by_key(|runtime| runtime.0.id().to_string());
            runtimes.dedup_by_key(|runtime| runtime.0.id());
            for runtime in &runtimes {
                if tokio::time::timeout(2 * IDLE_AFTER, runtime.until_idle(self)).await.is_ok() {
                    return;
                }
            }
            tokio::time::sleep(IDLE_AFTER).await;
        }
    }

    /// Changes when a runtime is found idle or has ended.
    pub(crate) fn losses(&self) -> u64 {
        self.losses.load(Ordering::Acquire)
    }

    fn prefers(&self, runtime: &TaskRuntime) -> bool {
        self.preferred.as_ref().is_some_and(|preferred| preferred.id() == runtime.0.id())
    }
}

/// Waits on an idle runtime until it is driven.
struct IdleProbe {
    client: Arc<ClientRuntime>,
    id: Id,
    is_awake: bool,
}

impl IdleProbe {
    async fn run(mut self) {
        self.is_awake = true;
    }
}

impl Drop for IdleProbe {
    fn drop(&mut self) {
        let client = &self.client;
        let mut idle = client.idle.lock();
        idle.retain(|id| *id != self.id);
        if self.is_awake && client.preferred.as_ref().is_some_and(|preferred| preferred.id() == self.id) {
            client.is_preferred.store(true, Ordering::Release);
        }
    }
}

/// A task that waits. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A task that can be ended whether or not its runtime is idle.
pub(crate) struct EndableTask {
    future: Endable,
    abort: AbortHandle,
}

impl EndableTask {
    /// Drops the future of the task immediately, or right after its current poll.
    pub(crate) fn end(&self) {
        self.future.end();
        self.abort.abort();
    }
}

/// The runtime that a task was started on.
#[derive(Clone, Debug)]
pub(crate) struct TaskRuntime(Handle);

impl TaskRuntime {
    /// Spawns a task that can be ended while this runtime is idle.
    pub(crate) fn spawn_endable(&self, task: impl Future<Output = ()> + Send + 'static) -> EndableTask {
        let (future, polled) = Endable::new(task);
        EndableTask { future, abort: self.spawn(polled) }
    }

    /// Starts a task that nobody ends.
    pub(crate) fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.0.spawn(task));
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.0.spawn(task).abort_handle()
    }

    /// Runs `action` after `time`, unless the timer is dropped first.
    pub(crate) fn after(&self, time: Duration, action: impl FnOnce() + Send + 'static) -> Timer {
        let wait = async move {
            tokio::time::sleep(time).await;
            action();
        };
        Timer(self.spawn(wait))
    }

    /// Runs code that reads the time or creates timers of this runtime.
    pub(crate) fn enter<T>(&self, code: impl FnOnce() -> T) -> T {
        let _entered = self.0.enter();
        code()
    }

    /// Creates a timer on the caller's runtime; outside of a runtime, on this one.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let _entered = Handle::try_current().is_err().then(|| self.0.enter());
        tokio::time::sleep_until(deadline)
    }

    /// Whether the caller is on another runtime, and so may continue when this one does not.
    pub(crate) fn is_elsewhere(&self) -> bool {
        Handle::try_current().is_ok_and(|current| current.id() != self.0.id())
    }

    /// Whether this runtime may stop running tasks while the caller continues: it is another runtime, and has to be
    /// driven.
    pub(crate) fn may_be_idle(&self) -> bool {
        self.0.runtime_flavor() == RuntimeFlavor::CurrentThread && self.is_elsewhere()
    }

    /// Whether this runtime is not the caller's and has ended, so that it drops spawned tasks.
    fn has_ended(&self) -> bool {
        if !self.is_elsewhere() {
            return false;
        }
        let probe = self.0.spawn(pending::<()>());
        let has_ended = probe.is_finished();
        probe.abort();
        has_ended
    }

    /// Completes when this runtime has run nothing for a second, or has ended. Never completes if it is the caller's,
    /// or has threads of its own.
    pub(crate) async fn until_idle(&self, client: &Arc<ClientRuntime>) {
        if !self.may_be_idle() {
            return pending().await;
        }
        if client.is_idle(self) {
            return;
        }
        tokio::time::sleep(FIRST_PROBE).await;
        while let Ok(Ok(())) = tokio::time::timeout(IDLE_AFTER, self.0.spawn(async {})).await {
            tokio::time::sleep(IDLE_AFTER).await;
        }
        client.note_idle(self);
    }
}
