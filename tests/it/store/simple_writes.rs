//! Tables with a capacity and nothing else are written in a way of their own, unless somebody listens. Both ways leave the
//! same.

use cache_core::{Freshness, Residency};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Commit(Vec<u32>),
    Get(u32),
    Remove(u32),
    Invalidate(u32),
    Touch(u32),
    /// Keeps the value of a key alive, until so many others are.
    Hold(u32),
    Pin(u32),
    Unpin,
    Reap,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0_u32..120;
    let step = prop_oneof![
        8 => key().prop_map(Step::Insert),
        2 => proptest::collection::vec(key(), 1..12).prop_map(Step::Commit),
        8 => key().prop_map(Step::Get),
        1 => key().prop_map(Step::Remove),
        1 => key().prop_map(Step::Invalidate),
        1 => key().prop_map(Step::Touch),
        1 => key().prop_map(Step::Hold),
        1 => key().prop_map(Step::Pin),
        1 => Just(Step::Unpin),
        1 => Just(Step::Reap),
    ];
    proptest::collection::vec(step, 1..400)
}

/// A cache, and what the program holds of it.
struct Side {
    cache: Cache<Shelf>,
    clock: Arc<ManualClock>,
    held: Vec<Arc<Book>>,
    pins: Vec<cache_core::Pinned<GetBook>>,
}

/// Values that are held at a time.
const HELD: usize = 3;

impl Side {
    fn new(capacity: u64, seed: u64, is_heard: bool) -> Self {
        let clock = Arc::new(ManualClock::new());
        let builder = Cache::builder()
            .clock(Arc::clone(&clock))
            .hash_seed(seed)
            .table::<GetBook>(|table| table.capacity(capacity));
        let builder = if is_heard { builder.on_removal(|_| {}) } else { builder };
        Self { cache: builder.build().unwrap(), clock, held: Vec::new(), pins: Vec::new() }
    }

    /// Returns what the step has told.
    fn run(&mut self, step: &Step) -> Option<String> {
        self.clock.advance(Duration::from_millis(7));
        let cache = &self.cache;
        let title = |id: u32| book(&format!("{id}"));
        match step {
            Step::Insert(id) => drop(cache.insert(GetBook(*id), title(*id))),
            Step::Commit(ids) => {
                let mut tx = cache.begin();
                for id in ids {
                    tx.set(GetBook(*id), title(*id));
                }
                tx.commit().unwrap();
            }
            Step::Get(id) => return cache.get(&GetBook(*id)).map(|book| book.title.clone()),
            Step::Remove(id) => return Some(cache.remove(&GetBook(*id)).to_string()),
            Step::Invalidate(id) => return Some(cache.invalidate(&GetBook(*id)).to_string()),
            Step::Touch(id) => return Some(cache.touch(&GetBook(*id)).to_string()),
            Step::Hold(id) => {
                self.held.extend(cache.peek(&GetBook(*id)));
                self.held.drain(..self.held.len().saturating_sub(HELD));
            }
            Step::Pin(id) => self.pins.push(cache.pin(&GetBook(*id))),
            Step::Unpin => drop(self.pins.pop()),
            Step::Reap => return Some(cache.reap().to_string()),
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

    fn report(&self) -> TableReport {
        let inspection = self.cache.inspect();
        inspection.tables.into_iter().find(|table| table.name == GetBook::NAME).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn simple_writes_and_general_ones_leave_the_same(
        capacity in prop_oneof![1_u64..8, 20_u64..90, Just(600_u64)],
        seed in any::<u64>(),
        steps in steps(),
    ) {
        let (mut simple, mut general) = (Side::new(capacity, seed, false), Side::new(capacity, seed, true));
        for (at, step) in steps.iter().enumerate() {
            prop_assert_eq!(simple.run(step), general.run(step), "step {}: {:?}", at, step);
            prop_assert_eq!(simple.entries(), general.entries(), "step {}: {:?}", at, step);
        }
        let (simple, general) = (simple.report(), general.report());
        prop_assert_eq!((simple.hits, simple.misses, simple.dead), (general.hits, general.misses, general.dead));
        prop_assert_eq!(simple.removals, general.removals);
    }
}
