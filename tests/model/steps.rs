//! Random steps on two small caches of two tables each, where the model predicts every answer and the whole
//! state.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::naive::{Bound, Rules};
use crate::pair::Pair;
use crate::{config, seconds};

/// Number of keys of each table. As many as one write visits, and as the default policy remembers regardless
/// of their hashes.
pub const KEYS: u16 = 8;

/// One of the two tables.
pub type Table = usize;

#[derive(Clone, Debug)]
pub enum Step {
    Get(Table, u16, bool),
    GetAll(u16, u16),
    Peek(Table, u16),
    GetFresh(Table, u16),
    Insert(Table, u16, Given, bool),
    Load(Table, u16),
    Commit(Commit),
    Remove(Table, u16),
    Touch(Table, u16),
    Invalidate(Table, u16),
    Pin(Table, u16),
    Unpin(Table, u16),
    Clear,
    Reap,
    DropHandles(Table, u16),
    Advance(u64),
    /// With survivors.
    Save(bool),
    /// The last snapshot, of either cache. Keeps the report, and so the values that only it holds.
    Restore(bool),
    /// The next steps use the other cache.
    Switch,
    Check,
}

/// A transaction, and what happens between its last line and its commit.
#[derive(Clone, Debug)]
pub struct Commit {
    pub lines: Vec<(Table, u16, Change)>,
    pub meanwhile: Vec<Step>,
    pub label: Option<String>,
    pub is_held: bool,
}

/// Weight and times of a write, in seconds.
#[derive(Clone, Debug)]
pub struct Given {
    pub weight: u32,
    pub since: u64,
    pub ttl: Option<u64>,
    pub fresh: Option<u64>,
}

#[derive(Clone, Debug)]
pub enum Change {
    Set(Given),
    Merge,
    Remove,
    Touch,
    Invalidate,
    Read,
}

fn table() -> impl Strategy<Value = Table> {
    // More often the first one, so that its entries interact.
    prop_oneof![3 => Just(0), 1 => Just(1)]
}

fn given() -> impl Strategy<Value = Given> {
    let ttl = prop_oneof![3 => Just(None), 1 => option::of(0..12_u64)];
    let since = prop_oneof![3 => Just(0), 1 => 0..8_u64];
    (1..25_u32, since, ttl, option::weighted(0.2, 0..6_u64)).prop_map(|(weight, since, ttl, fresh)| Given {
        weight,
        since,
        ttl,
        fresh,
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => given().prop_map(Change::Set),
        2 => Just(Change::Merge),
        1 => Just(Change::Remove),
        1 => Just(Change::Touch),
        1 => Just(Change::Invalidate),
        2 => Just(Change::Read),
    ]
}

/// What may also happen while a transaction is open.
fn step_meanwhile() -> impl Strategy<Value = Step> {
    let at = || (table(), 0..KEYS);
    prop_oneof![
        8 => (at(), any::<bool>()).prop_map(|((table, key), is_held)| Step::Get(table, key, is_held)),
        2 => (0..KEYS, 0..KEYS).prop_map(|(one, other)| Step::GetAll(one, other)),
        1 => at().prop_map(|(table, key)| Step::Peek(table, key)),
        1 => at().prop_map(|(table, key)| Step::GetFresh(table, key)),
        8 => (at(), given(), any::<bool>())
            .prop_map(|((table, key), given, is_held)| Step::Insert(table, key, given, is_held)),
        1 => at().prop_map(|(table, key)| Step::Load(table, key)),
        2 => at().prop_map(|(table, key)| Step::Remove(table, key)),
        2 => at().prop_map(|(table, key)| Step::Touch(table, key)),
        1 => at().prop_map(|(table, key)| Step::Invalidate(table, key)),
        2 => at().prop_map(|(table, key)| Step::Pin(table, key)),
        2 => at().prop_map(|(table, key)| Step::Unpin(table, key)),
        1 => Just(Step::Clear),
        1 => Just(Step::Reap),
        3 => at().prop_map(|(table, key)| Step::DropHandles(table, key)),
        4 => (0..7_u64).prop_map(Step::Advance),
        1 => any::<bool>().prop_map(Step::Save),
        1 => any::<bool>().prop_map(Step::Restore),
    ]
}

fn commit() -> impl Strategy<Value = Commit> {
    let lines = vec((table(), 0..KEYS, change()), 0..6);
    let meanwhile = prop_oneof![1 => Just(Vec::new()), 1 => vec(step_meanwhile(), 0..4)];
    let label = option::of(Just("a label".to_owned()));
    (lines, meanwhile, label, any::<bool>()).prop_map(|(lines, meanwhile, label, is_held)| Commit {
        lines,
        meanwhile,
        label,
        is_held,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        40 => step_meanwhile(),
        3 => commit().prop_map(Step::Commit),
        1 => Just(Step::Switch),
        4 => Just(Step::Check),
    ]
}

/// Tests tables with the rules of `first` in one cache and the bound `elsewhere` in the other, next to a second table.
fn agrees(first: Rules, elsewhere: Bound) {
    let second = Rules { bound: Bound::Capacity(3), history: 2, ..Rules::default() };
    let other_second = Rules { bound: Bound::Lru(4), ..second };
    let rules = [[first, second], [Rules { bound: elsewhere, ..first }, other_second]];
    proptest!(config(), |(steps in vec(step(), 1..100), has_listeners in any::<bool>())| {
        let mut pair = Pair::new(rules, has_listeners);
        for step in &steps {
            pair.run(step);
        }
        pair.finish();
    });
}

#[test]
fn a_table_that_keeps_nothing() {
    agrees(Rules { fresh: Some(seconds(4)), ..Rules::default() }, Bound::None);
}

#[test]
fn a_table_with_an_exact_order() {
    agrees(Rules { bound: Bound::Lru(4), ..Rules::default() }, Bound::Capacity(5));
}

#[test]
fn a_table_with_an_exact_order_and_times() {
    let (ttl, tti) = (Some(seconds(9)), Some(seconds(5)));
    agrees(Rules { bound: Bound::Lru(4), ttl, tti, ..Rules::default() }, Bound::Lru(2));
}

#[test]
fn a_table_with_a_capacity() {
    agrees(Rules { bound: Bound::Capacity(5), ..Rules::default() }, Bound::Capacity(3));
}

#[test]
fn a_table_with_a_capacity_and_a_time_to_live() {
    agrees(Rules { bound: Bound::Capacity(4), ttl: Some(seconds(6)), ..Rules::default() }, Bound::Weight(30));
}

#[test]
fn a_table_with_a_capacity_and_a_history() {
    agrees(Rules { bound: Bound::Capacity(4), history: 2, ..Rules::default() }, Bound::Lru(3));
}

#[test]
fn a_table_with_a_weight() {
    agrees(Rules { bound: Bound::Weight(20), ..Rules::default() }, Bound::Weight(40));
}

#[test]
fn a_table_with_a_weight_and_a_time_to_idle() {
    agrees(Rules { bound: Bound::Weight(40), tti: Some(seconds(6)), ..Rules::default() }, Bound::Capacity(6));
}

#[test]
fn a_table_with_a_time_to_live() {
    agrees(Rules { ttl: Some(seconds(6)), fresh: Some(seconds(3)), ..Rules::default() }, Bound::None);
}

#[test]
fn a_table_with_a_time_to_idle() {
    agrees(Rules { tti: Some(seconds(5)), history: 1, ..Rules::default() }, Bound::None);
}
