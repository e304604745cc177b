//! Derived answers: marked when an entry that they were built from changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_core::client_support::{
    AnswerFacts, AnyStoreOutcome, AnyWatch, BroughtEntries, Inputs, ValueHandle,
};
use cache_core::{Cache, ChangeKind, EntryTimes, Freshness, Holds, Query, Shape, Tag, registry};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::shop::EventLog;

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, capacity = 10_000, persist, tags("parts"), tags_of = GetPart::tags)]
pub struct GetPart(pub u32);

impl GetPart {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("half", self.0 % 2)]
    }
}

/// Keeps nothing.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64)]
pub struct GetWeak(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 10_000, derived, eq)]
pub struct GetSum(pub u32);

/// Has a tag of its own as well.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 10_000, derived, tags_of = GetTaggedSum::tags)]
pub struct GetTaggedSum(pub u32);

impl GetTaggedSum {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("sum", self.0)]
    }
}

/// The same without the option.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 10_000)]
pub struct GetPlainSum(pub u32);

registry! {
    pub struct Sums {
        crate::derived::GetPart,
        crate::derived::GetWeak,
        crate::derived::GetSum,
        crate::derived::GetTaggedSum,
        crate::derived::GetPlainSum,
    }
}

fn cache() -> Cache<Sums> {
    Cache::new()
}

/// Reads a key, as a load does that builds an answer from it.
fn read<Q: Query<Value = u64>>(cache: &Cache<Sums>, inputs: &mut Inputs, key: &Q) -> u64
where
    Sums: Holds<Q>,
{
    let entry = cache.get_entry(key);
    let is_marked = entry.as_ref().is_some_and(|entry| entry.freshness() == Freshness::Invalidated);
    let value = entry.map(|entry| Arc::clone(entry.value()));
    cache.note_input(inputs, key, value.as_ref(), is_marked, None);
    value.map_or(0, |value| *value)
}

fn store<Q: Query<Value = u64>>(cache: &Cache<Sums>, key: Q, value: u64, inputs: &Inputs) -> AnyStoreOutcome
where
    Sums: Holds<Q>,
{
    let watch = AnyWatch::new(cache.any_table_ref::<Q>(), key.clone(), None);
    let facts = AnswerFacts { times: EntryTimes::new(), inputs, is_unchanged: false, brought: &mut [] };
    watch.store(key, Arc::new(value), facts)
}

fn store_in_transaction<Q: Query<Value = u64>>(cache: &Cache<Sums>, key: Q, value: u64, inputs: &Inputs)
where
    Sums: Holds<Q>,
{
    let watch = AnyWatch::new(cache.any_table_ref::<Q>(), key, None);
    let value = ValueHandle::new::<Q>(Arc::new(value));
    commit(cache, |tx| tx.set_watched(&watch, &value, EntryTimes::new(), inputs));
}

/// Builds an answer from parts.
fn build<Q: Query<Value = u64>>(cache: &Cache<Sums>, key: Q, parts: &[u32])
where
    Sums: Holds<Q>,
{
    let mut inputs = Inputs::default();
    let sum = parts.iter().map(|&part| read::<GetPart>(cache, &mut inputs, &GetPart(part))).sum();
    store(cache, key, sum, &inputs);
}

fn is_marked<Q: Query>(cache: &Cache<Sums>, key: &Q) -> bool
where
    Sums: Holds<Q>,
{
    cache.peek_entry(key).expect("the answer is present").freshness() == Freshness::Invalidated
}

