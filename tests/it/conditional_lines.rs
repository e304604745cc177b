//! Lines of a transaction that are skipped if something newer has happened to their key.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_core::client_support::{AnyStoreOutcome, AnyWatch, BroughtEntries, Inputs, ValueHandle};
use cache_core::{Cache, ChangeKind, CommitError, EntryTimes, Freshness, Residency, Revision};

use crate::shop::*;

fn watch(cache: &Cache<Shop>, id: u32) -> AnyWatch {
    AnyWatch::new(cache.any_table_ref::<GetBalance>(), GetBalance(id), None)
}

fn handle(balance: i64) -> ValueHandle {
    ValueHandle::new::<GetBalance>(Arc::new(balance))
}

fn answer(cache: &Cache<Shop>, watch: &AnyWatch, balance: i64, inputs: &Inputs) -> AnyStoreOutcome {
    let mut tx = cache.begin();
    tx.set_watched(watch, &handle(balance), EntryTimes::new(), inputs);
    tx.commit().unwrap().stored(watch).unwrap()
}

fn revision_of(cache: &Cache<Shop>, id: u32) -> Revision {
    cache.peek_entry(&GetBalance(id)).unwrap().revision()
}

#[test]
fn an_answer_is_committed_with_what_was_extracted_from_it() {
    let cache = shop();
    let watch = watch(&cache, 1);
    let mut tx = cache.begin();
    tx.set(GetTotal(1), 10);
    tx.set_watched(&watch, &handle(7), EntryTimes::new(), &Inputs::default());
    assert!(cache.is_empty(), "nothing is visible yet");
    let receipt = tx.commit().unwrap();
    assert!(matches!(receipt.stored(&watch), Some(AnyStoreOutcome::Written)));
    assert_eq!((balance(&cache, 1), cache.get(&GetTotal(1)).as_deref()), (7, Some(&10)));
    assert_eq!(
        cache.peek_entry(&GetBalance(1)).unwrap().revision(),
        cache.peek_entry(&GetTotal(1)).unwrap().revision()
    );
}

#[test]
fn an_overtaken_answer_is_left_out_and_the_rest_is_written() {
    let changes: [fn(&Cache<Shop>); 4] = [
        |cache| drop(cache.insert(GetBalance(1), 2)),
        |cache| _ = cache.remove(&GetBalance(1)),
        |cache| _ = cache.invalidate(&GetBalance(1)),
        |cache| _ = cache.invalidate_where::<GetBalance>(|_| true),
    ];
    for change in changes {
        let cache = shop();
        let watch = watch(&cache, 1);
        let mut tx = cache.begin();
        tx.set(GetTotal(1), 10);
        tx.set_watched(&watch, &handle(7), EntryTimes::new(), &Inputs::default());
        change(&cache);
        let receipt = tx.commit().unwrap();
        assert!(matches!(receipt.stored(&watch), Some(AnyStoreOutcome::Overtaken)));
        assert_ne!(cache.get(&GetBalance(1)).as_deref(), Some(&7));
        assert_eq!(cache.get(&GetTotal(1)).as_deref(), Some(&10));
    }
}

#[test]
fn nothing_is_committed_without_an_answer_that_is_required() {
    let changes: [fn(&Cache<Shop>, &AnyWatch); 3] = [
        |cache, _| drop(cache.insert(GetBalance(1), 2)),
        |cache, _| drop(cache.insert(GetTotal(1), 2)),
        |_, watch| watch.retire(),
    ];
    for (change, is_conflict) in changes.into_iter().zip([true, false, true]) {
        let cache = shop();
        let watch = watch(&cache, 1);
        let mut tx = cache.begin();
        tx.set(GetTotal(1), 10);
        tx.set_watched(&watch, &handle(7), EntryTimes::new(), &Inputs::default());
        tx.require(&watch);
        change(&cache, &watch);
        let before = cache.revision();
        let committed = tx.commit();
        assert_eq!(matches!(committed, Err(CommitError::Conflict { .. })), is_conflict);
        assert_eq!(cache.revision() == before, is_conflict);
        assert_eq!(cache.get(&GetTotal(1)).as_deref() == Some(&10), !is_conflict);
    }
}

#[test]
fn nothing_is_committed_without_a_copy_that_is_required() {
    let cache = shop();
    let watch = watch(&cache, 1);
    let mut tx = cache.begin();
    tx.set(GetTotal(1), 10);
    tx.fill_watched(&watch, &handle(7), EntryTimes::new());
    tx.require(&watch);
    cache.insert(GetBalance(1), 2);
    assert!(matches!(tx.commit(), Err(CommitError::Conflict { .. })));
    assert_eq!((cache.get(&GetTotal(1)), balance(&cache, 1)), (None, 2));
}

