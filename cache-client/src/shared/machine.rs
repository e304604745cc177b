//! What one client knows of the shared tier, as plain data: events in, actions out. No clock, no connection.

mod drops;
mod feed;
mod lookups;
mod marks;

use std::collections::HashMap;
use std::time::Duration;

use cache_core::Moment;

use crate::shared::envelope::Envelope;
use crate::shared::ids::{ClientId, Epoch, FeedId};
use crate::shared::mark::{Field, Key, Mark};
use crate::shared::request::{FeedAnswer, Opened, Position};
pub use drops::DropId;
use drops::Drops;
use lookups::Lookups;

/// How many entries one read of the feed returns at most.
pub const FEED_COUNT: usize = 1000;

/// One client's side of the shared tier.
///
/// The caller sends what [`Action`]s say, and reports what happens as [`Event`]s, one at a time. It carries out the
/// actions of an event in order before it reports the next event.
#[derive(Debug)]
pub struct Machine {
    id: ClientId,
    max_lag: Duration,
    phase: Phase,
    /// How far the feed has been applied. `None` before the first answer.
    applied: Option<Applied>,
    /// When a read of the feed was sent that has told everything up to then, and was applied.
    current_at: Option<Moment>,
    /// The last drops of tables, tags and everything, in the present epoch.
    wide: HashMap<Field, u64>,
    /// The highest number that any answer had in the present epoch.
    seen: u64,
    /// What answers have said before the first answer about the feed, for each epoch: when, and the highest number.
    seen_early: Vec<(Moment, Position)>,
    /// When the last load began that no answer of the server preceded.
    loaded_alone: Option<Moment>,
    /// When an answer had another epoch. Until the feed has confirmed either, the tier is not used.
    doubted: Option<Moment>,
    drops: Drops,
    lookups: Lookups,
}

/// What the feed's connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The client has no connection for the feed.
    Away,
    /// It asks where the feed ends. If `resumes`, the feed is read on from where it was, in the same epoch.
    Opening { resumes: bool },
    /// It reads. The server has counted `promised` drops at least.
    Reading { promised: u64 },
}

/// A place in the feed.
#[derive(Clone, Copy, Debug)]
struct Applied {
    position: Position,
    last: FeedId,
}

/// What happens to a client.
#[derive(Clone, Debug)]
pub enum Event {
    /// The feed's connection is open.
    FeedConnected,
    /// The feed's connection has ended, or a request on it has failed. What it was asked is not answered any more.
    FeedEnded,
    /// [`Action::Open`] was answered.
    Opened {
        /// When it was sent.
        sent: Moment,
        /// The answer.
        opened: Opened,
    },
    /// [`Action::Read`] was answered.
    FeedRead {
        /// When it was sent.
        sent: Moment,
        /// The answer.
        answer: FeedAnswer,
    },
    /// A request of another connection was answered with this position.
    Seen {
        /// Now.
        at: Moment,
        /// The epoch and number of the answer.
        position: Position,
    },
    /// A load begins that has asked the server for nothing.
    LoadedAlone {
        /// Now.
        at: Moment,
    },
    /// A change will be committed here, or was.
    Drop {
        /// What it changes.
        marks: Vec<Mark>,
        /// Whether it can be seen here already.
        is_committed: bool,
    },
    /// What a drop was for can be seen here from now on.
    Committed {
        /// The drop.
        drop: DropId,
    },
    /// What a drop names is marked here, and was not changed in any other way. The drop was begun before, as committed.
    Marked {
        /// The drop.
        drop: DropId,
    },
    /// What a drop was for was given up: it may have happened at the origin.
    Abandoned {
        /// The drop.
        drop: DropId,
        /// What it has named.
        marks: Vec<Mark>,
    },
    /// [`Action::Send`] was answered.
    Acknowledged {
        /// Now.
        at: Moment,
        /// The drop.
        drop: DropId,
        /// The answer.
        position: Position,
    },
    /// [`Action::Send`] has failed, or was not answered in time. An answer that comes nevertheless changes nothing.
    Failed {
        /// The drop.
        drop: DropId,
    },
    /// It is time to try again what has failed.
    Retry,
    /// A key will be asked for. It is asked for until [`LookupEnded`](Self::LookupEnded), perhaps several times.
    LookupBegun {
        /// The key.
        key: Key,
    },
    /// A key is not asked for any more.
    LookupEnded {
        /// The key.
        key: Key,
    },
    /// What was applied cannot be relied on: the machine was suspended, so that its clock has not counted, or marks were
    /// not carried out. The feed's connection is given up.
    Lost,
}

