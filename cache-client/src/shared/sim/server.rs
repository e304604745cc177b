//! The simulated server as plain data: answers requests as a real one does. Knows no connection and no clock.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::shared::envelope::Envelope;
use crate::shared::error::CallError;
use crate::shared::ids::{Epoch, FeedId, Shape, Token};
use crate::shared::mark::{Field, Key, Mark};
use crate::shared::request::{
    Asked, Dropped, FeedAnswer, FeedItem, Filled, Found, Opened, Position, Reply, Request,
};

/// The time of a new server, in milliseconds since 1970.
const START: u64 = 1_700_000_000_000;

/// How long a lease can be at most. One that ends later is of a clock that has gone back.
const LONGEST_LEASE: u64 = 600_000;

/// How much longer than a lease its key is kept.
const AFTER_LEASE: u64 = 60_000;

/// The data of a simulated server, and what may happen to it.
///
/// [`SimTier`](super::SimTier) is the server with its connections. Alone, its clock stands still until it is
/// [advanced](Self::advance), and the caller must not deliver requests that were sent before a restart.
#[derive(Clone, Debug)]
pub struct SimServer {
    /// The server's clock, in milliseconds since 1970.
    now: u64,
    /// How much of tokio's time it has followed, in milliseconds.
    elapsed: u64,
    /// Counts the restarts, and so identifies the process.
    run: u64,
    full: bool,
    data: Data,
    /// What a restart comes back with.
    saved: Data,
}

/// Everything under the namespace.
#[derive(Clone, Debug, Default)]
struct Data {
    state: Option<State>,
    feed: VecDeque<FeedItem>,
    last: FeedId,
    values: HashMap<Key, Slot>,
}

#[derive(Clone, Debug)]
struct State {
    run: u64,
    position: Position,
    fields: HashMap<Field, u64>,
}

/// What lies under one key.
#[derive(Clone, Debug, Default)]
struct Slot {
    values: HashMap<Shape, Envelope>,
    leases: HashMap<Shape, Lease>,
    expires: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    token: Token,
    ends: u64,
}

impl Default for SimServer {
    fn default() -> Self {
        Self::new()
    }
}

impl SimServer {
    /// Creates an empty server.
    #[must_use]
    pub fn new() -> Self {
        Self { now: START, elapsed: 0, run: 0, full: false, data: Data::default(), saved: Data::default() }
    }

    /// Answers a request at once: [`Request::Feed`] does not wait for new entries.
    ///
    /// # Errors
    /// [`CallError::Refused`] if the server is full and the request needs memory. Nothing has changed then.
    pub fn answer(&mut self, request: &Request) -> Result<Reply, CallError> {
        self.expire();
        match request {
            Request::Open { candidate } => Ok(Reply::Opened(self.open(*candidate))),
            Request::Read { key, shape } => Ok(Reply::Read(self.value(key, *shape).cloned())),
            Request::Ask { key, shape, max_age, candidate, token, lease } => {
                let lease = Lease { token: *token, ends: self.now.saturating_add(millis(*lease)) };
                self.ask(key, *shape, millis(*max_age), *candidate, lease).map(Reply::Asked)
            }
            Request::Fill { key, shape, token, keep, envelope } => {
                self.fill(key, *shape, *token, millis(*keep).max(1), envelope).map(Reply::Filled)
            }
            Request::Lose { key, shape, token } => Ok(Reply::Lost(self.lose(key, *shape, *token))),
            Request::Drop { candidate, client, marks } => {
                let marks = marks.iter().cloned().map(Mark::for_the_feed).collect();
                let position = self.drop_marks(*candidate, marks, |position, marks| Dropped {
                    position,
                    client: *client,
                    marks,
                });
                Ok(Reply::Dropped(position))
            }
            Request::Feed { after, count, wait: _ } => Ok(Reply::Feed(self.feed(*after, *count))),
        }
    }

    /// Lets time pass for the server.
    pub fn advance(&mut self, time: Duration) {
        self.now += millis(time);
    }

