//! One transaction: what it sees, what it hides, and the effects of its methods.

use std::sync::Arc;

use cache_core::{ChangeKind, EntryTimes, Freshness, Residency, Transaction, TypeMismatch};
use proptest::prelude::*;

use crate::shop::*;

const ANN: Person = Person { name: Some("Ann"), job: None, town: None };

fn job(job: &'static str) -> Person {
    Person { job: Some(job), ..Person::default() }
}

fn town(town: &'static str) -> Person {
    Person { town: Some(town), ..Person::default() }
}

#[test]
fn a_transaction_and_its_async_commit_may_move_to_another_thread() {
    fn is_send<T: Send + 'static>(value: T) -> T {
        value
    }
    let cache = shop();
    let mut tx: Transaction<Shop> = is_send(cache.begin());
    tx.merge_with(GetBalance(1), |old: Option<&i64>| old.map_or(1, |old| old + 1));
    let receipt = std::thread::spawn(move || tx.commit()).join().unwrap().unwrap();
    drop(is_send(receipt));
    drop(is_send(cache.begin().commit_async()));
    assert_eq!(balance(&cache, 1), 1);
}

#[test]
fn a_transaction_outlives_the_handle_that_began_it() {
    let cache = shop();
    let other = cache.clone();
    let mut tx = cache.begin();
    drop(cache);
    tx.set(GetBalance(1), 7);
    tx.commit().unwrap();
    assert_eq!(balance(&other, 1), 7);
}

#[test]
fn dropping_a_transaction_is_rollback() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    cache.insert(GetBalance(2), 2);
    let revision = cache.revision();
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 10);
    tx.remove(&GetBalance(2));
    tx.set(GetBalance(3), 30);
    tx.invalidate(&GetBalance(1));
    drop(tx);
    assert_eq!((balance(&cache, 1), balance(&cache, 2)), (1, 2));
    assert!(cache.get(&GetBalance(3)).is_none());
    assert_eq!(cache.revision(), revision);
}

#[test]
fn a_transaction_keeps_no_value_alive_that_it_did_not_write() {
    let cache = shop();
    let mut early = cache.begin();
    let held = cache.insert(GetNote(1), "here");
    let mut late = cache.begin();
    assert!(late.get(&GetNote(1)).is_some());
    drop(held);
    assert!(cache.get(&GetNote(1)).is_none());
    // Reading a dead value is a miss, not an error.
    assert!(early.get(&GetNote(1)).is_none() && late.get(&GetNote(1)).is_none());
    assert_eq!(cache.reap(), 1);
    late.commit().unwrap();
}

#[test]
fn values_of_a_dropped_transaction_go_with_it() {
    let cache = shop();
    let mut tx = cache.begin();
    let weak = Arc::downgrade(&tx.set(GetBalance(1), 1));
    assert!(weak.upgrade().is_some());
    drop(tx);
    assert!(weak.upgrade().is_none());
}

#[test]
fn set_returns_the_very_value_that_is_read_afterwards() {
    let cache = shop();
    let mut tx = cache.begin();
    let set = tx.set(GetBalance(1), 5);
    assert!(Arc::ptr_eq(&set, &tx.get(&GetBalance(1)).unwrap()));
    tx.commit().unwrap();
    assert!(Arc::ptr_eq(&set, &cache.get(&GetBalance(1)).unwrap()));
}

