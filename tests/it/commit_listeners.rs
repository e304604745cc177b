//! Listeners: what a commit changed and which values were removed, in the order of the commits.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use cache_core::client_support::Inputs;
use cache_core::{Cache, ChangeKind, EntryTimes, Merge, RemovalCause};

use crate::shop::*;

/// One line for each received change: table, key, kind, revision, and the value of a balance or total.
type Heard = (&'static str, String, ChangeKind, Option<u64>, Option<i64>);

fn listening() -> (Cache<Shop>, EventLog<Heard>) {
    let heard = EventLog::new();
    let event_log = heard.clone();
    let (cache, _) = timed(|builder| {
        builder.after_commit(move |change| {
            let value = change.of::<GetBalance>().and_then(|(_, value)| value);
            let value = value.or(change.of::<GetTotal>().and_then(|(_, value)| value));
            let revision = change.revision().map(|revision| revision.get());
            let key = format!("{:?}", change.key());
            event_log.note((change.table(), key, change.kind(), revision, value.map(|value| **value)));
        })
    });
    (cache, heard)
}

#[test]
fn a_listener_receives_each_changed_key_with_its_revision_and_value() {
    let (cache, heard) = listening();
    cache.insert(GetBalance(1), 1);
    let mut tx = cache.begin();
    tx.set(GetTotal(1), 5);
    tx.merge_with(GetBalance(1), |old: Option<&i64>| old.unwrap() + 1);
    tx.remove(&GetTotal(1));
    tx.set(GetTotal(2), 7);
    tx.get(&GetBalance(9));
    tx.commit().unwrap();
    cache.remove(&GetTotal(2));
    let mut heard = heard.take();
    heard[1..4].sort_by_key(|heard| heard.1.clone());
    let expected: [Heard; 5] = [
        ("get_balance", "GetBalance(1)".into(), ChangeKind::Set, Some(1), Some(1)),
        ("get_balance", "GetBalance(1)".into(), ChangeKind::Merged, Some(2), Some(2)),
        ("get_total", "GetTotal(1)".into(), ChangeKind::Removed, Some(2), None),
        ("get_total", "GetTotal(2)".into(), ChangeKind::Set, Some(2), Some(7)),
        ("get_total", "GetTotal(2)".into(), ChangeKind::Removed, Some(3), None),
    ];
    assert_eq!(heard, expected);
}

#[test]
fn a_listener_receives_answers_that_were_built_from_others_whether_up_to_date_or_not() {
    let (cache, heard) = listening();
    let balance = cache.insert(GetBalance(1), 1);
    for total in [5, 6] {
        let (watch, mut inputs) = (cache.watch(&GetTotal(1)), Inputs::default());
        cache.note_input(&mut inputs, &GetBalance(1), Some(&balance), false, None);
        watch.store_built(total, EntryTimes::new(), &inputs);
        // Too late for the first transaction, but in time for the second.
        cache.invalidate(&GetBalance(1));
    }
    let set = |table, key: &str, revision, value| {
        (table, key.to_owned(), ChangeKind::Set, Some(revision), Some(value))
    };
    let mark: Heard = ("get_balance", "GetBalance(1)".into(), ChangeKind::Invalidated, None, None);
    let expected = [
        set("get_balance", "GetBalance(1)", 1, 1),
        set("get_total", "GetTotal(1)", 2, 5),
        mark.clone(),
        set("get_total", "GetTotal(1)", 3, 6),
        mark,
    ];
    assert_eq!(heard.take(), expected);
}

#[test]
fn a_listener_gets_the_very_value_that_was_committed() {
    let values: Arc<Mutex<Vec<Arc<i64>>>> = Arc::default();
    let keep = Arc::clone(&values);
    let (cache, _) = timed(|builder| {
        builder.after_commit(move |change| {
            if let Some((_, Some(value))) = change.of::<GetBalance>() {
                keep.lock().unwrap().push(Arc::clone(value));
            }
        })
    });
    let inserted = cache.insert(GetBalance(1), 1);
    assert!(Arc::ptr_eq(&values.lock().unwrap()[0], &inserted));
}

#[test]
fn no_listener_runs_if_nothing_changed() {
    let (cache, heard) = listening();
    cache.begin().commit().unwrap();
    let mut tx = cache.begin();
    tx.get(&GetBalance(1));
    tx.commit().unwrap();
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    drop(tx);
    let mut tx = cache.begin();
    tx.get(&GetBalance(1));
    tx.set(GetTotal(1), 1);
    cache.insert(GetBalance(1), 2);
    heard.take();
    conflict(tx.commit());
    assert!(
        !cache.remove(&GetBalance(5)) && !cache.touch(&GetBalance(5)) && !cache.invalidate(&GetBalance(5))
    );
    assert_eq!(heard.take(), []);
}

#[test]
fn a_touch_reaches_no_listener() {
    let (cache, heard) = listening();
    cache.insert(GetBalance(1), 1);
    heard.take();
    cache.touch(&GetBalance(1));
    let mut tx = cache.begin();
    tx.touch(&GetBalance(1));
    tx.commit().unwrap();
    assert_eq!(heard.take(), []);
}

#[test]
fn a_mark_reaches_listeners_without_a_revision_if_it_marked_something() {
    let (cache, heard) = listening();
    cache.insert(GetBalance(1), 1);
    cache.insert(GetBalance(2), 1);
    heard.take();
    cache.invalidate(&GetBalance(1));
    let mut tx = cache.begin();
    tx.invalidate(&GetBalance(1));
    tx.touch(&GetBalance(1));
    tx.invalidate(&GetBalance(1));
    tx.invalidate(&GetBalance(2));
    cache.remove(&GetBalance(2));
    let line = ("get_balance", "GetBalance(1)".to_owned(), ChangeKind::Invalidated, None, None);
    assert_eq!(heard.take().first(), Some(&line));
    tx.commit().unwrap();
    assert_eq!(heard.take(), [line]);
}

#[test]
fn an_overtaken_merge_reaches_listeners_once() {
    let (cache, heard) = listening();
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), |old: Option<&i64>| old.copied().unwrap_or(0) + 1);
    cache.insert(GetBalance(1), 10);
    tx.commit().unwrap();
    assert_eq!(
        heard.take().into_iter().map(|heard| (heard.3, heard.4)).collect::<Vec<_>>(),
        [(Some(1), Some(10)), (Some(2), Some(11))]
    );
}

