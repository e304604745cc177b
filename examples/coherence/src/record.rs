//! What the machines have told: the history that is judged, and what is known of each machine now.

use std::time::Duration;

use cache_redis_test_server::{Answer, Change, Dropped, History, Load, Objection};

use crate::message::{Report, State};
use crate::{KEYS, NODES, builds};

/// What a process had sent when it ended may arrive this long after, in nanoseconds.
const LATE: u64 = 2_000_000_000;

/// Everything that was told.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// What is judged.
    pub history: History,
    /// What is known of each machine.
    pub nodes: [Known; NODES],
    /// How often something happened that the guarantees are about.
    pub counts: Counts,
    /// Changes whose drops are not acknowledged.
    open: Vec<Open>,
    /// Whether something is done to the tier.
    is_disturbed: bool,
    /// The tier is not up for all machines before this.
    not_calm_before: u64,
    /// Since when the tier is up for all machines.
    calm_since: Option<u64>,
}

/// What is known of a machine.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The last answer to a read of each key.
    pub seen: [Option<Seen>; KEYS],
    /// How it stood last. `None` if it has told nothing since it was started.
    pub state: Option<State>,
    /// Why its last read or change has failed, if it has.
    pub error: Option<String>,
    /// Whether it has shut down, and how much was not finished then.
    pub left: Option<usize>,
}

/// A change whose drop is not acknowledged.
#[derive(Clone, Copy, Debug)]
struct Open {
    node: usize,
    change: u64,
    /// The place of the drop in the history.
    drop: usize,
    /// The place of the change in the history, once it has returned.
    returned: Option<usize>,
}

/// An answer to a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The version.
    pub version: u64,
    /// When it was answered.
    pub at: u64,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values of the tier that were used.
    pub hits: u64,
    /// Loaded values that the server has refused, since they may have been older than a drop.
    pub refused: u64,
    /// How often a machine has lost its place in the feed, and marked everything.
    pub gaps: u64,
    /// How often a machine has read on where it was before a cut.
    pub replays: u64,
    /// How often a machine had heard nothing for too long.
    pub expired: u64,
    /// Changes whose drop had to wait.
    pub queued: u64,
    /// Reads and changes without an answer.
    pub failed: u64,
}

impl Record {
    /// Takes what a machine has told.
    pub fn told(&mut self, node: usize, report: Report) {
        match report {
            Report::Read { key, version, load_began, began, ended } => {
                let read_time = Duration::from_nanos(began);
                let (read_began, answered) = (began, ended);
                self.history.answers.push(Answer {
                    node,
                    key,
                    version,
                    load_began,
                    read_began,
                    read_time,
                    answered,
                });
                let seen = Some(Seen { version, at: ended });
                let known = &mut self.nodes[node];
                // Reads of one key overlap.
                if known.seen[key].is_none_or(|seen| seen.at <= ended) {
                    known.seen[key] = seen;
                }
                known.error = None;
            }
            Report::Writing { change, key, began } => {
                self.open.push(Open { node, change, drop: self.history.drops.len(), returned: None });
                self.history.drops.push(Dropped {
                    node,
                    keys: vec![key],
                    earliest: began,
                    latest: u64::MAX,
                    acknowledged: None,
                });
            }
            Report::Wrote { change, key, version, stored, ended, is_queued } => {
                let of_change = |open: &&mut Open| (open.node, open.change) == (node, change);
                let open = self.open.iter_mut().find(of_change);
                // The process has ended.
                let forgotten = (is_queued && open.is_none()).then_some(ended);
                if let Some(open) = open {
                    open.returned = Some(self.history.changes.len());
                    self.history.drops[open.drop].earliest = stored;
                }
                self.history.changes.push(Change { node, key, version, returned: ended, forgotten });
                match is_queued {
                    true => self.counts.queued += 1,
                    false => self.close(ended, true, |open| (open.node, open.change) == (node, change)),
                }
            }
            Report::NotWritten { change, ended, error } => {
                self.close(ended, false, |open| (open.node, open.change) == (node, change));
                self.fail(node, error);
            }
            Report::NotRead { error, .. } => self.fail(node, error),
            Report::Sent { at } => self.close(at, true, |open| open.node == node && open.returned.is_some()),
            Report::State(state) => self.state(node, state),
            Report::Left { unfinished } => self.nodes[node].left = Some(unfinished),
        }
    }

    /// The origin was asked for a key, by a machine that has asked for a lease at `asked` or later.
    pub fn loaded(&mut self, node: usize, build: builds::Name, key: usize, asked: u64, at: u64) {
        self.history.loads.push(Load { node, build: build as usize, key, asked, began: at });
    }

