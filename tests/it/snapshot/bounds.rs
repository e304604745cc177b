//! Which entries of a table a restore keeps, and in which order: by size, bound, policy, pins, survivors and
//! codec.
//!
//! Each case is restored into its own cache. `CACHE_TEST_SIZES=all` tries the sizes around more block
//! boundaries, up to 50,000 entries.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cache_core::{Holds, Pinned, Residency, SaveReport, TableOptions};
use cache_tests::sized;

use super::*;

/// Maximum number of entries in a block of a snapshot; blocks of a large table have half as many.
const BLOCK: u32 = 1024;
/// From this number of entries a table is copied in pieces, and their order is not exact.
const COPIED_IN_PIECES: u32 = 4096;
/// Below this limit a table is one shard, which evicts the oldest of all entries.
const ONE_SHARD: u64 = 512;

#[derive(Clone, Debug, PartialEq, Shape, Serialize, Deserialize)]
pub struct Item {
    number: u32,
    text: String,
}

/// A query with a number as its key, with one codec.
trait Numbered: Query<Value = Item> {
    fn new(number: u32) -> Self;
}

macro_rules! numbered {
    ($($name:ident $codec:literal)+) => {
        $(
            #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
            #[query(value = Item, max_weight = 1, weigh = $name::weight, persist, codec = $codec)]
            pub struct $name(u32);

            impl $name {
                fn weight(&self, _: &Item) -> u32 {
                    weight(self.0)
                }
            }

            impl Numbered for $name {
                fn new(number: u32) -> Self {
                    Self(number)
                }
            }
        )+
    };
}

numbered! { InBincode "bincode" InPostcard "postcard" InJson "json" }

registry! {
    pub struct Shelves {
        crate::snapshot::bounds::InBincode,
        crate::snapshot::bounds::InPostcard,
        crate::snapshot::bounds::InJson,
    }
}

/// Of a table that is bounded by weight.
fn weight(number: u32) -> u32 {
    1 + number % 3
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Capacity,
    Lru,
    Weight,
}

const POLICIES: [Policy; 3] = [Policy::Capacity, Policy::Lru, Policy::Weight];

impl Policy {
    fn options(self, limit: u64) -> TableOptions {
        match self {
            Self::Capacity => TableOptions::new().capacity(limit),
            Self::Lru => TableOptions::new().lru(limit),
            Self::Weight => TableOptions::new().max_weight(limit),
        }
    }

    fn weight(self, number: u32) -> u64 {
        match self {
            Self::Weight => weight(number).into(),
            _ => 1,
        }
    }

    fn weight_of(self, numbers: &[u32]) -> u64 {
        numbers.iter().map(|&number| self.weight(number)).sum()
    }
}

/// Where the table is restored to, and what else is in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Into the same bound.
    Same,
    /// Into a bound smaller by one.
    OneLess,
    Half,
    /// Into a bound of one.
    One,
    /// Into the same bound, which the pinned entries of the saved cache exceed.
    PinnedOver,
    /// The same, with the pinned entries pinned in the restored cache as well.
    PinnedAgain,
    /// With survivors beyond the bound.
    Survivors,
}

const KINDS: [Kind; 7] =
    [Kind::Same, Kind::OneLess, Kind::Half, Kind::One, Kind::PinnedOver, Kind::PinnedAgain, Kind::Survivors];

/// One table of `Q` that is saved and restored.
struct Case<Q> {
    entries: u32,
    policy: Policy,
    kind: Kind,
    /// Length of each value's text.
    text: usize,
    query: PhantomData<Q>,
}

/// A saved cache, and the content of the file.
struct Source {
    bytes: Vec<u8>,
    report: SaveReport,
    /// Numbers of the entries, least recently used first.
    order: Vec<u32>,
    limit: u64,
}

