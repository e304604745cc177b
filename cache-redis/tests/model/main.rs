//! The client's side of the tier against a simulated server: any order of messages, losses, late messages, cuts,
//! restarts. A judge checks what the crate promises, by what was answered.

mod defects;
mod node;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use world::{Counts, Fault, KEYS, LEASE, MAX_LAG, NODES, Next, Telling, World};

/// Runs more cases. Without it, as many as take a few seconds.
const CASES_VARIABLE: &str = "CACHE_REDIS_CASES";

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        1 => Just(Fault::Flush),
        1 => Just(Fault::LoseState),
        1 => Just(Fault::LoseFeed),
        1 => (0..KEYS).prop_map(|key| Fault::Evict { key }),
        1 => (0..3_usize).prop_map(|length| Fault::Trim { length }),
        3 => Just(Fault::Save),
        3 => Just(Fault::Restart),
        1 => any::<bool>().prop_map(Fault::Full),
    ]
}

fn telling() -> impl Strategy<Value = Telling> {
    prop_oneof![Just(Telling::Before), Just(Telling::After), Just(Telling::Marking)]
}

fn next() -> impl Strategy<Value = Next> {
    let node = 0..NODES;
    let key = 0..KEYS;
    let choice = 0..8_usize;
    prop_oneof![
        12 => (node.clone(), key.clone()).prop_map(|(node, key)| Next::Read { node, key }),
        30 => (node.clone(), choice.clone()).prop_map(|(node, message)| Next::Deliver { node, message }),
        15 => node.clone().prop_map(|node| Next::Feed { node }),
        14 => (node.clone(), choice.clone()).prop_map(|(node, flight)| Next::Load { node, flight }),
        8 => node.clone().prop_map(|node| Next::Settle { node }),
        4 => node.clone().prop_map(|node| Next::Follow { node }),
        2 => node.clone().prop_map(|node| Next::Poll { node }),
        6 => (node.clone(), key.clone(), 0..8_u8, telling())
            .prop_map(|(node, key, mark, telling)| Next::Write { node, key, mark, telling }),
        5 => (node.clone(), choice.clone()).prop_map(|(node, change)| Next::Commit { node, change }),
        1 => (node.clone(), choice.clone()).prop_map(|(node, change)| Next::Abandon { node, change }),
        3 => (node.clone(), choice.clone(), any::<bool>())
            .prop_map(|(node, message, is_late)| Next::Lose { node, message, is_late }),
        2 => choice.prop_map(|message| Next::DeliverLate { message }),
        2 => node.clone().prop_map(|node| Next::CutFeed { node }),
        1 => node.clone().prop_map(|node| Next::LoseTrack { node }),
        4 => node.clone().prop_map(|node| Next::ConnectFeed { node }),
        2 => node.clone().prop_map(|node| Next::Retry { node }),
        8 => (node, key).prop_map(|(node, key)| Next::Forget { node, key }),
        5 => (1..1500_u64).prop_map(|milliseconds| Next::Advance { milliseconds }),
        2 => fault().prop_map(Next::Fault),
    ]
}

/// Runs steps after all machines follow the feed.
fn run(steps: &[Next]) -> (Counts, Result<(), String>) {
    let mut world = World::new();
    for node in 0..NODES {
        for next in [Next::ConnectFeed { node }, Next::Follow { node }] {
            world.run(&next);
        }
    }
    world.counts = Counts::default();
    steps.iter().for_each(|next| world.run(next));
    let judgement = world.history.judge(MAX_LAG, LEASE);
    (world.counts, judgement.map_or(Ok(()), |objection| Err(format!("{objection}\n{}", world.log))))
}

#[test]
fn fresh_answers_are_bounded_monotonic_and_show_own_writes() {
    let cases = std::env::var(CASES_VARIABLE).ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    let config = Config { cases, max_shrink_iters: 200_000, failure_persistence: None, ..Config::default() };
    let totals = std::cell::Cell::new(Counts::default());
    let result = TestRunner::new(config).run(&prop::collection::vec(next(), 0..400), |steps| {
        let (counts, judgement) = run(&steps);
        totals.set(totals.get().plus(counts));
        judgement.map_err(TestCaseError::fail)
    });
    // The reason has the shortest run that fails, step by step.
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, _steps)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
    // A run in which nothing difficult happened proves nothing.
    let totals = totals.get();
    let Counts { refused_fills, gaps, replays, expired_bounds, hits, answers } = totals;
    println!("{totals:?}");
    assert!(
        [refused_fills, gaps, replays, expired_bounds, hits, answers].iter().all(|count| *count > 0),
        "{totals:?}"
    );
}