#[test]
fn its_own_view_shows_all_writes_and_the_cache_none_before_the_commit() {
    let cache = shop();
    let person = |id| cache.get(&GetPerson(id)).map(|person| (*person).clone());
    let old = Person { name: Some("B"), job: Some("x"), town: Some("y") };
    cache.insert(GetPerson(3), ANN);
    let mut tx = cache.begin();
    tx.merge(GetPerson(3), job("smith"));
    tx.merge(GetPerson(1), town("Rome"));
    tx.merge(GetPerson(4), old.clone());
    tx.merge(GetPerson(4), Person { name: Some("B"), job: Some("z"), town: None });
    let merged = Person { job: Some("z"), ..old };
    let ann = Person { job: Some("smith"), ..ANN };

    assert_eq!(tx.get(&GetPerson(3)).as_deref(), Some(&ann));
    assert_eq!(tx.get(&GetPerson(1)).as_deref(), Some(&town("Rome")));
    assert_eq!(tx.get(&GetPerson(4)).as_deref(), Some(&merged));
    assert_eq!(tx.committed(&GetPerson(3)).as_deref(), Some(&ANN));
    assert!(tx.committed(&GetPerson(4)).is_none());

    assert_eq!((person(3), person(1), person(4)), (Some(ANN), None, None));
    assert_eq!((cache.len(), cache.keys::<GetPerson>()), (1, vec![GetPerson(3)]));
    assert!(cache.begin().get(&GetPerson(4)).is_none(), "another transaction does not see it either");
    assert!(cache.history(&GetPerson(3)).is_empty());

    tx.commit().unwrap();
    assert_eq!((person(3), person(1), person(4)), (Some(ann), Some(town("Rome")), Some(merged)));
}

#[test]
fn a_save_has_only_what_is_committed() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 2);
    tx.set(GetTotal(1), 2);
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();
    let restored = shop();
    assert_eq!(restored.restore_from(&bytes[..]).unwrap().restored(), 1);
    assert_eq!(balance(&restored, 1), 1);
}

#[test]
fn writes_are_listed_in_the_order_in_which_their_keys_were_first_written() {
    let cache = shop();
    cache.insert(GetQuote(1), "q");
    let mut tx = cache.begin();
    tx.get(&GetTotal(9));
    tx.set(GetTotal(1), 1);
    tx.merge_with(GetBalance(1), |_: Option<&i64>| 1);
    tx.touch(&GetQuote(1));
    tx.set(GetTotal(2), 2);
    tx.remove(&GetBalance(7));
    tx.set(GetTotal(1), 3);
    tx.remove(&GetTotal(2));
    tx.invalidate(&GetQuote(1));
    let writes: Vec<_> = tx.writes().iter().map(|w| (format!("{:?}", w.key()), w.kind())).collect();
    let expected = [
        ("GetTotal(1)", ChangeKind::Set),
        ("GetBalance(1)", ChangeKind::Merged),
        ("GetQuote(1)", ChangeKind::Invalidated),
        ("GetTotal(2)", ChangeKind::Removed),
        ("GetBalance(7)", ChangeKind::Removed),
    ];
    assert_eq!(writes, expected.map(|(key, kind)| (key.to_owned(), kind)));
    let totals: Vec<_> =
        tx.writes().iter().filter_map(|w| Some(w.of::<GetTotal>()?.1.map(|v| **v))).collect();
    assert_eq!(totals, [Some(3), None]);
    assert!(tx.writes().iter().all(|write| write.revision().is_none()));
}

#[test]
fn set_replaces_the_whole_value() {
    let cache = shop();
    cache.insert(GetPerson(1), Person { name: Some("v"), job: Some("w"), town: None });
    let mut tx = cache.begin();
    tx.set(GetPerson(1), town("z"));
    tx.commit().unwrap();
    assert_eq!(*cache.get(&GetPerson(1)).unwrap(), town("z"));
}

#[test]
fn set_after_merge_leaves_nothing_of_the_merge() {
    let cache = shop();
    cache.insert(GetPerson(1), ANN);
    let mut tx = cache.begin();
    tx.merge(GetPerson(1), job("smith"));
    tx.set(GetPerson(1), town("z"));
    tx.commit().unwrap();
    assert_eq!(*cache.get(&GetPerson(1)).unwrap(), town("z"));
}

#[test]
fn remove_leaves_a_tombstone_and_returns_whether_the_key_was_present() {
    let cache = shop();
    cache.insert(GetPerson(1), ANN);
    cache.insert(GetPerson(1), job("smith"));
    assert_eq!(cache.history(&GetPerson(1)).len(), 1);
    let mut tx = cache.begin();
    assert!(tx.remove(&GetPerson(1)));
    assert!(tx.get(&GetPerson(1)).is_none());
    assert!(!tx.remove(&GetPerson(1)));
    assert!(!tx.remove(&GetPerson(2)), "missing");
    assert!(cache.get(&GetPerson(1)).is_some());
    tx.commit().unwrap();
    assert!(cache.get(&GetPerson(1)).is_none() && cache.get_entry(&GetPerson(1)).is_none());
    assert!(cache.history(&GetPerson(1)).is_empty());
    assert_eq!(cache.len(), 0);
    cache.insert(GetPerson(1), ANN);
    assert!(cache.history(&GetPerson(1)).is_empty(), "the history does not come back");
}

