//! Values whose `Drop` uses their cache.

use cache_core::EntryTimes;

use super::*;

/// Runs nearly every operation on the tables of `OnDrop` values.
fn use_everything(cache: &Cache<Shelf>) {
    for key in 0..4 {
        drop(cache.get(&GetOnDrop(key)));
        drop(cache.get(&GetWeakOnDrop(key)));
        drop(cache.get(&GetTimedOnDrop(key)));
        drop(cache.get(&GetRecentOnDrop(key)));
    }
    cache.insert(GetOnDrop(100), OnDrop::silent());
    cache.insert(GetWeakOnDrop(100), OnDrop::silent());
    cache.insert_timed(GetTimedOnDrop(100), OnDrop::silent(), EntryTimes::new().ttl(SECOND));
    cache.insert(GetRecentOnDrop(100), OnDrop::silent());
    assert_eq!(cache.entries::<GetOnDrop>().len(), cache.count::<GetOnDrop>());
    let _ = (cache.len(), cache.inspect_entries(), cache.history(&GetOnDrop(1)));
    drop(cache.pin(&GetOnDrop(100)));
    let mut tx = cache.begin();
    tx.set(GetOnDrop(101), OnDrop::silent());
    tx.set(GetRecentOnDrop(101), OnDrop::silent());
    tx.remove(&GetOnDrop(100));
    tx.commit().unwrap();
    drop(cache.get_or_insert_with(&GetRecentOnDrop(102), OnDrop::silent));
    cache.touch(&GetOnDrop(101));
    cache.reap();
}

/// A cache, its clock, and a value that uses all of the cache when it is dropped, and signals that.
struct DropFixture {
    cache: Cache<Shelf>,
    clock: Arc<ManualClock>,
    dropped: Signal,
}

impl DropFixture {
    fn on_drop(&self) -> OnDrop {
        let (cache, dropped) = (self.cache.clone(), self.dropped.clone());
        OnDrop::new(move || {
            use_everything(&cache);
            dropped.give();
        })
    }
}

/// Asserts that `act` drops a value without a deadlock, with and without listeners.
#[track_caller]
fn drops(act: impl Fn(&DropFixture) + Send + Clone + 'static) {
    for is_heard in [false, true] {
        let act = act.clone();
        in_time(move || {
            let clock = Arc::new(ManualClock::new());
            let builder = Cache::<Shelf>::builder().clock(Arc::clone(&clock));
            let builder = match is_heard {
                true => builder.on_removal(|_| {}).after_commit(|_| {}),
                false => builder,
            };
            let fixture = DropFixture { cache: builder.build().unwrap(), clock, dropped: Signal::default() };
            act(&fixture);
            assert!(fixture.dropped.is_given(), "the value has been dropped");
            assert_eq!(fixture.cache.inspect().listener_panics, 0);
            use_everything(&fixture.cache);
        });
    }
}

#[test]
fn a_drop_in_an_eviction_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetOnDrop(1), fixture.on_drop());
        for n in 2..10 {
            fixture.cache.insert(GetOnDrop(n), OnDrop::silent());
        }
    });
}

#[test]
fn a_drop_in_an_eviction_by_exact_order_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetRecentOnDrop(1), fixture.on_drop());
        fixture.cache.insert(GetRecentOnDrop(2), OnDrop::silent());
        fixture.cache.insert(GetRecentOnDrop(3), OnDrop::silent());
    });
}

#[test]
fn a_drop_in_a_replacement_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetRecentOnDrop(1), fixture.on_drop());
        fixture.cache.insert(GetRecentOnDrop(1), OnDrop::silent());
    });
}

