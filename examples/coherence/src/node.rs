//! A machine: the process with a client of the shared tier. It reads all the time, writes when it is told to or at
//! random, and tells all of it.

use std::cell::Cell;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_client::shared::SharedState;
use cache_client::{App, Changes, Client, Context, Mutate, TokioClock};
use cache_core::{Cache, Query};
use cache_redis::RedisTier;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{interval, sleep};

use crate::builds::{self, Build, Loaded, Newer, Older};
use crate::message::{Order, Question, Report, State, line};
use crate::{KEYS, clock, origin};

/// How many tasks read each key.
const READERS: usize = 2;

/// The longest pause between two reads of a task, in milliseconds.
const PAUSE: u64 = 40;

/// How often the machine tells its state.
const TICK: Duration = Duration::from_millis(50);

/// How a machine is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its number.
    pub node: usize,
    /// The build that it runs.
    pub build: builds::Name,
    /// Where the server of the tier is.
    pub url: String,
    /// The folder of the origin.
    pub origin: PathBuf,
    /// How long an answer may be called fresh after another machine has dropped it.
    pub max_lag: Duration,
    /// How long a machine may load a key while the others wait.
    pub lease: Duration,
}

/// What a machine knows of the origin.
#[derive(Clone, Debug)]
pub struct Machine<B> {
    node: usize,
    name: builds::Name,
    origin: Arc<Path>,
    /// When the read began that each task waits for. Zero if it waits for none.
    waiting: Arc<Waiting>,
    build: PhantomData<B>,
}

type Waiting = [[AtomicU64; READERS]; KEYS];

/// Changes a key.
#[derive(Clone, Debug)]
struct WriteItem {
    key: usize,
}

impl<B: Build> Machine<B> {
    /// Loads a key from the origin.
    ///
    /// # Errors
    /// If the origin does not answer.
    pub async fn load(cx: &Context<Self>, key: usize) -> io::Result<Loaded> {
        let load_began = clock::now();
        let version = Self::ask(cx, key, false).await?;
        Ok(Loaded { version, load_began })
    }

    async fn ask(cx: &Context<Self>, key: usize, is_write: bool) -> io::Result<u64> {
        let Self { node, name, origin, waiting, .. } = cx.app();
        let began = waiting[key].iter().map(|began| began.load(Ordering::Relaxed));
        let asked = began.filter(|began| *began > 0).min().unwrap_or(0);
        let is_up = cx.client().shared_state().is_some_and(|state| is_sending(&state) && state.is_usable);
        origin::ask(origin, Question { node: *node, build: *name, key, asked, is_up, is_write }).await
    }
}

/// Whether requests are sent: there is a connection, and the last ones have not failed.
fn is_sending(state: &SharedState) -> bool {
    state.is_connected && state.paused_for.is_none()
}

impl<B: Build> App for Machine<B> {
    type Registry = B::Registry;
}

impl<B: Build> Mutate<Machine<B>> for WriteItem {
    /// What the origin has after it.
    type Output = Loaded;
    type Error = io::Error;

    async fn run(&self, cx: &Context<Machine<B>>) -> io::Result<Loaded> {
        let version = Machine::ask(cx, self.key, true).await?;
        Ok(Loaded { version, load_began: clock::now() })
    }

    fn apply(&self, stored: &Loaded, changes: &mut Changes<Machine<B>>) {
        changes.set(B::GetItem::from(self.key), <B::GetItem as Query>::Value::from(*stored));
    }
}

/// What the tasks of a machine share.
struct Node<B: Build> {
    client: Client<Machine<B>>,
    /// That of the [`Machine`].
    waiting: Arc<Waiting>,
    /// Changes in a hundred seconds.
    writes: Cell<u32>,
    /// Changes that have begun.
    changes: Cell<u64>,
    /// Whether a drop was queued since [`Report::Sent`].
    has_queued: Cell<bool>,
}

/// Runs until it is told to leave, or until standard input ends.
///
/// # Errors
/// If nobody reads what it tells.
pub async fn run(settings: Settings) -> io::Result<()> {
    // A stopped process does not notice the end of its input.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    match settings.build {
        builds::Name::Older => run_build::<Older>(settings).await,
        builds::Name::Newer => run_build::<Newer>(settings).await,
    }
}