#[test]
fn a_removed_entry_is_gone_even_if_its_value_is_held() {
    let cache = shop();
    let held = cache.insert(GetNote(1), "held");
    let mut tx = cache.begin();
    assert!(tx.remove(&GetNote(1)));
    tx.commit().unwrap();
    assert!(cache.get(&GetNote(1)).is_none());
    assert_eq!((&*held, cache.reap()), ("held", 0));
}

#[test]
fn a_removed_entry_leaves_its_place_in_the_order_to_another() {
    let cache = shop();
    cache.insert(GetRecent(1), "1");
    cache.insert(GetRecent(2), "2");
    let mut tx = cache.begin();
    tx.remove(&GetRecent(2));
    tx.commit().unwrap();
    cache.insert(GetRecent(3), "3");
    assert!(cache.peek(&GetRecent(1)).is_some() && cache.peek(&GetRecent(3)).is_some());
}

#[test]
fn a_new_entry_that_is_removed_again_is_not_there() {
    let cache = shop();
    let mut tx = cache.begin();
    tx.set(GetPerson(1), ANN);
    assert!(tx.remove(&GetPerson(1)));
    tx.commit().unwrap();
    assert!(cache.get(&GetPerson(1)).is_none() && cache.is_empty());
}

#[test]
fn a_merge_after_a_removal_starts_from_nothing() {
    let cache = shop();
    cache.insert(GetPerson(1), ANN);
    let mut tx = cache.begin();
    tx.merge(GetPerson(1), job("smith"));
    tx.remove(&GetPerson(1));
    tx.merge(GetPerson(1), town("n"));
    assert_eq!(tx.get(&GetPerson(1)).as_deref(), Some(&town("n")));
    tx.commit().unwrap();
    assert_eq!(*cache.get(&GetPerson(1)).unwrap(), town("n"));
}

#[test]
fn many_keys_are_found_again_in_their_transaction() {
    let cache = shop();
    (0..50).for_each(|id| drop(cache.insert(GetBalance(id), 1)));
    let mut tx = cache.begin();
    for id in 0..100 {
        assert_eq!(tx.get(&GetBalance(id)).is_some(), id < 50);
        tx.merge_with(GetBalance(id), |old: Option<&i64>| old.copied().unwrap_or(0) + 10);
    }
    for id in (0..100).rev() {
        tx.merge_with(GetBalance(id), |old: Option<&i64>| old.copied().unwrap_or(0) + 100);
    }
    (0..10).for_each(|id| assert!(tx.remove(&GetBalance(id * 10))));
    assert_eq!(tx.writes().len(), 100);
    let receipt = tx.commit().unwrap();
    for id in 0..100 {
        let expected = (id % 10 != 0).then_some(if id < 50 { 111 } else { 110 });
        assert_eq!(cache.get(&GetBalance(id)).as_deref().copied(), expected);
        assert_eq!(receipt.get(&GetBalance(id)).map(|value| **value), expected);
    }
}

