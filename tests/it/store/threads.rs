//! Several threads at the same time.

use std::sync::Barrier;
use std::sync::atomic::AtomicU64;

use super::*;

#[test]
fn a_read_finds_the_whole_value_or_none_while_its_last_handle_is_dropped() {
    in_time(|| {
        let (cache, _) = shelf();
        let rounds = 2_000_u32;
        let barrier = Barrier::new(2);
        let found = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..rounds {
                    let held = cache.insert(GetText(1), format!("value of round {round}"));
                    barrier.wait();
                    drop(held);
                    barrier.wait();
                }
            });
            for round in 0..rounds {
                barrier.wait();
                while let Some(value) = cache.get(&GetText(1)) {
                    assert_eq!(*value, *format!("value of round {round}"));
                    found.fetch_add(1, Ordering::Relaxed);
                }
                assert!(cache.get(&GetText(1)).is_none(), "a dead value does not come back");
                barrier.wait();
            }
        });
    });
}

#[test]
fn a_key_that_is_written_again_while_others_reap_stays() {
    in_time(|| {
        let (cache, _) = shelf();
        let done = Signal::default();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.is_given() {
                        cache.reap();
                    }
                });
            }
            for round in 0..3_000 {
                drop(cache.insert(GetText(1), "old"));
                let new = cache.insert(GetText(1), format!("{round}"));
                let read = cache.get(&GetText(1)).expect("the new value stays");
                assert!(Arc::ptr_eq(&new, &read));
            }
            done.give();
        });
    });
}

#[test]
fn tables_stay_within_their_bounds_under_many_writers() {
    in_time(|| {
        let cache =
            Cache::<Shelf>::builder().table::<GetBook>(|table| table.capacity(3_000)).build().unwrap();
        thread::scope(|scope| {
            for thread in 0..4_u32 {
                let cache = &cache;
                scope.spawn(move || {
                    for n in 0..5_000 {
                        let key = (n * 7 + thread * 1_000) % 6_000;
                        match n % 7 {
                            0 => drop(cache.remove(&GetBook(key))),
                            1 | 2 => drop(cache.get(&GetBook(key))),
                            3 => {
                                let mut tx = cache.begin();
                                tx.set(GetBook(key), book("committed"));
                                tx.set(GetRecent(key), key);
                                tx.commit().unwrap();
                            }
                            _ => drop(cache.insert(GetBook(key), book("inserted"))),
                        }
                        drop(cache.insert(GetRecent(key), key));
                        drop(cache.insert(GetBlob(key), vec![0; (key % 50) as usize]));
                    }
                });
            }
        });
        cache.reap();
        let (books, recent, blobs) =
            (table(&cache, "get_book"), table(&cache, "get_recent"), table(&cache, "get_blob"));
        assert!(books.residents <= 3_000 && books.survivors + books.dead == 0, "{books:?}");
        assert!(recent.residents <= 4 && recent.survivors + recent.dead == 0, "{recent:?}");
        assert!(blobs.weight <= 100 && blobs.survivors + blobs.dead == 0, "{blobs:?}");
        // The sums that the bounds are compared with are exact.
        cache.clear();
        for n in 0..3_000 {
            cache.insert(GetBook(n), book("fills"));
        }
        assert_eq!(table(&cache, "get_book").residents, 3_000);
        for n in 0..4 {
            cache.insert(GetRecent(n), n);
        }
        assert_eq!(table(&cache, "get_recent").residents, 4);
    });
}

#[test]
fn readers_of_an_exact_order_on_many_threads_disturb_nothing_but_the_order() {
    in_time(|| {
        let cache = Cache::<Shelf>::builder().table::<GetRecent>(|table| table.lru(500)).build().unwrap();
        let done = Signal::default();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !done.is_given() {
                        for n in 0..1_000 {
                            if let Some(value) = cache.get(&GetRecent(n)) {
                                assert_eq!(*value, n);
                            }
                        }
                    }
                });
            }
            for round in 0..20 {
                for n in 0..1_000 {
                    cache.insert(GetRecent(n), n);
                    if n % 10 == round % 10 {
                        cache.remove(&GetRecent(n));
                    }
                }
            }
            done.give();
        });
        cache.reap();
        assert!(table(&cache, "get_recent").residents <= 500);
        for n in 0..500 {
            cache.insert(GetRecent(n), n);
        }
        assert_eq!(cache.count::<GetRecent>(), 500);
    });
}