async fn run_build<B: Build>(settings: Settings) -> io::Result<()> {
    let tier = RedisTier::at(&settings.url).namespace("coherence").max_lag(settings.max_lag);
    let tier = tier.lease(settings.lease).limit(Duration::from_millis(200)).optional();
    let cache = Cache::builder().clock(TokioClock::new()).build().map_err(io::Error::other)?;
    let waiting = Arc::<Waiting>::default();
    let machine = Machine {
        node: settings.node,
        name: settings.build,
        origin: settings.origin.into(),
        waiting: Arc::clone(&waiting),
        build: PhantomData::<B>,
    };
    let client = Client::builder(cache, machine).shared(tier).build();
    let node = Rc::new(Node {
        client,
        waiting,
        writes: Cell::new(0),
        changes: Cell::new(0),
        has_queued: Cell::new(false),
    });
    let orders = orders();
    LocalSet::new()
        .run_until(async {
            spawn_local(Rc::clone(&node).writes());
            spawn_local(Rc::clone(&node).states());
            node.obey(orders).await
        })
        .await
}

/// The lines of standard input. They end with it.
fn orders() -> UnboundedReceiver<Order> {
    let (sender, orders) = unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if serde_json::from_str(&line).is_ok_and(|order| sender.send(order).is_err()) {
                return;
            }
        }
    });
    orders
}

impl<B: Build> Node<B> {
    async fn obey(self: Rc<Self>, mut orders: UnboundedReceiver<Order>) -> io::Result<()> {
        while let Some(order) = orders.recv().await {
            match order {
                Order::Begin => {
                    for task in 0..KEYS * READERS {
                        spawn_local(Rc::clone(&self).reads(task % KEYS, task / KEYS));
                    }
                }
                Order::Write { key } => drop(spawn_local(Rc::clone(&self).write(key))),
                Order::Pace { writes } => self.writes.set(writes),
                Order::Leave => {
                    let report = self.client.shutdown(Duration::from_secs(2)).await;
                    let unfinished = report.leases + report.outbox + report.under_way;
                    return try_tell(&Report::Left { unfinished });
                }
            }
        }
        Ok(())
    }

    async fn reads(self: Rc<Self>, key: usize, task: usize) {
        loop {
            let began = clock::now();
            self.waiting[key][task].store(began, Ordering::Relaxed);
            let answer = self.client.query(&B::GetItem::from(key)).await;
            self.waiting[key][task].store(0, Ordering::Relaxed);
            tell(&match answer {
                Ok(item) => {
                    let Loaded { version, load_began } = (*item).into();
                    Report::Read { key, version, load_began, began, ended: clock::now() }
                }
                Err(error) => Report::NotRead { key, error: error.to_string() },
            });
            sleep(Duration::from_millis(fastrand::u64(1..PAUSE))).await;
        }
    }

    /// Writes at random.
    async fn writes(self: Rc<Self>) {
        loop {
            let pace = self.writes.get();
            // Twice the time between two writes on average.
            let longest = 200_000_u32.checked_div(pace).unwrap_or(100).max(2);
            sleep(Duration::from_millis(fastrand::u32(1..longest).into())).await;
            if pace > 0 {
                spawn_local(Rc::clone(&self).write(fastrand::usize(..KEYS)));
            }
        }
    }

    async fn write(self: Rc<Self>, key: usize) {
        let change = self.changes.get();
        self.changes.set(change + 1);
        tell(&Report::Writing { change, key, began: clock::now() });
        let written = self.client.mutate_and_report(&WriteItem { key }).await;
        let ended = clock::now();
        tell(&match written {
            Ok(mutated) => {
                let (Loaded { version, load_began: stored }, is_queued) = (mutated.output, mutated.is_queued);
                self.has_queued.set(is_queued || self.has_queued.get());
                Report::Wrote { change, key, version, stored, ended, is_queued }
            }
            Err(error) => Report::NotWritten { change, ended, error: error.to_string() },
        });
    }

    async fn states(self: Rc<Self>) {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            // A change that fails in between is queued after this.
            let at = clock::now();
            let Some(state) = self.client.shared_state() else { continue };
            if self.has_queued.get() && state.outbox + state.under_way == 0 {
                self.has_queued.set(false);
                tell(&Report::Sent { at });
            }
            tell(&Report::State(State {
                at,
                is_usable: state.is_usable,
                is_sending: is_sending(&state),
                lag: state.lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
                outbox: state.outbox,
                epoch: state.epoch,
                applied: state.applied,
                hits: state.counts.hits,
                refused: state.counts.refused,
                failed: state.counts.errors + state.counts.timeouts,
                error: state.last_error,
            }));
        }
    }
}

/// Tells a report. Without a reader nothing is left to do.
fn tell(report: &Report) {
    if try_tell(report).is_err() {
        std::process::exit(1);
    }
}

fn try_tell(report: &Report) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(line(report).as_bytes())?;
    output.flush()
}
