//! What the parts of a client's shared tier have in common: the machine, the connection, the counters. Starts nothing.

use std::error::Error;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use cache_core::{Cache, Moment, Registry};
use tokio::sync::watch;
use tokio::time::Instant;

use super::bound::Bound;
use super::error::CallError;
use super::leases::Leases;
use super::machine::{Action, Event, Machine};
use super::protocol::{ClientId, Mark, Position, Reply, Request};
use super::random::Random;
use super::server::{AnyConnection, AnyServer};
use super::settings::SharedTier;
use super::state::{Counters, SharedState};
use crate::breaker::circuit::{CallEnd, Circuit, Pass};
use crate::breaker::options::BreakerOptions;
use crate::panic::catch_panic;
use crate::runtime::ClientRuntime;
use crate::sync::Mutex;
use crate::telemetry::{self, WithCauses};

/// How long a server that does not answer is left alone before one request tries again.
const OPEN_FOR: Duration = Duration::from_secs(1);

/// What has to be marked in the cache: what is stored and what is loading.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dropped<'a> {
    Marks(&'a [Mark]),
    /// Everything in all shared tables.
    All,
}

/// Marks what was dropped. Foreign code: it decodes keys.
pub(crate) type Sink = Box<dyn Fn(Dropped<'_>) + Send + Sync>;

/// The clock of the client's cache, and what tells whether the machine was suspended.
pub(crate) struct ClientClock {
    now: Box<dyn Fn() -> Moment + Send + Sync>,
    look: Box<dyn Fn() -> ClockReading + Send + Sync>,
}

impl ClientClock {
    pub(crate) fn of<R: Registry>(cache: &Cache<R>) -> Self {
        let cache = cache.clone();
        Self::new(move || cache.now(), ClockReading::now)
    }

    pub(super) fn new(
        now: impl Fn() -> Moment + Send + Sync + 'static,
        look: impl Fn() -> ClockReading + Send + Sync + 'static,
    ) -> Self {
        Self { now: Box::new(now), look: Box::new(look) }
    }

    pub(super) fn look(&self) -> ClockReading {
        (self.look)()
    }
}

/// The system's clock and its date at one moment. Most clocks stand still while the machine is suspended; the date does
/// not.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockReading {
    pub(super) clock: std::time::Instant,
    pub(super) date: SystemTime,
}

impl ClockReading {
    /// How often the two are read again if the thread did not run in between.
    const ATTEMPTS: usize = 10;

    fn now() -> Self {
        let read = || {
            let clock = std::time::Instant::now();
            let date = SystemTime::now();
            (clock.elapsed() < Duration::from_millis(10), Self { clock, date })
        };
        let mut reading = read();
        for _ in 1..Self::ATTEMPTS {
            if reading.0 {
                break;
            }
            reading = read();
        }
        reading.1
    }

    /// By how much the date has run ahead of the clock since an earlier reading.
    pub(super) fn drift_since(self, earlier: Self) -> Duration {
        let date = self.date.duration_since(earlier.date).unwrap_or_default();
        date.saturating_sub(self.clock.saturating_duration_since(earlier.clock))
    }
}

/// What a client and its tasks share. No lock is held across an await, or while foreign code runs.
pub(crate) struct Inner {
    pub(super) server: Arc<dyn AnyServer>,
    pub(super) max_lag: Duration,
    pub(super) limit: Duration,
    pub(super) lease: Duration,
    pub(super) clock: ClientClock,
    pub(super) random: Random,
    pub(super) id: ClientId,
    pub(super) runtime: Arc<ClientRuntime>,
    pub(super) machine: Mutex<Machine>,
    pub(super) bound: Bound,
    /// How far the feed has been applied, and all marks carried out.
    pub(super) applied: watch::Sender<Option<Position>>,
    /// The connection for everything but the feed. `None` while the client is not connected.
    pub(super) link: watch::Sender<Option<Arc<dyn AnyConnection>>>,
    circuit: Mutex<Circuit>,
    pub(super) leases: Leases,
    pub(super) server_time: Mutex<Option<ServerTime>>,
    pub(super) last_look: Mutex<ClockReading>,
    pub(super) counters: Counters,
    last_error: Mutex<Option<String>>,
    pub(super) sink: OnceLock<Sink>,
    /// Whether the task that follows the feed runs.
    pub(super) is_running: AtomicBool,
    /// Whether the outbox is tried again from time to time.
    pub(super) is_retrying: AtomicBool,
    /// Set by a shutdown: the tier is not read any more, and takes no more leases.
    pub(super) is_closed: AtomicBool,
}

/// The server's clock at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerTime {
    /// When the request was sent whose answer has told it.
    pub(super) sent: Moment,
    /// In milliseconds since 1970.
    pub(super) time: u64,
}

impl ServerTime {
    /// How long ago a load began, at most.
    pub(super) fn age(self, began: u64, now: Moment) -> Duration {
        Duration::from_millis(self.time.saturating_sub(began)) + now.since(self.sent)
    }
}