#[test]
fn an_answer_whose_watch_has_ended_is_left_out() {
    let cache = shop();
    let watch = watch(&cache, 1);
    let mut tx = cache.begin();
    tx.set_watched(&watch, &handle(7), EntryTimes::new(), &Inputs::default());
    drop(watch);
    assert_eq!(tx.commit().unwrap().revision(), None);
    assert!(cache.is_empty());
}

#[test]
fn an_answer_overtakes_other_loads_of_its_key() {
    let cache = shop();
    let (first, second) = (watch(&cache, 1), watch(&cache, 1));
    assert!(matches!(answer(&cache, &first, 1, &Inputs::default()), AnyStoreOutcome::Written));
    assert!(second.is_overtaken());
    assert!(matches!(answer(&cache, &second, 2, &Inputs::default()), AnyStoreOutcome::Overtaken));
    assert_eq!(balance(&cache, 1), 1);
}

#[test]
fn the_value_that_is_there_is_renewed() {
    let (cache, clock) = timed(|builder| builder.table::<GetBalance>(|t| t.fresh(5 * SECOND)));
    let present = cache.insert(GetBalance(1), 7);
    clock.advance(6 * SECOND);
    let (watch, revision) = (watch(&cache, 1), cache.revision());
    let mut tx = cache.begin();
    let same = ValueHandle::new::<GetBalance>(Arc::clone(&present));
    tx.set_watched(&watch, &same, EntryTimes::new(), &Inputs::default());
    let receipt = tx.commit().unwrap();
    assert!(matches!(receipt.stored(&watch), Some(AnyStoreOutcome::Kept(_))));
    assert_eq!((receipt.revision(), cache.revision()), (None, revision));
    assert!(Arc::ptr_eq(&cache.get_fresh(&GetBalance(1)).expect("fresh again"), &present));
}

#[test]
fn an_answer_whose_input_has_changed_is_marked() {
    for is_changed in [false, true] {
        let cache = shop();
        let seen = cache.insert(GetTotal(1), 1);
        let (watch, mut inputs) = (watch(&cache, 1), Inputs::default());
        cache.note_input(&mut inputs, &GetTotal(1), Some(&seen), false, None);
        if is_changed {
            cache.insert(GetTotal(1), 2);
        }
        let outcome = answer(&cache, &watch, 7, &inputs);
        let entry = cache.peek_entry(&GetBalance(1)).unwrap();
        assert_eq!(entry.freshness() == Freshness::Invalidated, is_changed);
        assert_eq!(matches!(outcome, AnyStoreOutcome::Marked(None)), is_changed);
    }
}

#[test]
fn answers_with_inputs_are_marked_if_one_transaction_has_several() {
    let cache = shop();
    let mut tx = cache.begin();
    let loads = [1, 2].map(|id| {
        let (watch, mut inputs) = (watch(&cache, id), Inputs::default());
        let seen = cache.insert(GetTotal(id), 1);
        cache.note_input(&mut inputs, &GetTotal(id), Some(&seen), false, None);
        tx.set_watched(&watch, &handle(7), EntryTimes::new(), &inputs);
        watch
    });
    let receipt = tx.commit().unwrap();
    assert!(loads.iter().all(|load| matches!(receipt.stored(load), Some(AnyStoreOutcome::Marked(_)))));
}

#[test]
fn a_brought_line_is_skipped_if_its_key_has_changed() {
    for is_changed in [false, true] {
        let cache = shop();
        let watch = watch(&cache, 1);
        if is_changed {
            cache.insert(GetTotal(1), 2);
        }
        let mut brought = BroughtEntries::new(cache.any_table_ref::<GetTotal>());
        brought.add(GetTotal(1), Arc::new(1));
        let mut tx = cache.begin();
        tx.set_watched(&watch, &handle(7), EntryTimes::new(), &Inputs::default());
        tx.bring(&watch, &brought);
        tx.commit().unwrap().note_brought(&mut brought);
        assert_eq!(brought.is_stored(0), !is_changed);
        assert_eq!(cache.get(&GetTotal(1)).as_deref(), Some(&if is_changed { 2 } else { 1 }));
    }
}