impl<Q: Numbered> Case<Q>
where
    Shelves: Holds<Q>,
{
    fn item(&self, number: u32) -> Item {
        Item { number, text: "x".repeat(self.text) }
    }

    fn cache(&self, limit: u64) -> Cache<Shelves> {
        Cache::builder().table::<Q>(|_| self.policy.options(limit)).build().unwrap()
    }

    fn fill(&self, cache: &Cache<Shelves>) -> Vec<Arc<Item>> {
        (0..self.entries).map(|number| cache.insert(Q::new(number), self.item(number))).collect()
    }

    /// Returns how many of the first entries are pinned, or are survivors.
    fn beyond(&self) -> u32 {
        match self.kind {
            Kind::PinnedOver | Kind::PinnedAgain | Kind::Survivors => 5.min(self.entries / 2),
            _ => 0,
        }
    }

    fn save(&self) -> Source {
        let all: Vec<u32> = (0..self.entries).collect();
        let (first, others) = all.split_at(self.beyond() as usize);
        let limit = self.policy.weight_of(others).max(1);
        let cache = self.cache(limit);
        let is_pinned = matches!(self.kind, Kind::PinnedOver | Kind::PinnedAgain);
        let _pins = if is_pinned { pin_all::<Q>(&cache, first) } else { Vec::new() };
        let mut held = self.fill(&cache);
        if self.kind != Kind::Survivors {
            held.clear();
        }
        let is_survivor = |number: &u32| {
            let entry = cache.peek_entry(&Q::new(*number)).unwrap();
            entry.residency() == Residency::Survivor
        };
        let mut order = match self.kind {
            Kind::Survivors => {
                // Which ones were evicted depends on the shards.
                let (survivors, residents): (Vec<u32>, Vec<u32>) =
                    all.iter().partition(|number| is_survivor(number));
                assert_eq!(survivors.is_empty(), first.is_empty());
                [survivors, residents].concat()
            }
            _ if is_pinned => [others, first].concat(),
            _ => all,
        };
        if self.policy == Policy::Lru && self.kind == Kind::Half {
            // Use moves them to the end, in the order of use.
            let (unused, used): (Vec<u32>, Vec<u32>) = order.iter().partition(|&number| number % 7 != 3);
            used.iter().rev().for_each(|&number| drop(cache.get(&Q::new(number)).unwrap()));
            order = unused.into_iter().chain(used.into_iter().rev()).collect();
        }
        let mut bytes = Vec::new();
        let saving = cache.save_options();
        let saving = if self.kind == Kind::Survivors { saving.with_survivors() } else { saving };
        let report = saving.write_to(&mut bytes).unwrap();
        assert_eq!(report.entries(), u64::from(self.entries));
        Source { bytes, report, order, limit }
    }

    fn check(&self) {
        let source = self.save();
        let limit = match self.kind {
            Kind::OneLess => (source.limit - 1).max(1),
            Kind::Half => source.limit.div_ceil(2),
            Kind::One => 1,
            _ => source.limit,
        };
        let restored = self.cache(limit);
        let pinned = &source.order[source.order.len() - self.beyond() as usize..];
        let (pinned, pins) = match self.kind {
            Kind::PinnedAgain => (pinned.to_vec(), pin_all::<Q>(&restored, pinned)),
            _ => (Vec::new(), Vec::new()),
        };
        let report = restored.restore_from(&source.bytes[..]).unwrap();
        let is_there = |number: u32| restored.peek(&Q::new(number));
        let kept: Vec<u32> =
            source.order.iter().copied().filter(|&number| is_there(number).is_some()).collect();

        let table = report.tables.iter().find(|table| table.name == Q::NAME).unwrap();
        assert_eq!(table.restored, kept.len() as u64);
        assert_eq!(restored.count::<Q>(), kept.len());
        assert_eq!(table.restored + table.over_bound, source.report.entries());
        assert_eq!(table.expired, 0);
        for &number in &kept {
            assert_eq!(*is_there(number).unwrap(), self.item(number));
        }
        for pin in &pins {
            assert!(pin.get().is_some());
            assert_eq!(restored.get_entry(pin.key()).unwrap().residency(), Residency::Pinned);
        }
        self.check_kept(&source, limit, &pinned, &kept);
        if self.policy == Policy::Lru || limit < ONE_SHARD {
            // Pinned entries are in use, and stay longer than others in the default policy.
            let order = kept.into_iter().filter(|number| !pinned.contains(number));
            self.check_order(&restored, limit, order);
        }
    }

    fn is_exact(&self) -> bool {
        self.policy == Policy::Lru || self.entries < COPIED_IN_PIECES
    }

    /// Checks that the most recently used entries are kept, as many as there is room for. Pinned entries take
    /// no room.
    fn check_kept(&self, source: &Source, limit: u64, pinned: &[u32], kept: &[u32]) {
        let mut room = limit;
        let mut fits = |number| match room.checked_sub(self.policy.weight(number)) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        };
        let mut expected: Vec<u32> =
            source.order.iter().copied().rev().filter(|n| pinned.contains(n) || fits(*n)).collect();
        expected.reverse();
        if self.is_exact() {
            assert_eq!(kept, expected);
            return;
        }
        let counted: Vec<u32> = kept.iter().copied().filter(|n| !pinned.contains(n)).collect();
        let used = self.policy.weight_of(&counted);
        assert!(
            used <= limit && used + 3 > limit.min(self.policy.weight_of(&source.order)),
            "{used} of {limit}"
        );
        let slack = self.slack();
        let newest = &expected[slack.min(expected.len())..];
        let kept: HashSet<u32> = kept.iter().copied().collect();
        assert!(newest.iter().all(|number| kept.contains(number)));
        let left_out = (source.order.len() - expected.len()).saturating_sub(slack);
        assert!(source.order[..left_out].iter().all(|number| !kept.contains(number)));
    }

    /// Returns by how many places the order of a large file may differ from the order of use, since each
    /// shard has its own order: six standard deviations of the number of earlier entries in one of 32 shards,
    /// times the shards, plus the entries that are copied together.
    fn slack(&self) -> usize {
        (6 * (self.entries * 32).isqrt() + BLOCK) as usize
    }

    /// Checks that new entries evict the old ones in the order in which these were used.
    fn check_order(&self, restored: &Cache<Shelves>, limit: u64, order: impl Iterator<Item = u32>) {
        let order: Vec<u32> = order.collect();
        let mut room = limit - self.policy.weight_of(&order);
        let mut gone = 0;
        // Divisible by three, so that each of them weighs 1.
        let fresh = (1..).map(|count: u32| 3_000_000 + 3 * count);
        let old = order.len().saturating_sub(self.beyond() as usize);
        for number in fresh.take(old.min(200)) {
            restored.insert(Q::new(number), self.item(number));
            while room == 0 && gone < order.len() {
                room += self.policy.weight(order[gone]);
                gone += 1;
            }
            room -= 1;
            let is_there = |at: usize| restored.peek(&Q::new(order[at])).is_some();
            assert!(gone == 0 || !is_there(gone - 1), "{} should have been evicted", order[gone - 1]);
            assert!(gone == order.len() || is_there(gone), "{} was evicted too early", order[gone]);
        }
    }
}

