//! Queries whose answers are not in the cache: many tasks with one key at a time, many with a key each, and one key
//! after the other.

use cache_client::Client;

use super::hits::querying;
use super::loaders::{Cached, Loader, Moka, QuickCache};
use super::{NoWork, UNIVERSE, Waiting, report_times, runtime};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;

const HERD: usize = 10_000;
const CROWD: usize = 1_000;

pub fn run(options: &Options, report: &mut Report) {
    let workload = "client-herd/10k";
    if options.wants(workload) {
        let contestants =
            [herds::<Client<NoWork>>(), herds::<QuickCache>(), herds::<Moka>(), herds::<Cached>()];
        run_with(options, report, workload, &contestants);
    }
    let workload = "client-waiting-misses/1k";
    if options.wants(workload) {
        let contestants =
            [crowds::<Client<Waiting>>(), crowds::<QuickCache<Waiting>>(), crowds::<Moka<Waiting>>()];
        run_with(options, report, workload, &contestants);
    }
    let workload = "client-misses";
    if options.wants(workload) {
        run_with(options, report, workload, &misses_line_up());
    }
}

pub fn misses_line_up() -> Vec<Contestant> {
    vec![
        querying(Client::<NoWork>::holding(0)),
        querying(QuickCache::<NoWork>::holding(0)),
        querying(Moka::<NoWork>::holding(0)),
        querying(Cached::holding(0)),
    ]
}

fn run_with(options: &Options, report: &mut Report, workload: &str, contestants: &[Contestant]) {
    let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
    let samples = race(contestants, &keys, 1, options.effort);
    report_times(report, workload, 1, contestants, &samples);
}

/// Concurrent tasks that all query one key, which was never queried before: one load serves them all.
fn herds<L: Loader>() -> Contestant {
    tasks::<L>(HERD, |herd, _| herd[0])
}

/// Concurrent tasks that each query a key of their own.
fn crowds<L: Loader>() -> Contestant {
    tasks::<L>(CROWD, |crowd, at| crowd[at])
}

/// This many tasks at a time, each of which queries one key.
fn tasks<L: Loader>(number: usize, key_of: fn(&[u32], usize) -> u32) -> Contestant {
    let loader = L::holding(0);
    Contestant::new(L::NAME, move |keys| {
        runtime().block_on(async {
            for keys in keys.chunks(number) {
                let query = |at| {
                    let (loader, id) = (loader.clone(), key_of(keys, at).into());
                    async move { drop(loader.query(id).await) }
                };
                let tasks: Vec<_> = (0..keys.len()).map(|at| tokio::spawn(query(at))).collect();
                for task in tasks {
                    task.await.expect("no task panics");
                }
            }
            0
        })
    })
}
