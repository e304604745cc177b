//! Handovers between real threads, which interleave in ways that no test scheduler produces.
//!
//! Each runs for `CACHE_STRESS_MILLIS` (default 400) and then checks the whole state. A long run takes
//! 60,000.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cache_core::{Cache, Change, CommitError, ManualClock, Query, Removal, Shape, TableReport, registry};
use serde::{Deserialize, Serialize};

#[derive(Query, Shape, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, persist)]
pub struct Weak(pub u64);

#[derive(Query, Shape, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, capacity = 600, persist)]
pub struct Few(pub u64);

#[derive(Query, Shape, Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, lru = 600, ttl = "10s", persist)]
pub struct Recent(pub u64);

/// Each value weighs itself.
#[derive(Query, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, max_weight = 1_024, tti = "10s", weigh = itself)]
pub struct Heavy(pub u64);

fn itself(_: &Heavy, value: &u64) -> u32 {
    u32::try_from(*value).unwrap()
}

registry! {
    pub struct Registry {
        crate::Weak,
        crate::Few,
        crate::Recent,
        crate::Heavy,
    }
}

type Store = Cache<Registry>;

/// Random numbers of one thread (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn time() -> Duration {
    let millis = std::env::var("CACHE_STRESS_MILLIS").map_or(400, |millis| millis.parse().unwrap());
    Duration::from_millis(millis)
}

/// Runs `work` repeatedly on each of `threads` threads until the time is over.
#[track_caller]
fn run_on_threads(threads: u64, work: impl Fn(u64, &mut Random) + Sync) {
    let end = Instant::now() + time();
    thread::scope(|scope| {
        for thread in 0..threads {
            let work = &work;
            scope.spawn(move || {
                let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ (thread + 1));
                // At least once, since a busy machine may start a thread only when the time is over.
                loop {
                    (0..50).for_each(|_| work(thread, &mut random));
                    if Instant::now() >= end {
                        break;
                    }
                }
            });
        }
    });
}

fn report(store: &Store, table: &str) -> TableReport {
    store.inspect().tables.into_iter().find(|report| report.name == table).unwrap()
}

/// Checks that with nothing held there are no dead keys, each table is within its bound, and the sums of
/// weights have not drifted, since light entries fill each table completely.
#[track_caller]
fn assert_sound(store: &Store) {
    store.reap();
    for report in store.inspect().tables {
        assert_eq!((report.dead, report.survivors, report.pins), (0, 0, 0), "{}", report.name);
    }
    assert_eq!(store.reap(), 0);
    assert!(report(store, "few").residents <= 600);
    assert!(report(store, "recent").residents <= 600);
    assert!(report(store, "heavy").weight <= 1_024);
    for id in 0..1_300 {
        store.insert(Few(1_000_000 + id), 1);
        store.insert(Recent(1_000_000 + id), 1);
        store.insert(Heavy(1_000_000 + id), 1);
    }
    assert_eq!(report(store, "few").residents, 600);
    assert_eq!(report(store, "recent").residents, 600);
    assert_eq!(report(store, "heavy").weight, 1_024);
    let listed = store.keys::<Recent>().len() + store.keys::<Few>().len() + store.keys::<Heavy>().len();
    assert_eq!(listed, store.len());
}

