//! Pushed values become commits, and a broken source is reopened.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use cache_client::{Changes, Client, Context, Ingestion, IngestionState, Source, SourceError, TokioClock};
use cache_core::{Cache, Freshness};
use futures_core::Stream;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::listener::{Listener, PanicsAt};
use crate::scripted::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum TestError {
    #[error("the line is down")]
    Transient,
    #[error("not before {0:?}")]
    RetryAfter(Duration),
    #[error("no such line")]
    Permanent,
    #[error("not classifiable")]
    PanicsInIsRetryable,
    #[error("without a wait")]
    PanicsInRetryAfter,
}

type Pushed = Result<(u32, usize), TestError>;

/// A source of keyed numbers. Each time it opens, it takes the next channel of the test.
#[derive(Clone, Default)]
struct Numbers {
    channels: Arc<Mutex<Vec<mpsc::UnboundedReceiver<Pushed>>>>,
    opened: Arc<Mutex<Vec<Instant>>>,
    may_end: bool,
    panics_at_the_end: bool,
}

struct Channel(mpsc::UnboundedReceiver<Pushed>);

impl Stream for Channel {
    type Item = Pushed;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Pushed>> {
        self.0.poll_recv(cx)
    }
}

impl Source<ScriptedApp> for Numbers {
    type Item = (u32, usize);
    type Error = TestError;

    async fn open(&self, _: &Context<ScriptedApp>) -> Result<impl Stream<Item = Pushed> + Send, TestError> {
        self.opened.lock().push(Instant::now());
        match self.channels.lock().pop() {
            Some(channel) => Ok(Channel(channel)),
            None => Err(TestError::Transient),
        }
    }

    fn apply(&self, (key, number): &(u32, usize), changes: &mut Changes<ScriptedApp>) {
        assert_ne!(*number, 13, "apply panics");
        changes.set(GetNumber(*key), *number);
    }

    fn reopened(&self, changes: &mut Changes<ScriptedApp>) {
        changes.invalidate_query::<GetNumber>();
    }

    fn is_retryable(failure: &TestError) -> bool {
        assert_ne!(*failure, TestError::PanicsInIsRetryable, "cannot classify");
        *failure != TestError::Permanent
    }

    fn retry_after(failure: &TestError) -> Option<Duration> {
        match failure {
            TestError::RetryAfter(time) => Some(*time),
            TestError::PanicsInRetryAfter => panic!("cannot compute the wait"),
            _ => None,
        }
    }

    fn may_end(&self) -> bool {
        assert!(!self.panics_at_the_end, "cannot end");
        self.may_end
    }
}

impl Numbers {
    /// A source with this many channels, used in order, and their senders.
    fn new(channels: usize) -> (Self, Vec<mpsc::UnboundedSender<Pushed>>) {
        let numbers = Self::default();
        let (mut senders, mut receivers): (Vec<_>, Vec<_>) =
            (0..channels).map(|_| mpsc::unbounded_channel()).unzip();
        receivers.reverse();
        *numbers.channels.lock() = receivers;
        senders.reverse();
        (numbers, senders)
    }