/// Returns the revision of each received change while four threads commit 300 times each.
fn received_revisions(changes: usize, commit: impl Fn(&Cache<Shop>, u32) + Sync) -> Vec<u64> {
    let (sender, receiver) = channel();
    let (cache, _) = timed(|builder| {
        builder.after_commit(move |change| sender.send(change.revision().unwrap().get()).unwrap())
    });
    thread::scope(|scope| {
        for thread in 0..4 {
            let (cache, commit) = (&cache, &commit);
            scope.spawn(move || (0..300).for_each(|round| commit(cache, thread * 1000 + round)));
        }
    });
    // A commit may return before its listeners ran: the draining thread runs all of them.
    receiver.iter().take(1200 * changes).collect()
}

#[test]
fn listeners_receive_commits_of_many_threads_in_the_order_of_their_revisions() {
    let revisions = received_revisions(1, |cache, key| drop(cache.insert(GetBalance(key % 7), 1)));
    assert!(revisions.iter().copied().eq(1..=1200), "each once, in order");
}

#[test]
fn the_changes_of_one_commit_are_received_together() {
    let mut revisions = received_revisions(2, |cache, key| {
        let mut tx = cache.begin();
        tx.set(GetBalance(key % 7), 1);
        tx.set(GetTotal(key % 5), 1);
        tx.commit().unwrap();
    });
    assert!(revisions.is_sorted());
    revisions.dedup();
    assert!(revisions.iter().copied().eq(1..=1200));
}

/// Replays the changes of each key: the last received value is the present one.
#[test]
fn a_mirror_built_by_a_listener_ends_equal_to_the_cache() {
    let mirror: Arc<Mutex<std::collections::BTreeMap<u32, i64>>> = Arc::default();
    let (sender, receiver) = channel();
    let copy = Arc::clone(&mirror);
    let (cache, _) = timed(|builder| {
        builder.after_commit(move |change| {
            if let Some((key, value)) = change.of::<GetBalance>() {
                let mut copy = copy.lock().unwrap();
                match value {
                    Some(value) => drop(copy.insert(key.0, **value)),
                    None => drop(copy.remove(&key.0)),
                }
            }
            if change.of::<GetTotal>().is_some() {
                sender.send(()).unwrap();
            }
        })
    });
    thread::scope(|scope| {
        for thread in 0..3i64 {
            let cache = &cache;
            scope.spawn(move || {
                for round in 0..400 {
                    let key = GetBalance((round * 7 % 5) as u32);
                    match (round + thread) % 4 {
                        0 => drop(cache.remove(&key)),
                        _ => drop(cache.insert(key, thread * 1000 + round)),
                    }
                }
            });
        }
    });
    cache.insert(GetTotal(0), 0);
    receiver.recv().unwrap();
    let there: Vec<_> = (0..5).filter_map(|id| Some((id, *cache.get(&GetBalance(id))?))).collect();
    assert_eq!(mirror.lock().unwrap().iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>(), there);
}

