//! Looks for a key in the shared tier, and takes the lease of a key that has to be loaded.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::inner::{Inner, ServerTime};
use super::lease::{Lease, LeaseRight};
use super::machine::{Access, Event};
use super::protocol::{Asked, Envelope, Found, Key, Reply, Request, Shape};

/// How often an answer may be overtaken by a drop before the key is loaded without the tier.
const MAX_OVERTAKEN: u32 = 3;

/// How many leases of others a caller waits for. More than one are taken if their owners end without a value.
const MAX_LEASES: u32 = 3;

/// How long what was told of the server's clock is used.
const SERVER_TIME_FOR: Duration = Duration::from_secs(60);

/// The longest and shortest wait for another's lease before the next look.
const WAITS: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(100)];

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) key: &'a Key,
    pub(crate) shape: Shape,
    /// The hashes of the tags, as far as they are known from the key.
    pub(crate) tags: &'a [u16],
    /// How long ago the load of a value may have begun. The lease of a key with an older value is taken.
    pub(crate) max_age: Duration,
}

/// What the tier has for a key.
#[must_use]
pub(crate) enum Lookup {
    /// A value that was not dropped, and not loaded longer ago than allowed.
    Value(SharedValue),
    /// No value. This client loads it for all.
    Lease(Lease),
    /// The tier cannot be used now. What is loaded stays here; see [`Shared::loaded_alone`](super::Shared::loaded_alone).
    Alone,
}

/// A value of the tier.
#[derive(Debug)]
pub(crate) struct SharedValue {
    /// What the client that loaded it has stored.
    pub(crate) body: Vec<u8>,
    /// How long ago its load began, at most.
    pub(crate) age: Duration,
}

/// Looks for a value.
pub(super) async fn find(inner: &Arc<Inner>, wanted: Wanted<'_>) -> Lookup {
    let found = Looking::new(inner, wanted).find().await;
    match &found {
        Lookup::Value(value) => {
            inner.counters.hits.add(1);
            inner.counters.bytes_read.add(value.body.len());
        }
        Lookup::Lease(_) | Lookup::Alone => inner.counters.misses.add(1),
    }
    found
}

/// Takes the lease of a key, whether or not there is a value. Does not wait for another's.
pub(super) async fn lease_only(inner: &Arc<Inner>, key: &Key, shape: Shape, tags: &[u16]) -> Option<Lease> {
    let wanted = Wanted { key, shape, tags, max_age: Duration::ZERO };
    let looking = Looking::new(inner, wanted);
    if looking.access() == Access::Origin {
        return None;
    }
    match looking.ask(Instant::now() + inner.limit).await? {
        Asking::Leased(lease) => Some(lease),
        Asking::Value(_) | Asking::Overtaken | Asking::Awaited(_) => None,
    }
}

/// The answer to one request for a value or the lease.
enum Asking {
    Value(SharedValue),
    /// A value, but it must not be used.
    Overtaken,
    Leased(Lease),
    /// Another has the lease for so long.
    Awaited(Duration),
}

/// One search for a key. The machine notes the drops of the key until it ends.
struct Looking<'a> {
    inner: &'a Arc<Inner>,
    wanted: Wanted<'a>,
}

impl<'a> Looking<'a> {
    fn new(inner: &'a Arc<Inner>, wanted: Wanted<'a>) -> Self {
        inner.handle(Event::LookupBegun { key: wanted.key.clone() });
        Self { inner, wanted }
    }

    async fn find(&self) -> Lookup {
        let inner = self.inner;
        let mut deadline = Instant::now() + inner.limit;
        if self.access() == Access::Read && inner.knows_server_time() {
            match self.read(deadline).await {
                Some(Some(value)) => return Lookup::Value(value),
                Some(None) => {}
                None => return Lookup::Alone,
            }
        }
        let (mut overtaken, mut waiting) = (0, Waiting::default());
        while self.access() != Access::Origin {
            match self.ask(deadline).await {
                Some(Asking::Value(value)) => return Lookup::Value(value),
                Some(Asking::Leased(lease)) => return Lookup::Lease(lease),
                Some(Asking::Overtaken) if overtaken < MAX_OVERTAKEN => overtaken += 1,
                Some(Asking::Awaited(left)) => {
                    let Some(wait) = waiting.next(left, Instant::now()) else { break };
                    tokio::time::sleep(wait).await;
                    // The server has answered, so it is there.
                    deadline = Instant::now() + inner.limit;
                }
                Some(Asking::Overtaken) | None => break,
            }
        }
        Lookup::Alone
    }

