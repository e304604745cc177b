//! Conflicts: which occur, which do not, and that commits are serialisable.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cache_core::client_support::TRANSACT_ATTEMPTS;
use cache_core::{Cache, CommitError, EntryTimes};

use crate::shop::*;

/// Returns a transaction that read `GetBalance(1)` and writes `GetTotal(1)` from it.
fn reader(cache: &Cache<Shop>) -> cache_core::Transaction<Shop> {
    let mut tx = cache.begin();
    let read = tx.get(&GetBalance(1)).map_or(-1, |value| *value);
    tx.set(GetTotal(1), read);
    tx
}

#[track_caller]
fn conflicts(what: &str, cache: &Cache<Shop>, tx: cache_core::Transaction<Shop>) {
    let revision = cache.revision();
    let result = tx.commit();
    assert!(
        matches!(&result, Err(CommitError::Conflict { table: "get_balance", key }) if key == "GetBalance(1)"),
        "{what}: {result:?}"
    );
    assert!(cache.get(&GetTotal(1)).is_none(), "{what}: applied");
    assert_eq!(cache.revision(), revision, "{what}: used a revision");
}

#[test]
fn a_commit_that_wrote_a_key_that_was_read_is_a_conflict_that_names_it() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let tx = reader(&cache);
    let mut other = cache.begin();
    other.set(GetBalance(1), 2);
    other.commit().unwrap();
    let error = tx.commit().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("get_balance") && text.contains("GetBalance(1)"), "{text}");
    assert!(cache.get(&GetTotal(1)).is_none());
}

#[test]
fn every_kind_of_write_to_a_key_that_was_read_is_a_conflict() {
    let mut saved = Vec::new();
    let donor = shop();
    donor.insert(GetBalance(1), 1);
    donor.save_to(&mut saved).unwrap();
    let restored = |cache: &Cache<Shop>| drop(cache.restore_from(&saved[..]).unwrap());
    let merged = |cache: &Cache<Shop>| {
        let mut tx = cache.begin();
        tx.merge_with(GetBalance(1), |old: Option<&i64>| old.copied().unwrap_or(0));
        tx.commit().unwrap();
    };
    let removed = |cache: &Cache<Shop>| {
        let mut tx = cache.begin();
        tx.remove(&GetBalance(1));
        tx.commit().unwrap();
    };
    let writes: [(&str, &dyn Fn(&Cache<Shop>)); 8] = [
        ("an equal value", &|cache| drop(cache.insert(GetBalance(1), 1))),
        ("a merge", &merged),
        ("a removal", &removed),
        ("a plain removal", &|cache| assert!(cache.remove(&GetBalance(1)))),
        ("a removal and a write", &|cache| {
            cache.remove(&GetBalance(1));
            cache.insert(GetBalance(1), 1);
        }),
        ("a clear", &|cache| cache.clear()),
        ("a restore", &restored),
        ("a clear and a restore", &|cache| {
            cache.clear();
            restored(cache);
        }),
    ];
    for (what, write) in writes {
        let cache = shop();
        cache.insert(GetBalance(1), 1);
        let tx = reader(&cache);
        write(&cache);
        conflicts(what, &cache, tx);
    }
}

#[test]
fn every_way_in_which_an_absent_key_was_written_is_a_conflict() {
    let writes: [(&str, fn(&Cache<Shop>)); 4] = [
        ("inserted", |cache| drop(cache.insert(GetBalance(1), 1))),
        ("inserted and removed", |cache| {
            cache.insert(GetBalance(1), 1);
            cache.remove(&GetBalance(1));
        }),
        ("inserted and removed by transactions", |cache| {
            for value in [Some(1), None] {
                let mut tx = cache.begin();
                match value {
                    Some(value) => drop(tx.set(GetBalance(1), value)),
                    None => assert!(tx.remove(&GetBalance(1))),
                }
                tx.commit().unwrap();
            }
        }),
        ("inserted and cleared", |cache| {
            cache.insert(GetBalance(1), 1);
            cache.clear();
        }),
    ];
    for is_table_made in [false, true] {
        for (what, write) in writes {
            let cache = shop();
            if is_table_made {
                cache.insert(GetBalance(9), 9);
            }
            let tx = reader(&cache);
            write(&cache);
            conflicts(what, &cache, tx);
        }
    }
}

