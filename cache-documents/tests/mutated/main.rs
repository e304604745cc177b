//! Documents that were changed at random are read or refused: without a panic, in bounded memory, and with a pointer that
//! leads to a part of the document. A separate program with a single test, since the allocator counts for the whole
//! process.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod program;

use std::alloc::System;

use cache_client::Client;
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::program::{Reader, feed, reader};

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The number of documents, unless `CACHE_DOCUMENTS_MUTATED` gives another: 1000000 for a thorough run.
const DOCUMENTS: u32 = 2_000;
/// The most memory that a document takes while it is read, in bytes for each byte of its text.
const MEMORY: usize = 8;
/// What a document may take besides, in bytes: the first blocks of lists and maps. An object in meta takes 640, however
/// small it is.
const FIXED: usize = 4 << 10;

const SEEDS: [&str; 3] = [
    include_str!("seeds/article.json"),
    include_str!("seeds/articles.json"),
    include_str!("seeds/errors.json"),
];

/// A change of the text.
#[derive(Clone, Debug)]
enum Cut {
    Set(usize, u8),
    End(usize),
    Copy(usize, usize, usize),
}

/// A change of one part of the document: of the value, or of its name.
#[derive(Clone, Debug)]
enum Edit {
    Replace(Value),
    Remove,
    Rename(&'static str),
    /// Puts the value into a list, or the only element of a list in place of it.
    Wrap,
    /// The same element once more.
    Repeat,
}

fn cut() -> impl Strategy<Value = Cut> {
    let bytes = prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\0en ".to_vec())];
    prop_oneof![
        4 => (any::<usize>(), bytes).prop_map(|(at, byte)| Cut::Set(at, byte)),
        1 => any::<usize>().prop_map(Cut::End),
        2 => (any::<usize>(), any::<usize>(), 1..200_usize).prop_map(|(from, to, len)| Cut::Copy(from, to, len)),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let values = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("9"),
        json!("people"),
        json!([]),
        json!({}),
        json!({"a+": 1}),
        json!([[]]),
        json!({"data": null}),
        json!({"type": "people", "id": "9"}),
        json!({"type": "articles", "id": "1", "lid": "a"}),
        json!({"href": "/"}),
        json!([null, {}, "x"]),
    ];
    let names =
        vec!["id", "type", "data", "links", "meta", "title", "author", "a+", "", "@a", "a:b", "a/b~1c"];
    prop_oneof![
        4 => prop::sample::select(values).prop_map(Edit::Replace),
        2 => Just(Edit::Remove),
        2 => prop::sample::select(names).prop_map(Edit::Rename),
        1 => Just(Edit::Wrap),
        1 => Just(Edit::Repeat),
    ]
}

fn apply_cut(cut: &Cut, bytes: &mut Vec<u8>) {
    let length = bytes.len();
    match *cut {
        _ if length == 0 => {}
        Cut::Set(at, byte) => bytes[at % length] = byte,
        Cut::End(at) => bytes.truncate(at % length),
        Cut::Copy(from, to, count) => {
            let (from, to) = (from % length, to % length);
            bytes.copy_within(from..from + count.min(length - from.max(to)), to);
        }
    }
}

/// Returns the pointers to all parts but the whole.
fn parts(json: &Value, pointer: &str, found: &mut Vec<(String, String)>) {
    let mut part = |name: String, value: &Value| {
        found.push((pointer.to_owned(), name.clone()));
        parts(value, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
    };
    match json {
        Value::Object(members) => members.iter().for_each(|(name, value)| part(name.clone(), value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| part(at.to_string(), value)),
        _ => {}
    }
}

fn apply_edit(edit: &Edit, at: prop::sample::Index, json: &mut Value) {
    let mut found = Vec::new();
    parts(json, "", &mut found);
    let Some((parent, name)) = found.get(at.index(found.len().max(1))) else { return };
    match json.pointer_mut(parent).unwrap() {
        Value::Object(members) => {
            let value = members.remove(name).unwrap();
            let (name, value) = match edit {
                Edit::Remove => return,
                Edit::Replace(other) => (name.clone(), other.clone()),
                Edit::Rename(other) => ((*other).to_owned(), value),
                Edit::Wrap => (name.clone(), wrapped(value)),
                Edit::Repeat => (format!("{name}2"), value),
            };
            members.insert(name, value);
        }
        Value::Array(list) => {
            let at: usize = name.parse().unwrap();
            match edit {
                Edit::Remove => drop(list.remove(at)),
                Edit::Replace(other) => list[at] = other.clone(),
                Edit::Wrap => list[at] = wrapped(list[at].take()),
                Edit::Repeat | Edit::Rename(_) => list.push(list[at].clone()),
            }
        }
        _ => unreachable!("only lists and objects have parts"),
    }
}

fn wrapped(value: Value) -> Value {
    match value {
        Value::Array(mut list) if list.len() == 1 => list.remove(0),
        value => Value::Array(vec![value]),
    }
}

/// Reads a document, and returns whether it was understood, by one query or the other.
fn check(client: &Client<Reader>, bytes: &[u8]) -> bool {
    ALLOCATOR.reset_peak_memory();
    let before = ALLOCATOR.get_peak_memory();
    let read = feed(client, bytes);
    let taken = ALLOCATOR.get_peak_memory() - before;
    let text = String::from_utf8_lossy(bytes);
    assert!(taken <= MEMORY * bytes.len() + FIXED, "{taken} bytes for the {} of {text}", bytes.len());
    read.iter().any(Result::is_ok)
}

/// Expects that the pointers of both errors lead to something.
fn check_pointers(client: &Client<Reader>, json: &Value) {
    for error in feed(client, json.to_string().as_bytes()).into_iter().filter_map(Result::err) {
        assert!(json.pointer(error.pointer()).is_some(), "{error}\n{json}");
    }
}

/// Returns a document that is so long that what it takes besides does not count: an article with its people, many times.
fn long_document() -> Value {
    let mut json: Value = serde_json::from_str(SEEDS[0]).unwrap();
    let resources = json["included"].as_array().unwrap().clone();
    let copies = (0..100).flat_map(|copy| resources.iter().map(move |resource| (copy, resource)));
    let renamed = copies.map(|(copy, resource)| {
        let mut resource = resource.clone();
        for name in ["id", "lid"] {
            if let Some(Value::String(id)) = resource.get_mut(name) {
                id.push_str(&format!("-{copy}"));
            }
        }
        resource
    });
    json["included"] = renamed.collect();
    json
}

/// Runs a check with as many random inputs as asked for, the same ones each time.
fn run<S: Strategy>(documents: u32, inputs: &S, mut check: impl FnMut(S::Value)) {
    let config = Config { cases: documents, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let check = std::cell::RefCell::new(&mut check);
    let mut runner = TestRunner::new_with_rng(config, random);
    runner
        .run(inputs, |input| {
            (check.borrow_mut())(input);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_changed_document_is_read_or_refused_in_bounded_memory_with_a_pointer_to_a_part_of_it() {
    let asked = std::env::var("CACHE_DOCUMENTS_MUTATED").ok().map(|number| number.parse().unwrap());
    let documents: u32 = asked.unwrap_or(DOCUMENTS);
    let client = reader();
    for seed in SEEDS {
        assert!(check(&client, seed.as_bytes()), "a seed is read");
    }
    assert!(check(&client, long_document().to_string().as_bytes()), "a long document is read");
    let mut understood = 0;

    let cuts = (prop::sample::select(SEEDS.to_vec()), prop::collection::vec(cut(), 1..4));
    run(documents / 2, &cuts, |(seed, cuts)| {
        let mut bytes = seed.as_bytes().to_vec();
        cuts.iter().for_each(|cut| apply_cut(cut, &mut bytes));
        understood += u32::from(check(&client, &bytes));
    });

    let edits = prop::collection::vec((edit(), any::<prop::sample::Index>()), 1..4);
    run(documents.div_ceil(2), &(prop::sample::select(SEEDS.to_vec()), edits), |(seed, edits)| {
        let mut json: Value = serde_json::from_str(seed).unwrap();
        edits.iter().for_each(|(edit, at)| apply_edit(edit, *at, &mut json));
        understood += u32::from(check(&client, json.to_string().as_bytes()));
        check_pointers(&client, &json);
    });
    // So that both outcomes are tested.
    assert!(
        (documents / 20..documents - documents / 20).contains(&understood),
        "{understood} were understood"
    );
}