#[test]
fn touch_and_invalidate_happen_at_the_commit() {
    let (cache, clock) = timed(|builder| builder);
    let value = cache.insert(GetQuote(1), "one");
    cache.insert(GetQuote(2), "two");
    cache.invalidate(&GetQuote(1));
    let revision = cache.revision();
    clock.advance(4 * SECOND);
    let mut tx = cache.begin();
    assert!(tx.touch(&GetQuote(1)) && tx.invalidate(&GetQuote(2)));
    assert!(!tx.touch(&GetQuote(3)) && !tx.invalidate(&GetQuote(3)), "missing");
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().freshness(), Freshness::Invalidated);
    assert_eq!(cache.get_entry(&GetQuote(2)).unwrap().freshness(), Freshness::Fresh);
    let receipt = tx.commit().unwrap();

    assert_eq!((receipt.revision(), cache.revision()), (None, revision), "neither of them is a write");
    let first = cache.get_entry(&GetQuote(1)).unwrap();
    assert_eq!((first.freshness(), first.remaining()), (Freshness::Fresh, Some(10 * SECOND)));
    assert!(Arc::ptr_eq(first.value(), &value));
    assert!(cache.get_fresh(&GetQuote(2)).is_none() && cache.get(&GetQuote(2)).is_some());
    assert_eq!(cache.get_entry(&GetQuote(2)).unwrap().remaining(), Some(6 * SECOND));
}

#[test]
fn touch_makes_a_survivor_of_a_full_table_resident_again() {
    let cache = shop();
    let held = cache.insert(GetRecent(1), "1");
    cache.insert(GetRecent(2), "2");
    cache.insert(GetRecent(3), "3");
    assert_eq!(cache.get_entry(&GetRecent(1)).unwrap().residency(), Residency::Survivor);
    let mut tx = cache.begin();
    assert!(tx.touch(&GetRecent(1)));
    tx.commit().unwrap();
    drop(held);
    assert!(cache.peek(&GetRecent(1)).is_some() && cache.peek(&GetRecent(2)).is_none());
}

#[test]
fn a_mark_on_an_entry_that_another_commit_removed_does_nothing() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let mut tx = cache.begin();
    assert!(tx.touch(&GetBalance(1)) && tx.invalidate(&GetBalance(1)));
    cache.remove(&GetBalance(1));
    tx.commit().unwrap();
    assert!(cache.get(&GetBalance(1)).is_none());
    let mut tx = cache.begin();
    assert!(!tx.touch(&GetBalance(1)));
    tx.set(GetBalance(1), 1);
    assert!(tx.touch(&GetBalance(1)) && tx.remove(&GetBalance(1)) && !tx.touch(&GetBalance(1)));
}

#[test]
fn a_write_may_carry_its_own_times() {
    let (cache, clock) = timed(|builder| builder);
    let mut tx = cache.begin();
    tx.set_timed(GetNote(1), "kept for a while", EntryTimes::new().ttl(3 * SECOND));
    tx.set_timed(
        GetQuote(1),
        "old",
        EntryTimes::new().as_of(cache.now() - 20 * SECOND).fresh(30 * SECOND).ttl(60 * SECOND),
    );
    drop(tx.commit().unwrap());
    assert_eq!(cache.get_entry(&GetNote(1)).unwrap().remaining(), Some(3 * SECOND));
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().age(), 20 * SECOND);
    clock.advance(10 * SECOND);
    assert!(cache.get(&GetNote(1)).is_none());
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().freshness(), Freshness::Stale);
    assert_eq!(cache.get_entry(&GetQuote(1)).unwrap().remaining(), Some(30 * SECOND));
}

#[test]
fn dynamic_entries_take_part_in_transactions() {
    let cache = shop();
    cache.dynamic().insert::<u32>("n", 1);
    let mut tx = cache.begin();
    assert_eq!(tx.get_as::<u32>("n").unwrap().as_deref(), Some(&1));
    let error: TypeMismatch = tx.get_as::<String>("n").unwrap_err();
    assert!(error.expected.contains("String") && error.found.contains("u32"), "{error}");
    tx.set_dynamic::<String>("n", "text".to_owned());
    tx.set(GetBalance(1), 1);
    assert_eq!(tx.get_as::<String>("n").unwrap().unwrap().as_str(), "text");
    assert_eq!(cache.dynamic().get_as::<u32>("n").unwrap().as_deref(), Some(&1));
    cache.dynamic().insert::<u32>("n", 2);
    assert_eq!(conflict(tx.commit()).0, "dynamic");
    assert_eq!(cache.dynamic().get_as::<u32>("n").unwrap().as_deref(), Some(&2));
    assert!(cache.get(&GetBalance(1)).is_none());
}