#[test]
fn a_listener_that_panics_is_counted_and_undoes_nothing() {
    let heard = EventLog::new();
    let event_log = heard.clone();
    let (cache, _) = timed(|builder| {
        builder
            .after_commit(|change| assert!(change.of::<GetTotal>().is_none(), "a listener panics"))
            .on_removal(|_| panic!("another"))
            .after_commit(move |change| event_log.note(format!("{:?}", change.key())))
    });
    cache.insert(GetTotal(1), 1);
    assert_eq!(cache.inspect().listener_panics, 1);
    assert_eq!(*cache.get(&GetTotal(1)).unwrap(), 1);
    cache.insert(GetTotal(1), 2);
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    tx.commit().unwrap();
    assert_eq!(cache.inspect().listener_panics, 3, "one more, and one by the removal listener");
    assert_eq!(
        heard.take(),
        ["GetTotal(1)", "GetTotal(1)", "GetBalance(1)"],
        "the others receive everything"
    );
}

#[test]
fn a_listener_may_read_and_commit_and_receives_that_later() {
    let home: Arc<OnceLock<Cache<Shop>>> = Arc::default();
    let heard = EventLog::new();
    let (inside, event_log) = (Arc::clone(&home), heard.clone());
    let (cache, _) = timed(|builder| {
        builder.after_commit(move |change| {
            event_log.note(format!("{:?} begins", change.key()));
            let cache = inside.get().unwrap();
            if let Some((key, Some(value))) = change.of::<GetBalance>()
                && key.0 < 3
            {
                assert_eq!(cache.get(key).as_deref(), Some(&**value));
                let mut tx = cache.begin();
                tx.set(GetBalance(key.0 + 1), **value + 1);
                tx.commit().unwrap();
            }
            event_log.note(format!("{:?} ends", change.key()));
        })
    });
    home.set(cache.clone()).unwrap();
    cache.insert(GetBalance(1), 1);
    let expected: Vec<_> = (1..=3)
        .flat_map(|id| [format!("GetBalance({id}) begins"), format!("GetBalance({id}) ends")])
        .collect();
    assert_eq!(heard.take(), expected);
    assert_eq!(balance(&cache, 3), 3);
    assert_eq!(cache.inspect().listener_panics, 0);
}

/// Only values that the listener keeps live: retention by type, in user code.
#[test]
fn a_listener_may_keep_what_the_cache_does_not() {
    let kept: Arc<Mutex<Option<Arc<str>>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let (cache, _) = timed(|builder| {
        builder.after_commit(move |change| {
            if let Some((_, Some(value))) = change.of::<GetNote>() {
                *keep.lock().unwrap() = Some(Arc::clone(value));
            }
        })
    });
    (1..=5).for_each(|id| drop(cache.insert(GetNote(id), "note")));
    assert_eq!(cache.keys::<GetNote>(), [GetNote(5)]);
}

#[test]
fn commits_return_while_another_thread_runs_the_listeners() {
    let (is_slow, slow) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let heard = EventLog::new();
    let event_log = heard.clone();
    let (cache, _) = timed(|builder| {
        builder.after_commit(move |change| {
            if change.of::<GetTotal>().is_some() {
                is_slow.send(()).unwrap();
                may_go_on.lock().unwrap().recv().unwrap();
            }
            event_log.note(change.revision().unwrap().get());
        })
    });
    thread::scope(|scope| {
        let go_on = go_on;
        scope.spawn(|| cache.insert(GetTotal(1), 1));
        slow.recv().unwrap();
        for value in 0..3 {
            cache.insert(GetBalance(1), value);
        }
        assert_eq!((balance(&cache, 1), heard.len()), (2, 0));
        go_on.send(()).unwrap();
    });
    assert_eq!(heard.take(), [1, 2, 3, 4], "by the thread that was delivering");
}

// Removals

fn hearing_removals() -> (Cache<Shop>, Arc<cache_core::ManualClock>, EventLog<(String, RemovalCause, String)>)
{
    let heard = EventLog::new();
    let event_log = heard.clone();
    let (cache, clock) = timed(|builder| {
        builder.on_removal(move |removal| {
            let text = removal.of::<GetRecent>().map(|(_, value)| value.to_string());
            let text = text.or(removal.of::<GetQuote>().map(|(_, value)| value.to_string()));
            let text = text.or(removal.of::<GetNote>().map(|(_, value)| value.to_string()));
            event_log.note((format!("{:?}", removal.key()), removal.cause(), text.unwrap_or_default()));
        })
    });
    (cache, clock, heard)
}

