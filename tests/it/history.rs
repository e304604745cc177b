//! Revisions, and the earlier values of an entry.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread;

use cache_core::{Cache, TableOptions};

use crate::shop::*;

fn named(name: &'static str) -> Person {
    Person { name: Some(name), ..Person::default() }
}

fn commit(cache: &Cache<Shop>, label: Option<&'static str>, name: &'static str) -> u64 {
    let mut tx = cache.begin();
    if let Some(label) = label {
        tx.label(label);
    }
    tx.set(GetPerson(1), named(name));
    tx.commit().unwrap().revision().unwrap().get()
}

/// Revision, label and name of each past value.
fn past(cache: &Cache<Shop>) -> Vec<(u64, Option<String>, &'static str)> {
    let past = cache.history(&GetPerson(1)).into_iter();
    past.map(|p| (p.revision.get(), p.label.map(|l| l.to_string()), p.value.name.unwrap())).collect()
}

#[test]
fn revisions_increase_and_are_unique_across_tables() {
    let cache = shop();
    assert_eq!(cache.revision(), None);
    cache.insert(GetBalance(1), 1);
    let mut revisions = vec![cache.revision().unwrap()];
    for id in 0..2 {
        let mut tx = cache.begin();
        tx.set(GetBalance(id), 1);
        tx.set(GetTotal(id), 1);
        revisions.push(tx.commit().unwrap().revision().unwrap());
        assert_eq!(
            cache.get_entry(&GetBalance(id)).unwrap().revision(),
            cache.get_entry(&GetTotal(id)).unwrap().revision()
        );
    }
    cache.remove(&GetBalance(1));
    revisions.push(cache.revision().unwrap());
    cache.clear();
    revisions.push(cache.revision().unwrap());
    assert!(revisions.iter().map(|revision| revision.get()).eq(1..=5));
    assert_eq!(revisions[4].to_string(), "5");
}

#[test]
fn revisions_of_many_threads_are_unique() {
    let cache = shop();
    let all: Mutex<BTreeSet<u64>> = Mutex::default();
    thread::scope(|scope| {
        for thread in 0..4 {
            let (cache, all) = (&cache, &all);
            scope.spawn(move || {
                let mut last = 0;
                for id in 0..250 {
                    let mut tx = cache.begin();
                    tx.set(GetBalance(thread * 1000 + id), 1);
                    let revision = tx.commit().unwrap().revision().unwrap().get();
                    assert!(revision > last);
                    last = revision;
                    assert!(all.lock().unwrap().insert(revision));
                }
            });
        }
    });
    assert!(all.into_inner().unwrap().into_iter().eq(1..=1000));
}

#[test]
fn a_transaction_that_read_an_early_revision_gets_a_late_one() {
    let cache = shop();
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    (0..5).for_each(|id| drop(cache.insert(GetTotal(id), 1)));
    assert_eq!(tx.commit().unwrap().revision().unwrap().get(), 6);
}

#[test]
fn the_history_keeps_the_last_values_with_revision_and_label() {
    let cache = shop();
    assert_eq!(past(&cache), []);
    commit(&cache, Some("first"), "a");
    assert_eq!(past(&cache), [], "the current value is not part of the history");
    commit(&cache, Some("second"), "b");
    assert_eq!(past(&cache), [(1, Some("first".into()), "a")]);
    cache.insert(GetPerson(1), named("c"));
    commit(&cache, None, "d");
    assert_eq!(past(&cache), [(2, Some("second".into()), "b"), (3, None, "c")], "two of them, oldest first");
    commit(&cache, None, "e");
    assert_eq!(past(&cache), [(3, None, "c"), (4, None, "d")]);
}

#[test]
fn merges_and_reruns_leave_one_past_value_each() {
    let cache = shop();
    commit(&cache, Some("set"), "a");
    let mut tx = cache.begin();
    tx.label("merge").merge(GetPerson(1), named("b"));
    tx.merge(GetPerson(1), named("c"));
    commit(&cache, Some("rival"), "r");
    tx.commit().unwrap();
    assert_eq!(past(&cache), [(1, Some("set".into()), "a"), (2, Some("rival".into()), "r")]);
    assert_eq!(cache.get(&GetPerson(1)).unwrap().name, Some("c"));
}

#[test]
fn past_values_are_the_allocations_that_were_there() {
    let cache = shop();
    let old = cache.insert(GetPerson(1), named("a"));
    cache.insert(GetPerson(1), named("b"));
    assert!(Arc::ptr_eq(&cache.history(&GetPerson(1))[0].value, &old));
}

#[test]
fn touch_and_invalidate_do_not_change_the_history() {
    let cache = shop();
    commit(&cache, None, "a");
    commit(&cache, None, "b");
    let before = past(&cache);
    cache.touch(&GetPerson(1));
    cache.invalidate(&GetPerson(1));
    let mut tx = cache.begin();
    tx.touch(&GetPerson(1));
    tx.commit().unwrap();
    assert_eq!(past(&cache), before);
}

#[test]
fn a_table_keeps_no_history_by_default() {
    let cache = shop();
    (0..3).for_each(|value| drop(cache.insert(GetBalance(1), value)));
    assert!(cache.history(&GetBalance(1)).is_empty());
    let cache = Cache::<Shop>::builder().table::<GetBalance>(|table| table.history(1)).build().unwrap();
    (0..3).for_each(|value| drop(cache.insert(GetBalance(1), value)));
    let past: Vec<_> = cache.history(&GetBalance(1)).iter().map(|past| *past.value).collect();
    assert_eq!(past, [1]);
}

#[test]
fn the_history_ends_when_its_entry_is_evicted() {
    let cache = shop();
    let weak = Arc::downgrade(&cache.insert(GetRecent(1), "old"));
    let held = cache.insert(GetRecent(1), "new");
    assert_eq!(cache.history(&GetRecent(1)).len(), 1);
    cache.insert(GetRecent(2), "2");
    cache.insert(GetRecent(3), "3");
    assert!(cache.peek(&GetRecent(1)).is_some(), "a survivor");
    assert!(cache.history(&GetRecent(1)).is_empty() && weak.upgrade().is_none());
    cache.touch(&GetRecent(1));
    assert!(
        cache.history(&GetRecent(1)).is_empty(),
        "the history does not come back when the entry becomes resident"
    );
    cache.insert(GetRecent(1), "newer");
    assert_eq!(&*cache.history(&GetRecent(1))[0].value, "new");
    drop(held);
}

#[test]
fn the_history_ends_when_its_entry_expires() {
    let (cache, clock) = timed(|builder| builder);
    cache.insert(GetQuote(1), "old");
    let _held = cache.insert(GetQuote(1), "new");
    assert_eq!(cache.history(&GetQuote(1)).len(), 1);
    clock.advance(10 * SECOND);
    assert!(cache.history(&GetQuote(1)).is_empty());
    assert!(cache.get(&GetQuote(1)).is_some());
}

#[test]
fn a_dead_value_does_not_become_history() {
    let cache =
        Cache::<Shop>::builder().table::<GetNote>(|_| TableOptions::new().history(3)).build().unwrap();
    let _held = [cache.insert(GetNote(1), "a"), cache.insert(GetNote(1), "b")];
    assert!(cache.history(&GetNote(1)).is_empty());
    let _pin = cache.pin(&GetNote(1));
    cache.insert(GetNote(1), "c");
    cache.insert(GetNote(1), "d");
    let past: Vec<_> = cache.history(&GetNote(1)).iter().map(|past| past.value.to_string()).collect();
    assert_eq!(past, ["b", "c"], "while it is pinned it is resident");
}