#[test]
fn side_loading_is_one_write_with_a_revision() {
    let cache = shop();
    let value = cache.insert(GetBalance(1), 5);
    assert!(Arc::ptr_eq(&value, &cache.get(&GetBalance(1)).unwrap()));
    let first = cache.revision().unwrap();
    cache.insert(GetTotal(1), 5);
    assert_eq!(cache.revision().unwrap().get(), first.get() + 1);
    assert_eq!(cache.get_entry(&GetTotal(1)).unwrap().revision(), cache.revision().unwrap());
}

// One key, all methods in all orders, against a model that knows nothing of lines, bases and locks.

#[derive(Clone, Copy, Debug)]
enum Method {
    Get,
    Set(i64),
    /// With an `as_of` two seconds ago.
    SetOld(i64),
    Merge(i64),
    UpdateOnce(i64),
    Remove,
    Touch,
    Invalidate,
}

/// What another commit does to the key while the transaction is open.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OtherCommit {
    Nothing,
    Write(i64),
    Remove,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    value: i64,
    is_marked: bool,
    age: u64,
}

#[derive(Clone, Debug)]
enum Own {
    Nothing,
    /// With the merges that lead to it from the committed value, if there were any.
    Value(Known, Option<Vec<i64>>),
    Removed,
    Mark {
        touch: bool,
        invalidate: bool,
    },
}

struct Model {
    base: Option<Known>,
    own: Own,
    /// Whether the commit must fail if another one writes the key.
    depends: bool,
}

fn merged(old: Option<i64>, by: i64) -> i64 {
    old.map_or(by, |old| old.wrapping_mul(3).wrapping_add(by))
}

fn updated(old: Option<i64>, by: i64) -> i64 {
    old.map_or(-by, |old| old.wrapping_mul(7).wrapping_sub(by))
}

impl Model {
    fn view(&self) -> Option<i64> {
        match &self.own {
            Own::Value(known, _) => Some(known.value),
            Own::Removed => None,
            Own::Nothing | Own::Mark { .. } => self.base.map(|known| known.value),
        }
    }

    fn sees_committed(&self) -> bool {
        matches!(self.own, Own::Nothing | Own::Mark { .. })
    }

    fn put(&mut self, own: Own) {
        // A merge that another write builds on can no longer be run again.
        self.depends |= matches!(self.own, Own::Value(_, Some(_)));
        self.own = own;
    }

    fn set(&mut self, value: i64, age: u64) {
        self.put(Own::Value(Known { value, is_marked: false, age }, None));
    }

    fn mark(&mut self, invalidate: bool) -> bool {
        let is_there = self.view().is_some();
        match &mut self.own {
            Own::Value(known, _) => {
                known.is_marked = invalidate;
                known.age = if invalidate { known.age } else { 0 };
            }
            Own::Mark { touch, .. } if is_there => {
                self.own = Own::Mark { touch: *touch || !invalidate, invalidate };
            }
            Own::Nothing if is_there => self.own = Own::Mark { touch: !invalidate, invalidate },
            // A value that was written before the commit may be older than the reason for the mark.
            Own::Nothing if invalidate => self.own = Own::Mark { touch: false, invalidate },
            _ => {}
        }
        is_there
    }

    fn merge(&mut self, by: i64) {
        match &mut self.own {
            Own::Value(known, steps) => {
                known.value = merged(Some(known.value), by);
                known.is_marked = false;
                if let Some(steps) = steps {
                    steps.push(by);
                }
            }
            Own::Removed => self.set(by, 0),
            Own::Nothing | Own::Mark { .. } => {
                let value = merged(self.base.map(|known| known.value), by);
                self.own = Own::Value(Known { value, is_marked: false, age: 0 }, Some(vec![by]));
            }
        }
    }