    /// Lets as much time pass as has passed since the last call.
    pub(super) fn advance_to(&mut self, since_start: Duration) {
        let elapsed = millis(since_start);
        self.now += elapsed.saturating_sub(self.elapsed);
        self.elapsed = self.elapsed.max(elapsed);
    }

    /// Removes everything, as `FLUSHALL` does.
    pub fn flush(&mut self) {
        self.data = Data::default();
    }

    /// Removes the state alone, as eviction may.
    pub fn lose_state(&mut self) {
        self.data.state = None;
    }

    /// Removes the feed alone, as eviction may.
    pub fn lose_feed(&mut self) {
        self.data.lose_feed();
    }

    /// Removes a key's values and leases, as eviction may.
    pub fn evict(&mut self, key: &Key) {
        self.data.values.remove(key);
    }

    /// Removes all but the last entries of the feed.
    pub fn trim(&mut self, length: usize) {
        let surplus = self.data.feed.len().saturating_sub(length);
        self.data.feed.drain(..surplus);
    }

    /// Sets whether the server has no memory left.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Saves what the next restart comes back with.
    pub fn save(&mut self) {
        self.saved = self.data.clone();
    }

    /// Ends the server's process and starts it again with what was saved last, if anything was.
    pub fn restart(&mut self) {
        self.run += 1;
        self.data = self.saved.clone();
    }

    /// Returns how often the server was restarted.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Changes whenever something is added to the feed, or lost with it.
    pub(super) fn feed_end(&self) -> (FeedId, usize) {
        (self.data.last, self.data.feed.len())
    }

    fn expire(&mut self) {
        let now = self.now;
        self.data.values.retain(|_, slot| slot.expires.is_none_or(|expires| now < expires));
    }

    fn value(&self, key: &Key, shape: Shape) -> Option<&Envelope> {
        self.data.values.get(key)?.values.get(&shape)
    }

    /// Refuses a script whose first write needs memory.
    fn need_memory(&self, written: bool) -> Result<(), CallError> {
        match self.full && !written {
            true => Err(CallError::Refused("OOM: the server is full".to_owned())),
            false => Ok(()),
        }
    }

    /// The state, and whether it is new.
    fn state(&mut self, candidate: Epoch) -> (&mut State, bool) {
        let run = self.run;
        let is_lost = self.data.state.as_ref().is_none_or(|state| state.run != run);
        if is_lost {
            self.data.lose_feed();
            let position = Position { epoch: candidate, number: 0 };
            self.data.state = Some(State { run, position, fields: HashMap::new() });
        }
        (self.data.state.as_mut().expect("there is a state now"), is_lost)
    }

    fn open(&mut self, candidate: Epoch) -> Opened {
        let (state, _) = self.state(candidate);
        let wide = state.fields.iter().filter(|(field, _)| field.is_wide());
        let mut wide: Vec<_> = wide.map(|(field, number)| (field.clone(), *number)).collect();
        wide.sort();
        let position = state.position;
        Opened { position, last: self.data.feed.back().map_or(FeedId::default(), |item| item.id), wide }
    }

    fn ask(
        &mut self,
        key: &Key,
        shape: Shape,
        max_age: u64,
        candidate: Epoch,
        lease: Lease,
    ) -> Result<Asked, CallError> {
        let (state, written) = self.state(candidate);
        let (state, now) = (state.clone(), self.now);
        let asked = |found| Ok(Asked { position: state.position, time: now, found });

        let is_young = |value: &&Envelope| now.saturating_sub(value.began) <= max_age;
        let value = self.value(key, shape).filter(is_young);
        if let Some(value) = value.filter(|value| state.is_usable(key, value)) {
            return asked(Found::Value(value.clone()));
        }
        let held = self.data.values.get(key).and_then(|slot| slot.leases.get(&shape));
        let left = held.map_or(0, |held| held.ends.saturating_sub(now));
        if (1..=LONGEST_LEASE).contains(&left) {
            return asked(Found::Awaited(Duration::from_millis(left)));
        }
        self.need_memory(written)?;
        let slot = self.data.values.entry(key.clone()).or_default();
        slot.leases.insert(shape, lease);
        slot.keep_until(lease.ends.saturating_add(AFTER_LEASE));
        asked(Found::Leased)
    }