/// Reads `GetNote(1)`, runs `between`, and commits a write made from it.
fn around_a_note(cache: &Cache<Shop>, between: impl FnOnce()) -> Result<(), CommitError> {
    let mut tx = cache.begin();
    tx.get(&GetNote(1));
    tx.set(GetTotal(1), 1);
    between();
    tx.commit().map(drop)
}

#[test]
fn a_write_whose_value_died_and_was_reaped_is_still_a_conflict() {
    for is_present in [false, true] {
        for is_reaped in [false, true] {
            let cache = shop();
            let held = is_present.then(|| cache.insert(GetNote(1), "old"));
            let result = around_a_note(&cache, || {
                drop(cache.insert(GetNote(1), "new"));
                assert!(!is_reaped || cache.reap() > 0);
            });
            assert_eq!(conflict(result), ("get_note", "GetNote(1)".to_owned()), "{is_present} {is_reaped}");
            drop(held);
        }
    }
}

#[test]
fn a_write_whose_value_was_evicted_is_still_a_conflict() {
    let cache = shop();
    let mut tx = cache.begin();
    assert!(tx.get(&GetRecent(1)).is_none());
    tx.set(GetTotal(1), 1);
    (1..=3).for_each(|id| drop(cache.insert(GetRecent(id), "text")));
    assert!(cache.peek(&GetRecent(1)).is_none());
    assert_eq!(conflict(tx.commit()).0, "get_recent");
}

#[test]
fn death_of_a_value_that_was_read_is_not_a_conflict() {
    let cache = shop();
    let held = cache.insert(GetNote(1), "old");
    around_a_note(&cache, || drop(held)).unwrap();
    let held = cache.insert(GetNote(1), "old");
    around_a_note(&cache, || {
        drop(held);
        assert_eq!(cache.reap(), 1);
    })
    .unwrap();
}

#[test]
fn eviction_of_a_value_that_was_read_is_not_a_conflict() {
    let cache = shop();
    let held = cache.insert(GetRecent(1), "held");
    let mut tx = cache.begin();
    tx.get(&GetRecent(1));
    tx.set(GetTotal(1), 1);
    cache.insert(GetRecent(2), "text");
    cache.insert(GetRecent(3), "text");
    tx.commit().unwrap();
    drop(held);
}

#[test]
fn expiry_of_a_value_that_was_read_is_not_a_conflict() {
    let (cache, clock) = timed(|builder| builder);
    cache.insert(GetQuote(1), "text");
    let mut tx = cache.begin();
    assert!(tx.get(&GetQuote(1)).is_some());
    tx.set(GetTotal(1), 1);
    clock.advance(20 * SECOND);
    assert!(cache.get(&GetQuote(1)).is_none());
    tx.commit().unwrap();
}

#[test]
fn touch_and_invalidate_of_a_key_that_was_read_are_not_a_conflict() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let tx = reader(&cache);
    cache.touch(&GetBalance(1));
    cache.invalidate(&GetBalance(1));
    let mut other = cache.begin();
    other.touch(&GetBalance(1));
    other.commit().unwrap();
    tx.commit().unwrap();
}

#[test]
fn writes_of_other_keys_are_not_a_conflict() {
    let cache = shop();
    (0..500).for_each(|id| drop(cache.insert(GetBalance(id), 1)));
    let tx = reader(&cache);
    (2..500).for_each(|id| drop(cache.insert(GetBalance(id), 2)));
    cache.insert(GetTotal(1), 3);
    tx.commit().unwrap();
    assert_eq!(*cache.get(&GetTotal(1)).unwrap(), 1, "its own write was blind");
}

#[test]
fn blind_writes_never_conflict_and_the_last_commit_wins() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let (mut first, mut second, mut third) = (cache.begin(), cache.begin(), cache.begin());
    first.set(GetBalance(1), 10);
    second.set(GetBalance(1), 20);
    third.remove(&GetBalance(1));
    second.commit().unwrap();
    first.commit().unwrap();
    assert_eq!(balance(&cache, 1), 10);
    cache.clear();
    third.commit().unwrap();
    assert!(cache.get(&GetBalance(1)).is_none());
}

#[test]
fn peeking_at_the_committed_value_is_not_a_read_of_the_transaction() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut tx = cache.begin();
    assert_eq!(tx.committed(&GetBalance(1)).as_deref(), Some(&1));
    tx.set(GetTotal(1), 1);
    cache.insert(GetBalance(1), 2);
    assert_eq!(tx.committed(&GetBalance(1)).as_deref(), Some(&2));
    tx.commit().unwrap();
}

