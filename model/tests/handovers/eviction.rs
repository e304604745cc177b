//! Eviction against concurrent use: pins, bounds that shards share, the order of use, survivors that become resident.

use std::sync::Arc;

use shuttle::thread;

use crate::{Few, Heavy, Recent, Store, builder, check, part, report, store, together};

/// Whether the table keeps exactly as much as it may once it is full: its sum of weights has not drifted.
#[track_caller]
fn assert_keeps_two(store: &Store) {
    for id in 100..110 {
        store.insert(Few(id), id);
        store.insert(Recent(id), id);
    }
    for table in ["few", "recent"] {
        assert_eq!(report(store, table).residents, 2, "{table}");
    }
}

#[test]
fn a_pinned_value_stays_through_evictions() {
    check(|| {
        let store = store();
        store.insert(Few(1), 1);
        store.insert(Recent(1), 1);
        let evict = |store: Store| {
            for id in 2..6 {
                store.insert(Few(id), id);
                store.insert(Recent(id), id);
            }
        };
        together(vec![
            part(&store, evict),
            part(&store, |store| {
                let (few, recent) = (store.pin(&Few(1)), store.pin(&Recent(1)));
                let (had_few, had_recent) = (few.get().is_some(), recent.get().is_some());
                thread::yield_now();
                assert_eq!(few.get().is_some(), had_few);
                assert_eq!(recent.get().is_some(), had_recent);
            }),
            part(&store, |store| {
                let held = store.get(&Few(1));
                let pin = store.pin(&Few(1));
                let was_held = held.is_some();
                drop(held);
                assert!(pin.get().is_some() || !was_held, "a pin has lost its value");
            }),
        ]);
        assert_eq!(report(&store, "few").pins, 0);
        assert_keeps_two(&store);
    });
}

#[test]
fn a_table_that_is_first_used_by_a_pin_and_a_write_at_once_knows_its_order() {
    check(|| {
        // With a listener, writes evict in the general way, which searches the order for the oldest entry.
        let store = builder().on_removal(|_| {}).build().unwrap();
        together(vec![
            part(&store, |store| drop(store.pin(&Recent(1)))),
            part(&store, |store| drop(store.insert(Recent(1), 1))),
        ]);
        assert_keeps_two(&store);
    });
}

#[test]
fn a_pin_follows_what_is_written_under_it() {
    check(|| {
        let store = store();
        let pin = store.pin(&Recent(1));
        together(vec![
            part(&store, |store| drop(store.insert(Recent(1), 1))),
            part(&store, |store| drop(store.insert(Recent(1), 2))),
            part(&store, |store| {
                store.insert(Recent(3), 3);
                store.insert(Recent(4), 4);
                let _ = store.pin(&Recent(1));
            }),
        ]);
        assert!(pin.get().is_some());
        assert_eq!(report(&store, "recent").pinned, 1);
        drop(pin);
        assert_keeps_two(&store);
    });
}

#[test]
fn a_survivor_that_is_read_comes_back_once() {
    check(|| {
        let store = store();
        let held: Vec<_> =
            (1..4).map(|id| (store.insert(Few(id), id), store.insert(Recent(id), id))).collect();
        let read = |store: Store| {
            for id in 1..4 {
                assert!(store.get(&Few(id)).is_some() && store.get(&Recent(id)).is_some());
            }
        };
        together(vec![
            part(&store, read),
            part(&store, read),
            part(&store, |store| {
                store.insert(Few(5), 5);
                store.insert(Recent(5), 5);
                store.remove(&Few(5));
                store.remove(&Recent(5));
            }),
            part(&store, |store| {
                store.reap();
            }),
        ]);
        for table in ["few", "recent"] {
            let report = report(&store, table);
            assert!(report.residents <= 2, "{table}");
            assert_eq!(report.live(), 3, "{table}");
        }
        drop(held);
        store.reap();
        assert!(store.len() <= 4);
        assert_keeps_two(&store);
    });
}

#[test]
fn shards_hold_the_bound_together() {
    check(|| {
        let store = store();
        let fill = |from: u64| {
            part(&store, move |store| {
                for id in from..from + 3 {
                    let weight = 304 + 16 * (id % 10);
                    let value: Arc<u64> = store.insert(Heavy(id), weight);
                    assert_eq!(*value, weight);
                }
            })
        };
        together(vec![fill(0), fill(10), fill(20)]);
        let report = report(&store, "heavy");
        assert!(report.weight <= 1_024, "the weight is {}", report.weight);
        assert!(report.residents > 0);
        // Light entries fill the rest completely, so the sum has not drifted.
        (1_000..1_200).for_each(|id| drop(store.insert(Heavy(id), 16)));
        assert_eq!(crate::report(&store, "heavy").weight, 1_024);
    });
}

#[test]
fn after_concurrent_reads_the_order_of_use_is_exact_again() {
    check(|| {
        let store = store();
        store.insert(Recent(1), 1);
        store.insert(Recent(2), 2);
        let read = |store: Store| {
            for id in [1, 2, 1] {
                let _ = store.get(&Recent(id));
            }
        };
        together(vec![
            part(&store, read),
            part(&store, read),
            part(&store, |store| {
                store.insert(Recent(2), 3);
                let _ = store.get(&Recent(1));
            }),
        ]);
        assert!(store.get(&Recent(1)).is_some() && store.get(&Recent(2)).is_some());
        store.insert(Recent(3), 3);
        assert_eq!(store.peek(&Recent(1)), None);
        assert!(store.peek(&Recent(2)).is_some());
        assert_keeps_two(&store);
    });
}
