//! Half of a thousand documents are removed from the cache: the longest time of one operation meanwhile.

use std::sync::Arc;

use super::bodies::overlapping;
use super::{Failure, GetFamily, Shape, Store, nanos};
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

const DOCUMENTS: u32 = 1_000;

pub fn run(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let workload = "documents-release/1k";
    if !options.wants(workload) {
        return Ok(());
    }
    let (mut longest, mut medians) = (Vec::new(), Vec::new());
    for _ in 0..options.effort.rounds {
        let mut times = release()?;
        times.sort_by(f64::total_cmp);
        longest.extend(times.last());
        medians.push(times[times.len() / 2]);
    }
    let [longest, medians] = [longest, medians].map(|times| Figure::of(&times));
    report.add(&Row::new(workload, "ours-median", 1, longest, medians, Unit::Nanos));
    Ok(())
}

/// Removes each second document, reads the next one, and renames a child in it. Returns all times.
fn release() -> Result<Vec<f64>, Failure> {
    let store = Store::new();
    for number in 0..DOCUMENTS {
        store.put(number, Shape::Family, overlapping(number as usize).as_bytes())?;
    }
    let mut times = Vec::new();
    for number in (0..DOCUMENTS).step_by(2) {
        times.push(nanos(|| {
            assert!(store.client.cache().remove(&GetFamily(number)), "the document is there");
            Ok(())
        })?);
        times.push(nanos(|| {
            drop(store.client.cache().get(&GetFamily(number + 1)));
            Ok(())
        })?);
        let name = Arc::from(format!("name {number}"));
        times.push(nanos(|| store.rename(&format!("{}-0", number + 1), &name))?);
    }
    Ok(times)
}
