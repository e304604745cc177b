//! Troubles at random, one after the other and several at a time, while all machines read and write. A judge looks at
//! everything that was answered.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::time::{Duration, Instant};

use coherence::NODES;
use coherence::act::Act;
use coherence::builds;
use coherence::explain::explain;
use coherence::lab::{Lab, Settings};
use coherence::record::Counts;

/// Names how many minutes to run. Without it, one round of [`ROUND`].
const MINUTES_VARIABLE: &str = "CACHE_TEST_MINUTES";

/// How long troubles are made before they are judged.
const ROUND: Duration = Duration::from_secs(15);

/// How many keys are changed each second.
const PACE: u32 = 30;

/// How long machines may take to use the tier when the last trouble is over.
const RECOVERY: Duration = Duration::from_secs(20);

/// Each trouble, with what ends it.
fn troubles() -> Vec<(Act, Option<Act>)> {
    let node = || fastrand::usize(..NODES);
    let with_end = |act: fn(usize) -> Act, end: fn(usize) -> Act| {
        let node = node();
        (act(node), Some(end(node)))
    };
    let mut troubles = vec![
        with_end(Act::Cut, Act::Mend),
        with_end(Act::Delay, Act::Mend),
        with_end(Act::SwallowRequests, Act::Mend),
        with_end(Act::SwallowAnswers, Act::Mend),
        with_end(Act::Stop, Act::Continue),
        with_end(Act::Kill, Act::Start),
        (Act::HalfOpen(node()), None),
        // The round goes on with two builds.
        (Act::Replace { node: node(), build: builds::Name::Newer }, None),
        (Act::Replace { node: node(), build: builds::Name::Older }, None),
        (Act::KillOrigin, Some(Act::StartOrigin)),
        (Act::StopServer, Some(Act::ContinueServer)),
        (Act::KillServer, Some(Act::StartServer)),
        (Act::Fill, Some(Act::Free)),
        (Act::Evict, Some(Act::Free)),
        (Act::Flush, None),
        (Act::KillClients, None),
        (Act::LoseState, None),
        (Act::Trim, None),
    ];
    fastrand::shuffle(&mut troubles);
    troubles
}

/// Makes troubles for a round, ends them, and lets the machines recover. Returns what happened.
async fn round(lab: &mut Lab) -> Vec<(u64, String)> {
    let mut story = Vec::new();
    let mut act = |lab: &mut Lab, act: Act| {
        story.push((coherence::clock::now(), act.to_string()));
        // Another trouble may keep it from being done.
        if let Err(error) = lab.act(act) {
            story.push((coherence::clock::now(), format!("not done: {error}")));
        }
    };
    let (began, mut left, mut open) = (Instant::now(), troubles(), Vec::new());
    while began.elapsed() < ROUND {
        let Some((trouble, end)) = left.pop() else {
            left = troubles();
            continue;
        };
        act(lab, trouble);
        open.extend(end);
        // Shorter and longer than the bound and the lease.
        lab.listen(Duration::from_millis(fastrand::u64(50..1500))).await;
        // Now and then two at a time.
        if fastrand::u8(..4) > 0 {
            open.drain(..).for_each(|end| act(lab, end));
        }
        lab.listen(Duration::from_millis(fastrand::u64(50..500))).await;
    }
    open.drain(..).for_each(|end| act(lab, end));
    for node in 0..NODES {
        act(lab, Act::Continue(node));
        act(lab, Act::Mend(node));
    }
    let began = coherence::clock::now();
    let is_new =
        |lab: &Lab, node: usize| lab.record.nodes[node].state.as_ref().is_some_and(|state| state.at > began);
    let recovered =
        lab.wait_until(RECOVERY, |lab| (0..NODES).all(|node| is_new(lab, node) && lab.is_following(node)));
    assert!(recovered.await, "a machine does not use the tier again: {:?}\n{story:?}", lab.record.nodes);
    // Enough for loads to be shared.
    lab.listen(Duration::from_secs(4)).await;
    story
}