#[test]
fn each_change_of_an_input_marks_the_answer() {
    type Change = fn(&Cache<Sums>);
    let changes: [(&str, Change); 16] = [
        ("insert", |cache| drop(cache.insert(GetPart(1), 7))),
        ("remove", |cache| _ = cache.remove(&GetPart(1))),
        ("invalidate", |cache| _ = cache.invalidate(&GetPart(1))),
        ("invalidate_where", |cache| _ = cache.invalidate_where::<GetPart>(|key| key.0 == 1)),
        ("tag of the query", |cache| _ = cache.invalidate_tag("parts")),
        ("tag of the entry", |cache| _ = cache.invalidate_tag(Tag::new("half", 1))),
        ("set", |cache| commit(cache, |tx| drop(tx.set(GetPart(1), 7)))),
        ("update", |cache| commit(cache, |tx| _ = tx.update(&GetPart(1), |part| **part + 1))),
        ("merge", |cache| commit(cache, |tx| tx.merge_with(GetPart(1), |_| 7))),
        ("remove in a transaction", |cache| commit(cache, |tx| _ = tx.remove(&GetPart(1)))),
        ("mark in a transaction", |cache| commit(cache, |tx| _ = tx.invalidate(&GetPart(1)))),
        ("mark of a query", |cache| commit(cache, |tx| tx.invalidate_query::<GetPart>())),
        ("mark of a tag", |cache| commit(cache, |tx| tx.invalidate_tag(Tag::new("half", 1)))),
        ("load", |cache| drop(store(cache, GetPart(1), 7, &Inputs::default()))),
        ("load in a transaction", |cache| {
            store_in_transaction(cache, GetPart(1), 7, &Inputs::default());
        }),
        ("restore", |cache| {
            let mut snapshot = Vec::new();
            cache.save_to(&mut snapshot).unwrap();
            cache.restore_from(&snapshot[..]).unwrap();
        }),
    ];
    for (name, change) in changes {
        let cache = cache();
        for part in [1, 2] {
            cache.insert(GetPart(part), u64::from(part));
        }
        build(&cache, GetSum(1), &[1]);
        let mut inputs = Inputs::default();
        let sum = read(&cache, &mut inputs, &GetPart(1));
        store_in_transaction(&cache, GetTaggedSum(1), sum, &inputs);
        build(&cache, GetPlainSum(1), &[1]);
        assert!(!is_marked(&cache, &GetSum(1)), "{name}");
        change(&cache);
        assert!(is_marked(&cache, &GetSum(1)), "{name}");
        assert!(is_marked(&cache, &GetTaggedSum(1)), "{name}");
        assert!(!is_marked(&cache, &GetPlainSum(1)), "{name}: not derived");
    }
}

#[track_caller]
fn commit(cache: &Cache<Sums>, work: impl Fn(&mut cache_core::Transaction<Sums>)) {
    let mut tx = cache.begin();
    work(&mut tx);
    tx.commit().unwrap();
}

#[test]
fn other_changes_do_not() {
    type Change = fn(&Cache<Sums>);
    let changes: [(&str, Change); 6] = [
        ("another key", |cache| drop(cache.insert(GetPart(2), 7))),
        ("another table", |cache| drop(cache.insert(GetWeak(1), 7))),
        ("touch", |cache| _ = cache.touch(&GetPart(1))),
        ("another tag", |cache| _ = cache.invalidate_tag(Tag::new("half", 0))),
        ("an equal answer", |cache| drop(store(cache, GetSum(2), 1, &Inputs::default()))),
        ("another transaction", |cache| commit(cache, |tx| drop(tx.set(GetPart(2), 7)))),
    ];
    for (name, change) in changes {
        let cache = cache();
        for part in [1, 2] {
            cache.insert(GetPart(part), 1);
        }
        cache.insert(GetSum(2), 1);
        let mut inputs = Inputs::default();
        let sum = read(&cache, &mut inputs, &GetPart(1)) + read(&cache, &mut inputs, &GetSum(2));
        store(&cache, GetSum(1), sum, &inputs);
        change(&cache);
        assert!(!is_marked(&cache, &GetSum(1)), "{name}");
    }
}

#[test]
fn an_input_that_was_absent_or_has_left_the_cache_counts_too() {
    let cache = cache();
    build(&cache, GetSum(1), &[1]);
    cache.insert(GetPart(1), 1);
    assert!(is_marked(&cache, &GetSum(1)), "it was built without the part");
    build(&cache, GetSum(1), &[3]);
    cache.invalidate_tag(Tag::new("half", 1));
    assert!(is_marked(&cache, &GetSum(1)), "the part that it was built without has the tag");

    let held = cache.insert(GetWeak(1), 1);
    let mut inputs = Inputs::default();
    let sum = read(&cache, &mut inputs, &GetWeak(1));
    store(&cache, GetSum(1), sum, &inputs);
    drop((held, inputs));
    cache.reap();
    assert!(!is_marked(&cache, &GetSum(1)), "nothing has changed");
    cache.invalidate(&GetWeak(1));
    assert!(is_marked(&cache, &GetSum(1)));
}

#[test]
fn answers_built_from_answers_are_marked_with_them_and_circles_end() {
    let cache = cache();
    cache.insert(GetPart(1), 1);
    build(&cache, GetSum(1), &[1]);
    for number in 2..=10 {
        let mut inputs = Inputs::default();
        let sum = read(&cache, &mut inputs, &GetSum(number - 1));
        store(&cache, GetSum(number), sum + 1, &inputs);
    }
    cache.insert(GetPart(1), 2);
    assert!((1..=10).all(|number| is_marked(&cache, &GetSum(number))));

    // Two that are built from each other.
    for (key, other) in [(21, 22), (22, 21), (21, 22)] {
        let mut inputs = Inputs::default();
        let sum = read(&cache, &mut inputs, &GetSum(other));
        store(&cache, GetSum(key), sum + 1, &inputs);
    }
    cache.insert(GetSum(22), 0);
    assert!(is_marked(&cache, &GetSum(21)));
}