/// What a client has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask on the feed's connection where the feed ends.
    Open,
    /// Read the feed on its connection, [`FEED_COUNT`] entries at most.
    Read {
        /// The last entry that was read.
        after: FeedId,
        /// Whether to wait for an entry.
        wait: bool,
    },
    /// Mark what is stored and loading here.
    Invalidate(Vec<Mark>),
    /// Mark everything in all shared tables that is stored and loading here.
    InvalidateAll,
    /// Send a drop, on another connection than the feed's.
    Send {
        /// Identifies it in later events.
        drop: DropId,
        /// What it names.
        marks: Vec<Mark>,
    },
    /// What is stored here may be used until [`Machine::fresh_until`] says.
    Extend,
}

/// How a key is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only at the origin.
    Origin,
    /// By [`Request::Ask`](crate::shared::protocol::Request::Ask), which compares with the server's state.
    Ask,
    /// By [`Request::Read`](crate::shared::protocol::Request::Read), and if that finds nothing usable, by `Ask`.
    Read,
}

impl Machine {
    /// Creates a client that knows nothing. What it may use is at most `max_lag` old.
    #[must_use]
    pub fn new(id: ClientId, max_lag: Duration) -> Self {
        Self {
            id,
            max_lag,
            phase: Phase::Away,
            applied: None,
            current_at: None,
            wide: HashMap::new(),
            seen: 0,
            seen_early: Vec::new(),
            loaded_alone: None,
            doubted: None,
            drops: Drops::default(),
            lookups: Lookups::default(),
        }
    }