    fn fill(
        &mut self,
        key: &Key,
        shape: Shape,
        token: Token,
        keep: u64,
        envelope: &Envelope,
    ) -> Result<Filled, CallError> {
        if !self.data.has_lease(key, shape, token) {
            return Ok(Filled::NoLease);
        }
        let Some(state) = self.data.state.as_ref().filter(|state| state.position.epoch == envelope.epoch)
        else {
            self.lose(key, shape, token);
            return Ok(Filled::OtherEpoch);
        };
        if key.fields(&envelope.tags).iter().any(|field| state.last(field) > envelope.number) {
            self.lose(key, shape, token);
            return Ok(Filled::Overtaken);
        }
        self.need_memory(false)?;
        let expires = self.now.saturating_add(keep);
        let slot = self.data.values.entry(key.clone()).or_default();
        slot.values.insert(shape, envelope.clone());
        slot.leases.remove(&shape);
        slot.keep_until(expires);
        Ok(Filled::Kept)
    }

    fn lose(&mut self, key: &Key, shape: Shape, token: Token) -> bool {
        let is_held = self.data.has_lease(key, shape, token);
        if is_held && let Some(slot) = self.data.values.get_mut(key) {
            slot.leases.remove(&shape);
            if slot.leases.is_empty() && slot.values.is_empty() {
                self.data.values.remove(key);
            }
        }
        is_held
    }

    fn drop_marks(
        &mut self,
        candidate: Epoch,
        marks: Vec<Mark>,
        entry: impl FnOnce(Position, Vec<Mark>) -> Dropped,
    ) -> Position {
        for mark in &marks {
            if let Mark::Key(key) = mark {
                self.data.values.remove(key);
            }
        }
        let (state, _) = self.state(candidate);
        state.position.number += 1;
        let position = state.position;
        state.fields.extend(marks.iter().map(|mark| (mark.field(), position.number)));

        let last = self.data.last;
        let id = match self.now > last.milliseconds {
            true => FeedId { milliseconds: self.now, sequence: 0 },
            false => FeedId { sequence: last.sequence + 1, ..last },
        };
        self.data.last = id;
        self.data.feed.push_back(FeedItem { id, dropped: Some(entry(position, marks)) });
        position
    }

    fn feed(&self, after: FeedId, count: usize) -> FeedAnswer {
        let items = self.data.feed.iter().filter(|item| item.id > after).take(count).cloned().collect();
        FeedAnswer { items, position: self.data.state.as_ref().map(|state| state.position) }
    }
}

impl Data {
    fn lose_feed(&mut self) {
        self.feed.clear();
        self.last = FeedId::default();
    }

    fn has_lease(&self, key: &Key, shape: Shape, token: Token) -> bool {
        let lease = self.values.get(key).and_then(|slot| slot.leases.get(&shape));
        lease.is_some_and(|lease| lease.token == token)
    }
}

impl State {
    /// The number of the last drop.
    fn last(&self, field: &Field) -> u64 {
        self.fields.get(field).copied().unwrap_or(0)
    }

    /// Whether nothing was dropped since the value's load began. Drops of the key itself have removed the value.
    fn is_usable(&self, key: &Key, value: &Envelope) -> bool {
        let wide = key.fields(&value.tags).into_iter().filter(Field::is_wide);
        value.epoch == self.position.epoch
            && wide.map(|field| self.last(&field)).all(|last| last <= value.number)
    }
}

impl Slot {
    /// Keeps what is there at least until then.
    fn keep_until(&mut self, until: u64) {
        self.expires = Some(self.expires.map_or(until, |expires| expires.max(until)));
    }
}

/// Whole milliseconds.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
