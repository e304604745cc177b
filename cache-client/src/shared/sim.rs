//! A simulated server with connections, for tests. `server` answers the requests.

pub(crate) mod server;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::{CallError, ConnectError};
use super::protocol::{FeedAnswer, Reply, Request};
use super::server::{TierConnection, TierServer};
use server::SimServer;

/// A shared tier in memory, for tests of programs that use one.
///
/// Clones are the same server, so that several clients of one test can share it. It answers as a real one does, by
/// tokio's time, also while that is paused. It can be cut off, slowed down, and made to lose requests or answers.
///
/// # Examples
/// ```
/// # use doctest_setup::*;
/// use cache_client::shared::{SharedTier, SimTier};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn Error>> {
/// let sim = SimTier::new();
/// let client = |blog| {
///     let tier = SharedTier::builder(sim.clone()).optional();
///     Client::builder(blog_cache(), blog).shared(tier).build()
/// };
/// let (first, second) = (client(Blog::new()), client(Blog::new()));
/// first.query(&GetTitle { id: 1 }).await?;
///
/// sim.cut();
/// // Nothing fails because the tier is away.
/// assert_eq!(*second.query(&GetTitle { id: 1 }).await?, "One");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct SimTier(Arc<Sim>);

#[derive(Debug)]
struct Sim {
    server: Mutex<SimServer>,
    started: Instant,
    /// Changes whenever something may have been added to the feed.
    feed: watch::Sender<u64>,
    faults: watch::Sender<Faults>,
}

/// What happens to connections and requests.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    /// Counts the cuts. A connection lives until the next one.
    cuts: u64,
    is_away: bool,
    delay: Duration,
    loses_requests: bool,
    loses_answers: bool,
}

/// A connection to a [`SimTier`].
#[derive(Debug)]
pub struct SimConnection {
    sim: Arc<Sim>,
    /// How many cuts there were when it was made.
    cuts: u64,
    /// The process of the server that it is to.
    run: u64,
}

impl Default for Sim {
    fn default() -> Self {
        let (feed, faults) = (watch::Sender::default(), watch::Sender::default());
        Self { server: Mutex::default(), started: Instant::now(), feed, faults }
    }
}

impl SimTier {
    /// Creates an empty server, whose time is that of the caller's runtime.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends all connections. Clients may connect again at once.
    pub fn cut(&self) {
        self.0.faults.send_modify(|faults| faults.cuts += 1);
    }

    /// Sets whether the server is away: there are no connections, and none can be made.
    pub fn set_away(&self, is_away: bool) {
        self.0.faults.send_modify(|faults| {
            faults.is_away = is_away;
            faults.cuts += u64::from(is_away);
        });
    }

    /// Makes each request take this time on its way to the server, and each answer as long on its way back. Default: no
    /// time.
    pub fn delay(&self, time: Duration) {
        self.0.faults.send_modify(|faults| faults.delay = time);
    }

    /// Sets whether requests are lost on their way to the server, as on a connection that is half open. They are not
    /// answered. Connections can still be made.
    pub fn lose_requests(&self, loses: bool) {
        self.0.faults.send_modify(|faults| faults.loses_requests = loses);
    }

    /// Sets whether answers are lost on their way back. The server carries out the requests.
    pub fn lose_answers(&self, loses: bool) {
        self.0.faults.send_modify(|faults| faults.loses_answers = loses);
    }

    /// Ends all connections and restarts the server. It comes back with what was [saved](SimServer::save) last.
    pub fn restart(&self) {
        self.cut();
        self.with(SimServer::restart);
    }

    /// Changes or reads the server's data: flushes it, evicts a key, fills its memory.
    ///
    /// # Examples
    /// ```
    /// use cache_client::shared::{SimServer, SimTier};
    ///
    /// let sim = SimTier::new();
    /// sim.with(SimServer::flush);
    /// sim.with(|server| server.set_full(true));
    /// ```
    pub fn with<T>(&self, work: impl FnOnce(&mut SimServer) -> T) -> T {
        self.0.with(work)
    }
}

impl Sim {
    /// `work` is foreign code under the lock of the test's own server.
    fn with<T>(&self, work: impl FnOnce(&mut SimServer) -> T) -> T {
        let mut server = self.server.lock();
        server.advance_to(self.started.elapsed());
        let before = server.feed_end();
        let result = work(&mut server);
        if server.feed_end() != before {
            self.feed.send_modify(|changes| *changes += 1);
        }
        result
    }
}

impl SimConnection {
    fn answer(&self, request: &Request) -> Result<Reply, CallError> {
        self.sim.with(|server| match server.run() == self.run {
            true => server.answer(request),
            false => Err(CallError::Ended("the server has restarted".into())),
        })
    }

    /// Answers a read of the feed, after a wait if there is nothing to tell.
    async fn read_feed(&self, request: &Request, wait: Duration) -> Result<Reply, CallError> {
        let deadline = Instant::now() + wait;
        let mut changes = self.sim.feed.subscribe();
        loop {
            let reply = self.answer(request)?;
            match &reply {
                Reply::Feed(FeedAnswer { items, .. }) if items.is_empty() && Instant::now() < deadline => {}
                _ => return Ok(reply),
            }
            // The sender lives as long as the server.
            let _ = tokio::time::timeout_at(deadline, changes.changed()).await;
        }
    }
}

impl TierServer for SimTier {
    type Connection = SimConnection;

    async fn connect(&self) -> Result<SimConnection, ConnectError> {
        let faults = *self.0.faults.borrow();
        if faults.is_away {
            return Err(ConnectError::unreachable("the simulated server", "the server is away"));
        }
        Ok(SimConnection { sim: Arc::clone(&self.0), cuts: faults.cuts, run: self.0.server.lock().run() })
    }
}

impl SimConnection {
    /// Runs until the connection is cut.
    async fn while_connected<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let mut faults = self.sim.faults.subscribe();
        tokio::select! {
            biased;
            _ = faults.wait_for(|faults| faults.cuts != self.cuts) => {
                Err(CallError::Ended("the connection was cut".into()))
            }
            answer = call => answer,
        }
    }

    fn faults(&self) -> Faults {
        *self.sim.faults.borrow()
    }

    async fn travel(&self) {
        let delay = self.faults().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

impl TierConnection for SimConnection {
    async fn send(&self, request: &Request) -> Result<Reply, CallError> {
        self.while_connected(async {
            self.travel().await;
            if self.faults().loses_requests {
                return std::future::pending().await;
            }
            let reply = match request {
                Request::Feed { wait, .. } => self.read_feed(request, *wait).await,
                request => self.answer(request),
            };
            if self.faults().loses_answers {
                return std::future::pending().await;
            }
            self.travel().await;
            reply
        })
        .await
    }
}