#[test]
fn of_two_reads_the_first_one_counts() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut tx = reader(&cache);
    cache.insert(GetBalance(1), 2);
    assert_eq!(tx.get(&GetBalance(1)).as_deref(), Some(&2));
    conflicts("two reads", &cache, tx);
}

#[test]
fn a_key_that_is_read_and_then_written_conflicts_as_well() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut tx = cache.begin();
    let old = *tx.get(&GetBalance(1)).unwrap();
    tx.set_timed(GetBalance(1), old + 1, EntryTimes::new().ttl(SECOND));
    cache.insert(GetBalance(1), 5);
    conflict(tx.commit());
    let mut tx = cache.begin();
    assert!(tx.get(&GetBalance(1)).is_some() && tx.remove(&GetBalance(1)));
    cache.insert(GetBalance(1), 6);
    conflict(tx.commit());
    assert_eq!(balance(&cache, 1), 6);
}

#[test]
fn reads_of_one_moment_commit_and_torn_ones_do_not() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut tx = cache.begin();
    tx.get(&GetBalance(1));
    cache.insert(GetTotal(1), 1);
    tx.get(&GetTotal(1));
    let receipt = tx.commit().unwrap();
    assert_eq!(receipt.revision(), None);

    let mut tx = cache.begin();
    tx.get(&GetBalance(1));
    let mut other = cache.begin();
    other.set(GetBalance(1), 2);
    other.set(GetTotal(1), 2);
    other.commit().unwrap();
    tx.get(&GetTotal(1));
    conflict(tx.commit());
}

#[test]
fn transact_runs_again_and_sees_what_got_in_between() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut runs = 0;
    let seen = cache
        .transact(|tx| {
            runs += 1;
            let seen = *tx.get(&GetBalance(1)).unwrap();
            if runs == 1 {
                cache.insert(GetBalance(1), 2);
            }
            tx.set(GetTotal(1), seen);
            Ok::<_, CommitError>(seen)
        })
        .unwrap();
    assert_eq!((runs, seen, *cache.get(&GetTotal(1)).unwrap()), (2, 2, 2));
}

#[test]
fn transact_gives_up_after_its_attempts_and_hands_the_conflict_on() {
    let cache = shop();
    let mut runs = 0;
    let result: Result<(), CommitError> = cache.transact(|tx| {
        runs += 1;
        tx.get(&GetBalance(1));
        tx.set(GetTotal(1), 1);
        cache.insert(GetBalance(1), 0);
        Ok(())
    });
    assert_eq!(conflict(result).0, "get_balance");
    assert_eq!(runs, TRANSACT_ATTEMPTS);
    assert!(cache.get(&GetTotal(1)).is_none());
}

#[test]
fn an_error_of_the_work_reaches_the_caller_and_commits_nothing() {
    #[derive(Debug)]
    enum Failed {
        Overdrawn,
        Commit(CommitError),
    }
    impl From<CommitError> for Failed {
        fn from(error: CommitError) -> Self {
            Self::Commit(error)
        }
    }
    let cache = shop();
    let mut runs = 0;
    let result: Result<(), Failed> = cache.transact(|tx| {
        runs += 1;
        tx.set(GetBalance(1), -5);
        Err(Failed::Overdrawn)
    });
    assert!(matches!(result, Err(Failed::Overdrawn)), "{result:?}");
    assert_eq!(runs, 1);
    assert!(cache.is_empty());
    let result: Result<(), Failed> = cache.transact(|tx| {
        tx.get(&GetBalance(1));
        cache.insert(GetBalance(1), 0);
        Ok(())
    });
    assert!(matches!(result, Err(Failed::Commit(CommitError::Conflict { .. }))), "{result:?}");
}

// Many threads

/// Pseudorandom numbers from a seed, one generator per thread.
struct Random(u64);

impl Random {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn key(&mut self, sides: u64) -> u32 {
        self.roll(sides) as u32
    }
}

