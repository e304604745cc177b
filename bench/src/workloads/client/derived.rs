//! Commits of keys that derived answers were built from, or that other answers of the same cache were not built from.

use std::convert::Infallible;
use std::hint::black_box;

use cache_client::{Client, Context, Fetch};
use cache_core::Query;

use super::observers::commit;
use super::{GetLoaded, NoWork, client, report_times, runtime};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;

const HELD: u32 = 50_000;
/// Answers are built from keys from here on in the row of other keys.
const INPUTS: u32 = 49_000;

/// An answer that is built from an entry, one of several.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 10_000, fresh = "1h", derived)]
pub(super) struct GetDerived {
    input: u64,
    number: u32,
}

impl Fetch<NoWork> for GetDerived {
    type Error = Infallible;

    async fn fetch(&self, cx: &Context<NoWork>) -> Result<u64, Infallible> {
        let input = cx.query(&GetLoaded { id: self.input }).await;
        Ok(input.expect("the input is in the cache")[0])
    }
}

/// Time per commit of one key.
pub fn run(options: &Options, report: &mut Report) {
    for (workload, number) in [("client-derived/1", 1), ("client-derived/100", 100)] {
        if options.wants(workload) {
            let keys = Keys::uniform(1, options.effort.sequence());
            let contestants = [marking(number, true), marking(number, false).named("ours-plain")];
            let samples = race(&contestants, &keys, 1, options.effort);
            report_times(report, workload, 1, &contestants, &samples);
        }
    }
    let workload = "client-derived/others";
    if options.wants(workload) {
        let keys = Keys::uniform(INPUTS, options.effort.sequence());
        let contestants = others();
        let samples = race(&contestants, &keys, 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
}

/// Commits of keys beside those that answers were built from; compared with answers that were written by hand.
pub fn others() -> [Contestant; 2] {
    [committing(true), committing(false).named("ours-plain")]
}

fn committing(is_built: bool) -> Contestant {
    let client = client(HELD);
    add(&client, (INPUTS..HELD).map(|input| GetDerived { input: input.into(), number: 0 }), is_built);
    Contestant::new("ours", move |keys| {
        keys.iter().for_each(|&id| commit(&client, id.into()));
        0
    })
}

/// Commits of the key that this many answers were built from. Each commit marks them. They are then touched, which
/// takes the marks away.
fn marking(number: u32, is_built: bool) -> Contestant {
    let client = client(HELD);
    add(&client, (0..number).map(|number| GetDerived { input: 0, number }), is_built);
    Contestant::new("ours", move |keys| {
        for &id in keys {
            commit(&client, id.into());
            for number in 0..number {
                black_box(client.cache().touch(&GetDerived { input: 0, number }));
            }
        }
        0
    })
}

/// Loads answers, or writes them by hand, so that they were built from nothing.
fn add(client: &Client<NoWork>, answers: impl Iterator<Item = GetDerived>, is_built: bool) {
    runtime().block_on(async {
        for answer in answers {
            match is_built {
                true => drop(client.query(&answer).await),
                false => drop(client.cache().insert(answer, 0)),
            }
        }
    });
}