    fn waits(&self) -> Vec<Duration> {
        self.opened.lock().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

#[track_caller]
fn number(client: &Client<ScriptedApp>, key: u32) -> Option<usize> {
    client.cached(&GetNumber(key)).as_deref().copied()
}

#[track_caller]
fn is_marked(client: &Client<ScriptedApp>, key: u32) -> bool {
    client.cache().peek_entry(&GetNumber(key)).unwrap().freshness() == Freshness::Invalidated
}

/// Waits until the ingestion waits, and returns the error that caused it.
async fn wait_for_error(ingestion: &mut Ingestion<TestError>) -> Option<SourceError<TestError>> {
    loop {
        match in_time(ingestion.changed()).await.unwrap() {
            IngestionState::Waiting { error } => return error,
            IngestionState::Ended { error } => panic!("it has ended: {error:?}"),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_value_is_a_commit_that_observers_see() {
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(1);
    let sender = senders.pop().unwrap();
    let ingestion = client.ingest(numbers);
    let mut observer = client.observe(&GetNumber(1));
    settle().await;
    assert!(matches!(ingestion.state(), IngestionState::Open));
    sender.send(Ok((1, 50))).unwrap();
    sender.send(Ok((2, 60))).unwrap();
    settle().await;
    assert_eq!((number(&client, 1), number(&client, 2)), (Some(50), Some(60)));
    assert_eq!(in_time(observer.next()).await.unwrap().value().map(|value| **value), Some(50));
    let before = client.cache().revision().unwrap().get();
    for value in 0..5 {
        sender.send(Ok((1, value))).unwrap();
    }
    settle().await;
    assert_eq!(client.cache().revision().unwrap().get(), before + 5);
    assert_eq!((number(&client, 1), ingestion.refused()), (Some(4), 0));
}

#[tokio::test(start_paused = true)]
async fn a_push_during_a_load_retires_it() {
    let client = paused_client();
    let (numbers, senders) = Numbers::new(1);
    let _ingestion = client.ingest(numbers);
    let loading = spawn_query(&client, &GetNumber(1));
    settle().await;
    senders[0].send(Ok((1, 50))).unwrap();
    assert_eq!(*in_time(loading).await.unwrap().unwrap(), 1);
    assert_eq!((number(&client, 1), client.app().loads(&GetNumber(1))), (Some(50), 1));
}

#[tokio::test(start_paused = true)]
async fn a_broken_source_is_reopened_and_missed_changes_are_loaded() {
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers.clone());
    let first = senders.pop().unwrap();
    first.send(Ok((1, 50))).unwrap();
    settle().await;
    first.send(Err(TestError::Transient)).unwrap();
    let error = wait_for_error(&mut ingestion).await.unwrap();
    assert!(
        matches!(error, SourceError::Failed { source, name } if *source == TestError::Transient && name.contains("Numbers"))
    );
    assert!(!is_marked(&client, 1));
    pass(2 * SECOND).await;
    assert!(matches!(ingestion.state(), IngestionState::Open));
    assert!(is_marked(&client, 1), "changes during the break are unknown");
    senders[0].send(Ok((1, 51))).unwrap();
    settle().await;
    assert_eq!((number(&client, 1), is_marked(&client, 1)), (Some(51), false));
    assert!(numbers.waits()[0] <= SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_waits_grow_to_half_a_minute_and_restart_after_a_value() {
    fastrand::seed(7);
    let client = paused_client();
    let (numbers, senders) = Numbers::new(0);
    let ingestion = client.ingest(numbers.clone());
    pass(seconds(1_000)).await;
    let waits = numbers.waits();
    assert!(waits.len() > 30, "the source keeps retrying: {}", waits.len());
    assert!(waits.iter().all(|wait| *wait <= seconds(30)));
    assert!(waits[10..].iter().any(|wait| *wait > seconds(10)), "{waits:?}");
    drop((ingestion, senders));

    let (numbers, mut senders) = Numbers::new(10);
    let _ingestion = client.ingest(numbers.clone());
    while let Some(sender) = senders.pop() {
        sender.send(Ok((1, 1))).unwrap();
        sender.send(Err(TestError::Transient)).unwrap();
    }
    pass(seconds(15)).await;
    assert!(numbers.waits()[..9].iter().all(|wait| *wait <= SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_error_decides_how_long_to_wait_and_whether_to_retry() {
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers.clone());
    senders.pop().unwrap().send(Err(TestError::RetryAfter(seconds(500)))).unwrap();
    wait_for_error(&mut ingestion).await.unwrap();
    senders.pop().unwrap().send(Err(TestError::Permanent)).unwrap();
    pass(seconds(501)).await;
    assert_eq!(numbers.waits(), [seconds(500)]);
    let state = ingestion.state();
    assert!(
        matches!(state, IngestionState::Ended { error: Some(SourceError::Failed { source, .. }) } if *source == TestError::Permanent)
    );
    while let Some(state) = ingestion.changed().await {
        assert!(matches!(
            state,
            IngestionState::Opening | IngestionState::Open | IngestionState::Ended { .. }
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_stream_ends_only_a_source_that_may_end() {
    let client = paused_client();
    let listener = Listener::start();
    let (mut numbers, senders) = Numbers::new(2);
    drop(senders);
    let mut ingestion = client.ingest(numbers.clone());
    assert!(wait_for_error(&mut ingestion).await.is_none());
    let recorded = listener.all("source");
    assert_eq!((recorded.len(), recorded[0].field("outcome")), (1, "ended"));
    drop(ingestion);
    numbers.may_end = true;
    let ingestion = client.ingest(numbers);
    settle().await;
    assert!(matches!(ingestion.state(), IngestionState::Ended { error: None }));
}

#[tokio::test(start_paused = true)]
async fn an_ingestion_ends_when_its_handle_is_dropped() {
    let client = paused_client();
    let (numbers, senders) = Numbers::new(1);
    let ingestion = client.ingest(numbers.clone());
    settle().await;
    drop(ingestion);
    settle().await;
    assert!(senders[0].send(Ok((1, 1))).is_err(), "the stream is dropped");
    pass(seconds(100)).await;
    assert_eq!(numbers.opened.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_handled_like_an_error() {
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers);
    senders.pop().unwrap().send(Ok((1, 13))).unwrap();
    let error = wait_for_error(&mut ingestion).await.unwrap();
    assert!(matches!(error, SourceError::Panicked { message, .. } if message.contains("apply panics")));
    senders[0].send(Ok((1, 14))).unwrap();
    pass(2 * SECOND).await;
    assert_eq!(number(&client, 1), Some(14));
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_an_error_is_handled_is_handled_like_an_error() {
    for sent_error in [Some(TestError::PanicsInIsRetryable), Some(TestError::PanicsInRetryAfter), None] {
        let client = paused_client();
        let (numbers, mut senders) = Numbers::new(2);
        let numbers = Numbers { panics_at_the_end: sent_error.is_none(), ..numbers };
        let mut ingestion = client.ingest(numbers);
        let first = senders.pop().unwrap();
        if let Some(failure) = sent_error {
            first.send(Err(failure)).unwrap();
        }
        drop(first);
        let error = wait_for_error(&mut ingestion).await.unwrap();
        assert!(
            matches!(&error, SourceError::Panicked { message, .. } if message.starts_with("cannot") || message.contains("cannot classify")),
            "{error:?}"
        );
        senders[0].send(Ok((1, 14))).unwrap();
        pass(2 * SECOND).await;
        assert_eq!(number(&client, 1), Some(14), "{sent_error:?}: it is opened again");
    }
}

#[tokio::test(start_paused = true)]
async fn the_cause_of_a_broken_source_is_recorded() {
    let client = paused_client();
    let listener = Listener::start();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers);
    senders.pop().unwrap().send(Err(TestError::Transient)).unwrap();
    wait_for_error(&mut ingestion).await.unwrap();
    let recorded = listener.one("source");
    assert_eq!((recorded.field("outcome"), recorded.field("error")), ("failed", "the line is down"));
    listener.forget();
    senders[0].send(Ok((1, 13))).unwrap();
    wait_for_error(&mut ingestion).await.unwrap();
    let recorded = listener.one("source");
    assert_eq!(recorded.field("outcome"), "panicked");
    assert!(recorded.field("error").contains("apply panics"), "{recorded:?}");
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_does_not_end_an_ingestion() {
    let _guard = PanicsAt::start("source");
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers);
    senders.pop().unwrap().send(Err(TestError::Transient)).unwrap();
    wait_for_error(&mut ingestion).await.unwrap();
    senders[0].send(Ok((1, 14))).unwrap();
    pass(2 * SECOND).await;
    assert_eq!(number(&client, 1), Some(14));
}

#[tokio::test(start_paused = true)]
async fn a_refused_value_is_skipped_and_its_key_is_marked() {
    let cache = Cache::builder()
        .clock(TokioClock::new())
        .before_commit(|proposal| {
            let is_bad =
                proposal.of::<GetNumber>().any(|(_, value)| value.is_some_and(|value| **value == 66));
            if is_bad { Err("refused by the hook".into()) } else { Ok(()) }
        })
        .build()
        .unwrap();
    let client = Client::builder(cache, ScriptedApp::default()).build();
    let (numbers, senders) = Numbers::new(1);
    let listener = Listener::start();
    let ingestion = client.ingest(numbers);
    for value in [65, 66] {
        senders[0].send(Ok((1, value))).unwrap();
    }
    settle().await;
    assert!(listener.one("value_refused").field("error").contains("refused by the hook"));
    assert_eq!(listener.counts(), [("value_refused", 1)]);
    assert_eq!((number(&client, 1), is_marked(&client, 1), ingestion.refused()), (Some(65), true, 1));
    senders[0].send(Ok((1, 67))).unwrap();
    settle().await;
    assert_eq!((number(&client, 1), is_marked(&client, 1)), (Some(67), false));
}

/// A stream that is always ready with a value.
struct Torrent(Arc<std::sync::atomic::AtomicUsize>);

/// A bound that ends the test instead of letting it run forever.
const MAX_VALUES: usize = 100_000;

impl Source<ScriptedApp> for Torrent {
    type Item = usize;
    type Error = TestError;

    async fn open(
        &self,
        _: &Context<ScriptedApp>,
    ) -> Result<impl Stream<Item = Result<usize, TestError>> + Send, TestError> {
        Ok(Self(Arc::clone(&self.0)))
    }

    fn apply(&self, number: &usize, changes: &mut Changes<ScriptedApp>) {
        changes.set(GetNumber(1), *number);
    }
}

impl Stream for Torrent {
    type Item = Result<usize, TestError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            MAX_VALUES.. => Poll::Pending,
            number => Poll::Ready(Some(Ok(number))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_always_ready_yields_to_other_tasks() {
    let (client, taken) = (paused_client(), Arc::default());
    let ingestion = client.ingest(Torrent(Arc::clone(&taken)));
    settle().await;
    drop(ingestion);
    settle().await;
    assert!(
        taken.load(std::sync::atomic::Ordering::SeqCst) < MAX_VALUES,
        "the ingestion ended with its handle"
    );
    assert!(number(&client, 1).is_some());
}