    /// How the key may be looked for. Must be asked before each request.
    fn access(&self) -> Access {
        if self.inner.is_closed() {
            return Access::Origin;
        }
        let now = self.inner.now();
        self.inner.machine.lock().access(self.wanted.key, self.wanted.tags, now)
    }

    /// Reads the value without a look at the state. `None` if there is no answer, `Some(None)` if there is no value that
    /// can be used.
    async fn read(&self, deadline: Instant) -> Option<Option<SharedValue>> {
        let Wanted { key, shape, max_age, .. } = self.wanted;
        let request = Request::Read { key: key.clone(), shape };
        let Some(Reply::Read(envelope)) = self.inner.call(&request, deadline).await else { return None };
        let Some(envelope) = envelope else { return Some(None) };
        let now = self.inner.now();
        let value = self.value(envelope, |inner, envelope| inner.machine.lock().is_hit(key, envelope, now));
        Some(value.filter(|value| value.age <= max_age))
    }

    /// Asks for the value or the lease. `None` if there is no answer.
    async fn ask(&self, deadline: Instant) -> Option<Asking> {
        let (inner, Wanted { key, shape, max_age, .. }) = (self.inner, self.wanted);
        let right = LeaseRight::new(inner, key.clone(), shape);
        let (candidate, token, lease) = (inner.random.epoch(), right.token(), inner.lease);
        let request = Request::Ask { key: key.clone(), shape, max_age, candidate, token, lease };
        let sent = inner.now();
        let Some(Reply::Asked(Asked { position, time, found })) = inner.call(&request, deadline).await else {
            return None;
        };
        *inner.server_time.lock() = Some(ServerTime { sent, time });
        inner.see(position);
        match found {
            Found::Value(envelope) => {
                right.was_not_given();
                let now = inner.now();
                let may_use = |inner: &Inner, envelope: &_| {
                    inner.machine.lock().is_answer(key, position.epoch, envelope, now)
                };
                Some(self.value(envelope, may_use).map_or(Asking::Overtaken, Asking::Value))
            }
            // A shutdown may have given it up meanwhile.
            Found::Leased => right.was_given(position, time).map(Asking::Leased),
            Found::Awaited(left) => {
                right.was_not_given();
                Some(Asking::Awaited(left))
            }
        }
    }

    fn value(
        &self,
        envelope: Envelope,
        may_use: impl FnOnce(&Inner, &Envelope) -> bool,
    ) -> Option<SharedValue> {
        let inner = self.inner;
        let server_time = *inner.server_time.lock();
        let (Some(server_time), true) = (server_time, may_use(inner, &envelope)) else {
            inner.counters.mismatches.add(1);
            return None;
        };
        let age = server_time.age(envelope.began, inner.now());
        Some(SharedValue { body: envelope.body, age })
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.inner.handle(Event::LookupEnded { key: self.wanted.key.clone() });
    }
}

impl Inner {
    fn knows_server_time(&self) -> bool {
        let server_time = *self.server_time.lock();
        server_time.is_some_and(|told| self.now().since(told.sent) <= SERVER_TIME_FOR)
    }
}

/// The wait for another's lease.
#[derive(Debug, Default)]
struct Waiting {
    began: Option<Instant>,
    /// When the present lease ends, and how many there were.
    ends: Option<Instant>,
    leases: u32,
}

impl Waiting {
    /// How long to wait before the next look: a tenth of the wait so far, at most until the lease is over. `None` if it
    /// has been enough.
    fn next(&mut self, left: Duration, now: Instant) -> Option<Duration> {
        let began = *self.began.get_or_insert(now);
        if self.ends.is_none_or(|ends| ends <= now) {
            self.leases += 1;
            self.ends = Some(now + left);
        }
        if self.leases > MAX_LEASES {
            return None;
        }
        let [shortest, longest] = WAITS;
        Some((now.duration_since(began) / 10).clamp(shortest, longest).min(left))
    }
}
