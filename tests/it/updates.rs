//! Updates of a part of a value: they keep the entry's times and mark, and no load loses one.

use std::sync::Arc;

use cache_core::{Cache, ChangeKind, CommitError, EntryTimes, Freshness, Residency, StoreOutcome};

use crate::shop::*;

#[track_caller]
fn freshness(cache: &Cache<Shop>, id: u32) -> Freshness {
    cache.peek_entry(&GetQuote(id)).expect("the quote is present").freshness()
}

#[test]
fn an_update_changes_what_is_there_and_nothing_where_nothing_is() {
    let cache = shop();
    cache.insert(GetBalance(1), 10);
    let revision = cache.revision();
    let mut tx = cache.begin();
    assert!(tx.update(&GetBalance(1), |balance| **balance + 1));
    assert!(!tx.update(&GetBalance(2), |_| -> i64 { panic!("the entry is absent") }));
    assert_eq!((tx.get(&GetBalance(1)).as_deref(), balance(&cache, 1)), (Some(&11), 10));
    assert_eq!(tx.writes().iter().map(|change| change.kind()).collect::<Vec<_>>(), [ChangeKind::Set]);
    let receipt = tx.commit().unwrap();
    assert_eq!((receipt.get(&GetBalance(1)).map(|balance| **balance), balance(&cache, 1)), (Some(11), 11));
    assert!(cache.revision() > revision && cache.get(&GetBalance(2)).is_none());
}

#[test]
fn one_that_finds_nothing_is_not_a_write_and_has_no_revision() {
    let cache = shop();
    let mut tx = cache.begin();
    tx.update(&GetBalance(1), |balance| **balance + 1);
    assert!(tx.writes().is_empty());
    assert_eq!(tx.commit().unwrap().revision(), None);
}

#[test]
fn an_updated_entry_is_as_old_as_before_and_ends_when_it_would_have_ended() {
    let (cache, clock) = timed(|builder| builder);
    let own = EntryTimes::new().ttl(60 * SECOND).fresh(20 * SECOND);
    cache.insert(GetQuote(1), "by the table");
    cache.insert_timed(GetQuote(2), "by its own times", own);
    let weak = cache.insert_timed(GetNote(1), "by its own time", EntryTimes::new().ttl(10 * SECOND));
    drop(weak);
    clock.advance(3 * SECOND);
    let mut tx = cache.begin();
    assert!(tx.update(&GetQuote(1), |_| "changed") && tx.update(&GetQuote(2), |_| "changed"));
    assert!(tx.update(&GetNote(1), |_| "changed"));
    tx.commit().unwrap();
    assert_eq!(cache.get(&GetQuote(1)).as_deref(), Some("changed"));
    let quotes = [1, 2].map(|id| cache.peek_entry(&GetQuote(id)).unwrap().state());
    let note = cache.peek_entry(&GetNote(1)).unwrap().state();
    assert_eq!(quotes.map(|quote| quote.age), [3 * SECOND; 2]);
    assert_eq!(quotes.map(|quote| quote.remaining), [Some(7 * SECOND), Some(57 * SECOND)]);
    assert_eq!((note.residency, note.remaining), (Residency::Resident, Some(7 * SECOND)));
    clock.advance(3 * SECOND);
    assert_eq!((freshness(&cache, 1), freshness(&cache, 2)), (Freshness::Stale, Freshness::Fresh));
    clock.advance(5 * SECOND);
    assert!(cache.get(&GetQuote(1)).is_none() && cache.get(&GetNote(1)).is_none());
    clock.advance(10 * SECOND);
    assert_eq!(freshness(&cache, 2), Freshness::Stale);
}

#[test]
fn an_updated_entry_keeps_its_mark_also_one_that_comes_before_the_commit() {
    for comes_late in [false, true] {
        let (cache, _) = timed(|builder| builder);
        cache.insert(GetQuote(1), "old");
        let mut tx = cache.begin();
        if !comes_late {
            cache.invalidate(&GetQuote(1));
        }
        tx.update(&GetQuote(1), |_| "changed");
        if comes_late {
            cache.invalidate(&GetQuote(1));
        }
        tx.commit().unwrap();
        assert_eq!(cache.get(&GetQuote(1)).as_deref(), Some("changed"));
        assert_eq!(freshness(&cache, 1), Freshness::Invalidated, "late: {comes_late}");
        // Any other write clears it.
        cache.insert(GetQuote(1), "new");
        assert_eq!(freshness(&cache, 1), Freshness::Fresh);
    }
}

