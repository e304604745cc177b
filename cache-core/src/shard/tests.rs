use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::names;
use super::saved_entries::Entries;
use super::saves::{RunningSave, SaveId};
use super::{AnyShard, Incoming, OpContext, Placement, Shard};
use crate::clock::Moment;
use crate::options::TableOptions;
use crate::query::Query;
use crate::retention::Rules;
use crate::retention::ledger::Ledger;
use crate::retention::list::List;
use crate::snapshot::codec::Bincode;
use crate::snapshot::{Persistence, TableCodec};
use crate::typed::{Lines, Pair};

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Key(u32);

impl Query for Key {
    type Value = u32;
    const NAME: &'static str = "key";
}

const LIMIT: u64 = 10;

fn context<'a>(rules: &'a Rules, ledger: &'a Ledger, now: Moment, revision: u64) -> OpContext<'a> {
    OpContext { rules, ledger, recency: None, has_listeners: false, now, revision }
}

fn write(shard: &mut AnyShard, key: u32, weight: u32, rules: &Rules, ledger: &Ledger) {
    let now = Moment::ORIGIN;
    let context = context(rules, ledger, now, 1);
    // The writer's handle outlives the write.
    let value = Arc::new(weight);
    let incoming = Incoming {
        weight,
        as_of: now,
        extra: None,
        placement: Placement::by_rules(weight, false, rules),
        is_invalidated: false,
        position: None,
    };
    let mut shard = shard.any_mut();
    shard.begin(&context);
    let at = shard.locate(key, &|other| names(&Key(key), other));
    shard.write(&mut Pair::<Key>::new(Key(key), Arc::clone(&value)), key, at, incoming, &context);
    shard.finish(&context);
}

#[test]
fn an_entry_that_moves_between_lists_is_in_one_of_them() {
    let rules = Rules::of(&TableOptions::new().max_weight(LIMIT));
    let ledger = Ledger::new(LIMIT);
    let shard: &mut AnyShard = &mut Shard::<Lines<Key>>::new();
    for round in 0..10_000 {
        // Alternates between values within the bound and values too heavy for it.
        let is_too_heavy = round % 2 == 1;
        write(shard, 7, if is_too_heavy { 21 } else { 1 }, &rules, &ledger);
        let metadata = shard.base.metadata.as_ref().unwrap();
        assert_eq!(shard.any().count(), 1);
        assert_eq!(metadata.policy.lists().iter().map(List::len).sum::<usize>(), usize::from(!is_too_heavy));
        assert_eq!(metadata.survivors.len(), usize::from(is_too_heavy));
    }
    assert!(!ledger.is_over_with(10) && ledger.is_over_with(11), "all of the bound is left");
}

#[test]
fn a_shard_that_held_many_deadlines_gives_their_memory_back() {
    let rules = Rules::of(&TableOptions::new().ttl(Duration::from_secs(5)));
    let ledger = Ledger::new(rules.limit());
    let shard: &mut AnyShard = &mut Shard::<Lines<Key>>::new();
    for key in 0..10_000 {
        write(shard, key, 1, &rules, &ledger);
    }
    let context = context(&rules, &ledger, Moment::ORIGIN + Duration::from_secs(5), 0);
    shard.any_mut().expire_due(usize::MAX, &context);
    assert_eq!(shard.any().count(), 0);
    let capacity = shard.base.metadata.as_ref().unwrap().deadlines.capacity();
    assert!(capacity < 1_000, "room for {capacity} deadlines");
}

#[test]
fn a_locked_shard_is_two_cache_lines_with_a_short_key() {
    assert!(size_of::<crate::sync::RwLock<Shard<Lines<Key>>>>() <= 128);
    assert!(size_of::<crate::sync::RwLock<Shard<crate::dynamic::Dynamic>>>() <= 128);
    // What an entry with times of its own needs besides.
    assert!(size_of::<crate::shard::Extra>() <= 88);
}

#[test]
fn a_shard_gives_memory_back_after_a_save_and_not_before() {
    let rules = Rules::of(&TableOptions::new().capacity(2_000));
    let ledger = Ledger::new(rules.limit());
    let shard: &mut AnyShard = &mut Shard::<Lines<Key>>::new();
    (0..2_000).for_each(|key| write(shard, key, 1, &rules, &ledger));
    let id = SaveId::new();
    let pairs = Persistence::<Key>::opaque::<Bincode>(0).codec.pairs(0);
    let save = RunningSave::new(id, 2_000, Entries::new(pairs, 0));
    shard.any().expect_save();
    shard.any().begin_save(save, &rules, Moment::ORIGIN, false);
    let context = context(&rules, &ledger, Moment::ORIGIN, 2);
    for key in 0..1_990 {
        let mut shard = shard.any_mut();
        let at = shard.locate(key, &|other| names(&Key(key), other));
        shard.remove(at, &context);
        shard.finish(&context);
    }
    assert_eq!((shard.any().count(), shard.any().numbers().end), (10, 2_000));
    drop(shard.any().end_save(id));
    assert!(
        !shard.any().allows_simple_writes(Moment::ORIGIN),
        "the next write takes the general path, which shrinks the shard"
    );
    write(shard, 1_995, 1, &rules, &ledger);
    assert_eq!((shard.any().count(), shard.any().numbers().end), (10, 10));
    assert!(shard.any().allows_simple_writes(Moment::ORIGIN));
}