#[test]
fn transfers_between_accounts_keep_the_sum() {
    const ACCOUNTS: u32 = 6;
    let cache = shop();
    (0..ACCOUNTS).for_each(|id| drop(cache.insert(GetBalance(id), 100)));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let transfers: Vec<_> = (0..3)
            .map(|seed| {
                let cache = &cache;
                scope.spawn(move || {
                    let mut random = Random(seed);
                    for _ in 0..400 {
                        let (from, to) = (random.key(6), random.key(6));
                        let amount = random.roll(50) as i64;
                        let _ = cache.transact(|tx| {
                            let have = *tx.get(&GetBalance(from)).unwrap();
                            if have >= amount {
                                tx.set(GetBalance(from), have - amount);
                                let other = *tx.get(&GetBalance(to)).unwrap();
                                tx.set(GetBalance(to), other + amount);
                            }
                            Ok::<_, CommitError>(())
                        });
                    }
                })
            })
            .collect();
        let audits = scope.spawn(|| {
            let mut audits = 0;
            while !is_done.load(Ordering::Relaxed) || audits == 0 {
                let sum: Result<i64, CommitError> =
                    cache.transact(|tx| Ok((0..ACCOUNTS).map(|id| *tx.get(&GetBalance(id)).unwrap()).sum()));
                if let Ok(sum) = sum {
                    assert_eq!(sum, 600);
                    audits += 1;
                }
            }
        });
        transfers.into_iter().for_each(|transfer| transfer.join().unwrap());
        is_done.store(true, Ordering::Relaxed);
        audits.join().unwrap();
    });
    let balances: Vec<_> = (0..ACCOUNTS).map(|id| balance(&cache, id)).collect();
    assert_eq!(balances.iter().sum::<i64>(), 600);
    assert!(balances.iter().all(|balance| *balance >= 0), "{balances:?}");
}