#[test]
fn a_following_write_keeps_age_times_and_mark() {
    let (cache, clock) = timed(|builder| builder);
    let windows = EntryTimes::new().swr(5 * SECOND).stale_if_error(7 * SECOND);
    let times = windows.ttl(100 * SECOND).fresh(50 * SECOND);
    cache.insert_timed(GetQuote(1), "one", times);
    cache.insert_timed(GetQuote(2), "one", times);
    cache.invalidate(&GetQuote(2));
    clock.advance(20 * SECOND);
    let mut tx = cache.begin();
    for id in [1, 2] {
        let seen = cache.peek_entry(&GetQuote(id)).unwrap().revision();
        tx.follow(GetQuote(id), "two", seen);
    }
    let revision = tx.commit().unwrap().revision();
    for (id, freshness) in [(1, Freshness::Fresh), (2, Freshness::Invalidated)] {
        let entry = cache.peek_entry(&GetQuote(id)).unwrap();
        assert_eq!((&**entry.value(), Some(entry.revision())), ("two", revision));
        assert_eq!((entry.age(), entry.freshness()), (20 * SECOND, freshness));
        assert_eq!(entry.remaining(), Some(80 * SECOND));
        let state = entry.state();
        assert_eq!((state.swr(), state.stale_if_error()), (Some(5 * SECOND), Some(7 * SECOND)));
        let past = cache.history(&GetQuote(id));
        assert_eq!(past.iter().map(|past| &*past.value).collect::<Vec<_>>(), ["one"]);
    }
    clock.advance(81 * SECOND);
    assert!(cache.get(&GetQuote(1)).is_none(), "it expires when it would have");
}

#[test]
fn a_following_write_keeps_the_place_in_the_order() {
    let cache = shop();
    let held: Vec<_> = [1, 2].map(|id| cache.insert(GetRecent(id), "old")).into();
    let mut tx = cache.begin();
    tx.follow(GetRecent(1), "new", cache.peek_entry(&GetRecent(1)).unwrap().revision());
    tx.commit().unwrap();
    assert_eq!(cache.peek(&GetRecent(1)).as_deref(), Some("new"));
    cache.insert(GetRecent(3), "third");
    assert!(cache.peek(&GetRecent(1)).is_none(), "it was still the oldest");
    assert!(cache.peek(&GetRecent(2)).is_some());
    drop(held);
}

#[test]
fn a_following_write_names_what_it_replaces() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let seen = revision_of(&cache, 1);
    let follow = |id: u32, value: i64| {
        let mut tx = cache.begin();
        tx.follow(GetBalance(id), value, seen);
        let receipt = tx.commit().unwrap();
        receipt.is_stored(&cache.any_table_ref::<GetBalance>(), &GetBalance(id))
    };
    assert!(!follow(2, 5), "nothing is there");
    assert!(follow(1, 2));
    assert!(!follow(1, 3), "that revision has been replaced");
    assert_eq!((balance(&cache, 1), cache.len()), (2, 1));
    cache.remove(&GetBalance(1));
    assert!(!follow(1, 4));
    assert!(cache.is_empty());
}

#[test]
fn a_following_write_leaves_a_survivor_a_survivor() {
    let cache = shop();
    let _old = cache.insert(GetNote(1), "old");
    let mut tx = cache.begin();
    tx.follow(GetNote(1), "new", cache.peek_entry(&GetNote(1)).unwrap().revision());
    let receipt = tx.commit().unwrap();
    let entry = cache.peek_entry(&GetNote(1)).expect("the receipt holds the value");
    assert_eq!((&**entry.value(), entry.residency()), ("new", Residency::Survivor));
    drop((entry, receipt));
    assert!(cache.peek(&GetNote(1)).is_none());
}

#[test]
fn a_following_write_and_a_fill_leave_loads_current_and_wake_watches() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let seen = revision_of(&cache, 1);
    let loads = [1, 2].map(|id| watch(&cache, id));
    let woken = Arc::new(AtomicUsize::new(0));
    let _observers = [1, 2].map(|id| {
        let woken = Arc::clone(&woken);
        cache.watch_with(&GetBalance(id), move || _ = woken.fetch_add(1, Ordering::Relaxed))
    });
    let mut tx = cache.begin();
    tx.follow(GetBalance(1), 2, seen);
    tx.fill(GetBalance(2), 2, EntryTimes::new());
    tx.commit().unwrap();
    assert_eq!(woken.load(Ordering::Relaxed), 2);
    for load in &loads {
        assert!(matches!(answer(&cache, load, 3, &Inputs::default()), AnyStoreOutcome::Written));
    }
    assert_eq!((balance(&cache, 1), balance(&cache, 2)), (3, 3));
}

#[test]
fn a_fill_writes_only_where_nothing_is() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let load = watch(&cache, 3);
    cache.invalidate(&GetBalance(3));
    let mut tx = cache.begin();
    tx.fill(GetBalance(1), 9, EntryTimes::new());
    tx.fill(GetBalance(2), 9, EntryTimes::new());
    tx.fill_watched(&load, &handle(9), EntryTimes::new());
    tx.commit().unwrap();
    assert_eq!((balance(&cache, 1), balance(&cache, 2)), (1, 9));
    assert!(cache.get(&GetBalance(3)).is_none(), "the copy is older than the mark");
}

