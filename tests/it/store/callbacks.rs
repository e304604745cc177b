//! Values whose `Drop` uses their cache.

use cache_core::EntryTimes;

use super::*;

/// Does about everything that can be done to the tables of `Loud` values.
fn use_everything(cache: &Cache<Shelf>) {
    for key in 0..4 {
        drop(cache.get(&GetLoud(key)));
        drop(cache.get(&GetWeakLoud(key)));
        drop(cache.get(&GetTimedLoud(key)));
        drop(cache.get(&GetRecentLoud(key)));
    }
    cache.insert(GetLoud(100), Loud::silent());
    cache.insert(GetWeakLoud(100), Loud::silent());
    cache.insert_timed(GetTimedLoud(100), Loud::silent(), EntryTimes::new().ttl(SECOND));
    cache.insert(GetRecentLoud(100), Loud::silent());
    assert_eq!(cache.entries::<GetLoud>().len(), cache.count::<GetLoud>());
    let _ = (cache.len(), cache.inspect_entries(), cache.history(&GetLoud(1)));
    drop(cache.pin(&GetLoud(100)));
    let mut tx = cache.begin();
    tx.set(GetLoud(101), Loud::silent());
    tx.set(GetRecentLoud(101), Loud::silent());
    tx.remove(&GetLoud(100));
    tx.commit().unwrap();
    drop(cache.get_or_insert_with(&GetRecentLoud(102), Loud::silent));
    cache.touch(&GetLoud(101));
    cache.reap();
}

/// A cache, its clock, and a value that uses all of the cache when it is dropped, and signals that.
struct DropFixture {
    cache: Cache<Shelf>,
    clock: Arc<ManualClock>,
    dropped: Signal,
}

impl DropFixture {
    fn loud(&self) -> Loud {
        let (cache, dropped) = (self.cache.clone(), self.dropped.clone());
        Loud::new(move || {
            use_everything(&cache);
            dropped.give();
        })
    }
}

/// Fails unless `act` drops a value without a deadlock, with and without listeners.
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
        fixture.cache.insert(GetLoud(1), fixture.loud());
        for n in 2..10 {
            fixture.cache.insert(GetLoud(n), Loud::silent());
        }
    });
}

#[test]
fn a_drop_in_an_eviction_by_exact_order_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetRecentLoud(1), fixture.loud());
        fixture.cache.insert(GetRecentLoud(2), Loud::silent());
        fixture.cache.insert(GetRecentLoud(3), Loud::silent());
    });
}

#[test]
fn a_drop_in_a_replacement_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetRecentLoud(1), fixture.loud());
        fixture.cache.insert(GetRecentLoud(1), Loud::silent());
    });
}

#[test]
fn a_drop_of_a_past_value_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetLoud(1), fixture.loud());
        fixture.cache.insert(GetLoud(1), Loud::silent());
        assert!(!fixture.dropped.is_given(), "kept as history");
        fixture.cache.insert(GetLoud(1), Loud::silent());
    });
    drops(|fixture| {
        fixture.cache.insert(GetLoud(1), fixture.loud());
        let held = fixture.cache.insert(GetLoud(1), Loud::silent());
        // Entries that were written twice are evicted by entries that come back.
        for n in (2..10).chain(2..10) {
            fixture.cache.insert(GetLoud(n), Loud::silent());
        }
        drop(held);
    });
}

#[test]
fn a_drop_in_a_removal_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetLoud(1), fixture.loud());
        assert!(fixture.cache.remove(&GetLoud(1)));
    });
}

#[test]
fn a_drop_in_a_clear_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetLoud(1), fixture.loud());
        fixture.cache.insert(GetRecentLoud(1), fixture.loud());
        fixture.cache.insert(GetTimedLoud(1), fixture.loud());
        fixture.cache.clear();
    });
}

#[test]
fn a_drop_in_a_commit_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetLoud(1), fixture.loud());
        fixture.cache.insert(GetRecentLoud(1), fixture.loud());
        fixture.cache.insert(GetTimedLoud(1), fixture.loud());
        let mut tx = fixture.cache.begin();
        tx.remove(&GetLoud(1));
        tx.set(GetRecentLoud(1), Loud::silent());
        tx.set(GetTimedLoud(1), Loud::silent());
        tx.commit().unwrap();
    });
}

#[test]
fn a_drop_of_a_write_that_is_rolled_back_may_use_the_cache() {
    drops(|fixture| {
        let mut tx = fixture.cache.begin();
        tx.set(GetLoud(1), fixture.loud());
        drop(tx);
    });
    drops(|fixture| {
        let mut tx = fixture.cache.begin();
        tx.set(GetLoud(1), fixture.loud());
        tx.set(GetLoud(1), Loud::silent());
        tx.commit().unwrap();
    });
}