#[test]
fn a_new_answer_forgets_the_inputs_of_the_last_one() {
    let cache = cache();
    for part in 1..=3 {
        cache.insert(GetPart(part), 1);
    }
    build(&cache, GetSum(1), &[1]);
    build(&cache, GetSum(1), &[2, 3]);
    cache.insert(GetPart(1), 5);
    assert!(!is_marked(&cache, &GetSum(1)));
    cache.insert(GetPart(3), 5);
    assert!(is_marked(&cache, &GetSum(1)));

    build(&cache, GetSum(1), &[1]);
    cache.insert(GetSum(1), 9);
    cache.insert(GetPart(1), 6);
    assert!(!is_marked(&cache, &GetSum(1)), "a written value was not built from anything");

    build(&cache, GetTaggedSum(1), &[1]);
    cache.insert(GetTaggedSum(1), 9);
    assert_eq!(cache.invalidate_tag(Tag::new("sum", 1)), 1, "the tag of its key stays");
}

#[test]
fn an_equal_answer_takes_the_inputs_of_the_new_one() {
    let cache = cache();
    cache.insert(GetPart(1), 1);
    cache.insert(GetPart(2), 1);
    build(&cache, GetSum(1), &[1]);
    let value = cache.get(&GetSum(1)).unwrap();
    build(&cache, GetSum(1), &[2]);
    assert!(Arc::ptr_eq(&value, &cache.get(&GetSum(1)).unwrap()), "kept");
    cache.insert(GetPart(1), 5);
    assert!(!is_marked(&cache, &GetSum(1)));
    cache.insert(GetPart(2), 5);
    assert!(is_marked(&cache, &GetSum(1)));
    store(&cache, GetSum(1), 1, &Inputs::default());
    assert!(Arc::ptr_eq(&value, &cache.get(&GetSum(1)).unwrap()), "kept");
    cache.insert(GetPart(2), 6);
    assert!(!is_marked(&cache, &GetSum(1)), "it was built from nothing");
}

/// The number of links from sums to what they were built from.
fn links(cache: &Cache<Sums>) -> usize {
    cache.inspect().tables.into_iter().find(|table| table.name == "get_sum").unwrap().indexed_tags
}

#[test]
fn removed_and_evicted_answers_leave_nothing_behind() {
    let cache = Cache::<Sums>::builder().table::<GetSum>(|table| table.capacity(4)).build().unwrap();
    cache.insert(GetPart(1), 1);
    for number in 0..100 {
        build(&cache, GetSum(number), &[1]);
    }
    assert!(links(&cache) <= 3 * cache.len(), "each has its input, the tag of the input and its table");
    (0..100).for_each(|number| _ = cache.remove(&GetSum(number)));
    assert_eq!(links(&cache), 0);
}

#[test]
fn a_mark_reaches_those_who_watch_and_listen_and_no_load() {
    let heard = EventLog::new();
    let noted = heard.clone();
    let cache = Cache::<Sums>::builder()
        .after_commit(move |change| noted.note((change.table(), change.kind())))
        .build()
        .unwrap();
    cache.insert(GetPart(1), 1);
    build(&cache, GetSum(1), &[1]);
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let _observer = cache.watch_with(&GetSum(1), move || _ = count.fetch_add(1, Ordering::Relaxed));
    let load = AnyWatch::new(cache.any_table_ref::<GetSum>(), GetSum(1), None);
    heard.take();
    cache.insert(GetPart(1), 2);
    assert_eq!(woken.load(Ordering::Relaxed), 1);
    assert_eq!(heard.take(), [("get_part", ChangeKind::Set), ("get_sum", ChangeKind::Invalidated)]);
    assert!(!load.is_overtaken(), "its inputs are compared when its answer is stored");
    cache.insert(GetPart(1), 3);
    assert_eq!(heard.take(), [("get_part", ChangeKind::Set)], "it is marked already");
}

#[test]
fn a_load_that_began_before_a_mark_does_not_undo_it() {
    let cache = cache();
    cache.insert(GetPart(1), 1);
    build(&cache, GetSum(1), &[1]);
    let watch = AnyWatch::new(cache.any_table_ref::<GetPart>(), GetPart(2), None);
    cache.insert(GetPart(1), 2);
    let mut brought = [BroughtEntries::new(cache.any_table_ref::<GetSum>())];
    brought[0].add(GetSum(1), Arc::new(3));
    let inputs = Inputs::default();
    let facts =
        AnswerFacts { times: EntryTimes::new(), inputs: &inputs, is_unchanged: false, brought: &mut brought };
    watch.store(GetPart(2), Arc::new(2), facts);
    assert!(is_marked(&cache, &GetSum(1)));
}