impl Inner {
    pub(super) fn new(tier: SharedTier, clock: ClientClock, runtime: Arc<ClientRuntime>) -> Self {
        let SharedTier { server, max_lag, limit, lease } = tier;
        let random = Random::default();
        let id = random.client();
        let last_look = Mutex::new(clock.look());
        Self {
            server,
            max_lag,
            limit,
            lease,
            clock,
            random,
            id,
            runtime,
            machine: Mutex::new(Machine::new(id, max_lag)),
            bound: Bound::default(),
            applied: watch::Sender::default(),
            link: watch::Sender::default(),
            circuit: Mutex::new(Circuit::new(BreakerOptions::new().open_for(OPEN_FOR), Instant::now())),
            leases: Leases::default(),
            server_time: Mutex::default(),
            last_look,
            counters: Counters::default(),
            last_error: Mutex::default(),
            sink: OnceLock::new(),
            is_running: AtomicBool::new(false),
            is_retrying: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        }
    }

    pub(super) fn now(&self) -> Moment {
        (self.clock.now)()
    }

    /// Reports an event to the machine. The caller carries out the actions.
    pub(super) fn handle(&self, event: Event) -> Vec<Action> {
        self.machine.lock().handle(event)
    }

    /// Reports what an answer says about the state of the server.
    pub(super) fn see(&self, position: Position) {
        let at = self.now();
        self.handle(Event::Seen { at, position });
    }

    /// Marks what was dropped.
    pub(super) fn mark(&self, dropped: Dropped<'_>) {
        if let Some(sink) = self.sink.get() {
            sink(dropped);
        }
    }

    /// Starts a task that no caller waits for. Without a runtime the task is dropped.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = self.runtime.try_get_unattended() {
            runtime.start(task);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Sends a request, unless there is no connection or the server does not answer anyway. `None` if it is not answered
    /// until the deadline. Also ends the connection if it is broken.
    pub(super) async fn call(&self, request: &Request, deadline: Instant) -> Option<Reply> {
        let link = self.link.borrow().clone()?;
        let pass = self.circuit.lock().admit(Instant::now()).ok()?;
        let mut passing = Passing { inner: self, pass: Some(pass) };
        let call = catch_panic(link.send(request));
        let answer = match tokio::time::timeout_at(deadline, call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(CallError::Ended(format!("the connection has panicked: {panic}").into())),
            Err(_elapsed) => Err(CallError::Timeout(self.limit)),
        };
        let error = match answer {
            Ok(reply) => {
                passing.end(CallEnd::Success);
                return Some(reply);
            }
            Err(error) => error,
        };
        // A server that refuses has answered.
        let is_refusal = matches!(error, CallError::Refused(_));
        let has_opened = passing.end(if is_refusal { CallEnd::Success } else { CallEnd::Failure });
        if has_opened || matches!(error, CallError::Ended(_)) {
            self.end_link(&link);
        }
        self.note_call_error(&error);
        None
    }

    fn note_call_error(&self, error: &CallError) {
        match error {
            CallError::Timeout(_) => self.counters.timeouts.add(1),
            _ => self.counters.errors.add(1),
        }
        self.note_error("request", error, true);
    }

    /// Reports an error, as a warning unless it is expected, and keeps it for the state.
    pub(super) fn note_error(&self, action: &'static str, error: &(dyn Error + 'static), is_expected: bool) {
        // Foreign code, which may panic.
        let text = catch_unwind(AssertUnwindSafe(|| WithCauses(error).to_string())).unwrap_or_default();
        telemetry::shared_error(action, &text, is_expected);
        let before = self.last_error.lock().replace(text);
        drop(before);
    }

    /// Gives up a connection, if it is still in use.
    fn end_link(&self, broken: &Arc<dyn AnyConnection>) {
        let mut displaced = None;
        self.link.send_if_modified(|link| {
            let is_broken = link.as_ref().is_some_and(|link| Arc::ptr_eq(link, broken));
            displaced = link.take_if(|_| is_broken);
            is_broken
        });
    }

    /// How long ago everything was known that was dropped anywhere.
    pub(super) fn lag(&self) -> Option<Duration> {
        let current_at = self.machine.lock().current_at();
        current_at.map(|current_at| self.now().since(current_at))
    }

    pub(super) fn state(&self) -> SharedState {
        let now = self.now();
        let machine = self.machine.lock();
        let (position, current_at) = (machine.position(), machine.current_at());
        let (outbox, under_way) = (machine.waiting(), machine.under_way());
        let is_usable = machine.fresh_until(None).is_some_and(|until| now <= until);
        drop(machine);
        let hex = |position: Position| position.epoch.0.iter().map(|byte| format!("{byte:02x}")).collect();
        SharedState {
            is_usable: is_usable && !self.is_closed(),
            is_connected: self.link.borrow().is_some(),
            paused_for: self.circuit.lock().paused_for(Instant::now()),
            lag: current_at.map(|current_at| now.since(current_at)),
            outbox,
            under_way,
            epoch: position.map(hex),
            applied: position.map_or(0, |position| position.number),
            last_error: self.last_error.lock().clone(),
            counts: self.counters.read(),
        }
    }
}

/// A request that the breaker has let through. If it is dropped, its end is unknown.
struct Passing<'a> {
    inner: &'a Inner,
    pass: Option<Pass>,
}

impl Passing<'_> {
    /// Returns whether the breaker has opened.
    fn end(&mut self, end: CallEnd) -> bool {
        let Some(pass) = self.pass.take() else { return false };
        let now = Instant::now();
        let mut circuit = self.inner.circuit.lock();
        circuit.ended(pass, end, now);
        end == CallEnd::Failure && circuit.is_open_at(now)
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.end(CallEnd::Unknown);
    }
}
