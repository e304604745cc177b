//! Pins of keys: the committed value stays.

use cache_core::{RemovalCause, Residency};

use super::*;

#[test]
fn a_pinned_entry_stays_over_the_bound_and_its_time() {
    let (cache, clock) = shelf();
    cache.insert(GetBoth(1), 10);
    let pin = cache.pin(&GetBoth(1));
    for n in 2..100 {
        cache.insert(GetBoth(n), n);
    }
    clock.advance(SECOND * 100);
    cache.reap();
    assert_eq!(pin.get().as_deref(), Some(&10));
    assert_eq!(cache.get(&GetBoth(1)).as_deref(), Some(&10));
    assert_eq!(pin.get_entry().unwrap().residency(), Residency::Pinned);
    assert_eq!(*pin.key(), GetBoth(1));

    cache.insert(GetBoth(1), 11);
    assert_eq!(pin.get().as_deref(), Some(&11), "the pin follows the key");
    clock.advance(SECOND * 100);
    assert_eq!(pin.get().as_deref(), Some(&11));

    drop(pin);
    assert!(cache.get(&GetBoth(1)).is_none(), "the ordinary rules apply again: it has expired");
}

#[test]
fn an_unpinned_entry_is_kept_by_its_table_if_that_has_room() {
    let (cache, clock) = shelf();
    let pin = cache.pin(&GetBoth(1));
    cache.insert(GetBoth(1), 10);
    drop(pin);
    assert_eq!(cache.get_entry(&GetBoth(1)).unwrap().residency(), Residency::Resident);
    clock.advance(SECOND * 5);
    assert!(cache.get(&GetBoth(1)).is_none());
}

#[test]
fn pinned_entries_are_counted_apart_from_the_bound() {
    let (cache, _) = shelf();
    let pins: Vec<_> = (0..10).map(|n| cache.pin(&GetRecent(n))).collect();
    for n in 0..14 {
        cache.insert(GetRecent(n), n);
    }
    let report = table(&cache, "get_recent");
    assert_eq!((report.pinned, report.pins, report.residents, report.weight), (10, 10, 4, 4));
    assert_eq!(report.removals.evicted, 0);
    drop(pins);
    let report = table(&cache, "get_recent");
    assert_eq!((report.pinned, report.pins, report.residents, report.weight), (0, 0, 4, 4));
    assert_eq!(cache.count::<GetRecent>(), 4);
}

#[test]
fn pinning_a_resident_gives_its_room_to_others() {
    let (cache, _) = shelf();
    for n in 0..4 {
        cache.insert(GetRecent(n), n);
    }
    let pin = cache.pin(&GetRecent(0));
    cache.insert(GetRecent(4), 4);
    assert_eq!(cache.count::<GetRecent>(), 5);
    drop(pin);
    assert_eq!(cache.count::<GetRecent>(), 4);
}

#[test]
fn a_key_may_be_pinned_before_anything_is_written_under_it() {
    let (cache, _) = shelf();
    let pin = cache.pin(&GetText(1));
    assert!(pin.get().is_none() && pin.get_entry().is_none());
    drop(cache.insert(GetText(1), "first"));
    assert_eq!(pin.get().as_deref(), Some("first"));
    cache.clear();
    assert!(pin.get().is_none());
    drop(cache.insert(GetText(1), "second"));
    assert_eq!(pin.get().as_deref(), Some("second"));
    cache.remove(&GetText(1));
    assert!(pin.get().is_none());
    let mut tx = cache.begin();
    tx.set(GetText(1), "third");
    drop(tx.commit().unwrap());
    assert_eq!(pin.get().as_deref(), Some("third"));
    let mut tx = cache.begin();
    assert!(tx.remove(&GetText(1)));
    tx.commit().unwrap();
    assert!(pin.get().is_none());
    drop(cache.insert(GetText(1), "fourth"));
    assert!(cache.get(&GetText(1)).is_some());
    drop(pin);
    assert!(cache.get(&GetText(1)).is_none());
    assert_eq!(table(&cache, "get_text").dead, 0, "nothing else held it, so its key was removed with it");
}

#[test]
fn an_entry_is_pinned_until_its_last_pin_is_dropped() {
    let (cache, _) = shelf();
    let first = cache.pin(&GetText(1));
    let second = first.clone();
    let third = cache.pin(&GetText(1));
    drop(cache.insert(GetText(1), "kept"));
    assert_eq!(table(&cache, "get_text").pins, 1, "one key");
    drop(first);
    assert!(cache.get(&GetText(1)).is_some());
    drop(third);
    assert!(cache.get(&GetText(1)).is_some());
    assert_eq!(second.get().as_deref(), Some("kept"));
    drop(second);
    assert!(cache.get(&GetText(1)).is_none());
    assert_eq!(table(&cache, "get_text").pins, 0);
}