#[test]
fn more_inputs_than_are_remembered_mark_the_answer_at_once() {
    let cache = cache();
    let parts: Vec<u32> = (0..65).collect();
    build(&cache, GetSum(1), &parts[..64]);
    assert!(!is_marked(&cache, &GetSum(1)));
    cache.insert(GetPart(63), 1);
    assert!(is_marked(&cache, &GetSum(1)));
    let before = links(&cache);
    build(&cache, GetSum(2), &parts);
    assert!(is_marked(&cache, &GetSum(2)));
    assert_eq!(links(&cache), before, "none of them is remembered");
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Write(u32),
    Remove(u32),
    Mark(u32),
    MarkAll,
    WriteSum(u32),
    MarkSum(u32),
    Build { sum: u32, parts: BTreeSet<u32>, sums: BTreeSet<u32> },
}

/// Which sums are marked, and what each was built from.
#[derive(Debug, Default)]
struct Naive {
    sums: BTreeMap<u32, Sum>,
}

#[derive(Debug, Default)]
struct Sum {
    is_marked: bool,
    parts: BTreeSet<u32>,
    sums: BTreeSet<u32>,
}

impl Naive {
    /// Marks what was built from a sum or a part.
    fn changed(&mut self, is_built_from: impl Fn(&Sum) -> bool) {
        let built: Vec<u32> = self
            .sums
            .iter()
            .filter(|(_, sum)| !sum.is_marked && is_built_from(sum))
            .map(|(key, _)| *key)
            .collect();
        for key in built {
            self.mark(key);
        }
    }

    fn mark(&mut self, key: u32) {
        if let Some(sum) = self.sums.get_mut(&key)
            && !std::mem::replace(&mut sum.is_marked, true)
        {
            self.changed(|sum| sum.sums.contains(&key));
        }
    }

    fn write(&mut self, key: u32, sum: Sum) {
        self.sums.insert(key, sum);
        self.changed(|sum| sum.sums.contains(&key));
    }
}

fn steps() -> impl Strategy<Value = Step> {
    let key = || 0..4_u32;
    let keys = || proptest::collection::btree_set(0..4_u32, 0..3);
    prop_oneof![
        2 => key().prop_map(Step::Write),
        1 => key().prop_map(Step::Remove),
        1 => key().prop_map(Step::Mark),
        1 => Just(Step::MarkAll),
        1 => key().prop_map(Step::WriteSum),
        1 => key().prop_map(Step::MarkSum),
        4 => (key(), keys(), keys()).prop_map(|(sum, parts, sums)| Step::Build { sum, parts, sums }),
    ]
}

fn run(cache: &Cache<Sums>, naive: &mut Naive, step: Step, next: u64) {
    match step {
        Step::Write(part) => {
            cache.insert(GetPart(part), next);
            naive.changed(|sum| sum.parts.contains(&part));
        }
        Step::Remove(part) => {
            cache.remove(&GetPart(part));
            naive.changed(|sum| sum.parts.contains(&part));
        }
        Step::Mark(part) => {
            commit(cache, |tx| _ = tx.invalidate(&GetPart(part)));
            naive.changed(|sum| sum.parts.contains(&part));
        }
        Step::MarkAll => {
            cache.invalidate_tag("parts");
            naive.changed(|sum| !sum.parts.is_empty());
        }
        Step::WriteSum(key) => {
            commit(cache, |tx| drop(tx.set(GetSum(key), next)));
            naive.write(key, Sum::default());
        }
        Step::MarkSum(key) => {
            cache.invalidate(&GetSum(key));
            naive.sums.entry(key).and_modify(|sum| sum.is_marked = true);
            // Also of an absent key: it may have been present when it was read.
            naive.changed(|sum| sum.sums.contains(&key));
        }
        Step::Build { sum, parts, mut sums } => {
            sums.remove(&sum);
            let mut inputs = Inputs::default();
            for part in &parts {
                read(cache, &mut inputs, &GetPart(*part));
            }
            for other in &sums {
                read(cache, &mut inputs, &GetSum(*other));
            }
            store(cache, GetSum(sum), next, &inputs);
            naive.write(sum, Sum { is_marked: false, parts, sums });
        }
    }
}

proptest! {
    #[test]
    fn marks_are_those_of_a_naive_model(steps in proptest::collection::vec(steps(), 1..60)) {
        let (cache, mut naive) = (cache(), Naive::default());
        for (next, step) in steps.into_iter().enumerate() {
            run(&cache, &mut naive, step, next as u64);
            for (key, sum) in &naive.sums {
                prop_assert_eq!(is_marked(&cache, &GetSum(*key)), sum.is_marked, "sum {}", key);
            }
        }
    }
}
