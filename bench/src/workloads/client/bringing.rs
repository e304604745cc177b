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

/// A list of keys, whose load may bring the entries of these.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 200_000, fresh = "1h")]
pub(super) struct GetList {
    id: u64,
    brings: bool,
}

impl Fetch<NoWork> for GetList {
    type Error = Infallible;

    async fn fetch(&self, cx: &Context<NoWork>) -> Result<[u64; 8], Infallible> {
        if self.brings {
            keys_of(self.id).for_each(|id| cx.bring(GetLoaded { id }, value_of(id)));
        }
        Ok([self.id; 8])
    }
}

fn keys_of(list: u64) -> impl Iterator<Item = u64> {
    (0..BROUGHT).map(move |at| list * BROUGHT + at)
}

/// Time per list of twenty entries. Nearly all keys are absent.
pub fn run(options: &Options, report: &mut Report) {
    let workload = "client-bring/20";
    if options.wants(workload) {
        let keys = Keys::uniform(UNIVERSE, options.effort.sequence());
        let contestants = line_up();
        let samples = race(&contestants, &keys, 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
}

pub fn line_up() -> [Contestant; 3] {
    [bringing(), inserting("ours-inserts", false), inserting("ours-load-inserts", true)]
}

/// A client whose loads do not keep what they have brought. Otherwise a task of each load does, for 5 s, and the loads
/// here are so many that these tasks are what is measured.
fn client() -> Client<NoWork> {
    Client::builder(cache(0), NoWork).defaults(|all| all.keep_prefetched(Duration::ZERO)).build()
}

fn bringing() -> Contestant {
    let client = client();
    Contestant::new("ours", move |keys| {
        runtime().block_on(async {
            for &id in keys {
                load(&client, id.into(), true).await;
            }
            0
        })
    })
}

/// Inserts the entries, after a load that brings none if `loads`.
fn inserting(name: &'static str, loads: bool) -> Contestant {
    let client = client();
    Contestant::new(name, move |keys| {
        runtime().block_on(async {
            for id in keys.iter().map(|&id| u64::from(id)) {
                if loads {
                    load(&client, id, false).await;
                }
                keys_of(id).for_each(|id| drop(client.cache().insert(GetLoaded { id }, value_of(id))));
            }
            0
        })
    })
}

async fn load(client: &Client<NoWork>, id: u64, brings: bool) {
    drop(client.query(&GetList { id, brings }).await);
}
