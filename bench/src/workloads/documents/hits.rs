//! Reads of a document that has not changed, compared with hits of the client.

use std::hint::black_box;

use cache_client::Fetch;

use super::bodies::overlapping;
use super::{DocumentRegistry, Failure, GetFamily, GetPlain, Program, Shape, Store};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;
use crate::workloads::report_times;

const DOCUMENTS: u32 = 1_000;

pub fn run(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let workload = "documents-hits/1k";
    if options.wants(workload) {
        let contestants =
            [querying("ours", holding()?, GetFamily), querying("ours-client", holding()?, GetPlain)];
        let keys = Keys::uniform(DOCUMENTS, options.effort.sequence());
        let samples = race(&contestants, &keys, 1, options.effort);
        for sample in &samples {
            assert!(sample.hit_ratio() == 1.0, "{workload}: answers were lost");
        }
        report_times(report, workload, 1, &contestants, &samples);
    }
    Ok(())
}

/// A store with documents, and with as many plain values.
fn holding() -> Result<Store, Failure> {
    let store = Store::new();
    for number in 0..DOCUMENTS {
        store.put(number, Shape::Family, overlapping(number as usize).as_bytes())?;
        store.client.cache().insert(GetPlain(number), [number.into(); 8]);
    }
    Ok(store)
}

fn querying<Q: Fetch<Program>>(name: &'static str, store: Store, query: fn(u32) -> Q) -> Contestant
where
    DocumentRegistry: cache_core::Holds<Q>,
{
    Contestant::new(name, move |keys| {
        store.runtime.block_on(async {
            let mut hits = 0;
            for &key in keys {
                hits += usize::from(black_box(store.client.query(&query(key)).await).is_ok());
            }
            hits
        })
    })
}
