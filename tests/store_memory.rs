//! The memory that a cache takes. A separate program with a single test, since the allocator counts for the
//! whole process.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::alloc::System;
use std::hint::black_box;

use cache_core::{Cache, Holds, Query, Tag, registry};
use cache_tests::sized;
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 1_000)]
pub struct Few<const N: usize>(pub u64);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 1_000_000, history = 2)]
pub struct Many<const N: usize>(pub u64);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, lru = 100_000)]
pub struct Ordered<const N: usize>(pub u64);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = str)]
pub struct Weak<const N: usize>(pub u64);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, max_weight = 1_000_000, weigh = Heavy::weight, ttl = "1h", tti = "10m")]
pub struct Heavy<const N: usize>(pub u64);

impl<const N: usize> Heavy<N> {
    fn weight(&self, _: &u64) -> u32 {
        10
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100, borrowed)]
pub struct ByName {
    pub name: String,
    pub page: u32,
}

registry! {
    /// Nine tables and the dynamic one.
    pub struct Ten {
        Few<1>,
        Many<1>,
        Ordered<1>,
        Weak<1>,
        Heavy<1>,
        Few<2>,
        Many<2>,
        Ordered<2>,
        ByName,
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100_000)]
pub struct Plain(pub u64);

/// A hundred entries have one tag.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100_000, tags_of = Shared::tags)]
pub struct Shared(pub u64);

impl Shared {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("hundred", self.0 / 100)]
    }
}

/// Each entry has its own tag.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 100_000, tags_of = Own::tags)]
pub struct Own(pub u64);

impl Own {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("own", self.0)]
    }
}

registry! {
    pub struct Tagging { Plain, Shared, Own }
}

/// Returns a cache with one table of `entries` entries.
fn tagged<Q: Query<Value = u64>>(entries: u64, key: fn(u64) -> Q) -> Cache<Tagging>
where
    Tagging: Holds<Q>,
{
    let cache = Cache::builder().table::<Q>(|table| table.capacity(entries)).build().unwrap();
    (0..entries).for_each(|number| _ = cache.insert(key(number), number));
    cache
}

/// Returns the peak of what `act` allocates, beyond what was allocated before.
fn peak<T>(act: impl FnOnce() -> T) -> usize {
    ALLOCATOR.reset_peak_memory();
    let result = act();
    let peak = ALLOCATOR.get_peak_memory();
    drop(result);
    peak
}

/// Returns what `act` has allocated and not freed, while its result lives.
fn kept<T>(act: impl FnOnce() -> T) -> usize {
    peak_and_kept(act).1
}

fn peak_and_kept<T>(act: impl FnOnce() -> T) -> (usize, usize) {
    // So large that it sets the peak, whatever was allocated before. Never touched.
    const PROBE: usize = 1 << 34;
    ALLOCATOR.reset_peak_memory();
    let result = act();
    let peak = ALLOCATOR.get_peak_memory();
    drop(black_box(Vec::<u8>::with_capacity(PROBE)));
    let kept = ALLOCATOR.get_peak_memory() - PROBE;
    drop(result);
    (peak, kept)
}

fn hundred_caches() -> Vec<Cache<Ten>> {
    (0..100).map(|_| Cache::new()).collect()
}

fn with_one_entry_each() -> Vec<Cache<Ten>> {
    let caches = hundred_caches();
    for cache in &caches {
        cache.insert(Few::<1>(1), 1);
        cache.insert(Many::<1>(1), 1);
        cache.insert(Ordered::<1>(1), 1);
        cache.insert_timed(Weak::<1>(1), "text", cache_core::EntryTimes::new().ttl(std::time::Duration::MAX));
        cache.insert(Heavy::<1>(1), 1);
        cache.insert(Few::<2>(1), 1);
        cache.insert(Many::<2>(1), 1);
        cache.insert(Ordered::<2>(1), 1);
        cache.insert(ByName { name: "ada".to_owned(), page: 1 }, 1);
        cache.dynamic().insert("ada", 1_u64);
        assert_eq!(cache.len(), 10);
    }
    caches
}

fn filled(keys: std::ops::Range<u64>) -> Cache<Ten> {
    let cache = Cache::new();
    for key in keys {
        cache.insert(Few::<1>(key), key);
    }
    cache
}

/// Reads each table in each way that is a plain hit.
fn hits(cache: &Cache<Ten>) {
    assert!(cache.get(&Few::<1>(1)).is_some());
    assert!(cache.peek(&Few::<1>(1)).is_some());
    assert!(cache.get(&Many::<1>(1)).is_some());
    assert!(cache.get(&Ordered::<1>(1)).is_some());
    assert!(cache.get(&Weak::<1>(1)).is_some());
    assert!(cache.get(&Heavy::<1>(1)).is_some());
    assert!(cache.get_fresh(&Heavy::<1>(1)).is_some());
    assert!(cache.get_entry(&Heavy::<1>(1)).is_some());
    assert!(cache.get_all((&Few::<1>(1), &Ordered::<2>(1))).0.is_some());
    assert!(cache.get(&ByNameRef { name: "ada", page: 1 }).is_some());
    assert!(cache.get(&ByNameRef { name: "bob", page: 1 }).is_none());
    assert!(cache.get(&Few::<1>(2)).is_none());
    assert_eq!(*cache.get_or_insert_with(&Few::<1>(1), || 2_u64), 1);
}

