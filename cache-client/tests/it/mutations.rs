//! Mutations: run once, their answer and what it makes out of date committed together.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use cache_client::{Changes, Client, Context, LayerEdit, Mutate, MutateError, QueryError, Scope, TokioClock};
use cache_core::{Cache, CommitError, Freshness};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::lab::*;
use crate::listener::{Listener, PanicsAt};

type Run = dyn Fn(usize) -> Result<usize, LabError> + Send + Sync;
type Apply = dyn Fn(&usize, &mut Changes<Lab>) + Send + Sync;
type Show = dyn Fn(&mut LayerEdit<Lab>) + Send + Sync;

/// A mutation whose parts are given by the test. Takes a second.
#[derive(Clone)]
struct Change {
    runs: Arc<AtomicUsize>,
    run: Arc<Run>,
    apply: Arc<Apply>,
    show: Arc<Show>,
    asks: Option<GetNumber>,
}

impl Change {
    /// One that answers with 100, which is written to the first number.
    fn new() -> Self {
        Self {
            runs: Arc::default(),
            run: Arc::new(|_| Ok(100)),
            apply: Arc::new(|answer, changes| _ = changes.set(GetNumber(1), *answer)),
            show: Arc::new(|_| {}),
            asks: None,
        }
    }

    fn running(self, run: impl Fn(usize) -> Result<usize, LabError> + Send + Sync + 'static) -> Self {
        Self { run: Arc::new(run), ..self }
    }

    fn applying(self, apply: impl Fn(&usize, &mut Changes<Lab>) + Send + Sync + 'static) -> Self {
        Self { apply: Arc::new(apply), ..self }
    }

    fn showing(self, show: impl Fn(&mut LayerEdit<Lab>) + Send + Sync + 'static) -> Self {
        Self { show: Arc::new(show), ..self }
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

impl Mutate<Lab> for Change {
    type Output = usize;
    type Error = LabError;

    async fn run(&self, cx: &Context<Lab>) -> Result<usize, LabError> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(SECOND).await;
        if let Some(query) = &self.asks {
            return Ok(*cx.query(query).await?);
        }
        (self.run)(run)
    }

    fn apply(&self, answer: &usize, changes: &mut Changes<Lab>) {
        (self.apply)(answer, changes);
    }

    fn optimistic(&self, layer: &mut LayerEdit<Lab>) {
        (self.show)(layer);
    }

    fn is_retryable(_: &LabError) -> bool {
        true
    }
}

/// The same, and it says that it may be tried again twice.
#[derive(Clone)]
struct Patient(Change);

impl Mutate<Lab> for Patient {
    type Output = usize;
    type Error = LabError;

    const RETRIES: u32 = 2;

    async fn run(&self, cx: &Context<Lab>) -> Result<usize, LabError> {
        self.0.run(cx).await
    }

    fn apply(&self, answer: &usize, changes: &mut Changes<Lab>) {
        self.0.apply(answer, changes);
    }

    fn is_retryable(error: &LabError) -> bool {
        matches!(error, LabError::NoLuck)
    }
}

/// The same, one after another.
#[derive(Clone)]
struct InTurn(Change);

impl Mutate<Lab> for InTurn {
    type Output = usize;
    type Error = LabError;

    async fn run(&self, cx: &Context<Lab>) -> Result<usize, LabError> {
        self.0.run(cx).await
    }

    fn apply(&self, answer: &usize, changes: &mut Changes<Lab>) {
        self.0.apply(answer, changes);
    }

    fn optimistic(&self, layer: &mut LayerEdit<Lab>) {
        self.0.optimistic(layer);
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::new("numbers"))
    }
}

#[track_caller]
fn number(client: &Client<Lab>, key: u32) -> Option<usize> {
    client.cached(&GetNumber(key)).as_deref().copied()
}

#[track_caller]
fn is_marked<Q: cache_core::Query>(client: &Client<Lab>, key: &Q) -> bool
where
    LabRegistry: cache_core::Holds<Q>,
{
    client.cache().peek_entry(key).expect("the entry is there").freshness() == Freshness::Invalidated
}