#[test]
fn a_drop_of_a_value_that_another_follows_may_use_the_cache_and_counts_as_replaced() {
    drops(|fixture| {
        let cache = &fixture.cache;
        cache.insert(GetRecentOnDrop(1), fixture.on_drop());
        let seen = cache.peek_entry(&GetRecentOnDrop(1)).unwrap().revision();
        let mut tx = cache.begin();
        tx.follow(GetRecentOnDrop(1), OnDrop::silent(), seen);
        assert!(!fixture.dropped.is_given(), "nothing is committed yet");
        tx.commit().unwrap();
        assert_eq!(table(cache, "get_recent_on_drop").removals.replaced, 1);
    });
}

#[test]
fn a_drop_of_a_past_value_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetOnDrop(1), fixture.on_drop());
        fixture.cache.insert(GetOnDrop(1), OnDrop::silent());
        assert!(!fixture.dropped.is_given(), "kept as history");
        fixture.cache.insert(GetOnDrop(1), OnDrop::silent());
    });
    drops(|fixture| {
        fixture.cache.insert(GetOnDrop(1), fixture.on_drop());
        let held = fixture.cache.insert(GetOnDrop(1), OnDrop::silent());
        // Entries that were written twice are evicted by entries that come back.
        for n in (2..10).chain(2..10) {
            fixture.cache.insert(GetOnDrop(n), OnDrop::silent());
        }
        drop(held);
    });
}

#[test]
fn a_drop_in_a_removal_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetOnDrop(1), fixture.on_drop());
        assert!(fixture.cache.remove(&GetOnDrop(1)));
    });
}

#[test]
fn a_drop_in_a_clear_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetOnDrop(1), fixture.on_drop());
        fixture.cache.insert(GetRecentOnDrop(1), fixture.on_drop());
        fixture.cache.insert(GetTimedOnDrop(1), fixture.on_drop());
        fixture.cache.clear();
    });
}

#[test]
fn a_drop_in_a_commit_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetOnDrop(1), fixture.on_drop());
        fixture.cache.insert(GetRecentOnDrop(1), fixture.on_drop());
        fixture.cache.insert(GetTimedOnDrop(1), fixture.on_drop());
        let mut tx = fixture.cache.begin();
        tx.remove(&GetOnDrop(1));
        tx.set(GetRecentOnDrop(1), OnDrop::silent());
        tx.set(GetTimedOnDrop(1), OnDrop::silent());
        tx.commit().unwrap();
    });
}

#[test]
fn a_drop_of_a_write_that_is_rolled_back_may_use_the_cache() {
    drops(|fixture| {
        let mut tx = fixture.cache.begin();
        tx.set(GetOnDrop(1), fixture.on_drop());
        drop(tx);
    });
    drops(|fixture| {
        let mut tx = fixture.cache.begin();
        tx.set(GetOnDrop(1), fixture.on_drop());
        tx.set(GetOnDrop(1), OnDrop::silent());
        tx.commit().unwrap();
    });
}

#[test]
fn a_drop_of_a_write_that_conflicts_may_use_the_cache() {
    drops(|fixture| {
        let mut tx = fixture.cache.begin();
        tx.get(&GetBook(1));
        tx.set(GetOnDrop(1), fixture.on_drop());
        fixture.cache.insert(GetBook(1), book("in between"));
        tx.commit().unwrap_err();
    });
}

#[test]
fn a_drop_in_a_reaping_of_the_expired_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetTimedOnDrop(1), fixture.on_drop());
        fixture.clock.advance(SECOND * 5);
        fixture.cache.reap();
    });
}

#[test]
fn a_drop_of_an_expired_value_may_use_the_cache_in_every_operation() {
    let meetings: [fn(&Cache<Shelf>); 11] = [
        |cache| drop(cache.get(&GetTimedOnDrop(1))),
        |cache| assert!(!cache.contains(&GetTimedOnDrop(1))),
        |cache| drop(cache.peek(&GetTimedOnDrop(1))),
        |cache| drop(cache.get_entry(&GetTimedOnDrop(1))),
        |cache| drop(cache.entries::<GetTimedOnDrop>()),
        |cache| drop(cache.inspect()),
        |cache| drop(cache.keys::<GetTimedOnDrop>()),
        |cache| assert!(cache.len() < 100),
        |cache| drop(cache.get_all((&GetTimedOnDrop(1),))),
        |cache| drop(cache.begin().get(&GetTimedOnDrop(1))),
        |cache| {
            // Enough writes to reach all shards.
            for n in 2..500 {
                cache.insert(GetTimedOnDrop(n), OnDrop::silent());
            }
        },
    ];
    for meet in meetings {
        drops(move |fixture| {
            fixture.cache.insert(GetTimedOnDrop(1), fixture.on_drop());
            fixture.clock.advance(SECOND * 5);
            meet(&fixture.cache);
        });
    }
}