#[tokio::test]
async fn guarantees_hold_whatever_happens() {
    let minutes =
        std::env::var(MINUTES_VARIABLE).map_or(0, |minutes| minutes.parse().expect("a number of minutes"));
    let seed = fastrand::u64(..);
    fastrand::seed(seed);
    let (max_lag, lease) = (Duration::from_millis(500), Duration::from_millis(1000));
    let settings = Settings { program: env!("CARGO_BIN_EXE_coherence").into(), max_lag, lease };
    let (began, mut rounds) = (Instant::now(), 0);
    let mut totals = Counts::default();
    // A run in which nothing difficult happened proves nothing: then there is another round.
    while rounds == 0 || began.elapsed() < Duration::from_secs(60 * minutes) || is_too_easy(totals) {
        assert!(rounds < 4 || minutes > 0, "nothing difficult has happened in {rounds} rounds: {totals:?}");
        let mut lab = Lab::start(settings.clone()).await.unwrap_or_else(|error| panic!("{error}"));
        lab.pace(PACE).unwrap();
        let story = round(&mut lab).await;
        rounds += 1;
        let counts = lab.record.counts;
        println!(
            "round {rounds}: {} answers, {} changes, {} loads, {:.1} s calm, {counts:?}",
            lab.record.history.answers.len(),
            lab.record.history.changes.len(),
            lab.record.history.loads.len(),
            lab.record.calm().as_secs_f64(),
        );
        totals.refused += counts.refused;
        totals.gaps += counts.gaps;
        totals.replays += counts.replays;
        totals.expired += counts.expired;
        if let Some(objection) = lab.record.judge(max_lag, lease) {
            let (headline, events) = explain(&objection, max_lag);
            let mut all = [story, events].concat();
            all.sort();
            let lines: Vec<_> = all
                .iter()
                .map(|(at, what)| format!("{:10.4} {what}", at.saturating_sub(lab.began) as f64 / 1e9))
                .collect();
            panic!("{headline} (seed {seed}, round {rounds})\n{}\n{objection:?}", lines.join("\n"));
        }
    }
}

#[tokio::test]
async fn an_origin_that_was_killed_has_all_changes_when_it_is_started_again() {
    let (max_lag, lease) = (Duration::from_millis(500), Duration::from_millis(1000));
    let settings = Settings { program: env!("CARGO_BIN_EXE_coherence").into(), max_lag, lease };
    let mut lab = Lab::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    let changes = |lab: &Lab| lab.record.history.changes.len();
    let write = Act::Write { node: 0, key: 0 };
    lab.act(write).unwrap();
    assert!(lab.wait_until(RECOVERY, |lab| changes(lab) == 1).await);
    lab.act(Act::KillOrigin).unwrap();
    let failed = lab.record.counts.failed;
    lab.act(write).unwrap();
    assert!(lab.wait_until(RECOVERY, |lab| lab.record.counts.failed > failed).await);
    lab.act(Act::StartOrigin).unwrap();
    assert!(lab.wait_until(RECOVERY, Lab::is_origin_ready).await);
    lab.act(write).unwrap();
    assert!(lab.wait_until(RECOVERY, |lab| changes(lab) == 2).await);
    assert_eq!(lab.record.newest(0), 2);
}

/// The judge would see it if machines did not keep the bound.
#[tokio::test]
async fn machines_that_allow_a_longer_lag_than_the_judge_break_the_bound() {
    let (allowed, lease) = (Duration::from_secs(600), Duration::from_millis(1000));
    let settings = Settings { program: env!("CARGO_BIN_EXE_coherence").into(), max_lag: allowed, lease };
    let mut lab = Lab::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    let changes = |lab: &Lab| lab.record.history.changes.len();
    for act in [Act::Write { node: 0, key: 0 }, Act::Cut(1), Act::Write { node: 0, key: 0 }] {
        let before = changes(&lab);
        lab.act(act).unwrap();
        if matches!(act, Act::Write { .. }) {
            assert!(lab.wait_until(RECOVERY, |lab| changes(lab) > before).await);
            lab.listen(Duration::from_millis(300)).await;
        }
    }
    let max_lag = Duration::from_millis(200);
    lab.listen(2 * max_lag).await;
    let objection = lab.record.judge(max_lag, lease).expect("the old answer of the machine that is cut off");
    let (headline, story) = explain(&objection, max_lag);
    let story: Vec<_> = story.iter().map(|(_, what)| &**what).collect();
    assert_eq!(headline, "NOT BOUNDED: a fresh answer is too old");
    assert_eq!(
        story,
        [
            "the load of key 0 begins that finds version 1",
            "the origin has a change of key 0 by A",
            "its drop is acknowledged to A",
            "from now on every fresh answer must be from a later load",
            "B begins to read key 0",
            "B answers the read of key 0 with version 1, as fresh",
        ]
    );
    assert_eq!(lab.record.judge(allowed, lease), None);
}

/// The judge would see it if machines did not wait for each other's loads.
#[tokio::test]
async fn machines_whose_leases_end_early_load_what_another_loads() {
    let (max_lag, lease) = (Duration::from_millis(2000), Duration::from_millis(100));
    let settings = Settings { program: env!("CARGO_BIN_EXE_coherence").into(), max_lag, lease };
    let mut lab = Lab::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    // Machines report every 50 ms that the tier was up.
    lab.listen(Duration::from_millis(200)).await;
    let objection = lab.record.judge(max_lag, Duration::from_secs(1)).expect("a second load of a key");
    assert_eq!(explain(&objection, max_lag).0, "A SECOND LOAD: nothing has changed, and the tier was up");
    assert_eq!(lab.record.judge(max_lag, lease), None);
}

fn is_too_easy(totals: Counts) -> bool {
    let Counts { refused, gaps, replays, expired, .. } = totals;
    [refused, gaps, replays, expired].contains(&0)
}