#[test]
fn hooks_do_not_see_conditional_lines_and_listeners_do() {
    let heard = EventLog::new();
    let (changes, asked) = (heard.clone(), EventLog::new());
    let hook = asked.clone();
    let cache = Cache::<Shop>::builder()
        .before_commit(move |proposal| {
            hook.note(proposal.changes().len());
            Ok(())
        })
        .after_commit(move |change| changes.note((change.table(), change.kind())))
        .build()
        .unwrap();
    cache.insert(GetBalance(1), 1);
    let (load, seen) = (watch(&cache, 2), revision_of(&cache, 1));
    heard.take();
    let mut tx = cache.begin();
    tx.follow(GetBalance(1), 2, seen);
    tx.set_watched(&load, &handle(2), EntryTimes::new(), &Inputs::default());
    tx.fill(GetBalance(1), 3, EntryTimes::new());
    assert_eq!(tx.writes().len(), 0);
    tx.commit().unwrap();
    assert_eq!(asked.len(), 0);
    assert_eq!(heard.take(), [("get_balance", ChangeKind::Set)], "the fill has replaced the following write");
    let mut tx = cache.begin();
    tx.set(GetTotal(1), 1);
    tx.follow(GetBalance(1), 4, revision_of(&cache, 1));
    tx.skip_hooks();
    tx.commit().unwrap();
    assert_eq!((asked.len(), balance(&cache, 1)), (0, 4));
}

#[test]
fn a_write_without_a_condition_takes_precedence() {
    let cache = shop();
    for id in [1, 2] {
        cache.insert(GetBalance(id), 1);
    }
    let (load, seen) = (watch(&cache, 1), revision_of(&cache, 1));
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 2);
    tx.follow(GetBalance(1), 3, seen);
    tx.set_watched(&load, &handle(4), EntryTimes::new(), &Inputs::default());
    tx.commit().unwrap();
    assert_eq!(balance(&cache, 1), 2);
    let mut tx = cache.begin();
    tx.invalidate(&GetBalance(1));
    tx.follow(GetBalance(1), 3, revision_of(&cache, 1));
    assert_eq!(tx.writes().len(), 0);
    tx.remove(&GetBalance(1));
    assert_eq!(tx.writes().len(), 1);
    tx.follow(GetBalance(2), 3, revision_of(&cache, 2));
    tx.set(GetBalance(2), 4);
    tx.commit().unwrap();
    assert_eq!(balance(&cache, 2), 4);
    assert!(cache.get(&GetBalance(1)).is_none());
}

#[test]
fn a_mark_of_the_transaction_stays_on_its_answer() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    for marks_first in [false, true] {
        let load = watch(&cache, 1);
        let mut tx = cache.begin();
        if marks_first {
            tx.invalidate(&GetBalance(1));
        }
        tx.set_watched(&load, &handle(2), EntryTimes::new(), &Inputs::default());
        if !marks_first {
            tx.invalidate(&GetBalance(1));
        }
        tx.commit().unwrap();
        let entry = cache.peek_entry(&GetBalance(1)).unwrap();
        assert_eq!((**entry.value(), entry.freshness()), (2, Freshness::Invalidated));
    }
}

#[test]
fn a_mark_of_the_transaction_counts_even_if_its_line_is_skipped() {
    let cache = shop();
    let seen = {
        cache.insert(GetBalance(1), 1);
        revision_of(&cache, 1)
    };
    for is_skipped in [false, true] {
        let mut tx = cache.begin();
        tx.follow(GetBalance(1), 2, seen);
        tx.invalidate(&GetBalance(1));
        if is_skipped {
            cache.insert(GetBalance(1), 3);
        }
        tx.commit().unwrap();
        let entry = cache.peek_entry(&GetBalance(1)).unwrap();
        let expected = if is_skipped { 3 } else { 2 };
        assert_eq!((**entry.value(), entry.freshness()), (expected, Freshness::Invalidated));
    }
}

#[test]
fn an_expired_entry_is_not_followed() {
    let (cache, clock) = timed(|builder| builder);
    cache.insert(GetQuote(1), "old");
    let seen = cache.peek_entry(&GetQuote(1)).unwrap().revision();
    clock.advance(11 * SECOND);
    let mut tx = cache.begin();
    tx.follow(GetQuote(1), "new", seen);
    let receipt = tx.commit().unwrap();
    assert!(!receipt.is_stored(&cache.any_table_ref::<GetQuote>(), &GetQuote(1)));
    assert_eq!(receipt.revision(), None);
    assert!(cache.get(&GetQuote(1)).is_none());
}

#[test]
fn the_commit_log_names_the_tables_of_conditional_lines() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    cache.commit_log().keep(10);
    let mut tx = cache.begin();
    tx.label("follow");
    tx.follow(GetBalance(1), 2, revision_of(&cache, 1));
    tx.commit().unwrap();
    let commits = cache.commit_log().recent();
    assert_eq!(commits[0].label.as_deref(), Some("follow"));
    assert_eq!(commits[0].tables, ["get_balance"]);
}