#[test]
fn pinning_a_survivor_makes_it_resident() {
    let (cache, _) = shelf();
    let held = cache.insert(GetText(1), "held");
    let pin = cache.pin(&GetText(1));
    drop(held);
    assert_eq!(pin.get().as_deref(), Some("held"));
}

#[test]
fn pinning_a_dead_key_brings_nothing_back() {
    let (cache, _) = shelf();
    drop(cache.insert(GetText(1), "dead"));
    let pin = cache.pin(&GetText(1));
    assert!(pin.get().is_none());
    cache.reap();
    drop(cache.insert(GetText(1), "new"));
    assert_eq!(pin.get().as_deref(), Some("new"));
}

#[test]
fn unpinning_an_entry_that_is_held_leaves_a_survivor() {
    let (cache, _) = shelf();
    let pin = cache.pin(&GetText(1));
    let held = cache.insert(GetText(1), "held");
    drop(pin);
    assert_eq!(cache.get_entry(&GetText(1)).unwrap().residency(), Residency::Survivor);
    assert!(Arc::ptr_eq(&held, &cache.get(&GetText(1)).unwrap()));
}

#[test]
fn a_pin_keeps_what_is_heavier_than_the_whole_bound() {
    let (cache, _) = shelf();
    let pin = cache.pin(&GetBlob(1));
    cache.insert(GetBlob(2), vec![0; 100]);
    drop(cache.insert(GetBlob(1), vec![0; 1_000]));
    assert_eq!(pin.get().unwrap().len(), 1_000);
    assert_eq!(table(&cache, "get_blob").weight, 100);
    drop(pin);
    assert!(cache.get(&GetBlob(1)).is_none());
    assert!(cache.get(&GetBlob(2)).is_some());
}

#[test]
fn a_pin_outlives_the_handle_of_the_cache() {
    let (cache, _) = shelf();
    let pin = cache.pin(&GetText(1));
    drop(cache.insert(GetText(1), "kept"));
    drop(cache);
    assert_eq!(pin.get().as_deref(), Some("kept"));
}

#[test]
fn pins_on_two_keys_are_apart() {
    let (cache, _) = shelf();
    let pins = [cache.pin(&GetText(1)), cache.pin(&GetText(2))];
    drop(cache.insert(GetText(1), "one"));
    drop(cache.insert(GetText(2), "two"));
    let [one, two] = pins;
    drop(one);
    assert!(cache.get(&GetText(1)).is_none());
    assert_eq!(two.get().as_deref(), Some("two"));
    let twin = cache.pin(&GetTwin(2));
    assert!(twin.get().is_none());
}

#[test]
fn the_history_of_a_pinned_entry_is_kept_and_follows_its_replacements() {
    let (cache, _) = shelf();
    let pin = cache.pin(&GetBook(1));
    for title in ["one", "two", "three", "four"] {
        cache.insert(GetBook(1), book(title));
    }
    let titles =
        || cache.history(&GetBook(1)).iter().map(|past| past.value.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(), ["two", "three"]);
    drop(pin);
    assert_eq!(titles(), ["two", "three"]);
}

#[test]
fn listeners_receive_an_entry_that_its_table_does_not_take_back() {
    let causes = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&causes);
    let clock = Arc::new(ManualClock::new());
    let cache = Cache::<Shelf>::builder()
        .clock(Arc::clone(&clock))
        .on_removal(move |removal| log.lock().push((removal.table(), removal.cause())))
        .build()
        .unwrap();
    let weak = cache.pin(&GetText(1));
    drop(cache.insert(GetText(1), "kept"));
    drop(weak);
    let timed = cache.pin(&GetQuote(1));
    cache.insert(GetQuote(1), 1);
    clock.advance(SECOND * 10);
    assert!(causes.lock().ends_with(&[("get_text", RemovalCause::Evicted)]), "{causes:?}");
    drop(timed);
    assert!(causes.lock().ends_with(&[("get_quote", RemovalCause::Expired)]), "{causes:?}");
}

#[test]
fn pins_taken_and_dropped_on_many_threads_leave_nothing_behind() {
    let (cache, _) = shelf();
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let cache = &cache;
            scope.spawn(move || {
                for n in 0..500 {
                    let pin = cache.pin(&GetText(n % 3));
                    let written = cache.insert(GetText(n % 3), format!("{thread} {n}"));
                    drop(written);
                    assert!(pin.get().is_some());
                    drop(pin.clone());
                    assert!(pin.get().is_some());
                }
            });
        }
    });
    let report = table(&cache, "get_text");
    assert_eq!((report.pins, report.pinned, report.live()), (0, 0, 0));
}
