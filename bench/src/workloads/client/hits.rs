//! Queries whose answers are in the cache and fresh: with the client, in requests, beneath a layer, and with the store
//! alone.

use std::hint::black_box;
use std::time::Duration;

use cache_client::Client;

use super::loaders::{Cached, Loader, Moka, QuickCache};
use super::{ENTRIES, GetLoaded, NoWork, cache, client, race_hits, report_times, runtime};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;

/// Number of queries in one request.
const QUERIES_OF_REQUEST: usize = 8;

pub fn run(options: &Options, report: &mut Report) {
    let workload = "client-hits/1k-uniform";
    if options.wants(workload) {
        let keys = Keys::uniform(1_000, options.effort.sequence());
        race_hits(options, report, workload, &line_up(1_000), &keys);
    }
    let workload = "client-hits/100k-zipf";
    if options.wants(workload) {
        let keys = Keys::zipf(ENTRIES, options.effort.sequence());
        race_hits(options, report, workload, &line_up(ENTRIES), &keys);
    }
    let workload = "client-requests/8";
    if options.wants(workload) {
        let keys = Keys::uniform(1_000, options.effort.sequence());
        let contestants = [requests(client(1_000)), querying(client(1_000)).named("ours-client")];
        let samples = race(&contestants, &keys, 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
    let workload = "client-layers";
    if options.wants(workload) {
        let keys = Keys::uniform(1_000, options.effort.sequence());
        let contestants = [beneath_a_layer(1_000), querying(client(1_000)).named("ours-plain")];
        let samples = race(&contestants, &keys, 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
}

pub fn line_up(held: u32) -> [Contestant; 7] {
    let (store, dated) = (cache(held), cache(held));
    let settled =
        Client::builder(cache(held), NoWork).defaults(|all| all.swr(Duration::from_secs(1))).build();
    [
        querying(client(held)),
        querying(QuickCache::<NoWork>::holding(held)),
        querying(Moka::<NoWork>::holding(held)),
        querying(Cached::holding(held)),
        querying(settled).named("ours-settings"),
        Contestant::new("ours-get-fresh", move |keys| {
            let is_fresh = |id: u32| black_box(dated.get_fresh(&GetLoaded { id: id.into() })).is_some();
            keys.iter().filter(|&&id| is_fresh(id)).count()
        }),
        Contestant::new("ours-store", move |keys| {
            keys.iter().filter(|&&id| black_box(store.get(&GetLoaded { id: id.into() })).is_some()).count()
        }),
    ]
}

/// Queries one key after the other. Every answer counts as a hit.
pub fn querying<L: Loader>(loader: L) -> Contestant {
    Contestant::new(L::NAME, move |keys| {
        runtime().block_on(async {
            let mut answers = 0;
            for &id in keys {
                answers += usize::from(black_box(loader.query(id.into()).await).is_some());
            }
            answers
        })
    })
}

/// Queries in request contexts, each created for a few queries and then dropped.
fn requests(client: Client<NoWork>) -> Contestant {
    Contestant::new("ours", move |keys| {
        runtime().block_on(async {
            for keys in keys.chunks(QUERIES_OF_REQUEST) {
                let request = client.request("bench");
                for &id in keys {
                    _ = black_box(request.query(&GetLoaded { id: id.into() }).await);
                }
            }
            0
        })
    })
}

/// Queries while another key, which is never queried, has an optimistic layer.
fn beneath_a_layer(held: u32) -> Contestant {
    let client = client(held);
    let layer = client.optimistic(|layer| layer.update(&GetLoaded { id: held.into() }, |_| Some([0; 8])));
    Contestant::new("ours", move |keys| {
        black_box(&layer);
        runtime().block_on(async {
            for &id in keys {
                _ = black_box(client.query(&GetLoaded { id: id.into() }).await);
            }
            0
        })
    })
}