fn pin_all<Q: Numbered>(cache: &Cache<Shelves>, numbers: &[u32]) -> Vec<Pinned<Q>>
where
    Shelves: Holds<Q>,
{
    numbers.iter().map(|&number| cache.pin(&Q::new(number))).collect()
}

/// Runs a case, and prints its parameters if it fails.
fn run<Q: Numbered>(entries: u32, policy: Policy, kind: Kind, text: usize)
where
    Shelves: Holds<Q>,
{
    let case = Case::<Q> { entries, policy, kind, text, query: PhantomData };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case.check())) {
        eprintln!("{entries} entries of {}, {policy:?}, {kind:?}", Q::NAME);
        resume_unwind(panic);
    }
}

#[test]
fn every_bound_and_policy_keeps_the_most_recently_used_around_block_boundaries() {
    let mut sizes =
        vec![1, 2, BLOCK / 2, BLOCK / 2 + 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1];
    if sized(false, true) {
        let boundaries = (1..=8).chain([24, 48]).map(|blocks| blocks * BLOCK);
        sizes = boundaries.flat_map(|boundary| [boundary - 1, boundary, boundary + 1]).collect();
        sizes.extend([1, 2, 3, 10, 100, 50_000]);
    }
    for entries in sizes {
        for policy in POLICIES {
            for kind in KINDS {
                run::<InBincode>(entries, policy, kind, 0);
            }
        }
    }
}

#[test]
fn large_tables_keep_the_most_recently_used() {
    for policy in POLICIES {
        for kind in [Kind::OneLess, Kind::Half, Kind::PinnedOver] {
            run::<InBincode>(4 * BLOCK + 1, policy, kind, 0);
        }
        run::<InBincode>(sized(10_000, 50_000), policy, Kind::PinnedOver, 0);
    }
}

/// Several blocks of a table that is one shard, where each policy has an exact order.
#[test]
fn blocks_that_are_full_of_long_values_keep_the_exact_order() {
    for policy in POLICIES {
        for kind in KINDS {
            run::<InBincode>(200, policy, kind, 20_000);
        }
    }
}

#[test]
fn each_codec_keeps_the_same_entries() {
    for policy in POLICIES {
        for kind in KINDS {
            run::<InPostcard>(BLOCK + 1, policy, kind, 3);
            run::<InJson>(BLOCK + 1, policy, kind, 3);
        }
    }
}