#[test]
fn tables_and_entries_cost_little_and_hits_nothing() {
    // A thousand tables that are not used.
    let empty = kept(hundred_caches);
    assert!(empty <= MIB, "{empty} bytes for 1,000 empty tables");

    // A thousand tables with one entry each.
    let single = kept(with_one_entry_each);
    assert!(single <= 4 * MIB, "{single} bytes for 1,000 tables with one entry each");

    // A hit allocates nothing, nor does a miss, with owned keys or borrowed ones.
    let caches = with_one_entry_each();
    let name = ByName { name: "ada".to_owned(), page: 1 };
    for cache in &caches[..3] {
        let by_hits = peak(|| {
            for _ in 0..200 {
                hits(cache);
                assert!(cache.get(&name).is_some());
            }
        });
        assert_eq!(by_hits, 0, "bytes allocated by hits");
    }
    drop(caches);

    // With nothing held, memory is that of the bound, however many entries pass through. (An index in which
    // entries come and go may be of twice the size of one that has only been filled.)
    let thousand = kept(|| filled(0..1_000));
    let (on_the_way, after_many) = peak_and_kept(|| filled(0..sized(100_000, 1_000_000)));
    assert!(after_many <= thousand * 2, "{after_many} bytes, {thousand} when just full");
    assert!(on_the_way <= thousand * 3 + 16 * KIB, "{on_the_way} bytes, {thousand} when just full");

    // Dead values release their memory together with their slots.
    let survivors = sized(30_000, 100_000);
    let after_a_crowd = kept(|| {
        let cache = Cache::<Ten>::new();
        let held: Vec<_> = (0..survivors + 1_000).map(|key| cache.insert(Few::<1>(key), key)).collect();
        assert_eq!(cache.count::<Few<1>>(), survivors as usize + 1_000);
        drop(held);
        // Each write reaps up to eight.
        for key in 0..survivors / 3 {
            cache.insert(Few::<1>(key), key);
        }
        assert_eq!(cache.reap(), 0, "writes have reaped all dead keys");
        cache
    });
    assert!(after_a_crowd <= thousand * 4 + 64 * KIB, "{after_a_crowd} bytes, {thousand} when just full");
    let after_a_reap = kept(|| {
        let cache = Cache::<Ten>::new();
        drop((0..survivors + 1_000).map(|key| cache.insert(Few::<1>(key), key)).collect::<Vec<_>>());
        assert_eq!(cache.reap(), survivors as usize);
        cache
    });
    assert!(after_a_reap <= thousand * 4 + 64 * KIB, "{after_a_reap} bytes, {thousand} when just full");

    // So do cleared tables.
    let after_a_clear = kept(|| {
        let cache = Cache::<Ten>::new();
        for key in 0..sized(30_000, 100_000) {
            cache.insert(Many::<1>(key), key);
            cache.insert(Ordered::<1>(key), key);
            cache.insert(Heavy::<1>(key), key);
        }
        cache.clear();
        cache
    });
    assert!(after_a_clear <= 2 * MIB, "{after_a_clear} bytes after a clear");

    // Survivors that come and go leave nothing behind.
    let after_changes = kept(|| {
        let cache = Cache::<Ten>::new();
        let held: Vec<_> = (0..3_000).map(|key| cache.insert(Few::<1>(key), key)).collect();
        for round in 0..sized(3_000, 10_000) {
            for n in 0..16 {
                assert!(cache.get(&Few::<1>((round * 16 + n) % 3_000)).is_some());
            }
            cache.touch(&Few::<1>(round % 3_000));
        }
        drop(held);
        cache.reap();
        cache
    });
    assert!(after_changes <= thousand * 4 + 64 * KIB, "{after_changes} bytes, {thousand} when just full");

    // Deadlines that move leave nothing behind.
    let after_renewals = kept(|| {
        let cache = Cache::<Ten>::new();
        for n in 0..sized(30_000, 100_000_u64) {
            cache.insert(Heavy::<1>(n % 100), n);
            cache.touch(&Heavy::<1>(n % 100));
        }
        cache
    });
    assert!(after_renewals <= 128 * KIB, "{after_renewals} bytes for 100 entries");

    // Tags of entries take some tens of bytes each, and leave nothing behind.
    let entries = sized(25_000, 100_000);
    let plain = kept(|| tagged(entries, Plain));
    let [shared, own] = [kept(|| tagged(entries, Shared)), kept(|| tagged(entries, Own))];
    let [per_shared, per_own] = [shared, own].map(|tagged| (tagged - plain) / entries as usize);
    assert!(per_shared <= 40 && per_own <= 60, "{per_shared} and {per_own} bytes for each tag of an entry");
    let after_others = kept(|| {
        let cache = tagged(entries, Own);
        (entries..5 * entries).for_each(|key| _ = cache.insert(Own(key), key));
        cache
    });
    assert!(after_others <= own * 2, "{after_others} bytes, {own} when just full");

    println!("for each tag of an entry: {per_shared}, {per_own} if no other has it");
    println!(
        "1,000 empty tables: {empty}; with one entry each: {single}; 1,000 entries: {thousand}; after many: \
         {after_many}, at most {on_the_way}; after a crowd: {after_a_crowd}; after a reap: {after_a_reap}; after \
         a clear: {after_a_clear}; after changes: {after_changes}; after renewals: {after_renewals}"
    );
}