#[test]
fn everything_at_once_leaves_a_sound_store() {
    let clock = Arc::new(ManualClock::new());
    let changes = Arc::new(AtomicU64::new(0));
    let (heard, removals) = (Arc::clone(&changes), Arc::new(AtomicU64::new(0)));
    let left = Arc::clone(&removals);
    let last = Mutex::new(None);
    let store: Store = Cache::builder()
        .clock(Arc::clone(&clock))
        .after_commit(move |change: &Change| {
            heard.fetch_add(1, Ordering::Relaxed);
            if let Some(revision) = change.revision() {
                let mut last = last.lock().unwrap();
                assert!(last.is_none_or(|last| last <= revision), "events arrived out of order");
                *last = Some(revision);
            }
        })
        .on_removal(move |_: &Removal| {
            left.fetch_add(1, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    let held: Vec<Mutex<Vec<Arc<u64>>>> = (0..4).map(|_| Mutex::default()).collect();
    run_on_threads(4, |thread, random| {
        let id = random.below(1_500);
        let mut held = held[usize::try_from(thread).unwrap()].lock().unwrap();
        match random.below(40) {
            0..5 => held.push(store.insert(Few(id), id)),
            5..10 => held.push(store.insert(Recent(id), id)),
            10..13 => held.push(store.insert(Heavy(id), 1 + id % 1_100)),
            13..15 => held.push(store.insert(Weak(id), id)),
            15..20 => held.extend(store.get(&Few(id)).inspect(|value| assert_eq!(**value, id))),
            20..25 => held.extend(store.get(&Recent(id)).inspect(|value| assert_eq!(**value, id))),
            25 => held.extend(store.get(&Heavy(id))),
            26 => drop((store.remove(&Few(id)), store.remove(&Recent(id)), store.remove(&Weak(id)))),
            27 => drop((store.touch(&Recent(id)), store.invalidate(&Few(id)), store.touch(&Heavy(id)))),
            28..31 => {
                let mut tx = store.begin();
                for step in 0..6 {
                    tx.set(Few(id + step), id + step);
                    tx.set(Recent(id + step), id + step);
                }
                tx.remove(&Heavy(id));
                held.extend(tx.commit().unwrap().get(&Few(id)).cloned());
            }
            31 => {
                let pin = store.pin(&Recent(id));
                store.insert(Recent(id + 1), id + 1);
                let another = pin.clone();
                drop(pin);
                assert!(another.get().is_none_or(|value| *value == id));
            }
            32 => clock.advance(Duration::from_millis(20)),
            33 => assert_eq!(*store.get_or_insert_with(&Few(id), || id), id),
            34 if random.below(40) == 0 => store.clear(),
            35 if random.below(20) == 0 => drop(store.reap()),
            36 if random.below(100) == 0 => drop(store.save_to(std::io::sink()).unwrap()),
            37 if random.below(20) == 0 => drop(store.entries::<Few>()),
            _ if held.len() > 400 => held.clear(),
            _ => {}
        }
    });
    held.iter().for_each(|held| held.lock().unwrap().clear());
    assert!(changes.load(Ordering::Relaxed) > 0 && removals.load(Ordering::Relaxed) > 0);
    assert_eq!(store.inspect().listener_panics, 0);
    let counted: u64 = store
        .inspect()
        .tables
        .iter()
        .map(|table| table.removals)
        .map(|it| it.evicted + it.expired + it.removed + it.replaced + it.cleared)
        .sum();
    assert_eq!(counted, removals.load(Ordering::Relaxed), "each removal is counted and delivered");
    assert_sound(&store);
}

#[test]
fn a_read_finds_the_whole_value_or_none_while_last_handles_are_dropped() {
    let store = Store::new();
    run_on_threads(4, |thread, random| {
        let id = random.below(8);
        match thread {
            0 => drop(store.insert(Weak(id), id)),
            1 => drop(store.reap()),
            _ => assert!(store.get(&Weak(id)).is_none_or(|value| *value == id)),
        }
    });
    assert_sound(&store);
}

#[test]
fn a_key_that_is_held_is_never_reaped() {
    let store = Store::new();
    run_on_threads(4, |thread, random| {
        if thread == 0 {
            store.reap();
            return;
        }
        let key = Weak(thread);
        let number = random.below(1_000);
        let held = store.insert(key, number);
        assert!(Arc::ptr_eq(&held, &store.get(&key).unwrap()));
    });
    assert_sound(&store);
}

#[test]
fn merges_add_up() {
    let store = Store::new();
    let pin = (store.pin(&Few(1)), store.pin(&Recent(1)));
    let commits = AtomicU64::new(0);
    run_on_threads(4, |_, random| {
        let mut tx = store.begin();
        tx.merge_with(Few(1), |old: Option<&u64>| old.copied().unwrap_or(0) + 1);
        tx.merge_with(Recent(1), |old: Option<&u64>| old.copied().unwrap_or(0) + 1);
        tx.set(Few(2 + random.below(2_000)), 0);
        tx.commit().unwrap();
        commits.fetch_add(1, Ordering::Relaxed);
    });
    let commits = commits.into_inner();
    assert_eq!(*store.get(&Few(1)).unwrap(), commits);
    assert_eq!(*store.get(&Recent(1)).unwrap(), commits);
    assert_eq!(store.revision().unwrap().get(), commits);
    drop(pin);
    assert_sound(&store);
}

#[test]
fn readers_see_commits_whole() {
    let store = Store::new();
    let next = AtomicU64::new(0);
    run_on_threads(4, |thread, random| match thread {
        0 | 1 => {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let mut tx = store.begin();
            if random.below(10) == 0 {
                tx.remove(&Few(1));
                tx.remove(&Recent(1));
            } else {
                tx.set(Few(1), number);
                tx.set(Recent(1), number);
            }
            tx.commit().unwrap();
        }
        2 => {
            let (few, recent) = store.get_all((&Few(1), &Recent(1)));
            assert_eq!(few, recent);
            let read = store.transact(|tx| Ok::<_, CommitError>((tx.get(&Few(1)), tx.get(&Recent(1)))));
            if let Ok((few, recent)) = read {
                assert_eq!(few, recent);
            }
        }
        _ => {
            let mut bytes = Vec::new();
            store.save_to(&mut bytes).unwrap();
            let saved = Store::new();
            saved.restore_from(&bytes[..]).unwrap();
            assert_eq!(saved.get(&Few(1)), saved.get(&Recent(1)));
        }
    });
    assert_sound(&store);
}

#[test]
fn a_pinned_value_is_never_lost() {
    let store = Store::new();
    run_on_threads(4, |thread, random| {
        if thread == 0 {
            let pin = store.pin(&Few(1));
            if pin.get().is_none() {
                store.insert(Few(1), 1);
            }
            (0..20).for_each(|_| assert!(pin.get().is_some()));
        } else {
            store.insert(Few(10 + random.below(3_000)), 0);
        }
    });
    assert_sound(&store);
}

#[test]
fn a_loader_never_brings_back_what_was_written_over() {
    let store = Store::new();
    let source = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    run_on_threads(4, |thread, _| {
        if thread == 0 {
            // First the source, then the cache: callers from now on get this number or a later one.
            let number = source.fetch_add(1, Ordering::SeqCst) + 1;
            store.remove(&Few(1));
            let answer = store.get_or_insert_with(&Few(1), || source.load(Ordering::SeqCst));
            assert!(*answer >= number, "the answer is {answer}, after {number} was written");
            is_over.store(true, Ordering::Relaxed);
        } else {
            store.get_or_insert_with(&Few(1), || source.load(Ordering::SeqCst));
        }
    });
    assert!(is_over.into_inner());
    assert_sound(&store);
}
