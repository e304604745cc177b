//! Workloads of documents whose instructions are counted.

use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

use cache_documents::ReadDocument;

use super::bodies::{RECORDS_OF_OVERLAPPING, SHARED_CHILD, family, overlapping};
use super::changes::{Observed, Reads};
pub use super::requests::PAGES;
use super::requests::{confirmations_line_up, hits_line_up};
use super::showing::showing;
use super::{Parent, Shape, Store};
use crate::measure::Contestant;

/// Documents that show the record that changes.
const SHOWING: u32 = 100;
/// Records of a document, as many as keys are counted.
const RECORDS: usize = 20_000;

/// A document with a record for each key: stored in a new store, and read without being stored.
pub fn new_line_up() -> Vec<Contestant> {
    vec![documents("ours", false, put), documents("ours-read", false, read)]
}

/// The same over a document that says the same.
pub fn again_line_up() -> Vec<Contestant> {
    vec![documents("ours", true, put), documents("ours-read", true, read)]
}

/// One record is renamed that many documents show; each key is one of them. Compared with one document.
pub fn rewrite_line_up() -> Vec<Contestant> {
    let renaming = |name, answers: u32| {
        let store = must(showing(answers, RECORDS_OF_OVERLAPPING));
        Contestant::new(name, move |keys| {
            for number in 0..keys.len() / SHOWING as usize {
                must(store.rename(SHARED_CHILD, &Arc::from(format!("name {number}"))));
            }
            keys.len()
        })
    };
    vec![renaming("ours", SHOWING), renaming("ours-1", 1)]
}

/// The same with observers, which read the changed field, or all records.
pub fn change_line_up() -> Vec<Contestant> {
    observed_line_up(SHOWING)
}

/// The same with one document: each key is a change.
pub fn change_1_line_up() -> Vec<Contestant> {
    observed_line_up(1)
}

fn observed_line_up(documents: u32) -> Vec<Contestant> {
    let changing = |name, reads| {
        let bodies = (0..documents as usize).map(|number| (Shape::Family, overlapping(number).into_bytes()));
        let observed = Mutex::new(must(Observed::new(bodies, reads)));
        Contestant::new(name, move |keys| {
            let mut observed = observed.lock().unwrap_or_else(PoisonError::into_inner);
            (0..keys.len() / documents as usize).for_each(|_| must(observed.change()));
            keys.len()
        })
    };
    vec![changing("ours", Reads::Records), changing("ours-field", Reads::Field)]
}

/// Requests that stored responses answer, compared with hits of a query.
pub fn requests_hits_line_up() -> Vec<Contestant> {
    must(hits_line_up()).into()
}

/// Loads that a response 304 confirms, compared with loads that find their value unchanged.
pub fn requests_304_line_up() -> Vec<Contestant> {
    must(confirmations_line_up()).into()
}

fn put(store: &Store, text: &str) {
    must(store.put(0, Shape::Family, text.as_bytes()));
}

fn read(store: &Store, text: &str) {
    black_box(must(store.client.document::<Parent>(text.as_bytes())));
}

fn documents(name: &'static str, is_there: bool, work: fn(&Store, &str)) -> Contestant {
    let (store, text) = (Store::new(), family(0..RECORDS));
    if is_there {
        must(store.put(0, Shape::Family, text.as_bytes()));
    }
    Contestant::new(name, move |keys| {
        work(&store, &text);
        keys.len()
    })
}

fn must<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.expect("the documents are valid")
}
