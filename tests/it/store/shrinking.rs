//! Tables that were once much larger: the remaining entries are unchanged.

use cache_core::{Cache, EntryTimes, TableOptions};

use super::*;

const MANY: u32 = 20_000;

/// A twentieth of them.
fn is_left(n: u32) -> bool {
    n % 20 == 7
}

/// Returns a cache that has repeatedly held `MANY` books and then few, so that its lines were compacted.
fn shrunken(clock: &Arc<ManualClock>, options: impl FnOnce(TableOptions) -> TableOptions) -> Cache<Shelf> {
    let cache = Cache::<Shelf>::builder()
        .clock(Arc::clone(clock))
        .table::<GetBook>(|table| options(table.history(0)))
        .build()
        .unwrap();
    for n in 0..MANY {
        let times =
            if n % 40 == 7 { EntryTimes::new().ttl(Duration::from_secs(60)) } else { EntryTimes::new() };
        cache.insert_timed(GetBook(n), book(&n.to_string()), times);
    }
    (0..MANY).filter(|&n| !is_left(n)).for_each(|n| assert!(cache.remove(&GetBook(n))));
    cache
}

#[track_caller]
fn assert_holds(cache: &Cache<Shelf>, expected: impl Iterator<Item = u32>) {
    let expected: Vec<u32> = expected.collect();
    for n in 0..MANY {
        let title = cache.peek(&GetBook(n)).map(|book| book.title.clone());
        assert_eq!(title.is_some(), expected.binary_search(&n).is_ok(), "{n}");
        assert!(title.is_none_or(|title| title == n.to_string()), "{n}");
    }
    assert_eq!(sorted(cache.keys::<GetBook>().iter().map(|key| key.0)), expected);
}

#[test]
fn each_entry_is_found_where_it_is_now() {
    let cache = shrunken(&Arc::default(), |table| table.capacity(u64::from(MANY)));
    assert_holds(&cache, (0..MANY).filter(|&n| is_left(n)));
}

#[test]
fn deadlines_are_those_of_the_same_entries() {
    let clock = Arc::new(ManualClock::new());
    let cache = shrunken(&clock, |table| table.capacity(u64::from(MANY)));
    clock.advance(Duration::from_secs(60));
    // Without reading any of them.
    assert_eq!(cache.count::<GetBook>(), (0..MANY).filter(|&n| is_left(n) && n % 40 != 7).count());
    assert_holds(&cache, (0..MANY).filter(|&n| is_left(n) && n % 40 != 7));
}

#[test]
fn the_policy_continues_with_the_same_entries() {
    let cache = shrunken(&Arc::default(), |table| table.capacity(u64::from(MANY)));
    (MANY..3 * MANY).for_each(|n| drop(cache.insert(GetBook(n), book("new"))));
    assert_eq!(cache.count::<GetBook>(), MANY as usize);
    assert_eq!(cache.inspect().tables[0].weight, u64::from(MANY));
    assert!(
        (0..MANY).all(|n| cache.peek(&GetBook(n)).is_none()),
        "the oldest entries, which were not used, are evicted first"
    );
}

#[test]
fn the_exact_order_is_the_same() {
    let cache = shrunken(&Arc::default(), |table| table.lru(u64::from(MANY)));
    let left: Vec<u32> = (0..MANY).filter(|&n| is_left(n)).collect();
    // All remaining entries are used once, the last one first.
    left.iter().rev().for_each(|&n| assert!(cache.get(&GetBook(n)).is_some()));
    let room = MANY - u32::try_from(left.len()).unwrap();
    (MANY..MANY + room).for_each(|n| drop(cache.insert(GetBook(n), book("new"))));
    for (n, &oldest) in (MANY + room..).zip(left.iter().rev()) {
        assert!(cache.peek(&GetBook(oldest)).is_some(), "{oldest}");
        cache.insert(GetBook(n), book("new"));
        assert_eq!(cache.peek(&GetBook(oldest)), None, "{oldest}");
    }
}

#[test]
fn survivors_are_readable_until_their_last_holder_drops_them() {
    let cache = Cache::<Shelf>::new();
    let mut held: Vec<_> = (0..MANY).map(|n| (n, cache.insert(GetText(n), n.to_string()))).collect();
    held.retain(|(n, _)| is_left(*n));
    cache.reap();
    cache.insert(GetText(MANY), "one more write");
    for (n, text) in &held {
        assert!(Arc::ptr_eq(text, &cache.get(&GetText(*n)).unwrap()), "{n}");
    }
    held.retain(|(n, _)| n % 40 == 7);
    cache.reap();
    let left = sorted(cache.keys::<GetText>().iter().map(|key| key.0));
    assert_eq!(left, held.iter().map(|(n, _)| *n).collect::<Vec<_>>());
}
