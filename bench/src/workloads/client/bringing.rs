//! Loads that bring twenty entries for other keys, compared with inserting the same entries one by one.

use std::convert::Infallible;
use std::time::Duration;

use cache_client::{Client, Context, Fetch};
use cache_core::Query;

use super::{GetLoaded, NoWork, UNIVERSE, cache, report_times, runtime};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::peers::value_of;
use crate::report::Report;

const BROUGHT: u64 = 20;
/// So few that all their entries are in the cache at once.
const FEW_LISTS: u32 = 5_000;

/// A list of keys, whose load may bring the entries of these.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 200_000, fresh = "1h")]
pub(super) struct GetList {
    id: u64,
    /// How many lists have keys of their own; 0 for a list whose load brings nothing.
    lists: u32,
}

impl Fetch<NoWork> for GetList {
    type Error = Infallible;

    async fn fetch(&self, cx: &Context<NoWork>) -> Result<[u64; 8], Infallible> {
        if let Some(list) = self.id.checked_rem(self.lists.into()) {
            keys_of(list).for_each(|id| cx.bring(GetLoaded { id }, value_of(id)));
        }
        Ok([self.id; 8])
    }
}

fn keys_of(list: u64) -> impl Iterator<Item = u64> {
    (0..BROUGHT).map(move |at| list * BROUGHT + at)
}

/// Time per list of twenty entries.
pub fn run(options: &Options, report: &mut Report) {
    for (workload, contestants) in
        [("client-bring/20", line_up as fn() -> Vec<Contestant>), ("client-bring-kept/20", keeping)]
    {
        if options.wants(workload) {
            let (contestants, keys) = (contestants(), Keys::uniform(UNIVERSE, options.effort.sequence()));
            let samples = race(&contestants, &keys, 1, options.effort);
            report_times(report, workload, 1, &contestants, &samples);
        }
    }
}

/// Nearly all keys are absent.
pub fn line_up() -> Vec<Contestant> {
    vec![
        bringing("ours", unkept(), UNIVERSE),
        inserting("ours-inserts", false),
        inserting("ours-load-inserts", true),
    ]
}

/// All keys are present.
fn keeping() -> Vec<Contestant> {
    let kept = Client::builder(cache(0), NoWork).build();
    vec![bringing("ours", kept, FEW_LISTS), bringing("ours-unkept", unkept(), FEW_LISTS)]
}

/// A client whose loads do not keep what they have brought. By default a task of each load does, for 5 s. With so many
/// loads and evictions, the kept values would be what is measured.
fn unkept() -> Client<NoWork> {
    Client::builder(cache(0), NoWork).defaults(|all| all.keep_prefetched(Duration::ZERO)).build()
}

fn bringing(name: &'static str, client: Client<NoWork>, lists: u32) -> Contestant {
    Contestant::new(name, move |keys| {
        runtime().block_on(async {
            for &id in keys {
                load(&client, id.into(), lists).await;
            }
            0
        })
    })
}

/// Inserts the entries, after a load that brings none if `loads`.
fn inserting(name: &'static str, loads: bool) -> Contestant {
    let client = unkept();
    Contestant::new(name, move |keys| {
        runtime().block_on(async {
            for id in keys.iter().map(|&id| u64::from(id)) {
                if loads {
                    load(&client, id, 0).await;
                }
                keys_of(id).for_each(|id| drop(client.cache().insert(GetLoaded { id }, value_of(id))));
            }
            0
        })
    })
}

async fn load(client: &Client<NoWork>, id: u64, lists: u32) {
    drop(client.query(&GetList { id, lists }).await);
}
