//! Clients of a simulated server, on paused time.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bound;
mod closing;
mod connecting;
mod drops;
mod limits;
mod lookups;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cache_core::Moment;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::error::{CallError, ConnectError};
use super::inner::{ClientClock, ClockReading, Dropped};
use super::lease::{Filling, Lease};
use super::lookup::{Lookup, Wanted};
use super::protocol::{Key, Mark, Reply, Request, Shape};
use super::server::{TierConnection, TierServer};
use super::{Shared, SharedTier, SimConnection, SimTier};
use crate::runtime::ClientRuntime;

const SHAPE: Shape = Shape(1);
const HOUR: Duration = Duration::from_secs(3600);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets all tasks do what they can do at once.
async fn settle() {
    sleep(millis(1)).await;
}

fn post(id: u8) -> Key {
    Key::new("posts", &[id])
}

fn mark(id: u8) -> Mark {
    Mark::Key(post(id))
}

/// The shared tier of one machine.
struct Node {
    shared: Arc<Shared>,
    /// What was marked; an empty list stands for everything.
    marked: Arc<Mutex<Vec<Vec<Mark>>>>,
    /// How long the machine was suspended.
    suspended: Arc<Mutex<Duration>>,
    origin: Instant,
}

impl Node {
    /// A machine that is not connected yet.
    fn new(server: impl TierServer) -> Self {
        Self::with(SharedTier::builder(server).optional())
    }

    fn with(tier: SharedTier) -> Self {
        let node = Self::unstarted(tier);
        let marked = Arc::clone(&node.marked);
        node.start(move |dropped| {
            marked.lock().push(match dropped {
                Dropped::Marks(marks) => marks.to_vec(),
                Dropped::All => Vec::new(),
            });
        });
        node
    }

    /// A machine that does not follow the feed yet.
    fn unstarted(tier: SharedTier) -> Self {
        let (origin, suspended) = (Instant::now(), Arc::new(Mutex::new(Duration::ZERO)));
        let for_date = Arc::clone(&suspended);
        let clock = ClientClock::new(
            move || Moment::ORIGIN + origin.elapsed(),
            move || ClockReading {
                clock: Instant::now().into_std(),
                date: SystemTime::UNIX_EPOCH + HOUR + origin.elapsed() + *for_date.lock(),
            },
        );
        let runtime = Arc::new(ClientRuntime::new(Some(Handle::current())));
        let shared = Arc::new(Shared::new(tier, clock, runtime));
        Self { shared, marked: Arc::default(), suspended, origin }
    }

    fn start(&self, sink: impl Fn(Dropped<'_>) + Send + Sync + 'static) {
        self.shared.start(Box::new(sink));
    }

    /// A machine that follows the feed.
    async fn following(server: impl TierServer) -> Self {
        let node = Self::new(server);
        node.shared.following().await;
        node.take_marked();
        node
    }

    fn take_marked(&self) -> Vec<Vec<Mark>> {
        std::mem::take(&mut *self.marked.lock())
    }

    fn now(&self) -> Moment {
        Moment::ORIGIN + self.origin.elapsed()
    }

    fn is_fresh(&self) -> bool {
        self.now() <= self.shared.fresh_until()
    }

    async fn find(&self, id: u8) -> Lookup {
        self.find_young(id, Duration::MAX).await
    }

    async fn find_young(&self, id: u8, max_age: Duration) -> Lookup {
        self.shared.find(Wanted { key: &post(id), shape: SHAPE, tags: &[], max_age }).await
    }

    #[track_caller]
    fn lease(&self, id: u8) -> impl Future<Output = Lease> {
        let shared = Arc::clone(&self.shared);
        async move {
            let wanted = Wanted { key: &post(id), shape: SHAPE, tags: &[], max_age: Duration::MAX };
            match shared.find(wanted).await {
                Lookup::Lease(lease) => lease,
                other => panic!("{}", name(&other)),
            }
        }
    }

    /// Loads a key for all.
    async fn load(&self, id: u8, body: &str) {
        assert_eq!(fill(self.lease(id).await, body).await, Filling::Kept);
    }

    /// Drops a key that was changed here.
    async fn drop_key(&self, id: u8) {
        let mut pending = self.shared.begin_drop(vec![mark(id)], false);
        pending.acknowledged().await.expect("the server is there");
        pending.committed();
    }
}

async fn fill(lease: Lease, body: &str) -> Filling {
    lease.fill(body.into(), &[], HOUR).await
}

/// What was found, in words.
fn name(lookup: &Lookup) -> String {
    match lookup {
        Lookup::Value(value) => String::from_utf8(value.body.clone()).unwrap(),
        Lookup::Lease(_) => "the lease".to_owned(),
        Lookup::Alone => "nothing".to_owned(),
    }
}

/// How long a future takes.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let began = Instant::now();
    (future.await, began.elapsed())
}

/// A server that notes the attempts to connect, and the requests.
#[derive(Clone, Default)]
struct Noting {
    sim: SimTier,
    log: Arc<Mutex<Vec<Note>>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Note {
    at: Instant,
    /// The number of the connection.
    connection: usize,
    /// `None` for the attempt to connect.
    request: Option<Request>,
}

struct NotingConnection {
    connection: SimConnection,
    number: usize,
    log: Arc<Mutex<Vec<Note>>>,
}

impl Noting {
    fn take(&self) -> Vec<Note> {
        std::mem::take(&mut *self.log.lock())
    }
}

impl TierServer for Noting {
    type Connection = NotingConnection;

    async fn connect(&self) -> Result<NotingConnection, ConnectError> {
        let number = {
            let mut log = self.log.lock();
            let number = log.len();
            log.push(Note { at: Instant::now(), connection: number, request: None });
            number
        };
        let connection = self.sim.connect().await?;
        Ok(NotingConnection { connection, number, log: Arc::clone(&self.log) })
    }
}

impl TierConnection for NotingConnection {
    async fn send(&self, request: &Request) -> Result<Reply, CallError> {
        let (at, connection) = (Instant::now(), self.number);
        self.log.lock().push(Note { at, connection, request: Some(request.clone()) });
        self.connection.send(request).await
    }
}
