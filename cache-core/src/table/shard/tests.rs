use std::sync::Arc;
use std::time::Duration;

use super::{Env, Home, Incoming, Outbox, Shard};
use crate::clock::Moment;
use crate::options::TableOptions;
use crate::query::Query;
use crate::retention::Rules;
use crate::retention::ledger::Ledger;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(u32);

impl Query for Key {
    type Value = u32;
    const NAME: &'static str = "key";
}

const LIMIT: u64 = 10;

fn write(shard: &mut Shard<Key>, key: u32, weight: u32, rules: &Rules, ledger: &Ledger) {
    let (now, mut out) = (Moment::ORIGIN, Outbox::new());
    let env = Env { rules, ledger, recency: None, wants_keys: false, now, revision: 1 };
    // The writer's handle outlives the write.
    let value = Arc::new(weight);
    let incoming = Incoming {
        value: Arc::clone(&value),
        weight,
        as_of: now,
        extra: None,
        home: Home::by_rules(weight, false, rules),
        is_invalidated: false,
        standing: None,
    };
    shard.begin(&env, &mut out);
    let place = shard.locate(key, &Key(key));
    shard.write(Key(key), key, place, incoming, &env, &mut out);
    shard.finish(&env, &mut out);
}

#[test]
fn an_entry_that_moves_between_lists_is_in_one_of_them() {
    let rules = Rules::of(&TableOptions::new().max_weight(LIMIT));
    let ledger = Ledger::new(LIMIT);
    let mut shard = Shard::new();
    for round in 0..10_000 {
        // In turn within the bound and too heavy for it.
        let is_too_heavy = round % 2 == 1;
        write(&mut shard, 7, if is_too_heavy { 21 } else { 1 }, &rules, &ledger);
        let cold = shard.cold.as_ref().unwrap();
        assert_eq!(shard.slot_count(), 1);
        assert_eq!(cold.policy.numbers(&cold.records).count(), usize::from(!is_too_heavy));
        assert_eq!(cold.survivors.len(), usize::from(is_too_heavy));
    }
    assert!(!ledger.is_over_with(10) && ledger.is_over_with(11), "all of the bound is left");
}

#[test]
fn a_shard_that_held_many_deadlines_gives_their_memory_back() {
    let rules = Rules::of(&TableOptions::new().ttl(Duration::from_secs(5)));
    let ledger = Ledger::new(rules.limit());
    let mut shard = Shard::new();
    for key in 0..10_000 {
        write(&mut shard, key, 1, &rules, &ledger);
    }
    let (now, mut out) = (Moment::ORIGIN + Duration::from_secs(5), Outbox::new());
    let env = Env { rules: &rules, ledger: &ledger, recency: None, wants_keys: false, now, revision: 0 };
    shard.expire_due(usize::MAX, &env, &mut out);
    assert_eq!(shard.slot_count(), 0);
    let capacity = shard.cold.as_ref().unwrap().deadlines.capacity();
    assert!(capacity < 1_000, "room for {capacity} deadlines");
}