    /// Returns the value after the commit if `base` was there before it.
    fn outcome(&self, base: Option<Known>) -> Option<Known> {
        match &self.own {
            Own::Nothing => base,
            Own::Removed => None,
            Own::Value(known, None) => Some(*known),
            Own::Value(known, Some(steps)) => {
                let value = steps.iter().fold(base.map(|base| base.value), |old, by| Some(merged(old, *by)));
                Some(Known { value: value?, ..*known })
            }
            Own::Mark { touch, invalidate } => base.map(|base| Known {
                age: if *touch { 0 } else { base.age },
                is_marked: *invalidate || (base.is_marked && !touch),
                ..base
            }),
        }
    }
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        1 => Just(Method::Get),
        2 => (1..100i64).prop_map(Method::Set),
        1 => (1..100i64).prop_map(Method::SetOld),
        3 => (1..100i64).prop_map(Method::Merge),
        1 => (1..100i64).prop_map(Method::UpdateOnce),
        2 => Just(Method::Remove),
        2 => Just(Method::Touch),
        2 => Just(Method::Invalidate),
    ]
}

fn other_commit() -> impl Strategy<Value = OtherCommit> {
    prop_oneof![
        2 => Just(OtherCommit::Nothing),
        2 => (1000..1100i64).prop_map(OtherCommit::Write),
        1 => Just(OtherCommit::Remove),
    ]
}

fn act(tx: &mut Transaction<Shop>, model: &mut Model, method: Method, old: EntryTimes) {
    let key = GetBalance(1);
    match method {
        Method::Get => {
            model.depends |= model.sees_committed();
            assert_eq!(tx.get(&key).as_deref().copied(), model.view());
        }
        Method::Set(value) => {
            tx.set(key, value);
            model.set(value, 0);
        }
        Method::SetOld(value) => {
            tx.set_timed(key, value, old);
            model.set(value, 2);
        }
        Method::Merge(by) => {
            tx.merge_with(key, move |old: Option<&i64>| merged(old.copied(), by));
            model.merge(by);
        }
        Method::UpdateOnce(by) => {
            model.depends |= model.sees_committed();
            let value = updated(model.view(), by);
            assert_eq!(*tx.update_once(key, |old| updated(old.copied(), by)), value);
            model.set(value, 0);
        }
        Method::Remove => {
            assert_eq!(tx.remove(&key), model.view().is_some());
            model.put(Own::Removed);
        }
        Method::Touch => assert_eq!(tx.touch(&key), model.mark(false)),
        Method::Invalidate => assert_eq!(tx.invalidate(&key), model.mark(true)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_methods_in_all_orders_do_what_a_naive_model_does(
        base in proptest::option::of((1..100i64, any::<bool>())),
        methods in proptest::collection::vec(method(), 0..8),
        other_commit in other_commit(),
    ) {
        let (cache, clock) = timed(|builder| builder);
        if let Some((value, is_marked)) = base {
            cache.insert(GetBalance(1), value);
            if is_marked {
                cache.invalidate(&GetBalance(1));
            }
        }
        clock.advance(3 * SECOND);
        let base = base.map(|(value, is_marked)| Known { value, is_marked, age: 3 });
        let mut model = Model { base, own: Own::Nothing, depends: false };
        let mut tx = cache.begin();
        let old = EntryTimes::new().as_of(cache.now() - 2 * SECOND);
        for method in methods {
            act(&mut tx, &mut model, method, old);
        }
        // What the transaction itself wrote does not depend on other commits.
        let own = model.view();
        let now = match other_commit {
            OtherCommit::Nothing => base,
            OtherCommit::Write(value) => {
                cache.insert(GetBalance(1), value);
                Some(Known { value, is_marked: false, age: 0 })
            }
            OtherCommit::Remove => {
                cache.remove(&GetBalance(1));
                None
            }
        };
        if !model.sees_committed() {
            prop_assert_eq!(tx.get(&GetBalance(1)).as_deref().copied(), own);
        }
        let is_overtaken = now != base;
        let expected = match tx.commit() {
            Ok(_) => {
                prop_assert!(!(is_overtaken && model.depends), "a conflict was missed");
                model.outcome(now)
            }
            Err(error) => {
                prop_assert!(is_overtaken && model.depends, "{}", error);
                now
            }
        };
        let found = cache.get_entry(&GetBalance(1)).map(|entry| Known {
            value: **entry.value(),
            is_marked: entry.freshness() == Freshness::Invalidated,
            age: entry.age().as_secs(),
        });
        prop_assert_eq!(found, expected);
    }
}