    /// A machine has loaded without the tier, which was not up for it. Its states do not show that if it was soon over: a
    /// machine that the system does not run for as long as the bound has heard nothing for so long.
    pub fn alone(&mut self, asked: u64, at: u64) {
        self.not_calm_before = self.not_calm_before.max(at);
        self.end_calm(asked);
    }

    /// Something is done to the tier or to a machine, or the last of it is over. All machines have noticed it by the
    /// second time, or do not use the tier.
    pub fn disturb(&mut self, is_disturbed: bool, at: u64, noticed: u64) {
        self.is_disturbed = is_disturbed;
        self.not_calm_before = self.not_calm_before.max(noticed);
        self.end_calm(at);
    }

    /// A machine has ended. What it had sent may still arrive for a while.
    pub fn ended(&mut self, node: usize, at: u64) {
        let of_node = |open: &Open| open.node == node;
        for place in self.open.iter().filter(|open| of_node(open)).filter_map(|open| open.returned) {
            self.history.changes[place].forgotten = Some(at);
        }
        self.close(at + LATE, false, of_node);
        self.nodes[node] = Known::default();
    }

    /// Judges everything so far.
    #[must_use]
    pub fn judge(&self, max_lag: Duration, lease: Duration) -> Option<Objection> {
        let mut history = self.history.clone();
        let known_until =
            self.nodes.iter().filter_map(|node| node.state.as_ref()).map(|state| state.at).min();
        if let (Some(since), Some(until)) = (self.calm_since, known_until) {
            history.calm.push(since..=until);
        }
        history.judge(max_lag, lease)
    }

    /// Forgets answers and loads from before a time, so that a long run needs no more memory.
    pub fn forget(&mut self, before: u64) {
        self.history.answers.retain(|answer| answer.answered >= before);
        self.history.loads.retain(|load| load.began >= before);
    }

    /// How long the tier was up for all machines.
    #[must_use]
    pub fn calm(&self) -> Duration {
        let past = self.history.calm.iter().map(|calm| calm.end().saturating_sub(*calm.start())).sum();
        Duration::from_nanos(past)
    }

    /// Returns the newest version of a key that a machine has written.
    #[must_use]
    pub fn newest(&self, key: usize) -> u64 {
        let of_key = self.history.changes.iter().filter(|change| change.key == key);
        of_key.map(|change| change.version).max().unwrap_or(0)
    }

    fn state(&mut self, node: usize, state: State) {
        let before = self.nodes[node].state.replace(state.clone());
        let grown = |now: u64, before: Option<u64>| now - before.unwrap_or(0).min(now);
        self.counts.hits += grown(state.hits, before.as_ref().map(|state| state.hits));
        self.counts.refused += grown(state.refused, before.as_ref().map(|state| state.refused));
        if let Some(before) = &before {
            let is_same = before.epoch == state.epoch;
            self.counts.gaps += u64::from(!is_same && before.epoch.is_some());
            self.counts.expired += u64::from(before.is_usable && !state.is_usable);
            let is_back = !before.is_usable && state.is_usable && before.epoch.is_some();
            self.counts.replays += u64::from(is_back && is_same && state.applied > before.applied);
        }
        let is_same = |before: &State| before.failed == state.failed && before.epoch == state.epoch;
        if !state.is_up() || !before.as_ref().is_some_and(is_same) {
            // It has failed, or lost its place, after the last state.
            self.end_calm(before.map_or(state.at, |before| before.at));
        } else if !self.is_disturbed && self.calm_since.is_none() {
            let since = self.not_calm_before;
            let is_well = |state: &State| state.is_up() && state.at > since;
            let is_up = |known: &Known| known.state.as_ref().is_some_and(is_well);
            self.calm_since = self.nodes.iter().all(is_up).then_some(state.at);
        }
    }

    fn end_calm(&mut self, at: u64) {
        if let Some(since) = self.calm_since.take()
            && since < at
        {
            self.history.calm.push(since..=at);
        }
    }

    fn fail(&mut self, node: usize, error: String) {
        self.counts.failed += 1;
        self.nodes[node].error = Some(error);
    }

    /// The drops of some changes were carried out by then, or never will be.
    fn close(&mut self, latest: u64, is_acknowledged: bool, is_closed: impl Fn(&Open) -> bool) {
        let drops = &mut self.history.drops;
        self.open.retain(|open| {
            let drop = &mut drops[open.drop];
            let is_closed = is_closed(open);
            if is_closed {
                drop.latest = latest;
                drop.acknowledged = is_acknowledged.then(|| Duration::from_nanos(latest));
            }
            !is_closed
        });
    }
}
