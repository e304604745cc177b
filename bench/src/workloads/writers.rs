//! The longest wait of a writer while the whole cache is saved: by us, by hand from a cache that can be iterated, and
//! by hand under one lock.

use std::hint::black_box;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cache_core::Cache;
use fastrand::Rng;
use lru::LruCache;
use parking_lot::Mutex;
use quick_cache::UnitWeighter;
use quick_cache::sync::DefaultLifecycle;

use super::entries::{GetNumbers, SavedRegistry, Set};
use super::save::{encode, save};
use super::{Value, value_of};
use crate::options::Options;
use crate::peers::Hasher;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

/// After this many writes, the writer reads again how long other threads have run.
const WRITES_AT_A_TIME: usize = 100;
/// A shorter wait is not a pause.
const LEAST_PAUSE: Duration = Duration::from_micros(20);

/// A cache that is saved while it is written to.
struct Saved<'a> {
    name: &'static str,
    insert: Box<dyn Fn(u64) + Sync + 'a>,
    save: Box<dyn Fn() -> Vec<u8> + Sync + 'a>,
}

pub fn run(options: &Options, report: &mut Report) {
    let (number, size) = options.effort.entries(GetNumbers::ENTRIES);
    let workload = format!("writers-during-save/{size}");
    if !options.wants(&workload) {
        return;
    }
    let cache = GetNumbers::cache(number);
    let contestants = [ours(&cache), quick_cache(number), mutex_lru(number)];
    let mut pauses = [const { Vec::new() }; 4];
    // A round is long, so there are half as many as for other workloads.
    for _ in 0..options.effort.rounds.div_ceil(2) {
        for (contestant, pauses) in contestants.iter().zip(&mut pauses) {
            pauses.push(longest_write(number, contestant, || drop(black_box((contestant.save)()))));
        }
        let start = Instant::now();
        drop((contestants[0].save)());
        let time = start.elapsed();
        pauses[3].push(longest_write(number, &contestants[0], || thread::sleep(time)));
    }
    let [ours, theirs @ ..] = pauses.each_ref().map(|pauses| Figure::of(pauses));
    let peers = contestants[1..].iter().map(|contestant| contestant.name).chain(["idle"]);
    for (peer, theirs) in peers.zip(theirs) {
        report.add(&Row::new(&workload, peer, 1, ours, theirs, Unit::Nanos));
    }
}

/// Nanoseconds of the longest write of one thread while this one does `work`. Excludes the time in which the thread was
/// ready but the system ran others.
fn longest_write(number: usize, contestant: &Saved<'_>, work: impl FnOnce()) -> f64 {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let (mut random, mut longest) = (Rng::with_seed(1), Duration::ZERO);
            while !is_done.load(Ordering::Relaxed) {
                let mut others = time_of_others();
                for _ in 0..WRITES_AT_A_TIME {
                    let key = random.u64(0..number as u64);
                    let start = Instant::now();
                    (contestant.insert)(key);
                    let time = start.elapsed();
                    if time > LEAST_PAUSE {
                        let until_now = time_of_others();
                        longest = longest.max(time.saturating_sub(until_now.saturating_sub(others)));
                        others = until_now;
                    }
                }
            }
            longest.as_nanos() as f64
        });
        work();
        is_done.store(true, Ordering::Relaxed);
        // A writer that panics fails the whole run.
        writer.join().expect("no writer panics")
    })
}

/// How long this thread was ready to run while others ran. 0 on systems that do not report it.
fn time_of_others() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').nth(1).and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

fn ours(cache: &Cache<SavedRegistry>) -> Saved<'_> {
    Saved {
        name: "ours",
        insert: Box::new(|id| drop(cache.insert(GetNumbers { id }, value_of(id)))),
        save: Box::new(|| save(cache, 1)),
    }
}

/// Its iterator copies some entries at a time; they are not from one moment.
fn quick_cache(number: usize) -> Saved<'static> {
    let lifecycle = DefaultLifecycle::default();
    let cache = quick_cache::sync::Cache::<u64, Value, _, _>::with(
        2 * number,
        2 * number as u64,
        UnitWeighter,
        Hasher::default(),
        lifecycle,
    );
    let cache = std::sync::Arc::new(cache);
    super::entries(number as u32).for_each(|(key, value)| cache.insert(key, value));
    let walked = std::sync::Arc::clone(&cache);
    Saved {
        name: "quick_cache",
        insert: Box::new(move |key| cache.insert(key, value_of(key))),
        save: Box::new(move || {
            let mut bytes = Vec::new();
            for (key, value) in walked.iter() {
                bytes.extend(encode(&(key, *value)));
            }
            bytes
        }),
    }
}

/// Handles are copied under the lock and encoded after it is released, as in our save.
fn mutex_lru(number: usize) -> Saved<'static> {
    let capacity = NonZero::new(2 * number).unwrap_or(NonZero::<usize>::MIN);
    let mut cache = LruCache::with_hasher(capacity, Hasher::default());
    super::entries(number as u32).for_each(|(key, value)| drop(cache.push(key, value)));
    let cache = std::sync::Arc::new(Mutex::new(cache));
    let walked = std::sync::Arc::clone(&cache);
    Saved {
        name: "mutex-lru",
        insert: Box::new(move |key| {
            let displaced = cache.lock().push(key, value_of(key));
            drop(displaced);
        }),
        save: Box::new(move || {
            let entries: Vec<(u64, Value)> =
                walked.lock().iter().map(|(key, value)| (*key, value.clone())).collect();
            let entries: Vec<_> = entries.iter().map(|(key, value)| (*key, **value)).collect();
            encode(&entries)
        }),
    }
}