    /// Takes note of an event, and returns what to do.
    pub fn handle(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::FeedConnected => self.connected(),
            Event::FeedEnded => {
                self.phase = Phase::Away;
                Vec::new()
            }
            Event::Opened { sent, opened } => self.opened(sent, opened),
            Event::FeedRead { sent, answer } => self.feed_read(sent, answer),
            Event::Seen { at, position } => {
                self.see(at, position);
                Vec::new()
            }
            Event::LoadedAlone { at } => {
                self.loaded_alone = self.loaded_alone.max(Some(at));
                Vec::new()
            }
            Event::Drop { marks, is_committed } => {
                let (drop, marks) = self.drops.begin(marks, is_committed);
                vec![Action::Send { drop, marks }]
            }
            Event::Committed { drop } => {
                self.drops.commit(drop, self.position());
                Vec::new()
            }
            Event::Marked { drop } => {
                self.drops.marked(drop);
                Vec::new()
            }
            Event::Abandoned { drop, marks } => {
                self.drops.abandon(drop);
                vec![Action::Invalidate(marks)]
            }
            Event::Acknowledged { at, drop, position } => self.acknowledged(at, drop, position),
            Event::Failed { drop } => {
                self.drops.fail(drop);
                Vec::new()
            }
            Event::Retry => self.send_outbox(),
            Event::LookupBegun { key } => {
                self.lookups.begin(key);
                Vec::new()
            }
            Event::LookupEnded { key } => {
                self.lookups.end(&key);
                Vec::new()
            }
            Event::Lost => {
                (self.phase, self.applied, self.current_at) = (Phase::Away, None, None);
                vec![Action::InvalidateAll]
            }
        }
    }

    /// Returns until when an answer may be called fresh whose load began at `start`. For an answer that comes from the
    /// tier, `start` is `None`.
    #[must_use]
    pub fn fresh_until(&self, start: Option<Moment>) -> Option<Moment> {
        Some(self.current_at.max(start)? + self.max_lag)
    }

    /// Returns how to look for a key that is not stored here. `tags` are the hashes of its tags. Must be asked before
    /// each request for the key, also one that is repeated.
    ///
    /// While a drop of this client is not acknowledged, nothing may be sent for the keys that it names: the answer
    /// could come after the acknowledgement, and be older.
    #[must_use]
    pub fn access(&self, key: &Key, tags: &[u16], now: Moment) -> Access {
        if !self.is_usable(now) || self.drops.block(key, tags) {
            Access::Origin
        } else if self.knows_all_seen() {
            Access::Read
        } else {
            Access::Ask
        }
    }

    /// Returns whether the answer to [`Request::Read`](crate::shared::protocol::Request::Read) may be used, when it has come.
    #[must_use]
    pub fn is_hit(&self, key: &Key, envelope: &Envelope, now: Moment) -> bool {
        self.is_usable(now) && self.knows_all_seen() && self.is_current(key, envelope)
    }

    /// Returns whether the value in an answer to [`Request::Ask`](crate::shared::protocol::Request::Ask) may be used, when it has come.
    /// Its position, which has the epoch, must have been reported before.
    #[must_use]
    pub fn is_answer(&self, key: &Key, epoch: Epoch, envelope: &Envelope, now: Moment) -> bool {
        self.is_usable(now) && self.is_present(epoch) && self.is_current(key, envelope)
    }

    /// Returns whether a loaded value may be sent to the server. If not, its lease is given up.
    #[must_use]
    pub fn may_fill(&self, key: &Key, envelope: &Envelope) -> bool {
        self.is_present(envelope.epoch) && !self.drops.block(key, &envelope.tags)
    }

    /// Returns whether everything is applied here that was dropped up to a position. A load reads other shared queries
    /// only then.
    #[must_use]
    pub fn has_applied(&self, position: Position) -> bool {
        self.position().is_some_and(|own| own.epoch == position.epoch && own.number >= position.number)
    }

    /// Returns how many marks wait to be sent again.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.drops.waiting()
    }

    /// Returns how many drops were sent and are neither acknowledged nor failed.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.drops.under_way()
    }

    /// Returns how far the feed has been applied. `None` before the first answer.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.applied.map(|applied| applied.position)
    }

    /// Returns when a read of the feed was sent that has told everything up to then.
    #[must_use]
    pub fn current_at(&self) -> Option<Moment> {
        self.current_at
    }

    fn is_present(&self, epoch: Epoch) -> bool {
        self.doubted.is_none() && self.position().is_some_and(|own| own.epoch == epoch)
    }

    fn is_usable(&self, now: Moment) -> bool {
        self.doubted.is_none() && self.fresh_until(None).is_some_and(|until| now <= until)
    }

    /// Whether a value that is read without a look at the state cannot be older than what was answered here before.
    /// Drops of keys have removed it, but drops of tables and tags are known only from the feed.
    fn knows_all_seen(&self) -> bool {
        self.position().is_some_and(|own| own.number >= self.seen) && self.current_at >= self.loaded_alone
    }

    /// Whether nothing is known to be dropped since the value's load began.
    fn is_current(&self, key: &Key, envelope: &Envelope) -> bool {
        let wide = || key.fields(&envelope.tags).into_iter().filter(Field::is_wide);
        let is_overtaken = |field: &Field| self.wide.get(field).is_some_and(|last| *last > envelope.number);
        self.is_present(envelope.epoch)
            && !self.drops.block(key, &envelope.tags)
            && self.lookups.last(key) <= envelope.number
            && (self.wide.is_empty() || !wide().any(|field| is_overtaken(&field)))
    }

    fn see(&mut self, at: Moment, position: Position) {
        match self.position() {
            Some(own) if own.epoch == position.epoch => self.seen = self.seen.max(position.number),
            Some(_) => self.doubted = self.doubted.max(Some(at)),
            None => {
                let mut same = self.seen_early.iter_mut().filter(|(_, early)| early.epoch == position.epoch);
                match same.next() {
                    Some((last, early)) => {
                        (*last, early.number) = (at.max(*last), position.number.max(early.number));
                    }
                    None => self.seen_early.push((at, position)),
                }
            }
        }
    }

    fn acknowledged(&mut self, at: Moment, drop: DropId, position: Position) -> Vec<Action> {
        self.see(at, position);
        let marks = self.drops.acknowledge(drop, position, self.position());
        // Before the feed tells it, so that answers from before are not used.
        if self.position().is_some_and(|own| own.epoch == position.epoch) {
            self.note(&marks, position.number);
        }
        self.send_outbox()
    }

    /// Takes note of a drop in the present epoch.
    fn note(&mut self, marks: &[Mark], number: u64) {
        self.lookups.note(marks, number);
        for field in marks.iter().map(Mark::field).filter(Field::is_wide) {
            let last = self.wide.entry(field).or_default();
            *last = number.max(*last);
        }
    }

    fn send_outbox(&mut self) -> Vec<Action> {
        let next = self.drops.next_of_outbox();
        next.map(|(drop, marks)| Action::Send { drop, marks }).into_iter().collect()
    }

    fn connected(&mut self) -> Vec<Action> {
        self.phase = Phase::Opening { resumes: true };
        let mut actions = self.send_outbox();
        actions.push(Action::Open);
        actions
    }

    /// Something is missing: begin where the feed ends.
    fn begin_anew(&mut self) -> Action {
        self.phase = Phase::Opening { resumes: false };
        Action::Open
    }
}
