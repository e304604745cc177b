//! Random steps on small tables, where every answer and the whole state can be foretold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cache_core::{CommitError, Freshness, ManualClock, Moment, Pinned, Revision, TableOptions, Times};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::naive::{Bound, Model, Rules, Write};
use crate::{Key, Store, Value, config, seconds, store};

/// Keys that steps are about. Fewer than reads of survivors that a shard remembers.
const KEYS: u16 = 12;

#[derive(Clone, Debug)]
enum Step {
    Get(u16, bool),
    Peek(u16),
    GetFresh(u16),
    Insert(u16, Given, bool),
    Load(u16),
    Commit(Vec<(u16, Change)>, bool),
    Remove(u16),
    Touch(u16),
    Invalidate(u16),
    Pin(u16),
    Unpin(u16),
    Clear,
    Reap,
    DropHandles(u16),
    Advance(u64),
    SaveAndRestore,
    Check,
}

/// Weight and times of a write, in seconds.
#[derive(Clone, Debug)]
struct Given {
    weight: u32,
    since: u64,
    ttl: Option<u64>,
    fresh: Option<u64>,
}

#[derive(Clone, Debug)]
enum Change {
    Set(Given),
    Merge,
    Remove,
    Touch,
    Invalidate,
    Read,
}

fn given() -> impl Strategy<Value = Given> {
    let ttl = prop_oneof![3 => Just(None), 1 => option::of(0..12_u64)];
    let since = prop_oneof![3 => Just(0), 1 => 0..8_u64];
    (1..25_u32, since, ttl, option::weighted(0.2, 0..6_u64)).prop_map(|(weight, since, ttl, fresh)| Given {
        weight,
        since,
        ttl,
        fresh,
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => given().prop_map(Change::Set),
        2 => Just(Change::Merge),
        1 => Just(Change::Remove),
        1 => Just(Change::Touch),
        1 => Just(Change::Invalidate),
        1 => Just(Change::Read),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS;
    prop_oneof![
        8 => (key(), any::<bool>()).prop_map(|(key, is_held)| Step::Get(key, is_held)),
        1 => key().prop_map(Step::Peek),
        1 => key().prop_map(Step::GetFresh),
        8 => (key(), given(), any::<bool>()).prop_map(|(key, given, is_held)| Step::Insert(key, given, is_held)),
        1 => key().prop_map(Step::Load),
        2 => (vec((key(), change()), 0..6), any::<bool>()).prop_map(|(lines, is_held)| Step::Commit(lines, is_held)),
        2 => key().prop_map(Step::Remove),
        2 => key().prop_map(Step::Touch),
        1 => key().prop_map(Step::Invalidate),
        2 => key().prop_map(Step::Pin),
        2 => key().prop_map(Step::Unpin),
        1 => Just(Step::Clear),
        1 => Just(Step::Reap),
        3 => key().prop_map(Step::DropHandles),
        4 => (0..7_u64).prop_map(Step::Advance),
        1 => Just(Step::SaveAndRestore),
        4 => Just(Step::Check),
    ]
}

/// Store and model side by side.
struct Pair {
    store: Store,
    clock: Arc<ManualClock>,
    model: Model,
    handles: BTreeMap<u16, Vec<(u64, Arc<Value>)>>,
    pins: BTreeMap<u16, Vec<Pinned<Key>>>,
    last: u64,
    revision: Option<Revision>,
}

impl Pair {
    fn new(rules: Rules) -> Self {
        let clock = Arc::new(ManualClock::new());
        clock.advance(seconds(1_000));
        let mut options = match rules.bound {
            Bound::None => TableOptions::new(),
            Bound::Lru(limit) => TableOptions::new().lru(limit),
            Bound::Capacity(limit) => TableOptions::new().capacity(limit),
            Bound::Weight(limit) => TableOptions::new().max_weight(limit),
        };
        options = rules.ttl.map_or(options, |time| options.ttl(time));
        options = rules.tti.map_or(options, |time| options.tti(time));
        options = rules.fresh.map_or(options, |time| options.fresh(time));
        Self {
            store: store(&clock, options),
            clock,
            model: Model::new(rules),
            handles: BTreeMap::new(),
            pins: BTreeMap::new(),
            last: 0,
            revision: None,
        }
    }

    fn fresh_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn moment(&self, at: Duration) -> Moment {
        Moment::ORIGIN + at
    }

    /// A write as the store and as the model is told of it.
    fn write_of(&mut self, given: &Given) -> (Value, Times, Write) {
        let number = self.fresh_number();
        let as_of = self.model.now - seconds(given.since);
        let (ttl, fresh) = (given.ttl.map(seconds), given.fresh.map(seconds));
        let mut times = Times::new().as_of(self.moment(as_of));
        times = ttl.map_or(times, |ttl| times.ttl(ttl));
        times = fresh.map_or(times, |fresh| times.fresh(fresh));
        let weight = match self.model.rules.bound {
            Bound::Weight(_) => u64::from(given.weight),
            _ => 1,
        };
        let write = Write { number, weight, as_of, ttl, fresh };
        (Value { number, weight: given.weight }, times, write)
    }

    fn plain() -> Given {
        Given { weight: 3, since: 0, ttl: None, fresh: None }
    }

    /// The revision of the write that has just been made: later than all before.
    #[track_caller]
    fn next_revision(&mut self) -> Revision {
        let revision = self.store.revision().unwrap();
        assert!(self.revision.is_none_or(|last| last < revision), "a write without a revision of its own");
        self.revision = Some(revision);
        revision
    }

    /// Takes a handle into the program's keeping.
    fn hold(&mut self, key: u16, allocation: u64, handle: Arc<Value>) {
        *self.model.held.entry(allocation).or_default() += 1;
        self.handles.entry(key).or_default().push((allocation, handle));
    }

    fn drop_handles(&mut self, key: u16) {
        for (allocation, handle) in self.handles.remove(&key).unwrap_or_default() {
            drop(handle);
            let count = self.model.held.get_mut(&allocation).unwrap();
            *count -= 1;
            if *count == 0 {
                self.model.held.remove(&allocation);
            }
        }
    }

    /// Who is resident.
    fn kept(&self) -> BTreeSet<u16> {
        let is_kept = |residency| residency == cache_core::Residency::Resident;
        let entries = self.store.entries::<Key>();
        entries.iter().filter(|entry| is_kept(entry.residency())).map(|entry| entry.key().0).collect()
    }

    /// Tells the model whom the store has pushed out, if it had to.
    #[track_caller]
    fn settle(&mut self) {
        if self.model.used() > self.model.limit() {
            let had_expired = self.model.sweep();
            let kept = self.kept();
            self.model.settle(&kept, had_expired);
        }
    }

    fn run(&mut self, step: &Step) {
        let before = self.store.revision();
        match step {
            Step::Get(key, is_held) => self.get(*key, *is_held),
            Step::Peek(key) => {
                let found = self.store.peek(&Key(*key)).map(|value| value.number);
                assert_eq!(found, self.model.peek(*key));
            }
            Step::GetFresh(key) => {
                let found = self.store.get_fresh(&Key(*key)).map(|value| value.number);
                let entry = self.model.get(*key);
                let is_fresh = |entry: &crate::naive::Entry| {
                    self.model.freshness(entry) == Freshness::Fresh && !self.model.is_expired(entry)
                };
                assert_eq!(found, entry.filter(is_fresh).map(|entry| entry.number));
            }
            Step::Insert(key, given, is_held) => return self.insert(*key, given, *is_held),
            Step::Load(key) => return self.load(*key),
            Step::Commit(lines, is_held) => return self.commit(lines, *is_held),
            Step::Remove(key) => return self.remove(*key),
            Step::Touch(key) => {
                self.model.begin();
                assert_eq!(self.store.touch(&Key(*key)), self.model.touch(*key));
                self.settle();
                self.reap();
            }
            Step::Invalidate(key) => {
                self.model.begin();
                assert_eq!(self.store.invalidate(&Key(*key)), self.model.invalidate(*key));
                self.settle();
                self.reap();
            }
            Step::Pin(key) => {
                self.pins.entry(*key).or_default().push(self.store.pin(&Key(*key)));
                self.model.begin();
                self.model.pin(*key);
                self.settle();
            }
            Step::Unpin(key) => {
                if let Some(pin) = self.pins.get_mut(key).and_then(Vec::pop) {
                    drop(pin);
                    self.model.begin();
                    self.model.unpin(*key);
                    self.settle();
                }
            }
            Step::Clear => {
                self.store.clear();
                self.model.clear();
                self.next_revision();
                assert!(self.store.is_empty());
                return;
            }
            Step::Reap => self.reap(),
            Step::DropHandles(key) => self.drop_handles(*key),
            Step::Advance(time) => {
                self.clock.advance(seconds(*time));
                self.model.now += seconds(*time);
            }
            Step::SaveAndRestore => return self.save_and_restore(),
            Step::Check => self.check(),
        }
        assert_eq!(self.store.revision(), before, "a revision for no write");
    }

    fn get(&mut self, key: u16, is_held: bool) {
        let found = self.store.get(&Key(key));
        let entry = self.model.get(key);
        assert_eq!(found.as_ref().map(|value| value.number), entry.as_ref().map(|entry| entry.number));
        let (Some(found), Some(entry)) = (found, entry) else { return };
        assert!(Arc::ptr_eq(&found, &self.store.peek(&Key(key)).unwrap()));
        if is_held {
            self.hold(key, entry.allocation, found);
        }
    }

    fn insert(&mut self, key: u16, given: &Given, is_held: bool) {
        let (value, times, write) = self.write_of(given);
        let handle = self.store.insert_timed(Key(key), value, times);
        // The writer's handle is there until the write is over.
        self.hold(key, write.number, Arc::clone(&handle));
        let revision = self.next_revision();
        self.model.begin();
        self.model.write(key, write, write.number, revision);
        self.settle();
        drop(handle);
        if !is_held {
            self.let_last_handle_go(key);
        }
    }

    fn let_last_handle_go(&mut self, key: u16) {
        let (allocation, handle) = self.handles.get_mut(&key).unwrap().pop().unwrap();
        drop(handle);
        let count = self.model.held.get_mut(&allocation).unwrap();
        *count -= 1;
        if *count == 0 {
            self.model.held.remove(&allocation);
        }
    }

    fn load(&mut self, key: u16) {
        let (value, _, write) = self.write_of(&Self::plain());
        let expected = self.model.get(key);
        let mut is_loaded = false;
        let handle = self.store.get_or_insert_with(&Key(key), || {
            is_loaded = true;
            value
        });
        assert_eq!(is_loaded, expected.is_none());
        match expected {
            Some(entry) => assert_eq!(handle.number, entry.number),
            None => {
                self.hold(key, write.number, handle);
                let revision = self.next_revision();
                self.model.begin();
                self.model.write(key, write, write.number, revision);
                self.settle();
                self.let_last_handle_go(key);
            }
        }
    }

    fn commit(&mut self, lines: &[(u16, Change)], is_held: bool) {
        let store = self.store.clone();
        let mut tx = store.begin();
        let mut writes = Vec::new();
        // Whether the shard is written to even if no line changes anything.
        let mut is_written = false;
        let mut known = BTreeSet::new();
        for (key, change) in lines {
            // What several changes of one key add up to is tested elsewhere.
            if !known.insert(*key) {
                continue;
            }
            match change {
                Change::Set(given) => {
                    let (value, times, write) = self.write_of(given);
                    let handle = tx.set_timed(Key(*key), value, times);
                    self.hold(*key, write.number, handle);
                    writes.push((*key, change, Some(write)));
                }
                Change::Merge => {
                    let (value, _, write) = self.write_of(&Self::plain());
                    let old = self.model.get(*key).map(|entry| entry.number);
                    tx.merge_with(Key(*key), move |found: Option<&Value>| {
                        assert_eq!(found.map(|value| value.number), old);
                        value.clone()
                    });
                    writes.push((*key, change, Some(write)));
                }
                Change::Remove => {
                    assert_eq!(tx.remove(&Key(*key)), self.model.peek(*key).is_some());
                    assert_eq!(tx.get(&Key(*key)), None);
                    writes.push((*key, change, None));
                }
                Change::Touch | Change::Invalidate => {
                    let is_there = match change {
                        Change::Touch => tx.touch(&Key(*key)),
                        _ => tx.invalidate(&Key(*key)),
                    };
                    assert_eq!(is_there, self.model.peek(*key).is_some());
                    if is_there {
                        writes.push((*key, change, None));
                    }
                    // A mark on a key that is not there overtakes what is being loaded for it.
                    is_written |= is_there || matches!(change, Change::Invalidate);
                }
                Change::Read => {
                    let found = tx.get(&Key(*key)).map(|value| value.number);
                    assert_eq!(found, self.model.get(*key).map(|entry| entry.number));
                }
            }
        }
        let receipt = match tx.commit() {
            Ok(receipt) => receipt,
            // An absence that was read is also doubted if another key went meanwhile: one that a later line found
            // expired.
            Err(CommitError::Conflict { .. })
                if lines.iter().any(|(_, change)| matches!(change, Change::Read)) =>
            {
                let is_set = |change: &Change| matches!(change, Change::Set(_));
                let sets: Vec<_> = writes.iter().filter(|line| is_set(line.1)).map(|line| line.0).collect();
                sets.into_iter().for_each(|key| self.let_last_handle_go(key));
                return;
            }
            Err(error) => panic!("{error}"),
        };
        if writes.is_empty() {
            assert_eq!(receipt.revision(), None);
            if is_written {
                self.model.begin();
                self.settle();
            }
            return;
        }
        let has_revision = |change: &Change| !matches!(change, Change::Touch | Change::Invalidate);
        let revision = match writes.iter().any(|(_, change, _)| has_revision(change)) {
            true => Some(self.next_revision()),
            false => None,
        };
        assert_eq!(receipt.revision(), revision);
        self.model.begin();
        for (key, change, write) in &writes {
            match (change, write) {
                (Change::Remove, _) => drop(self.model.remove(*key)),
                (Change::Touch, _) => drop(self.model.touch(*key)),
                (Change::Invalidate, _) => drop(self.model.invalidate(*key)),
                (_, Some(write)) => {
                    if matches!(change, Change::Merge) {
                        let handle = Arc::clone(receipt.get(&Key(*key)).unwrap());
                        self.hold(*key, write.number, handle);
                    }
                    self.model.write(*key, *write, write.number, revision.unwrap());
                }
                _ => {}
            }
        }
        self.settle();
        drop(receipt);
        for (key, _, write) in &writes {
            if !is_held && write.is_some() {
                self.let_last_handle_go(*key);
            }
        }
    }

    fn remove(&mut self, key: u16) {
        let was_readable = self.model.peek(key).is_some();
        assert_eq!(self.store.remove(&Key(key)), was_readable);
        // The key of a dead value may or may not have been there: then this was a write or none.
        match was_readable {
            true => drop(self.next_revision()),
            false => self.revision = self.store.revision(),
        }
        self.model.begin();
        self.model.remove(key);
        if self.model.rules.bound != Bound::None {
            assert!(self.store.inspect().tables[0].weight <= self.model.limit(), "a removal let in too much");
        }
        self.store.reap();
        self.settle();
    }

    fn reap(&mut self) {
        self.store.reap();
        self.model.begin();
        self.model.sweep();
        self.settle();
        let report = self.store.inspect().tables.remove(0);
        assert_eq!(report.dead, 0);
        assert_eq!(self.store.reap(), 0);
    }

    /// Puts everything back in place: what is resident gets a new allocation, and nothing else changes.
    fn save_and_restore(&mut self) {
        if !self.pins.values().all(Vec::is_empty) {
            return;
        }
        let mut bytes = Vec::new();
        self.store.save_to(&mut bytes).unwrap();
        self.model.sweep();
        let order = self.model.order.clone();
        let report = self.store.restore_from(&bytes[..]).unwrap();
        assert_eq!(report.restored(), order.len() as u64);
        if order.is_empty() {
            assert_eq!(self.store.revision(), self.revision);
            return;
        }
        let revision = self.next_revision();
        self.model.begin();
        for key in order {
            let allocation = self.fresh_number();
            self.model.use_now(key);
            let entry = self.model.entries.get_mut(&key).unwrap();
            entry.allocation = allocation;
            entry.revision = revision;
        }
        self.settle();
        self.check();
    }

    /// Compares the whole state.
    #[track_caller]
    fn check(&mut self) {
        self.model.sweep();
        let readable: BTreeMap<u16, _> = (0..KEYS)
            .filter_map(|key| {
                let entry = self.model.meet(key)?.clone();
                Some((key, entry))
            })
            .collect();
        let mut listed = self.store.entries::<Key>();
        listed.sort_by_key(|entry| entry.key().0);
        let keys: Vec<_> = listed.iter().map(|entry| entry.key().0).collect();
        assert_eq!(keys, readable.keys().copied().collect::<Vec<_>>(), "listed, and readable");
        for (entry, (key, expected)) in listed.iter().zip(&readable) {
            assert_eq!(entry.value().number, expected.number);
            assert!(Arc::ptr_eq(entry.value(), &self.store.peek(&Key(*key)).unwrap()));
            assert_eq!(entry.residency(), self.model.residency(expected), "{key}");
            assert_eq!(entry.revision(), expected.revision, "{key}");
            assert_eq!(entry.freshness(), self.model.freshness(expected), "{key}");
            assert_eq!(entry.is_expired(), self.model.is_expired(expected), "{key}");
            assert_eq!(u64::from(entry.state().weight), expected.weight);
            assert_eq!(entry.age(), self.model.now - expected.as_of);
            let remaining = self.model.deadline(expected).map(|at| at.saturating_sub(self.model.now));
            assert_eq!(entry.remaining(), remaining, "{key}");
        }
        for key in (0..KEYS).filter(|key| !readable.contains_key(key)) {
            assert_eq!(self.store.peek(&Key(key)), None);
        }
        assert_eq!(self.store.len(), readable.len());
        assert_eq!(self.store.count::<Key>(), readable.len());
        let report = self.store.inspect().tables.remove(0);
        assert_eq!(report.live(), readable.len());
        assert_eq!(report.pins, self.model.pins.len());
        if self.model.rules.bound != Bound::None {
            assert_eq!(report.weight, self.model.used());
        }
    }

    /// With nothing held, a few writes leave no dead key; and the table still keeps just what it may.
    fn finish(&mut self) {
        self.check();
        (0..KEYS).for_each(|key| self.drop_handles(key));
        self.pins.clear();
        let report = self.store.inspect().tables.remove(0);
        let (Bound::Lru(limit) | Bound::Capacity(limit) | Bound::Weight(limit)) = self.model.rules.bound
        else {
            return;
        };
        // One shard: each write visits eight of those that may be dead.
        for _ in 0..(report.dead + report.survivors).div_ceil(8) {
            self.store.insert(Key(KEYS), Value { number: 0, weight: 1 });
        }
        assert_eq!(self.store.inspect().tables[0].dead, 0);
        // Light entries fill the table to the last. A heavy entry that one of the first ones pushes out leaves room,
        // which the others fill.
        let light = |key| drop(self.store.insert(Key(100 + key), Value { number: 0, weight: 1 }));
        let first = u16::try_from(limit).unwrap();
        (0..=first).for_each(light);
        let room = u16::try_from(limit - self.store.inspect().tables[0].weight).unwrap();
        (first + 1..=first + room).for_each(light);
        assert_eq!(self.store.inspect().tables[0].weight, limit, "the sum of weights has drifted");
    }
}

fn agrees(rules: Rules) {
    proptest!(config(), |(steps in vec(step(), 1..100))| {
        let mut pair = Pair::new(rules);
        for step in &steps {
            pair.run(step);
        }
        pair.finish();
    });
}

#[test]
fn a_table_that_keeps_nothing() {
    agrees(Rules { fresh: Some(seconds(4)), ..Rules::default() });
}

#[test]
fn a_table_with_an_exact_order() {
    agrees(Rules { bound: Bound::Lru(4), ..Rules::default() });
}

#[test]
fn a_table_with_an_exact_order_and_times() {
    agrees(Rules { bound: Bound::Lru(4), ttl: Some(seconds(9)), tti: Some(seconds(5)), fresh: None });
}

#[test]
fn a_table_with_a_capacity() {
    agrees(Rules { bound: Bound::Capacity(8), ..Rules::default() });
}

#[test]
fn a_table_with_a_capacity_and_a_time_to_live() {
    agrees(Rules { bound: Bound::Capacity(4), ttl: Some(seconds(6)), ..Rules::default() });
}

#[test]
fn a_table_with_a_weight() {
    agrees(Rules { bound: Bound::Weight(20), ..Rules::default() });
}

#[test]
fn a_table_with_a_weight_and_a_time_to_idle() {
    agrees(Rules { bound: Bound::Weight(40), tti: Some(seconds(6)), ..Rules::default() });
}

#[test]
fn a_table_with_a_time_to_live() {
    agrees(Rules { ttl: Some(seconds(6)), fresh: Some(seconds(3)), ..Rules::default() });
}

#[test]
fn a_table_with_a_time_to_idle() {
    agrees(Rules { tti: Some(seconds(5)), ..Rules::default() });
}