#[test]
fn each_removal_is_received_once_with_its_cause_and_value() {
    let (cache, clock, heard) = hearing_removals();
    let line = |key: &str, cause, text: &str| (key.to_owned(), cause, text.to_owned());
    (1..=3).for_each(|id| drop(cache.insert(GetRecent(id), id.to_string())));
    assert_eq!(heard.take(), [line("GetRecent(1)", RemovalCause::Evicted, "1")]);
    cache.insert(GetRecent(2), "two");
    assert_eq!(heard.take(), [line("GetRecent(2)", RemovalCause::Replaced, "2")]);
    let mut tx = cache.begin();
    tx.set(GetRecent(2), "zwei");
    tx.remove(&GetRecent(3));
    tx.commit().unwrap();
    let mut both = heard.take();
    both.sort_by_key(|heard| heard.0.clone());
    assert_eq!(
        both,
        [
            line("GetRecent(2)", RemovalCause::Replaced, "two"),
            line("GetRecent(3)", RemovalCause::Removed, "3")
        ]
    );
    cache.insert(GetQuote(1), "quote");
    clock.advance(10 * SECOND);
    assert!(cache.get(&GetQuote(1)).is_none());
    assert_eq!(heard.take(), [line("GetQuote(1)", RemovalCause::Expired, "quote")]);
    cache.clear();
    assert_eq!(heard.take(), [line("GetRecent(2)", RemovalCause::Cleared, "zwei")]);
    cache.clear();
    assert_eq!(heard.take(), []);
}

#[test]
fn listeners_receive_removed_and_cleared_survivors_but_no_dead_values() {
    let (cache, _, heard) = hearing_removals();
    let mut held: Vec<_> = (0..4).map(|id| cache.insert(GetNote(id), id.to_string())).collect();
    drop(held.remove(0));
    assert_eq!(heard.take(), []);
    assert!(cache.remove(&GetNote(1)));
    assert!(!cache.remove(&GetNote(0)), "dead");
    assert_eq!(heard.take(), [("GetNote(1)".to_owned(), RemovalCause::Removed, "1".to_owned())]);
    cache.insert(GetNote(0), "again");
    assert_eq!(heard.take(), [], "a dead value is not replaced");
    cache.clear();
    let mut cleared: Vec<_> = heard.take().into_iter().map(|heard| (heard.0, heard.1)).collect();
    cleared.sort_by_key(|heard| heard.0.clone());
    assert_eq!(cleared, [2, 3].map(|id| (format!("GetNote({id})"), RemovalCause::Cleared)));
}

#[test]
fn clear_empties_everything_and_is_one_commit() {
    let (cache, _) = timed(|builder| builder);
    let held = cache.insert(GetNote(1), "survivor");
    drop(cache.insert(GetNote(2), "dead"));
    cache.insert(GetPerson(1), Person::default());
    cache.insert(GetPerson(1), Person::default());
    cache.insert(GetBalance(1), 1);
    cache.dynamic().insert::<u32>("n", 1);
    let revision = cache.revision().unwrap().get();
    cache.clear();
    assert_eq!(cache.revision().unwrap().get(), revision + 1);
    assert_eq!((cache.len(), cache.keys::<GetNote>().len(), cache.reap()), (0, 0, 0));
    assert!(cache.get(&GetNote(1)).is_none() && cache.get(&GetNote(2)).is_none());
    assert!(cache.get(&GetPerson(1)).is_none() && cache.history(&GetPerson(1)).is_empty());
    assert!(cache.dynamic().get_as::<u32>("n").unwrap().is_none());
    cache.insert(GetPerson(1), Person::default());
    assert!(cache.history(&GetPerson(1)).is_empty());
    drop(held);
}

#[test]
fn a_clear_is_received_between_the_commits_before_and_after_it() {
    let heard = EventLog::new();
    let (changes, removals) = (heard.clone(), heard.clone());
    let (cache, _) = timed(|builder| {
        builder
            .after_commit(move |change| changes.note(format!("{:?}", change.kind())))
            .on_removal(move |removal| removals.note(format!("{:?}", removal.cause())))
    });
    cache.insert(GetBalance(1), 1);
    cache.insert(GetBalance(1), 2);
    cache.clear();
    cache.insert(GetBalance(1), 3);
    assert_eq!(heard.take(), ["Set", "Set", "Replaced", "Cleared", "Set"]);
}

#[test]
fn the_merge_of_a_person_is_what_the_other_tests_think_it_is() {
    let mut person = Person { name: Some("a"), job: Some("b"), town: None };
    person.merge(&Person { name: None, job: Some("c"), town: Some("d") });
    assert_eq!(person, Person { name: Some("a"), job: Some("c"), town: Some("d") });
}