#[test]
fn a_drop_of_a_write_that_conflicts_may_use_the_cache() {
    drops(|fixture| {
        let mut tx = fixture.cache.begin();
        tx.get(&GetBook(1));
        tx.set(GetLoud(1), fixture.loud());
        fixture.cache.insert(GetBook(1), book("in between"));
        tx.commit().unwrap_err();
    });
}

#[test]
fn a_drop_in_a_reaping_of_the_expired_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.insert(GetTimedLoud(1), fixture.loud());
        fixture.clock.advance(SECOND * 5);
        fixture.cache.reap();
    });
}

#[test]
fn a_drop_of_an_expired_value_may_use_the_cache_whoever_meets_it() {
    let meetings: [fn(&Cache<Shelf>); 11] = [
        |cache| drop(cache.get(&GetTimedLoud(1))),
        |cache| assert!(!cache.contains(&GetTimedLoud(1))),
        |cache| drop(cache.peek(&GetTimedLoud(1))),
        |cache| drop(cache.get_entry(&GetTimedLoud(1))),
        |cache| drop(cache.entries::<GetTimedLoud>()),
        |cache| drop(cache.inspect()),
        |cache| drop(cache.keys::<GetTimedLoud>()),
        |cache| assert!(cache.len() < 100),
        |cache| drop(cache.get_all((&GetTimedLoud(1),))),
        |cache| drop(cache.begin().get(&GetTimedLoud(1))),
        |cache| {
            // All shards are written to sooner or later.
            for n in 2..500 {
                cache.insert(GetTimedLoud(n), Loud::silent());
            }
        },
    ];
    for meet in meetings {
        drops(move |fixture| {
            fixture.cache.insert(GetTimedLoud(1), fixture.loud());
            fixture.clock.advance(SECOND * 5);
            meet(&fixture.cache);
        });
    }
}

#[test]
fn a_drop_of_an_unpinned_value_may_use_the_cache() {
    drops(|fixture| {
        let pin = fixture.cache.pin(&GetWeakLoud(1));
        drop(fixture.cache.insert(GetWeakLoud(1), fixture.loud()));
        assert!(!fixture.dropped.is_given());
        drop(pin);
    });
}

#[test]
fn a_drop_of_a_pinned_value_that_is_replaced_may_use_the_cache() {
    drops(|fixture| {
        let pin = fixture.cache.pin(&GetWeakLoud(1));
        drop(fixture.cache.insert(GetWeakLoud(1), fixture.loud()));
        drop(fixture.cache.insert(GetWeakLoud(1), Loud::silent()));
        assert!(pin.get().is_some());
    });
}

#[test]
fn a_drop_of_the_last_handle_may_use_the_cache() {
    drops(|fixture| drop(fixture.cache.insert(GetWeakLoud(1), fixture.loud())));
    drops(|fixture| {
        drop(fixture.cache.insert(GetLoud(1), fixture.loud()));
        let last = fixture.cache.get(&GetLoud(1)).unwrap();
        fixture.cache.remove(&GetLoud(1));
        drop(last);
    });
}

#[test]
fn a_drop_of_a_loaded_value_that_lost_may_use_the_cache() {
    drops(|fixture| {
        let cache = &fixture.cache;
        let got = cache.get_or_insert_with(&GetLoud(1), || {
            cache.insert(GetLoud(1), Loud::silent());
            fixture.loud()
        });
        assert!(fixture.dropped.is_given());
        drop(got);
    });
}

#[test]
fn a_drop_of_a_heavy_value_or_a_dynamic_one_may_use_the_cache() {
    drops(|fixture| {
        fixture.cache.dynamic().insert("loud", fixture.loud());
        fixture.cache.dynamic().insert("loud", 1_u32);
    });
}

#[test]
fn values_may_drop_one_another_in_a_row() {
    in_time(|| {
        let (cache, _) = shelf();
        let dropped = Arc::new(Mutex::new(0));
        fn chained(cache: &Cache<Shelf>, dropped: &Arc<Mutex<u32>>, left: u32) -> Loud {
            let (cache, dropped) = (cache.clone(), Arc::clone(dropped));
            Loud::new(move || {
                *dropped.lock() += 1;
                if left > 0 {
                    let next = chained(&cache, &dropped, left - 1);
                    cache.insert(GetRecentLoud(left), next);
                }
            })
        }
        cache.insert(GetRecentLoud(50), chained(&cache, &dropped, 50));
        for n in 0..200 {
            cache.insert(GetRecentLoud(1_000 + n), Loud::silent());
        }
        assert_eq!(*dropped.lock(), 51);
        assert_eq!(cache.count::<GetRecentLoud>(), 2);
    });
}

#[test]
fn the_values_of_a_cache_are_dropped_with_its_last_handle() {
    let (cache, _) = shelf();
    let dropped = Signal::default();
    let tell = dropped.clone();
    cache.insert(GetLoud(1), Loud::new(move || tell.give()));
    let other = cache.clone();
    drop(cache);
    assert!(!dropped.is_given());
    drop(other);
    assert!(dropped.is_given());
}
