//! Records of parsed responses that many answers show: how long a commit takes that changes them, and how long for
//! each answer that follows.

use std::sync::Arc;

use cache_documents::ReadDocument;

use super::bodies::{RECORDS_OF_OVERLAPPING, SHARED_CHILD, overlapping_of};
use super::{Failure, GetFamily, Racer, Shape, Store, nanos, race};
use crate::options::Options;
use crate::report::Report;

/// Answers that are all rewritten.
const REWRITTEN: u32 = 250;
/// Answers most of which are marked, and the records of each.
const SHOWING: u32 = 10_000;
const RECORDS_OF_SHOWING: usize = 10;
/// Records of a response.
const RECORDS: usize = 100;
/// Commits in one turn.
const TIMES: usize = 20;

pub fn run(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let workload = "documents-response/100";
    if options.wants(workload) {
        let store = Store::new();
        let mut number = 0;
        let turn = || {
            number += 1;
            store_response(&store, number)
        };
        let racers = vec![Racer::new("ours", turn), Racer::new("ours-read", || read_response(&store))];
        race((options, report), workload, TIMES, racers)?;
    }
    let workload = "documents-rewrite/250";
    if options.wants(workload) {
        let [many, one] = [REWRITTEN, 1].map(|answers| showing(answers, RECORDS_OF_OVERLAPPING));
        let [of_many, mut of_one] = [many?, one?].map(|store| renames(store, TIMES));
        let racers = vec![
            Racer::new("ours", of_many),
            Racer::new("ours-1", move || Ok(of_one()? * f64::from(REWRITTEN))),
        ];
        race((options, report), workload, TIMES * REWRITTEN as usize, racers)?;
    }
    let workload = "documents-rename/10k";
    if options.wants(workload) {
        let [many, one] = [SHOWING, 1].map(|answers| showing(answers, RECORDS_OF_SHOWING));
        let (of_many, of_one) = (marked_renames(many?), renames(one?, 1));
        let racers = vec![Racer::new("ours", of_many), Racer::new("ours-1", of_one)];
        race((options, report), workload, 1, racers)?;
    }
    Ok(())
}

/// A hundred records, of which this response changes the names.
fn response(number: usize) -> String {
    let children = (0..RECORDS - 1).map(|child| {
        format!(r#"{{"type":"child","id":"{child}","attributes":{{"childName":"child {child} {number}"}}}}"#)
    });
    let children: Vec<_> = children.collect();
    let parent = format!(r#"{{"type":"parent","id":"1","attributes":{{"parentName":"{number}"}}}}"#);
    format!(r#"{{"data":{parent},"included":[{}]}}"#, children.join(","))
}

/// Stores parsed responses, each of which changes all records. Not included: reading them.
fn store_response(store: &Store, number: usize) -> Result<f64, Failure> {
    let mut sum = 0.0;
    for time in 0..TIMES {
        let document = store.client.document::<super::Parent>(response(number * TIMES + time).as_bytes())?;
        sum += nanos(|| store.write(&GetFamily(1), document))?;
    }
    Ok(sum)
}

fn read_response(store: &Store) -> Result<f64, Failure> {
    let text = response(0);
    nanos(|| {
        for _ in 0..TIMES {
            std::hint::black_box(store.client.document::<super::Parent>(text.as_bytes())?);
        }
        Ok(())
    })
}

/// A store with so many answers that show one child. All other records of each are shown by no other.
pub fn showing(answers: u32, records: usize) -> Result<Store, Failure> {
    let store = Store::new();
    put_all(&store, answers, records)?;
    Ok(store)
}

fn put_all(store: &Store, answers: u32, records: usize) -> Result<(), Failure> {
    (0..answers).try_for_each(|number| {
        store.put(number, Shape::Family, overlapping_of(number as usize, records).as_bytes())
    })
}

fn renames(store: Store, times: usize) -> impl FnMut() -> Result<f64, Failure> {
    let mut number = 0;
    move || {
        nanos(|| {
            for _ in 0..times {
                number += 1;
                store.rename(SHARED_CHILD, &Arc::from(format!("name {number}")))?;
            }
            Ok(())
        })
    }
}

/// Renames the child once. The answers that this marks are stored again before.
fn marked_renames(store: Store) -> impl FnMut() -> Result<f64, Failure> {
    let mut number = 0;
    move || {
        put_all(&store, SHOWING, RECORDS_OF_SHOWING)?;
        number += 1;
        nanos(|| store.rename(SHARED_CHILD, &Arc::from(format!("name {number}"))))
    }
}
