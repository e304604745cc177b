//! Mutations run once. Their writes and marks are committed together.

mod loads;
mod panics;
mod requests;
mod scopes;
mod settling;
mod updates;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{Changes, Client, Context, LayerEdit, Mutate, MutateError, TokioClock};
use cache_core::{Cache, CommitError, Freshness};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::listener::Listener;
use crate::scripted::*;

type Run = dyn Fn(usize) -> Result<usize, ScriptedError> + Send + Sync;
type Apply = dyn Fn(&usize, &mut Changes<ScriptedApp>) + Send + Sync;
type Show = dyn Fn(&mut LayerEdit<ScriptedApp>) + Send + Sync;

/// A mutation with functions given by the test. Takes a second.
#[derive(Clone)]
struct Change {
    runs: Arc<AtomicUsize>,
    run: Arc<Run>,
    apply: Arc<Apply>,
    show: Arc<Show>,
    queries: Option<GetNumber>,
}

impl Change {
    /// A mutation that answers with 100 and writes it to the first number.
    fn new() -> Self {
        Self {
            runs: Arc::default(),
            run: Arc::new(|_| Ok(100)),
            apply: Arc::new(|answer, changes| _ = changes.set(GetNumber(1), *answer)),
            show: Arc::new(|_| {}),
            queries: None,
        }
    }

    fn running(self, run: impl Fn(usize) -> Result<usize, ScriptedError> + Send + Sync + 'static) -> Self {
        Self { run: Arc::new(run), ..self }
    }

    fn applying(self, apply: impl Fn(&usize, &mut Changes<ScriptedApp>) + Send + Sync + 'static) -> Self {
        Self { apply: Arc::new(apply), ..self }
    }

