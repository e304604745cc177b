//! Tables with a capacity, and perhaps a time to live, are written in a way of their own unless somebody listens. Both ways
//! leave the same.

use cache_core::{Freshness, Residency};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Commit(u32),
    Get(u32),
    Remove(u32),
    Invalidate(u32),
    Touch(u32),
    /// Keeps the value of a key alive.
    Hold(u32),
    Pin(u32),
    /// Drops what is held and pinned, and reaps what has died by that.
    LetGo,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0_u32..120;
    // What is held or pinned is rare, since no write is a simple one meanwhile.
    let step = prop_oneof![
        40 => key().prop_map(Step::Insert),
        10 => key().prop_map(Step::Commit),
        40 => key().prop_map(Step::Get),
        2 => key().prop_map(Step::Remove),
        2 => key().prop_map(Step::Invalidate),
        2 => key().prop_map(Step::Touch),
        1 => key().prop_map(Step::Hold),
        1 => key().prop_map(Step::Pin),
        4 => Just(Step::LetGo),
        2 => (1_u64..400).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..400)
}

/// A cache, and what the program holds of it.
struct Side {
    cache: Cache<Shelf>,
    clock: Arc<ManualClock>,
    /// Whether somebody listens, so that no write is a simple one.
    is_heard: bool,
    held: Vec<Arc<Book>>,
    pins: Vec<cache_core::Pinned<GetBook>>,
}

impl Side {
    fn new(capacity: u64, ttl: Option<Duration>, seed: u64, is_heard: bool) -> Self {
        let clock = Arc::new(ManualClock::new());
        let builder = Cache::builder().clock(Arc::clone(&clock)).hash_seed(seed).table::<GetBook>(|table| {
            let table = table.capacity(capacity).history(0);
            ttl.map_or(table, |ttl| table.ttl(ttl))
        });
        let builder = if is_heard { builder.on_removal(|_| {}) } else { builder };
        Self { cache: builder.build().unwrap(), clock, is_heard, held: Vec::new(), pins: Vec::new() }
    }

    /// Returns what the step has told.
    fn run(&mut self, step: &Step) -> Option<String> {
        self.clock.advance(Duration::from_millis(7));
        let cache = &self.cache;
        let title = |id: u32| book(&format!("{id}"));
        match step {
            Step::Insert(id) => drop(cache.insert(GetBook(*id), title(*id))),
            // A commit that is no simple write evicts after it has written, and so may evict another entry.
            Step::Commit(id) if !self.is_calm() => drop(cache.insert(GetBook(*id), title(*id))),
            Step::Commit(id) => {
                let mut tx = cache.begin();
                tx.set(GetBook(*id), title(*id));
                tx.commit().unwrap();
            }
            Step::Get(id) => return cache.get(&GetBook(*id)).map(|book| book.title.clone()),
            Step::Remove(id) => return Some(cache.remove(&GetBook(*id)).to_string()),
            Step::Invalidate(id) => return Some(cache.invalidate(&GetBook(*id)).to_string()),
            Step::Touch(id) => return Some(cache.touch(&GetBook(*id)).to_string()),
            Step::Hold(id) => self.held.extend(cache.peek(&GetBook(*id))),
            Step::Pin(id) => self.pins.push(cache.pin(&GetBook(*id))),
            Step::Wait(millis) => self.clock.advance(Duration::from_millis(*millis)),
            Step::LetGo => {
                self.held.clear();
                self.pins.clear();
                return Some(cache.reap().to_string());
            }
        }
        None
    }

    /// All entries, with their states, in the order of their keys.
    fn entries(&self) -> Vec<(u32, String, u64, Duration, Freshness, Residency)> {
        let mut entries: Vec<_> = self
            .cache
            .entries::<GetBook>()
            .iter()
            .map(|entry| {
                let state = entry.state();
                let title = entry.value().title.clone();
                (entry.key().0, title, state.revision.get(), state.age, state.freshness, state.residency)
            })
            .collect();
        entries.sort_by_key(|(id, ..)| *id);
        entries
    }

    /// Whether each write is a simple one.
    fn is_calm(&self) -> bool {
        let TableReport { survivors, dead, pins, .. } = self.report();
        !self.is_heard && survivors + dead + pins == 0
    }

    fn report(&self) -> TableReport {
        let inspection = self.cache.inspect();
        inspection.tables.into_iter().find(|table| table.name == GetBook::NAME).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn simple_writes_and_general_ones_leave_the_same(
        capacity in 1_u64..90,
        ttl in prop_oneof![Just(None), (100_u64..900).prop_map(|millis| Some(Duration::from_millis(millis)))],
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let (mut simple, mut general) = (Side::new(capacity, ttl, seed, false), Side::new(capacity, ttl, seed, true));
        for (at, step) in steps.iter().enumerate() {
            prop_assert_eq!(simple.run(step), general.run(step), "step {}: {:?}", at, step);
            prop_assert_eq!(simple.entries(), general.entries(), "step {}: {:?}", at, step);
        }
        let (simple, general) = (simple.report(), general.report());
        prop_assert_eq!((simple.hits, simple.misses, simple.dead), (general.hits, general.misses, general.dead));
        prop_assert_eq!(simple.removals, general.removals);
    }
}
