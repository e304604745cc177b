//! Reads of values that the program holds and the table does not.

use std::sync::{Arc, Weak};

use hashbrown::HashMap;

use super::{Operation, contestant, entries, filled, race_hits, reader};
use crate::keys::Keys;
use crate::measure::Contestant;
use crate::options::Options;
use crate::peers::{Hasher, Ours, Peer, Read, Value};
use crate::report::Report;

type MakeKeys = fn(u32, usize) -> Keys;

pub fn run(options: &Options, report: &mut Report) {
    run_hits(options, report, "weak-hits/1k-uniform", 1_000, Keys::uniform);
    run_hits(options, report, "weak-hits/100k-zipf", 100_000, Keys::zipf);
}

fn run_hits(options: &Options, report: &mut Report, workload: &str, universe: u32, make: MakeKeys) {
    if !options.wants(workload) {
        return;
    }
    let keys = make(universe, options.effort.sequence());
    let resident = filled(Ours::with_capacity(2 * u64::from(universe)), universe);
    let contestants = [
        weak_table(universe),
        contestant(resident, Operation::Get).named("ours-capacity"),
        weak_map(universe),
    ];
    race_hits(options, report, workload, &contestants, &keys);
}

fn weak_table(held: u32) -> Contestant {
    let table = Ours::with(|options| options.unbounded());
    let handles: Vec<Value> = entries(held).map(|(_, value)| value).collect();
    for (key, value) in (0..).zip(&handles) {
        table.insert(key, Arc::clone(value));
    }
    reader(Holding { cache: table, _handles: handles })
}

/// A plain map without a lock: the lower bound for such a hit.
fn weak_map(held: u32) -> Contestant {
    let handles: Vec<Value> = entries(held).map(|(_, value)| value).collect();
    let map = (0..).zip(handles.iter().map(Arc::downgrade)).collect();
    reader(Holding { cache: WeakMap(map), _handles: handles })
}

/// A cache, and the only handles of its values.
struct Holding<C> {
    cache: C,
    _handles: Vec<Value>,
}

impl<C: Read> Read for Holding<C> {
    const NAME: &'static str = C::NAME;

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.cache.get(key)
    }
}

struct WeakMap(HashMap<u64, Weak<[u64; 8]>, Hasher>);

impl Read for WeakMap {
    const NAME: &'static str = "weak-floor";

    #[inline]
    fn get(&self, key: u64) -> Option<Value> {
        self.0.get(&key)?.upgrade()
    }
}