#[test]
fn what_the_transaction_itself_has_said_of_the_times_and_the_mark_counts() {
    let (cache, clock) = timed(|builder| builder);
    for id in 1..=6 {
        cache.insert_timed(GetQuote(id), "old", EntryTimes::new().ttl(60 * SECOND));
        cache.invalidate(&GetQuote(id));
    }
    clock.advance(3 * SECOND);
    let mut tx = cache.begin();
    let update = |tx: &mut cache_core::Transaction<Shop>, id| {
        assert!(tx.update(&GetQuote(id), |_| "changed"));
    };
    // Declared before the write.
    tx.touch(&GetQuote(1));
    tx.set_timed(GetQuote(2), "set", EntryTimes::new().ttl(SECOND));
    tx.touch(&GetQuote(3));
    tx.invalidate(&GetQuote(3));
    (1..=6).for_each(|id| update(&mut tx, id));
    // Declared after the write.
    tx.touch(&GetQuote(4));
    tx.invalidate(&GetQuote(5));
    tx.set(GetQuote(6), "set");
    tx.commit().unwrap();
    let seen = (1..=6).map(|id| {
        let entry = cache.peek_entry(&GetQuote(id)).unwrap();
        (entry.age().as_secs(), entry.remaining().unwrap().as_secs(), entry.freshness())
    });
    let expected = [
        (0, 60, Freshness::Fresh),
        (0, 1, Freshness::Fresh),
        (0, 60, Freshness::Invalidated),
        (0, 60, Freshness::Fresh),
        (3, 57, Freshness::Invalidated),
        (0, 10, Freshness::Fresh),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
}

#[test]
fn the_marks_of_whole_tables_pass_over_what_is_updated_in_the_same_transaction() {
    let (cache, _) = timed(|builder| builder);
    cache.insert(GetQuote(1), "old");
    cache.insert(GetQuote(2), "old");
    let mut tx = cache.begin();
    tx.update(&GetQuote(1), |_| "changed");
    tx.invalidate_query::<GetQuote>();
    tx.commit().unwrap();
    assert_eq!((freshness(&cache, 1), freshness(&cache, 2)), (Freshness::Fresh, Freshness::Invalidated));
}

#[test]
fn an_update_sees_what_its_transaction_has_written() {
    let cache = shop();
    cache.insert(GetBalance(3), 3);
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    tx.merge_with(GetBalance(2), |old: Option<&i64>| old.map_or(2, |old| old + 2));
    tx.remove(&GetBalance(3));
    let updated = [1, 2, 3].map(|id| tx.update(&GetBalance(id), |balance| **balance * 10));
    assert_eq!(updated, [true, true, false]);
    tx.commit().unwrap();
    assert_eq!((balance(&cache, 1), balance(&cache, 2)), (10, 20));
    assert!(cache.get(&GetBalance(3)).is_none());
}

#[test]
fn a_value_that_comes_or_changes_before_the_commit_is_a_conflict() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    for id in [1, 2] {
        let mut tx = cache.begin();
        tx.update(&GetBalance(id), |balance| **balance + 100);
        cache.insert(GetBalance(id), 7);
        assert_eq!(conflict(tx.commit()), ("get_balance", format!("GetBalance({id})")));
        assert_eq!(balance(&cache, id), 7);
    }
    let mut runs = 0;
    let updated = cache.transact(|tx| {
        runs += 1;
        let was_there = tx.update(&GetBalance(3), |balance| **balance + 1);
        if runs == 1 {
            cache.insert(GetBalance(3), 5);
        }
        Ok::<_, CommitError>(was_there)
    });
    assert_eq!((updated.unwrap(), runs, balance(&cache, 3)), (true, 2, 6));
}

#[test]
fn an_entry_that_is_evicted_before_the_commit_is_written_marked() {
    let cache = shop();
    drop(cache.insert(GetRecent(1), "old"));
    let mut tx = cache.begin();
    tx.update(&GetRecent(1), |_| "changed");
    cache.invalidate(&GetRecent(1));
    drop((cache.insert(GetRecent(2), "other"), cache.insert(GetRecent(3), "other")));
    assert!(cache.get(&GetRecent(1)).is_none());
    cache.reap();
    tx.commit().unwrap();
    let entry = cache.peek_entry(&GetRecent(1)).unwrap();
    assert_eq!((&**entry.value(), entry.freshness()), ("changed", Freshness::Invalidated));
}

#[test]
fn one_that_finds_nothing_keeps_a_load_that_runs_from_being_stored() {
    let cache = shop();
    let loaded = cache.get_or_insert_with(&GetBalance(1), || {
        let mut tx = cache.begin();
        assert!(!tx.update(&GetBalance(1), |balance| **balance + 1));
        tx.commit().unwrap();
        10
    });
    assert_eq!((*loaded, cache.get(&GetBalance(1))), (10, None), "only its caller gets it");
    let watch = cache.watch(&GetBalance(2));
    let mut tx = cache.begin();
    tx.update(&GetBalance(2), |balance| **balance + 1);
    assert!(!watch.is_overtaken(), "nothing changes before the commit");
    tx.commit().unwrap();
    assert!(matches!(watch.store(10, EntryTimes::new()), StoreOutcome::Overtaken(value) if *value == 10));
}

#[test]
fn one_that_is_rolled_back_or_concerns_another_key_does_not_affect_loads() {
    let cache = shop();
    let watch = cache.watch(&GetBalance(1));
    let mut tx = cache.begin();
    tx.update(&GetBalance(1), |balance| **balance + 1);
    drop(tx);
    let mut tx = cache.begin();
    tx.update(&GetBalance(2), |balance| **balance + 1);
    tx.commit().unwrap();
    let loaded = cache.get_or_insert_with(&GetBalance(3), || {
        let mut tx = cache.begin();
        tx.update(&GetBalance(1), |balance| **balance + 1);
        drop(tx);
        10
    });
    assert!(!watch.is_overtaken());
    assert!(Arc::ptr_eq(&loaded, &cache.get(&GetBalance(3)).unwrap()));
}

#[test]
fn a_touch_that_finds_nothing_does_not_affect_loads_but_a_mark_does() {
    let cache = shop();
    let watch = cache.watch(&GetBalance(1));
    let mut tx = cache.begin();
    assert!(!tx.touch(&GetBalance(1)));
    tx.commit().unwrap();
    assert!(!watch.is_overtaken());
    let mut tx = cache.begin();
    tx.touch(&GetBalance(1));
    tx.update(&GetBalance(1), |balance| **balance + 1);
    tx.touch(&GetBalance(1));
    tx.commit().unwrap();
    assert!(watch.is_overtaken());
}
