//! The client against a real server, in the cases of <https://github.com/http-tests/cache-tests>: each has the id that
//! this suite gives to the same question. A manual clock takes the place of waiting.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod case;
mod conditional;
mod directives;
mod freshness;
mod invalidation;
mod left_out;
mod parsing;
mod run;
mod server;
mod stale;
mod status;
mod stored;
mod vary;

use std::collections::HashSet;

use case::{Case, Kind};
use run::Runner;

/// The groups of cases, by name.
fn groups() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("freshness", freshness::cases()),
        ("parsing", parsing::cases()),
        ("directives", directives::cases()),
        ("stale", stale::cases()),
        ("conditional", conditional::cases()),
        ("vary", vary::cases()),
        ("status", status::cases()),
        ("invalidation", invalidation::cases()),
        ("stored heads", stored::cases()),
    ]
}

/// The share of the required and optimal cases that must pass, in percent.
const LEAST_PASSED: usize = 90;

#[tokio::test]
async fn the_client_does_what_a_private_cache_should() {
    let runner = Runner::start().await;
    let (mut passed, mut counted, mut problems) = (0, 0, Vec::new());
    for (name, cases) in groups() {
        let (mut passed_here, mut counted_here, mut questions) = (0, 0, 0);
        for case in &cases {
            let failures = runner.run(case).await;
            match (case.kind, case.exception) {
                (Kind::Question, _) => questions += 1,
                (_, exception) => {
                    counted_here += 1;
                    passed_here += usize::from(exception.is_none() && failures.is_empty());
                }
            }
            match case.exception {
                Some(reason) if failures.is_empty() => {
                    problems.push(format!("{}: passes now, in spite of: {reason}", case.id));
                }
                Some(reason) => println!("  not passed: {}: {reason}", case.id),
                None => problems.extend(failures.iter().map(|failure| format!("{}: {failure}", case.id))),
            }
        }
        println!("{name}: {passed_here} of {counted_here} passed, {questions} questions answered");
        (passed, counted) = (passed + passed_here, counted + counted_here);
    }
    println!("in all: {passed} of {counted}, {:.1} %", 100.0 * passed as f64 / counted as f64);
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(passed * 100 >= counted * LEAST_PASSED, "{passed} of {counted}");
}

#[test]
fn each_case_of_the_suite_is_here_once() {
    let mut ids = HashSet::new();
    for case in groups().into_iter().flat_map(|(_, cases)| cases) {
        assert!(ids.insert(case.id.clone()), "{} is there twice", case.id);
        assert!(left_out::reason(&case.id).is_none(), "{} is not left out", case.id);
    }
}