/// Two doctors are on call; each may leave if the other stays. Each transaction reads both and writes one.
#[test]
fn write_skew_does_not_happen() {
    let cache = shop();
    for _ in 0..300 {
        cache.insert(GetBalance(0), 1);
        cache.insert(GetTotal(0), 1);
        let start = std::sync::Barrier::new(2);
        let left = AtomicUsize::new(0);
        thread::scope(|scope| {
            for doctor in 0..2 {
                let (cache, start, left) = (&cache, &start, &left);
                scope.spawn(move || {
                    start.wait();
                    let has_left = cache.transact(|tx| {
                        let on_call = *tx.get(&GetBalance(0)).unwrap() + *tx.get(&GetTotal(0)).unwrap();
                        if on_call == 2 {
                            match doctor {
                                0 => tx.set(GetBalance(0), 0),
                                _ => tx.set(GetTotal(0), 0),
                            };
                        }
                        Ok::<_, CommitError>(on_call == 2)
                    });
                    left.fetch_add(usize::from(has_left.unwrap()), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(left.load(Ordering::Relaxed), 1);
        assert_eq!(balance(&cache, 0) + *cache.get(&GetTotal(0)).unwrap(), 1);
    }
}

#[test]
fn write_skew_is_a_conflict_also_on_keys_that_are_absent() {
    let cache = shop();
    let (mut first, mut second) = (cache.begin(), cache.begin());
    assert!(first.get(&GetBalance(1)).is_none() && second.get(&GetBalance(2)).is_none());
    first.set(GetBalance(2), 1);
    second.set(GetBalance(1), 1);
    first.commit().unwrap();
    assert_eq!(conflict(second.commit()).1, "GetBalance(2)");
}

const BALANCES: u32 = 4;
const KEYS: usize = 7;

/// State of the keys: four balances and three totals.
type State = [Option<i64>; KEYS];

#[derive(Debug)]
struct Done {
    reads: Vec<(usize, Option<i64>)>,
    writes: BTreeMap<usize, Write>,
}

#[derive(Clone, Copy, Debug)]
enum Write {
    Set(i64),
    Add(i64),
    Remove,
}

/// Runs random transactions. Those that committed are replayed serially, in the order of their revisions, and
/// must have read the same.
#[test]
fn random_transactions_could_have_run_one_after_the_other() {
    let cache = shop();
    let done: Mutex<BTreeMap<u64, Done>> = Mutex::default();
    let only_read: Mutex<Vec<(u64, Done)>> = Mutex::default();
    thread::scope(|scope| {
        for seed in 0..3 {
            let (cache, done, only_read) = (&cache, &done, &only_read);
            scope.spawn(move || {
                let mut random = Random(seed * 77 + 1);
                for round in 0..700 {
                    let before = cache.revision().map_or(0, |revision| revision.get());
                    let mut tx = cache.begin();
                    let mut this = Done { reads: Vec::new(), writes: BTreeMap::new() };
                    for _ in 0..1 + random.roll(3) {
                        let key = random.roll(KEYS as u64) as usize;
                        if this.writes.contains_key(&key) {
                            continue;
                        }
                        let id = key as u32;
                        let value = match id < BALANCES {
                            true => tx.get(&GetBalance(id)),
                            false => tx.get(&GetTotal(id)),
                        };
                        this.reads.push((key, value.as_deref().copied()));
                        thread::yield_now();
                    }
                    for _ in 0..random.roll(3) {
                        let key = random.roll(KEYS as u64) as usize;
                        let write = match random.roll(5) {
                            0 => Write::Remove,
                            1 | 2 => Write::Add(1 + random.roll(9) as i64),
                            _ => Write::Set((seed as i64) << 32 | round << 8),
                        };
                        if this.writes.insert(key, write).is_some() {
                            this.writes.remove(&key);
                            this.writes.insert(key, Write::Set(round));
                        }
                    }
                    for (&key, &write) in &this.writes {
                        let id = key as u32;
                        let add = |by: i64| move |old: Option<&i64>| old.copied().unwrap_or(0) + by;
                        match (write, id < BALANCES) {
                            (Write::Set(value), true) => drop(tx.set(GetBalance(id), value)),
                            (Write::Set(value), false) => drop(tx.set(GetTotal(id), value)),
                            (Write::Add(by), true) => tx.merge_with(GetBalance(id), add(by)),
                            (Write::Add(by), false) => tx.merge_with(GetTotal(id), add(by)),
                            (Write::Remove, true) => drop(tx.remove(&GetBalance(id))),
                            (Write::Remove, false) => drop(tx.remove(&GetTotal(id))),
                        }
                    }
                    match tx.commit().map(|receipt| receipt.revision()) {
                        Ok(Some(revision)) => {
                            let other = done.lock().unwrap().insert(revision.get(), this);
                            assert!(other.is_none(), "revisions are unique");
                        }
                        Ok(None) => only_read.lock().unwrap().push((before, this)),
                        Err(CommitError::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    assert!(done.len() > 100, "{} commits", done.len());
    let mut state: State = [None; KEYS];
    let mut states = vec![(0, state)];
    for (revision, Done { reads, writes }) in &done {
        for (key, value) in reads {
            assert_eq!(state[*key], *value, "read of key {key} by {revision}, which wrote {writes:?}");
        }
        for (&key, write) in writes {
            state[key] = match write {
                Write::Set(value) => Some(*value),
                Write::Add(by) => Some(state[key].unwrap_or(0) + by),
                Write::Remove => None,
            };
        }
        states.push((*revision, state));
    }
    // Read-only transactions saw one state from after their begin.
    for (before, Done { reads, .. }) in only_read.into_inner().unwrap() {
        let from = states.partition_point(|(revision, _)| *revision <= before) - 1;
        let fits = |state: &State| reads.iter().all(|(key, value)| state[*key] == *value);
        assert!(states[from..].iter().any(|(_, state)| fits(state)), "{reads:?}");
    }
    let now: State = std::array::from_fn(|key| match (key as u32) < BALANCES {
        true => cache.get(&GetBalance(key as u32)).as_deref().copied(),
        false => cache.get(&GetTotal(key as u32)).as_deref().copied(),
    });
    assert_eq!(now, state);
}

/// Transactions over many shards of several tables, in opposite orders.
#[test]
fn commits_that_lock_the_same_shards_in_any_order_do_not_wait_for_one_another_forever() {
    let cache = shop();
    thread::scope(|scope| {
        for seed in 0..3 {
            let cache = &cache;
            scope.spawn(move || {
                let mut random = Random(seed);
                for _ in 0..200 {
                    let mut tx = cache.begin();
                    for _ in 0..12 {
                        let id = random.key(64);
                        match random.roll(4) {
                            0 => drop(tx.set(GetTotal(id), 1)),
                            1 => drop(tx.set(GetBalance(id), 1)),
                            2 => drop(tx.set(GetNote(id), "note")),
                            _ => drop(tx.get(&GetBalance(id))),
                        }
                    }
                    let _ = tx.commit();
                    if random.roll(40) == 0 {
                        cache.clear();
                    }
                }
            });
        }
    });
}
