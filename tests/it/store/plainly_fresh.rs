//! The fast path for a fresh answer, which reads a coarse date of most entries, agrees with the exact one.

use cache_core::{EntryTimes, Freshness, Holds, Lookup, Pinned, Residency};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 6, fresh = "10s", ttl = "25s")]
struct GetQueued(u8);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, lru = 6, fresh = "10s")]
struct GetOrdered(u8);

registry! {
    struct Dated { crate::store::plainly_fresh::GetQueued, crate::store::plainly_fresh::GetOrdered }
}

#[derive(Clone, Debug)]
enum Act {
    Insert(u8),
    /// A write dated this many milliseconds ago, perhaps with its own freshness time.
    Dated(u8, u64, Option<u64>),
    Touch(u8),
    Invalidate(u8),
    Remove(u8),
    Pin(u8),
    Unpin,
    /// In milliseconds.
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let key = 0..9_u8;
    prop_oneof![
        3 => key.clone().prop_map(Act::Insert),
        3 => (key.clone(), 0..30_000_u64, prop::option::of(0..30_000_u64)).prop_map(|(key, ago, fresh)| Act::Dated(key, ago, fresh)),
        1 => key.clone().prop_map(Act::Touch),
        1 => key.clone().prop_map(Act::Invalidate),
        1 => key.clone().prop_map(Act::Remove),
        1 => key.prop_map(Act::Pin),
        1 => Just(Act::Unpin),
        3 => (0..12_000_u64).prop_map(Act::Wait),
    ]
}

/// Runs the steps on the table of a query. A first step with its own times makes the entry need the exact
/// path.
fn agrees<Q: Query<Value = u32> + Lookup<Query = Q>>(
    acts: Vec<Act>,
    key: impl Fn(u8) -> Q,
    start: u64,
) -> Result<(), TestCaseError>
where
    Dated: Holds<Q>,
{
    let clock = Arc::new(ManualClock::new());
    let cache = Cache::<Dated>::builder().clock(Arc::clone(&clock)).build().unwrap();
    clock.advance(Duration::from_millis(start));
    let (mut pins, mut has_times): (Vec<Pinned<Q>>, _) = (Vec::new(), [false; 9]);
    for act in acts {
        match act {
            Act::Insert(at) => {
                cache.insert(key(at), 1);
                has_times[usize::from(at)] = false;
            }
            Act::Dated(at, ago, fresh) => {
                let times = EntryTimes::new().as_of(cache.now() - Duration::from_millis(ago));
                let times = fresh.map_or(times, |fresh| times.fresh(Duration::from_millis(fresh)));
                cache.insert_timed(key(at), 2, times);
                has_times[usize::from(at)] = fresh.is_some();
            }
            Act::Touch(at) => drop(cache.touch(&key(at))),
            Act::Invalidate(at) => drop(cache.invalidate(&key(at))),
            Act::Remove(at) => drop(cache.remove(&key(at))),
            Act::Pin(at) => pins.push(cache.pin(&key(at))),
            Act::Unpin => drop(pins.pop()),
            Act::Wait(time) => clock.advance(Duration::from_millis(time)),
        }
        for at in 0..9 {
            let found = cache.plainly_fresh(&key(at));
            let entry = cache.peek_entry(&key(at));
            let is_fresh = entry.as_ref().is_some_and(|entry| {
                let is_resident = entry.state().residency != Residency::Survivor;
                entry.freshness() == Freshness::Fresh && !entry.is_expired() && is_resident
            });
            let is_plain = !has_times[usize::from(at)];
            prop_assert_eq!(found.is_some(), is_fresh && is_plain, "{} of {:?}", at, entry);
            let since = cache.plainly_fresh_since(&key(at));
            let expected = entry.filter(|_| found.is_some()).map(|entry| entry.state().as_of);
            prop_assert_eq!(since, found.zip(expected));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_shortest_look_is_as_exact_as_the_longest(acts in vec(act(), 1..60), start in 0..100_000_u64) {
        agrees(acts.clone(), GetQueued, start)?;
        agrees(acts, GetOrdered, start)?;
    }
}
