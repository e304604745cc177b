//! Saves of a whole cache into memory, beside `bincode` on the same entries.

use std::sync::Arc;

use cache_core::{Cache, Holds};

use super::entries::{CONFIG, GetNumbers, GetPage, SavedRegistry, Set, Shared, race};
use crate::options::{Options, THREADS};
use crate::report::Report;

pub fn run(options: &Options, report: &mut Report) {
    run_set::<GetNumbers>(options, report);
    run_set::<GetPage>(options, report);
}

fn run_set<Q: Set>(options: &Options, report: &mut Report)
where
    SavedRegistry: Holds<Q>,
{
    let workload = format!("save/{}", Q::SET);
    if !options.wants(&workload) {
        return;
    }
    let (cache, entries) = (Q::cache(), Q::entries());
    let shared: Vec<_> =
        entries.iter().map(|(key, value)| (key.clone(), Shared(Arc::new(value.clone())))).collect();
    race(
        options,
        report,
        &workload,
        Q::ENTRIES,
        &THREADS,
        &[
            ("ours", Box::new(|threads| Box::new(save(&cache, threads)))),
            ("bincode", Box::new(|_| Box::new(encode(&entries)))),
            ("bincode-arcs", Box::new(|_| Box::new(encode(&shared)))),
        ],
    );
}

pub fn save(cache: &Cache<SavedRegistry>, threads: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Neither the types nor a `Vec` refuse anything.
    cache.save_options().threads(threads).write_to(&mut bytes).expect("the entries can be saved");
    bytes
}

pub fn encode<T: serde::Serialize>(entries: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(entries, CONFIG).expect("the entries can be encoded")
}
