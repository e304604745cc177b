//! Queries whose answers are not in the cache: many of one key at a time, and one of each.

use cache_client::Client;

use super::hits::asks;
use super::loaders::{Cached, Loader, Moka, QuickCache};
use super::{NoWork, UNIVERSE, report_times, runtime};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;

const HERD: usize = 10_000;

pub fn run(options: &Options, report: &mut Report) {
    let workload = "client-herd/10k";
    if options.wants(workload) {
        let contestants =
            [herds::<Client<NoWork>>(), herds::<QuickCache>(), herds::<Moka>(), herds::<Cached>()];
        run_with(options, report, workload, &contestants);
    }
    let workload = "client-misses";
    if options.wants(workload) {
        let contestants = [
            asks(Client::holding(0)),
            asks(QuickCache::holding(0)),
            asks(Moka::holding(0)),
            asks(Cached::holding(0)),
        ];
        run_with(options, report, workload, &contestants);
    }
}

fn run_with(options: &Options, report: &mut Report, workload: &str, contestants: &[Contestant]) {
    let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
    let samples = race(contestants, &keys, 1, options.effort);
    report_times(report, workload, 1, contestants, &samples);
}

/// Tasks that all ask for one key at the same time, which nobody has asked for before: one load serves them all.
fn herds<L: Loader>() -> Contestant {
    let loader = L::holding(0);
    Contestant::new(L::NAME, move |keys| {
        runtime().block_on(async {
            for herd in keys.chunks(HERD) {
                let ask = || {
                    let (loader, id) = (loader.clone(), herd[0].into());
                    async move { drop(loader.ask(id).await) }
                };
                let tasks: Vec<_> = herd.iter().map(|_| tokio::spawn(ask())).collect();
                for task in tasks {
                    task.await.expect("no task panics");
                }
            }
            0
        })
    })
}