#[tokio::test(start_paused = true)]
async fn what_is_written_and_what_is_marked_is_one_revision_and_needs_no_load() {
    let client = lab();
    let (mut written, mut tagged) = (client.observe(&GetFirst(1)), client.observe(&GetFirst(2)));
    pass(2 * SECOND).await;
    client.cache().insert(GetWeak(3), 3);
    let _weak = client.cache().pin(&GetWeak(3));
    client.cache().insert(GetWeak(3), 3);
    let before = client.cache().revision().unwrap().get();
    let change = Change::new().applying(|answer, changes| {
        changes.invalidate_tag("some");
        changes.set(GetFirst(1), *answer);
    });
    let answer = in_time(client.mutate(&change)).await.unwrap();
    assert_eq!((answer, change.runs()), (100, 1));
    assert_eq!(client.cache().revision().unwrap().get(), before + 1);
    assert!(is_marked(&client, &GetWeak(3)), "the tag reaches other queries");
    settle().await;
    let state = in_time(written.next()).await.unwrap();
    assert_eq!(state.value().map(|value| **value), Some(100));
    assert_eq!(client.app().loads(&GetFirst(1)), 1, "what is written is not loaded");
    pass(2 * SECOND).await;
    assert_eq!(client.app().loads(&GetFirst(2)), 2, "what is observed and marked is");
    assert_eq!(in_time(tagged.next()).await.unwrap().value().map(|value| **value), Some(2));
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_changes_nothing_and_is_not_tried_again() {
    let client = lab();
    client.cache().insert(GetNumber(1), 5);
    let change = Change::new().running(|_| Err(LabError::NoLuck)).showing(|layer| {
        layer.update(&GetNumber(1), |_| Some(50));
    });
    let failed = in_time(client.mutate(&change)).await;
    assert!(
        matches!(failed, Err(MutateError::Failed { source: LabError::NoLuck, mutation }) if mutation.contains("Change"))
    );
    assert_eq!((change.runs(), number(&client, 1), client.pending()), (1, Some(5), 0));
}

#[tokio::test(start_paused = true)]
async fn one_that_says_so_is_tried_again() {
    let client = lab();
    let lucky = Patient(Change::new().running(|run| if run < 2 { Err(LabError::NoLuck) } else { Ok(7) }));
    let begun = Instant::now();
    assert_eq!(in_time(client.mutate(&lucky)).await.unwrap(), 7);
    assert!(begun.elapsed() <= 6 * SECOND, "three seconds of work and at most three of waiting");
    assert_eq!((lucky.0.runs(), number(&client, 1)), (3, Some(7)));
    let unlucky = Patient(Change::new().running(|_| Err(LabError::NoLuck)));
    assert!(in_time(client.mutate(&unlucky)).await.is_err());
    assert_eq!(unlucky.0.runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_whose_caller_leaves_goes_on() {
    let client = lab();
    let change = Change::new();
    tokio::time::timeout(SECOND / 2, client.mutate(&change)).await.unwrap_err();
    assert_eq!(number(&client, 1), None);
    pass(SECOND).await;
    assert_eq!((change.runs(), number(&client, 1)), (1, Some(100)));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_ends_is_told_so_and_what_has_begun_goes_on() {
    let client = lab();
    let change = Change { asks: Some(GetNumber(2)), ..Change::new() };
    let cx = client.request("a request").with_deadline(Instant::now() + SECOND / 2);
    let begun = Instant::now();
    let interrupted = cx.mutate(&change).await;
    assert!(interrupted.unwrap_err().is_interrupted());
    assert_eq!(begun.elapsed(), SECOND / 2);
    pass(5 * SECOND).await;
    assert_eq!((change.runs(), number(&client, 1)), (1, Some(1)), "also what it asks is answered");
    let again = Change::new();
    assert!(matches!(cx.mutate(&again).await, Err(MutateError::Interrupted { .. })));
    settle().await;
    assert_eq!(again.runs(), 0, "nothing is begun in a request that has ended");
}

#[tokio::test(start_paused = true)]
async fn a_request_forgets_what_its_mutation_has_changed_and_nothing_else() {
    let client = lab();
    client.app().script(&GetFirst(1), Script::Answer(SECOND / 2));
    let cx = client.request("a request");
    let (other, stale) = (cx.query(&GetNumber(2)).await.unwrap(), cx.query(&GetStale(1)).await.unwrap());
    let (weak, first) = (cx.query(&GetWeak(1)).await.unwrap(), cx.query(&GetFirst(1)).await.unwrap());
    assert_eq!(*cx.query(&GetNumber(1)).await.unwrap(), 1);
    let elsewhere = client.request("another");
    assert_eq!(*elsewhere.query(&GetNumber(1)).await.unwrap(), 1);
    let change = Change::new().applying(|answer, changes| {
        changes.set(GetNumber(1), *answer);
        changes.invalidate_where(|key: &GetNumber| key.0 == 3);
        changes.invalidate(&GetStale(1));
        changes.invalidate_tag("first");
    });
    cx.mutate(&change).await.unwrap();
    assert_eq!(*cx.query(&GetNumber(1)).await.unwrap(), 100);
    assert!(Arc::ptr_eq(&other, &cx.query(&GetNumber(2)).await.unwrap()));
    assert!(Arc::ptr_eq(&weak, &cx.query(&GetWeak(1)).await.unwrap()));
    assert_eq!((*stale, *cx.query(&GetStale(1)).await.unwrap()), (1, 2));
    assert_eq!((*first, *cx.query(&GetFirst(1)).await.unwrap()), (1, 2));
    assert_eq!(*elsewhere.query(&GetNumber(1)).await.unwrap(), 1, "each request has its own");
    let all = Change::new().applying(|_, changes| changes.invalidate_all());
    cx.mutate(&all).await.unwrap();
    assert_eq!(*cx.query(&GetNumber(2)).await.unwrap(), 2);
    let query = Change::new().applying(|_, changes| changes.invalidate_query::<GetNumber>());
    cx.mutate(&query).await.unwrap();
    assert_eq!(*cx.query(&GetNumber(2)).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn in_a_request_that_is_kept_from_the_cache_all_that_changes_is_marked_and_nothing_written() {
    for is_replaced in [true, false] {
        let client = lab();
        for key in 1..4 {
            client.cache().insert(GetNumber(key), 5);
        }
        client.cache().insert(GetFirst(1), 5);
        let revision = client.cache().revision();
        let cx = client.request("a request");
        let cx = match is_replaced {
            true => cx.with_override::<GetEqual>(|_| Ok(Arc::new(1))),
            false => {
                cx.disable_cache();
                cx
            }
        };
        let change = Change::new()
            .applying(|answer, changes| {
                assert_eq!(changes.get(&GetNumber(1)), None);
                changes.set(GetNumber(1), *answer);
                changes.update(&GetNumber(2), |number| **number + 1);
                changes.invalidate_tag("first");
            })
            .showing(|layer| layer.update(&GetNumber(3), |_| Some(50)));
        let mutating = cx.mutate(&change);
        tokio::pin!(mutating);
        assert!(tokio::time::timeout(SECOND / 2, &mut mutating).await.is_err());
        assert_eq!((number(&client, 3), client.pending()), (Some(5), 0), "nothing is shown to others");
        in_time(mutating).await.unwrap();
        assert_eq!(client.cache().revision(), revision);
        assert!(is_marked(&client, &GetNumber(1)) && is_marked(&client, &GetNumber(2)));
        assert!(is_marked(&client, &GetFirst(1)) && !is_marked(&client, &GetNumber(3)));
    }
}

/// A client whose cache asks a hook that says no to what writes to the first number.
fn strict(asked: &Arc<Mutex<Vec<Option<String>>>>) -> Client<Lab> {
    let asked = Arc::clone(asked);
    let cache = Cache::builder()
        .clock(TokioClock::new())
        .before_commit_async(move |proposal| {
            asked.lock().push(proposal.label().map(str::to_owned));
            let is_bad = proposal.of::<GetNumber>().any(|(key, value)| key.0 == 1 && value.is_some());
            async move { if is_bad { Err("not that one".into()) } else { Ok(()) } }
        })
        .build()
        .unwrap();
    Client::builder(cache, Lab::default()).build()
}

#[tokio::test(start_paused = true)]
async fn the_hooks_are_asked_of_answers_and_not_of_loads() {
    let asked = Arc::default();
    let client = strict(&asked);
    client.query(&GetNumber(1)).await.unwrap();
    assert_eq!(*asked.lock(), []);
    let allowed = Change::new().applying(|answer, changes| _ = changes.set(GetNumber(2), *answer));
    in_time(client.mutate(&allowed)).await.unwrap();
    assert!(asked.lock()[0].as_ref().unwrap().ends_with("Change"), "named by its mutation");

    let refused = Change::new().showing(|layer| layer.update(&GetNumber(1), |_| Some(50)));
    let error = in_time(client.mutate(&refused)).await.unwrap_err();
    assert!(matches!(error, MutateError::Refused { source: CommitError::Refused(_), .. }));
    assert_eq!((number(&client, 1), client.pending()), (Some(1), 0));
    assert!(is_marked(&client, &GetNumber(1)), "it has happened, so what is there is out of date");
}

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_the_caller_and_leaves_nothing() {
    let client = lab();
    let show = |layer: &mut LayerEdit<Lab>| layer.update(&GetNumber(1), |_| Some(50));
    let running = Change::new().running(|_| panic!("out of paper")).showing(show);
    let applying = Change::new().applying(|_, _| panic!("out of paper")).showing(show);
    for change in [running, applying] {
        let error = in_time(client.mutate(&change)).await.unwrap_err();
        assert!(matches!(error, MutateError::Panicked { message, .. } if &*message == "out of paper"));
        assert_eq!((client.pending(), number(&client, 1)), (0, None));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_expected_is_shown_until_the_answer_takes_its_place() {
    let client = lab();
    client.cache().insert(GetNumber(1), 5);
    let mut observer = client.observe(&GetNumber(1));
    let change = Change::new().showing(|layer| layer.update(&GetNumber(1), |number| Some(number? + 90)));
    let (mutating, mut seen) = (client.mutate(&change), Vec::new());
    tokio::pin!(mutating);
    loop {
        tokio::select! {
            biased;
            state = observer.next() => seen.push(state.unwrap().value().map(|value| **value)),
            answer = &mut mutating, if seen.len() < 3 => assert_eq!(answer.unwrap(), 100),
            () = tokio::time::sleep(5 * SECOND) => break,
        }
    }
    assert_eq!(seen, [Some(5), Some(95), Some(100)]);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_is_not_answered_with_what_is_not_true() {
    let client = lab();
    client.cache().insert(GetNumber(2), 5);
    let asking = Change { asks: Some(GetNumber(2)), ..Change::new() };
    let asking = asking.showing(|layer| layer.update(&GetNumber(2), |_| Some(50)));
    assert_eq!(in_time(client.mutate(&asking)).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_changed_keeps_the_age_and_the_mark_of_the_whole() {
    let client = lab();
    client.cache().insert(GetNumber(1), 5);
    client.cache().insert(GetNumber(2), 5);
    client.cache().invalidate(&GetNumber(2));
    pass(3 * SECOND).await;
    let change = Change::new().applying(|_, changes| {
        for key in 1..4 {
            assert_eq!(changes.update(&GetNumber(key), |number| **number + 1), key < 3);
        }
    });
    in_time(client.mutate(&change)).await.unwrap();
    assert_eq!((number(&client, 1), number(&client, 2), number(&client, 3)), (Some(6), Some(6), None));
    assert_eq!(client.cache().peek_entry(&GetNumber(1)).unwrap().age(), 4 * SECOND);
    assert!(!is_marked(&client, &GetNumber(1)) && is_marked(&client, &GetNumber(2)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_retires_the_loads_of_what_it_changes() {
    let client = lab();
    client.app().script(&GetNumber(1), Script::Answer(10 * SECOND));
    client.app().script(&GetStale(1), Script::Answer(10 * SECOND));
    let (written, marked) = (ask(&client, &GetNumber(1)), ask(&client, &GetStale(1)));
    settle().await;
    let change = Change::new().applying(|answer, changes| {
        changes.set(GetNumber(1), *answer);
        changes.invalidate_query::<GetStale>();
    });
    in_time(client.mutate(&change)).await.unwrap();
    assert_eq!(*in_time(written).await.unwrap().unwrap(), 1);
    assert_eq!(*in_time(marked).await.unwrap().unwrap(), 1);
    assert_eq!(number(&client, 1), Some(100));
    assert_eq!(client.cached(&GetStale(1)), None);
}

/// Its load changes something with a mutation, which asks for what is being loaded.
#[tokio::test(start_paused = true)]
async fn a_mutation_that_waits_for_the_load_that_waits_for_it_is_a_circle() {
    let client = lab();
    let looped = Change { asks: Some(GetNumber(9)), ..Change::new() };
    client.app().when_loaded(9, move |cx: Context<Lab>| {
        let looped = looped.clone();
        Box::pin(async move {
            let error = cx.mutate(&looped).await.unwrap_err();
            let MutateError::Failed { source: LabError::Query(source), .. } = error else {
                panic!("{error}")
            };
            assert!(matches!(source, QueryError::Cycle { .. }));
        })
    });
    assert_eq!(*in_time(client.query(&GetNumber(9))).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn how_each_ends_is_told_once() {
    let listener = Listener::start();
    let client = strict(&Arc::default());
    let done = Change::new().applying(|_, _| {});
    let failed = Change::new().running(|_| Err(LabError::NoLuck));
    let panicked = Change::new().running(|_| panic!("out of paper"));
    let refused = Change::new();
    for (change, outcome) in
        [(done, "done"), (failed, "failed"), (panicked, "panicked"), (refused, "refused")]
    {
        _ = in_time(client.mutate(&change)).await;
        let told = listener.all("mutation");
        assert_eq!((told.len(), told[0].field("outcome")), (1, outcome));
        assert!(told[0].field("mutation").ends_with("Change"));
        assert_eq!(told[0].field("error").contains("not that one"), outcome == "refused", "{told:?}");
        assert_eq!(listener.counts(), [("mutation", 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_from_before_a_mutation_is_not_what_the_request_remembers() {
    let client = lab();
    client.app().script(&GetNumber(1), Script::Answer(5 * SECOND));
    let (cx, change) = (client.request("a request"), Change::new());
    let query = GetNumber(1);
    let (before, changed) = tokio::join!(cx.query(&query), cx.mutate(&change));
    assert_eq!((*before.unwrap(), changed.unwrap()), (1, 100));
    assert_eq!(*in_time(cx.query(&query)).await.unwrap(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_a_request_asks_for_after_a_mutation_is_not_answered_by_the_load_from_before() {
    let client = lab();
    let (cx, query) = (client.request("a request"), GetNumber(1));
    client.app().script(&query, Script::Answer(2 * SECOND));
    let change = Change::new().applying(|_, changes| changes.invalidate(&GetNumber(1)));
    let after = async {
        cx.mutate(&change).await.unwrap();
        client.app().script(&query, Script::Answer(5 * SECOND));
        cx.query(&query).await
    };
    // The load from before ends while the request waits for the one after.
    let (before, after) = tokio::join!(cx.query(&query), after);
    assert_eq!((*before.unwrap(), *after.unwrap()), (1, 2));
    assert_eq!(*cx.query(&query).await.unwrap(), 2);
}

/// The same with the client, whose callers need no context.
#[tokio::test(start_paused = true)]
async fn a_mutation_by_the_client_inside_a_load_may_be_a_circle_too() {
    let client = lab();
    let looped = Change { asks: Some(GetNumber(9)), ..Change::new() };
    client.app().when_loaded(9, move |cx: Context<Lab>| {
        Box::pin(async move {
            let error = cx.client().mutate(&looped).await.unwrap_err();
            assert!(matches!(error, MutateError::Failed { source: LabError::Query(_), .. }), "{error}");
        })
    });
    assert_eq!(*in_time(client.query(&GetNumber(9))).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_has_given_up_a_mutation_is_in_nobody_s_way() {
    let client = lab();
    let change = Change { asks: Some(GetNumber(9)), ..Change::new() };
    let given_up = change.clone();
    client.app().when_loaded(9, move |cx: Context<Lab>| {
        Box::pin(async move {
            tokio::time::timeout(SECOND / 2, cx.mutate(&given_up)).await.unwrap_err();
            tokio::time::sleep(SECOND).await;
        })
    });
    in_time(client.query(&GetNumber(9))).await.unwrap();
    pass(SECOND).await;
    assert_eq!((change.runs(), number(&client, 1)), (1, Some(1)), "its question is answered");
}

#[tokio::test(start_paused = true)]
async fn what_is_written_and_then_changed_in_part_is_as_young_as_it_was_written() {
    let client = lab();
    client.cache().insert(GetNumber(1), 5);
    pass(5 * SECOND).await;
    client.cache().invalidate(&GetNumber(1));
    let change = Change::new().applying(|answer, changes| {
        changes.set(GetNumber(1), *answer);
        changes.update(&GetNumber(1), |number| **number + 1);
        changes.update(&GetNumber(1), |number| **number + 1);
    });
    in_time(client.mutate(&change)).await.unwrap();
    let entry = client.cache().peek_entry(&GetNumber(1)).unwrap();
    assert_eq!((**entry.value(), entry.age(), entry.freshness()), (102, Duration::ZERO, Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn what_is_changed_in_part_twice_keeps_the_age_and_the_mark_of_the_whole() {
    let client = lab();
    client.cache().insert(GetNumber(1), 5);
    client.cache().insert(GetNumber(2), 5);
    pass(4 * SECOND).await;
    client.cache().invalidate(&GetNumber(1));
    let change = Change::new().applying(|_, changes| {
        for key in [1, 1, 2, 2] {
            changes.update(&GetNumber(key), |number| **number + 1);
        }
    });
    in_time(client.mutate(&change)).await.unwrap();
    for (key, freshness) in [(1, Freshness::Invalidated), (2, Freshness::Fresh)] {
        let entry = client.cache().peek_entry(&GetNumber(key)).unwrap();
        assert_eq!((**entry.value(), entry.age(), entry.freshness()), (7, 5 * SECOND, freshness));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mutation_is_not_answered_with_what_its_request_was_shown() {
    let client = lab();
    client.cache().insert(GetNumber(2), 5);
    let layer = client.optimistic(|layer| layer.update(&GetNumber(2), |_| Some(50)));
    let cx = client.request("a request");
    assert_eq!(*cx.query(&GetNumber(2)).await.unwrap(), 50);
    let change = Change { asks: Some(GetNumber(2)), ..Change::new() };
    assert_eq!(in_time(cx.mutate(&change)).await.unwrap(), 5);
    assert_eq!(*cx.query(&GetNumber(2)).await.unwrap(), 50, "the request is told the same as before");
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_of_a_request_that_is_kept_from_the_cache_goes_on_without_it() {
    let client = lab();
    let cx = client.request("a request");
    cx.disable_cache();
    let change = Change { asks: Some(GetNumber(2)), ..Change::new() };
    let change = change.applying(|answer, changes| _ = changes.set(GetNumber(1), *answer));
    client.cache().insert(GetNumber(1), 5);
    assert!(tokio::time::timeout(SECOND / 2, cx.mutate(&change)).await.is_err());
    cx.cancel();
    pass(5 * SECOND).await;
    assert!(is_marked(&client, &GetNumber(1)), "what it asks is answered, and what it changes is marked");
}

#[tokio::test(start_paused = true)]
async fn what_is_marked_and_then_changed_in_part_stays_marked() {
    let client = lab();
    client.cache().insert(GetNumber(1), 5);
    let change = Change::new().applying(|_, changes| {
        changes.invalidate(&GetNumber(1));
        changes.update(&GetNumber(1), |number| **number + 1);
    });
    in_time(client.mutate(&change)).await.unwrap();
    assert_eq!(number(&client, 1), Some(6));
    assert!(is_marked(&client, &GetNumber(1)));
}

#[tokio::test(start_paused = true)]
async fn what_is_written_ends_by_the_options_of_the_client_too() {
    let client = builder().query::<GetTimeless>(|options| options.ttl(30 * SECOND)).build();
    let change = Change::new().applying(|answer, changes| {
        changes.set(GetTimeless(1), *answer);
        changes.update(&GetTimeless(2), |number| **number + 1);
    });
    client.query(&GetTimeless(2)).await.unwrap();
    in_time(client.mutate(&change)).await.unwrap();
    assert_eq!(
        (*client.query(&GetTimeless(1)).await.unwrap(), *client.query(&GetTimeless(2)).await.unwrap()),
        (100, 2)
    );
    pass(31 * SECOND).await;
    assert_eq!(
        (*client.query(&GetTimeless(1)).await.unwrap(), *client.query(&GetTimeless(2)).await.unwrap()),
        (1, 2)
    );
    assert_eq!(client.app().loads(&GetTimeless(2)), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_what_is_to_be_shown_is_one_of_the_mutation_which_is_not_run() {
    let client = lab();
    let change = Change::new().showing(|layer| {
        layer.update(&GetNumber(1), |_| Some(50));
        panic!("out of ink");
    });
    let error = in_time(client.mutate(&change)).await.unwrap_err();
    assert!(matches!(&error, MutateError::Panicked { message, .. } if &**message == "out of ink"), "{error}");
    assert_eq!((change.runs(), client.pending(), number(&client, 1)), (0, 0, None));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_at_once_of_one_key_are_all_committed_whatever_the_hook_takes() {
    for is_merged in [false, true] {
        let cache = Cache::builder()
            .clock(TokioClock::new())
            .before_commit_async(|_| async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok(())
            })
            .build()
            .unwrap();
        let client = Client::builder(cache, Lab::default()).build();
        client.cache().insert(GetNumber(1), 0);
        let change = Change::new().applying(move |_, changes| match is_merged {
            true => changes.merge_with(GetNumber(1), |number: Option<&usize>| number.map_or(1, |n| n + 1)),
            false => _ = changes.update(&GetNumber(1), |number| **number + 1),
        });
        let mutating = (0..200).map(|_| {
            let (client, change) = (client.clone(), change.clone());
            tokio::spawn(async move { client.mutate(&change).await.map_err(|error| error.to_string()) })
        });
        for outcome in mutating.collect::<Vec<_>>() {
            assert_eq!(in_time(outcome).await.unwrap(), Ok(100));
        }
        assert_eq!(number(&client, 1), Some(200));
    }
}

#[tokio::test(start_paused = true)]
async fn those_of_one_scope_run_one_after_another_and_are_shown_at_once() {
    let client = lab();
    client.cache().insert(GetNumber(1), 0);
    let begun = Arc::new(Mutex::new(Vec::new()));
    let change = |answer: usize, fails: bool| {
        let begun = Arc::clone(&begun);
        let change = Change::new().showing(|layer| layer.update(&GetNumber(1), |number| Some(number? + 1)));
        InTurn(change.running(move |_| {
            begun.lock().push(answer);
            if fails { Err(LabError::NoLuck) } else { Ok(answer) }
        }))
    };
    let (first, second, third) = (change(10, false), change(20, true), change(30, false));
    let start = Instant::now();
    let all = async { tokio::join!(client.mutate(&first), client.mutate(&second), client.mutate(&third)) };
    let shown = async {
        tokio::time::sleep(SECOND / 2).await;
        (client.pending(), *client.query(&GetNumber(1)).await.unwrap())
    };
    let (all, shown) = tokio::join!(in_time(all), shown);
    assert_eq!(shown, (3, 3), "all are shown while the first is running");
    assert!(all.0.is_ok() && all.1.is_err() && all.2.is_ok());
    assert_eq!((begun.lock().clone(), start.elapsed()), (vec![10, 20, 30], 3 * SECOND));
    assert_eq!((number(&client, 1), client.pending()), (Some(30), 0));
    // Another one that comes later waits for nobody, nor does one without a scope.
    let start = Instant::now();
    let (fourth, other) = (change(40, false), Change::new());
    let both = async { tokio::join!(client.mutate(&fourth), client.mutate(&other)) };
    let (fourth, other) = in_time(both).await;
    assert!(fourth.is_ok() && other.is_ok());
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn one_whose_caller_leaves_keeps_its_place_in_its_scope() {
    let client = lab();
    let (first, second) = (InTurn(Change::new()), InTurn(Change::new()));
    tokio::time::timeout(SECOND / 2, client.mutate(&first)).await.unwrap_err();
    let start = Instant::now();
    in_time(client.mutate(&second)).await.unwrap();
    assert_eq!((start.elapsed(), first.0.runs(), second.0.runs()), (SECOND + SECOND / 2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_another_of_its_scope_is_a_circle() {
    let client = lab();
    let inner = InTurn(Change::new());
    let asked = inner.clone();
    client.app().when_loaded(9, move |cx: Context<Lab>| {
        Box::pin(async move {
            let error = cx.mutate(&asked).await.unwrap_err();
            assert!(matches!(error, MutateError::Cycle { .. }), "{error}");
        })
    });
    let outer = InTurn(Change { asks: Some(GetNumber(9)), ..Change::new() });
    assert_eq!(in_time(client.mutate(&outer)).await.unwrap(), 1);
    assert_eq!(inner.0.runs(), 0);
    // The scope goes on.
    in_time(client.mutate(&inner)).await.unwrap();
}

/// Mutates in a task, which has begun when this returns.
async fn begin(client: &Client<Lab>, mutation: &InTurn) -> JoinHandle<Result<usize, MutateError<LabError>>> {
    let (client, mutation) = (client.clone(), mutation.clone());
    let task = tokio::spawn(async move { client.mutate(&mutation).await });
    settle().await;
    task
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_its_place_leaves_those_after_it_behind_the_one_before() {
    let client = lab();
    let (refused, next) = (InTurn(Change::new()), InTurn(Change::new()));
    let asked = refused.clone();
    client.app().when_loaded(9, move |cx: Context<Lab>| {
        Box::pin(async move {
            assert!(matches!(cx.mutate(&asked).await, Err(MutateError::Cycle { .. })));
            takes(seconds(10)).await;
        })
    });
    let first = begin(&client, &InTurn(Change { asks: Some(GetNumber(9)), ..Change::new() })).await;
    pass(seconds(5)).await;
    let next_task = begin(&client, &next).await;
    pass(seconds(5)).await;
    assert!(!first.is_finished());
    assert_eq!(next.0.runs(), 0, "the first one of the scope still runs");
    in_time(first).await.unwrap().unwrap();
    in_time(next_task).await.unwrap().unwrap();
    assert_eq!((refused.0.runs(), next.0.runs()), (0, 1));
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The second of three in a scope goes away before its turn: its runtime ends.
#[test]
fn one_whose_predecessor_is_dropped_waits_for_the_one_before_that() {
    let (home, dropped) = (current_thread(), current_thread());
    let (client, gate) = (lab(), Arc::new(Notify::new()));
    let (second, third, fourth) = (InTurn(Change::new()), InTurn(Change::new()), InTurn(Change::new()));
    let (opened, asked) = (Arc::clone(&gate), fourth.clone());
    client.app().when_loaded(9, move |cx: Context<Lab>| {
        Box::pin(async move {
            opened.notified().await;
            let error = in_time(cx.mutate(&asked)).await.unwrap_err();
            assert!(matches!(error, MutateError::Cycle { .. }), "{error}");
        })
    });
    let first = InTurn(Change { asks: Some(GetNumber(9)), ..Change::new() });
    let first = home.block_on(begin(&client, &first));
    home.block_on(pass(seconds(2)));
    drop(dropped.block_on(begin(&client, &second)));
    let third_task = home.block_on(begin(&client, &third));
    drop(dropped);
    home.block_on(async {
        pass(seconds(5)).await;
        assert_eq!(third.0.runs(), 0, "the first one of the scope still runs");
        // The third waits for the first, which waits for the fourth, which would wait for the third.
        gate.notify_one();
        in_time(first).await.unwrap().unwrap();
        in_time(third_task).await.unwrap().unwrap();
    });
    assert_eq!((second.0.runs(), third.0.runs(), fourth.0.runs()), (0, 1, 0));
}

#[test]
fn one_that_was_called_outside_of_a_runtime_leaves_its_scope_as_it_was() {
    let (home, client) = (current_thread(), lab());
    let (first, outside, next) = (InTurn(Change::new()), InTurn(Change::new()), InTurn(Change::new()));
    let first_task = home.block_on(begin(&client, &first));
    let mut mutating = pin!(client.mutate(&outside));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        mutating.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()))
    }));
    assert!(polled.is_err(), "there is no runtime for it");
    home.block_on(async {
        let next_task = begin(&client, &next).await;
        assert_eq!((first.0.runs(), next.0.runs()), (1, 0), "the first one still runs");
        in_time(first_task).await.unwrap().unwrap();
        in_time(next_task).await.unwrap().unwrap();
    });
    assert_eq!((outside.0.runs(), next.0.runs()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_changes_no_answer() {
    let _guard = PanicsAt::start("mutation");
    let client = lab();
    assert_eq!(in_time(client.mutate(&Change::new())).await.unwrap(), 100);
    assert_eq!(number(&client, 1), Some(100));
    let failing = Change::new().running(|_| Err(LabError::NoLuck));
    let error = in_time(client.mutate(&failing)).await.unwrap_err();
    assert!(matches!(error, MutateError::Failed { source: LabError::NoLuck, .. }), "{error}");
    let panicking = Change::new().showing(|_| panic!("out of ink"));
    let error = in_time(client.mutate(&panicking)).await.unwrap_err();
    assert!(matches!(&error, MutateError::Panicked { message, .. } if &**message == "out of ink"), "{error}");
}

/// Fails with an error that cannot be shown.
#[derive(Clone)]
struct Unspeakable;

#[derive(Debug)]
struct NoWords;

impl fmt::Display for NoWords {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

impl Mutate<Lab> for Unspeakable {
    type Output = ();
    type Error = NoWords;

    async fn run(&self, _: &Context<Lab>) -> Result<(), NoWords> {
        Err(NoWords)
    }

    fn apply(&self, (): &(), _: &mut Changes<Lab>) {}
}

#[tokio::test(start_paused = true)]
async fn an_error_whose_display_panics_reaches_its_caller() {
    let _listener = Listener::start();
    let error = in_time(lab().mutate(&Unspeakable)).await.unwrap_err();
    assert!(matches!(error, MutateError::Failed { source: NoWords, .. }));
}