    fn showing(self, show: impl Fn(&mut LayerEdit<ScriptedApp>) + Send + Sync + 'static) -> Self {
        Self { show: Arc::new(show), ..self }
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

impl Mutate<ScriptedApp> for Change {
    type Output = usize;
    type Error = ScriptedError;

    async fn run(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        takes(SECOND).await;
        if let Some(query) = &self.queries {
            return Ok(*cx.query(query).await?);
        }
        (self.run)(run)
    }

    fn apply(&self, answer: &usize, changes: &mut Changes<ScriptedApp>) {
        (self.apply)(answer, changes);
    }

    fn optimistic(&self, layer: &mut LayerEdit<ScriptedApp>) {
        (self.show)(layer);
    }

    fn is_retryable(_: &ScriptedError) -> bool {
        true
    }
}

/// The same mutation with two retries.
#[derive(Clone)]
struct Retried(Change);

impl Mutate<ScriptedApp> for Retried {
    type Output = usize;
    type Error = ScriptedError;

    const RETRIES: u32 = 2;

    async fn run(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        self.0.run(cx).await
    }

    fn apply(&self, answer: &usize, changes: &mut Changes<ScriptedApp>) {
        self.0.apply(answer, changes);
    }

    fn is_retryable(error: &ScriptedError) -> bool {
        matches!(error, ScriptedError::NoLuck)
    }
}

#[track_caller]
fn number(client: &Client<ScriptedApp>, key: u32) -> Option<usize> {
    client.cached(&GetNumber(key)).as_deref().copied()
}

#[track_caller]
fn is_marked<Q: cache_core::Query>(client: &Client<ScriptedApp>, key: &Q) -> bool
where
    ScriptedRegistry: cache_core::Holds<Q>,
{
    client.cache().peek_entry(key).expect("the entry exists").freshness() == Freshness::Invalidated
}

#[tokio::test(start_paused = true)]
async fn writes_and_marks_form_one_revision_and_written_keys_are_not_loaded() {
    let client = paused_client();
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
    assert!(is_marked(&client, &GetWeak(3)), "the tag marks other queries");
    settle().await;
    let state = in_time(written.next()).await.unwrap();
    assert_eq!(state.value().map(|value| **value), Some(100));
    assert_eq!(client.app().loads(&GetFirst(1)), 1, "a written key is not loaded");
    pass(2 * SECOND).await;
    assert_eq!(client.app().loads(&GetFirst(2)), 2, "a marked observed key is loaded");
    assert_eq!(in_time(tagged.next()).await.unwrap().value().map(|value| **value), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_failed_mutation_changes_nothing_and_is_not_retried() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 5);
    let change = Change::new().running(|_| Err(ScriptedError::NoLuck)).showing(|layer| {
        layer.update(&GetNumber(1), |_| Some(50));
    });
    let failed = in_time(client.mutate(&change)).await;
    assert!(
        matches!(failed, Err(MutateError::Failed { source: ScriptedError::NoLuck, mutation }) if mutation.contains("Change"))
    );
    assert_eq!((change.runs(), number(&client, 1), client.pending()), (1, Some(5), 0));
}

#[tokio::test(start_paused = true)]
async fn a_mutation_with_retries_is_retried() {
    let client = paused_client();
    let lucky =
        Retried(Change::new().running(|run| if run < 2 { Err(ScriptedError::NoLuck) } else { Ok(7) }));
    let begun = Instant::now();
    assert_eq!(in_time(client.mutate(&lucky)).await.unwrap(), 7);
    assert!(begun.elapsed() <= 6 * SECOND, "three seconds of work and at most three of waits");
    assert_eq!((lucky.0.runs(), number(&client, 1)), (3, Some(7)));
    let failing = Retried(Change::new().running(|_| Err(ScriptedError::NoLuck)));
    assert!(in_time(client.mutate(&failing)).await.is_err());
    assert_eq!(failing.0.runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_whose_caller_leaves_continues() {
    let client = paused_client();
    let change = Change::new();
    tokio::time::timeout(SECOND / 2, client.mutate(&change)).await.unwrap_err();
    assert_eq!(number(&client, 1), None);
    pass(SECOND).await;
    assert_eq!((change.runs(), number(&client, 1)), (1, Some(100)));
}

/// A client with a hook that refuses mutations that write the first number.
fn client_with_refusing_hook(seen_labels: &Arc<Mutex<Vec<Option<String>>>>) -> Client<ScriptedApp> {
    let seen_labels = Arc::clone(seen_labels);
    let cache = Cache::builder()
        .clock(TokioClock::new())
        .before_commit_async(move |proposal| {
            seen_labels.lock().push(proposal.label().map(str::to_owned));
            let is_bad = proposal.of::<GetNumber>().any(|(key, value)| key.0 == 1 && value.is_some());
            async move { if is_bad { Err("refused by the hook".into()) } else { Ok(()) } }
        })
        .build()
        .unwrap();
    Client::builder(cache, ScriptedApp::default()).build()
}

#[tokio::test(start_paused = true)]
async fn hooks_run_for_answers_of_mutations_and_not_for_loads() {
    let seen_labels = Arc::default();
    let client = client_with_refusing_hook(&seen_labels);
    client.query(&GetNumber(1)).await.unwrap();
    assert_eq!(*seen_labels.lock(), []);
    let allowed = Change::new().applying(|answer, changes| _ = changes.set(GetNumber(2), *answer));
    in_time(client.mutate(&allowed)).await.unwrap();
    assert!(seen_labels.lock()[0].as_ref().unwrap().ends_with("Change"), "named by its mutation");

    let refused = Change::new().showing(|layer| layer.update(&GetNumber(1), |_| Some(50)));
    let error = in_time(client.mutate(&refused)).await.unwrap_err();
    assert!(matches!(error, MutateError::Refused { source: CommitError::Refused(_), .. }));
    assert_eq!((number(&client, 1), client.pending()), (Some(1), 0));
    assert!(is_marked(&client, &GetNumber(1)), "the mutation took place, so the value is outdated");
}

#[tokio::test(start_paused = true)]
async fn an_optimistic_value_is_shown_until_the_answer_replaces_it() {
    let client = paused_client();
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
            () = takes(5 * SECOND) => break,
        }
    }
    assert_eq!(seen, [Some(5), Some(95), Some(100)]);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_does_not_read_optimistic_values() {
    let client = paused_client();
    client.cache().insert(GetNumber(2), 5);
    let querying = Change { queries: Some(GetNumber(2)), ..Change::new() };
    let querying = querying.showing(|layer| layer.update(&GetNumber(2), |_| Some(50)));
    assert_eq!(in_time(client.mutate(&querying)).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_outcome_of_each_mutation_is_recorded_once() {
    let listener = Listener::start();
    let client = client_with_refusing_hook(&Arc::default());
    let done = Change::new().applying(|_, _| {});
    let failed = Change::new().running(|_| Err(ScriptedError::NoLuck));
    let panicked = Change::new().running(|_| panic!("the mutation panics"));
    let refused = Change::new();
    for (change, outcome) in
        [(done, "done"), (failed, "failed"), (panicked, "panicked"), (refused, "refused")]
    {
        _ = in_time(client.mutate(&change)).await;
        let recorded = listener.all("mutation");
        assert_eq!((recorded.len(), recorded[0].field("outcome")), (1, outcome));
        assert!(recorded[0].field("mutation").ends_with("Change"));
        assert_eq!(
            recorded[0].field("error").contains("refused by the hook"),
            outcome == "refused",
            "{recorded:?}"
        );
        assert_eq!(listener.counts(), [("mutation", 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn written_values_expire_by_the_options_of_the_client_too() {
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
async fn two_hundred_concurrent_mutations_of_one_key_all_commit_despite_a_slow_hook() {
    for is_merged in [false, true] {
        let client = client_with_slow_hook(Duration::from_millis(5));
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