#[test]
fn a_drop_of_an_unpinned_value_may_use_the_cache() {
    drops(|fixture| {
        let pin = fixture.cache.pin(&GetWeakOnDrop(1));
        drop(fixture.cache.insert(GetWeakOnDrop(1), fixture.on_drop()));
        assert!(!fixture.dropped.is_given());
        drop(pin);
    });
}

#[test]
fn a_drop_of_a_pinned_value_that_is_replaced_may_use_the_cache() {
    drops(|fixture| {
        let pin = fixture.cache.pin(&GetWeakOnDrop(1));
        drop(fixture.cache.insert(GetWeakOnDrop(1), fixture.on_drop()));
        drop(fixture.cache.insert(GetWeakOnDrop(1), OnDrop::silent()));
        assert!(pin.get().is_some());
    });
}

#[test]
fn a_drop_of_the_last_handle_may_use_the_cache() {
    drops(|fixture| drop(fixture.cache.insert(GetWeakOnDrop(1), fixture.on_drop())));
    drops(|fixture| {
        drop(fixture.cache.insert(GetOnDrop(1), fixture.on_drop()));
        let last = fixture.cache.get(&GetOnDrop(1)).unwrap();
        fixture.cache.remove(&GetOnDrop(1));
        drop(last);
    });
}

#[test]
fn a_drop_of_a_loaded_value_that_lost_may_use_the_cache() {
    drops(|fixture| {
        let cache = &fixture.cache;
        let got = cache.get_or_insert_with(&GetOnDrop(1), || {
            cache.insert(GetOnDrop(1), OnDrop::silent());
            fixture.on_drop()
        });
        assert!(fixture.dropped.is_given());
        drop(got);
    });
}

#[test]
fn a_drop_of_a_heavy_value_or_a_dynamic_one_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.dynamic().insert("on_drop", fixture.on_drop());
        fixture.cache.dynamic().insert("on_drop", 1_u32);
    });
}

#[test]
fn values_may_drop_one_another_in_a_row() {
    in_time(|| {
        let (cache, _) = shelf();
        let dropped = Arc::new(Mutex::new(0));
        fn chained(cache: &Cache<Shelf>, dropped: &Arc<Mutex<u32>>, left: u32) -> OnDrop {
            let (cache, dropped) = (cache.clone(), Arc::clone(dropped));
            OnDrop::new(move || {
                *dropped.lock() += 1;
                if left > 0 {
                    let next = chained(&cache, &dropped, left - 1);
                    cache.insert(GetRecentOnDrop(left), next);
                }
            })
        }
        cache.insert(GetRecentOnDrop(50), chained(&cache, &dropped, 50));
        for n in 0..200 {
            cache.insert(GetRecentOnDrop(1_000 + n), OnDrop::silent());
        }
        assert_eq!(*dropped.lock(), 51);
        assert_eq!(cache.count::<GetRecentOnDrop>(), 2);
    });
}

#[test]
fn the_values_of_a_cache_are_dropped_with_its_last_handle() {
    let (cache, _) = shelf();
    let dropped = Signal::default();
    let signal = dropped.clone();
    cache.insert(GetOnDrop(1), OnDrop::new(move || signal.give()));
    let other = cache.clone();
    drop(cache);
    assert!(!dropped.is_given());
    drop(other);
    assert!(dropped.is_given());
}
