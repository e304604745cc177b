//! Restores into an empty cache, compared with `bincode` and a `HashMap`; and a start from a file up to the first hit.

use std::any::Any;
use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::path::Path;

use cache_core::{Cache, Holds};
use serde::de::DeserializeOwned;

use super::entries::{CONFIG, GetNumbers, GetPage, SavedRegistry, Set, Shared, race};
use super::save::{encode, save};
use crate::options::{Options, THREADS};
use crate::peers::Hasher;
use crate::report::Report;

pub fn run(options: &Options, report: &mut Report) -> io::Result<()> {
    run_set::<GetNumbers>(options, report);
    run_set::<GetPage>(options, report);
    run_start(options, report)
}

fn run_set<Q: Set>(options: &Options, report: &mut Report)
where
    SavedRegistry: Holds<Q>,
{
    let (number, workload) = Q::size(options, "restore");
    if !options.wants(&workload) {
        return;
    }
    let (ours, theirs) = (save(&Q::cache(number), 1), encode(&Q::entries(number)));
    race(
        options,
        report,
        &workload,
        number,
        &THREADS,
        &[
            ("ours", Box::new(|threads| Box::new(restored(&ours, threads)))),
            ("bincode", Box::new(|_| Box::new(decoded::<Q, Q::Value>(&theirs)))),
            ("bincode-arcs", Box::new(|_| Box::new(decoded::<Q, Shared<Q::Value>>(&theirs)))),
        ],
    );
}

fn restored(bytes: &[u8], threads: usize) -> Cache<SavedRegistry> {
    let cache = Cache::new();
    // These bytes were written by a save.
    cache.restore_options().threads(threads).read_bytes(bytes).expect("the snapshot can be restored");
    cache
}

fn decoded<K: DeserializeOwned + Hash + Eq, V: DeserializeOwned>(bytes: &[u8]) -> HashMap<K, V, Hasher> {
    let entries: Result<(Vec<(K, V)>, _), _> = bincode::serde::decode_from_slice(bytes, CONFIG);
    let (entries, _) = entries.expect("the entries can be decoded");
    entries.into_iter().collect()
}

/// From a file to the first hit, on all processors.
fn run_start(options: &Options, report: &mut Report) -> io::Result<()> {
    let (number, workload) = GetNumbers::size(options, "first-hit");
    if !options.wants(&workload) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    std::fs::write(&ours, save(&GetNumbers::cache(number), 1))?;
    std::fs::write(&theirs, encode(&GetNumbers::entries(number)))?;
    race(
        options,
        report,
        &workload,
        number,
        &[2],
        &[
            ("ours", Box::new(|_| Box::new(start(&ours)))),
            ("bincode-arcs", Box::new(|_| Box::new(start_from_vec(&theirs)))),
        ],
    );
    Ok(())
}

const ANY_KEY: GetNumbers = GetNumbers { id: 77 };

fn start(path: &Path) -> impl Any + use<> {
    let (cache, _) = Cache::<SavedRegistry>::restore_or_new(path).expect("the snapshot can be restored");
    assert!(cache.get(&ANY_KEY).is_some(), "the entry is present");
    cache
}

fn start_from_vec(path: &Path) -> impl Any + use<> {
    let map = decoded::<GetNumbers, Shared<[u64; 8]>>(&std::fs::read(path).expect("the file exists"));
    assert!(map.contains_key(&ANY_KEY), "the entry is present");
    map
}
