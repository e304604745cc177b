//! Pushed values become commits, and a source that breaks off is opened again.

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
enum Trouble {
    #[error("the line is down")]
    Passing,
    #[error("not before {0:?}")]
    AskedFor(Duration),
    #[error("no such line")]
    Lasting,
    #[error("nobody knows")]
    PanicsWhenJudged,
    #[error("nobody knows when")]
    PanicsWhenTimed,
}

type Pushed = Result<(u32, usize), Trouble>;

/// Numbers by their keys; each time that it is opened it takes the next of the test's channels.
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
    type Error = Trouble;

    async fn open(&self, _: &Context<ScriptedApp>) -> Result<impl Stream<Item = Pushed> + Send, Trouble> {
        self.opened.lock().push(Instant::now());
        match self.channels.lock().pop() {
            Some(channel) => Ok(Channel(channel)),
            None => Err(Trouble::Passing),
        }
    }

    fn apply(&self, (key, number): &(u32, usize), changes: &mut Changes<ScriptedApp>) {
        assert_ne!(*number, 13, "unlucky");
        changes.set(GetNumber(*key), *number);
    }

    fn reopened(&self, changes: &mut Changes<ScriptedApp>) {
        changes.invalidate_query::<GetNumber>();
    }

    fn is_retryable(trouble: &Trouble) -> bool {
        assert_ne!(*trouble, Trouble::PanicsWhenJudged, "cannot judge");
        *trouble != Trouble::Lasting
    }

    fn retry_after(trouble: &Trouble) -> Option<Duration> {
        match trouble {
            Trouble::AskedFor(time) => Some(*time),
            Trouble::PanicsWhenTimed => panic!("cannot tell the time"),
            _ => None,
        }
    }

    fn may_end(&self) -> bool {
        assert!(!self.panics_at_the_end, "cannot end");
        self.may_end
    }
}

impl Numbers {
    /// One with so many channels, the first of which is used first.
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

/// Why it waits, once it does.
async fn trouble(ingestion: &mut Ingestion<Trouble>) -> Option<SourceError<Trouble>> {
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
    let loading = ask(&client, &GetNumber(1));
    settle().await;
    senders[0].send(Ok((1, 50))).unwrap();
    assert_eq!(*in_time(loading).await.unwrap().unwrap(), 1);
    assert_eq!((number(&client, 1), client.app().loads(&GetNumber(1))), (Some(50), 1));
}

#[tokio::test(start_paused = true)]
async fn one_that_breaks_off_is_opened_again_and_what_was_missed_is_loaded() {
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers.clone());
    let first = senders.pop().unwrap();
    first.send(Ok((1, 50))).unwrap();
    settle().await;
    first.send(Err(Trouble::Passing)).unwrap();
    let error = trouble(&mut ingestion).await.unwrap();
    assert!(
        matches!(error, SourceError::Failed { source, name } if *source == Trouble::Passing && name.contains("Numbers"))
    );
    assert!(!is_marked(&client, 1));
    pass(2 * SECOND).await;
    assert!(matches!(ingestion.state(), IngestionState::Open));
    assert!(is_marked(&client, 1), "what came meanwhile is not known");
    senders[0].send(Ok((1, 51))).unwrap();
    settle().await;
    assert_eq!((number(&client, 1), is_marked(&client, 1)), (Some(51), false));
    assert!(numbers.waits()[0] <= SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_waits_grow_to_half_a_minute_and_begin_anew_with_a_value() {
    fastrand::seed(7);
    let client = paused_client();
    let (numbers, senders) = Numbers::new(0);
    let ingestion = client.ingest(numbers.clone());
    pass(seconds(1_000)).await;
    let waits = numbers.waits();
    assert!(waits.len() > 30, "it does not give up: {}", waits.len());
    assert!(waits.iter().all(|wait| *wait <= seconds(30)));
    assert!(waits[10..].iter().any(|wait| *wait > seconds(10)), "{waits:?}");
    drop((ingestion, senders));

    let (numbers, mut senders) = Numbers::new(10);
    let _ingestion = client.ingest(numbers.clone());
    while let Some(sender) = senders.pop() {
        sender.send(Ok((1, 1))).unwrap();
        sender.send(Err(Trouble::Passing)).unwrap();
    }
    pass(seconds(15)).await;
    assert!(numbers.waits()[..9].iter().all(|wait| *wait <= SECOND));
}

#[tokio::test(start_paused = true)]
async fn an_error_says_how_long_to_wait_or_that_there_is_no_use() {
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers.clone());
    senders.pop().unwrap().send(Err(Trouble::AskedFor(seconds(500)))).unwrap();
    trouble(&mut ingestion).await.unwrap();
    senders.pop().unwrap().send(Err(Trouble::Lasting)).unwrap();
    pass(seconds(501)).await;
    assert_eq!(numbers.waits(), [seconds(500)]);
    let state = ingestion.state();
    assert!(
        matches!(state, IngestionState::Ended { error: Some(SourceError::Failed { source, .. }) } if *source == Trouble::Lasting)
    );
    while let Some(state) = ingestion.changed().await {
        assert!(matches!(
            state,
            IngestionState::Opening | IngestionState::Open | IngestionState::Ended { .. }
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_stream_is_the_end_of_a_source_that_may_end_alone() {
    let client = paused_client();
    let listener = Listener::start();
    let (mut numbers, senders) = Numbers::new(2);
    drop(senders);
    let mut ingestion = client.ingest(numbers.clone());
    assert!(trouble(&mut ingestion).await.is_none());
    let told = listener.all("source");
    assert_eq!((told.len(), told[0].field("outcome")), (1, "ended"));
    drop(ingestion);
    numbers.may_end = true;
    let ingestion = client.ingest(numbers);
    settle().await;
    assert!(matches!(ingestion.state(), IngestionState::Ended { error: None }));
}

#[tokio::test(start_paused = true)]
async fn without_its_handle_it_is_over() {
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
async fn a_panic_is_trouble_like_any_other() {
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers);
    senders.pop().unwrap().send(Ok((1, 13))).unwrap();
    let error = trouble(&mut ingestion).await.unwrap();
    assert!(matches!(error, SourceError::Panicked { message, .. } if message.contains("unlucky")));
    senders[0].send(Ok((1, 14))).unwrap();
    pass(2 * SECOND).await;
    assert_eq!(number(&client, 1), Some(14));
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_an_error_is_trouble_like_any_other() {
    for trouble_sent in [Some(Trouble::PanicsWhenJudged), Some(Trouble::PanicsWhenTimed), None] {
        let client = paused_client();
        let (numbers, mut senders) = Numbers::new(2);
        let numbers = Numbers { panics_at_the_end: trouble_sent.is_none(), ..numbers };
        let mut ingestion = client.ingest(numbers);
        let first = senders.pop().unwrap();
        if let Some(trouble) = trouble_sent {
            first.send(Err(trouble)).unwrap();
        }
        drop(first);
        let error = trouble(&mut ingestion).await.unwrap();
        assert!(
            matches!(&error, SourceError::Panicked { message, .. } if message.starts_with("cannot") || message.contains("cannot judge")),
            "{error:?}"
        );
        senders[0].send(Ok((1, 14))).unwrap();
        pass(2 * SECOND).await;
        assert_eq!(number(&client, 1), Some(14), "{trouble_sent:?}: it is opened again");
    }
}

#[tokio::test(start_paused = true)]
async fn why_a_source_breaks_off_is_told() {
    let client = paused_client();
    let listener = Listener::start();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers);
    senders.pop().unwrap().send(Err(Trouble::Passing)).unwrap();
    trouble(&mut ingestion).await.unwrap();
    let told = listener.one("source");
    assert_eq!((told.field("outcome"), told.field("error")), ("failed", "the line is down"));
    listener.forget();
    senders[0].send(Ok((1, 13))).unwrap();
    trouble(&mut ingestion).await.unwrap();
    let told = listener.one("source");
    assert_eq!(told.field("outcome"), "panicked");
    assert!(told.field("error").contains("unlucky"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_ends_no_ingestion() {
    let _guard = PanicsAt::start("source");
    let client = paused_client();
    let (numbers, mut senders) = Numbers::new(2);
    let mut ingestion = client.ingest(numbers);
    senders.pop().unwrap().send(Err(Trouble::Passing)).unwrap();
    trouble(&mut ingestion).await.unwrap();
    senders[0].send(Ok((1, 14))).unwrap();
    pass(2 * SECOND).await;
    assert_eq!(number(&client, 1), Some(14));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_refused_is_passed_over_and_its_key_marked() {
    let cache = Cache::builder()
        .clock(TokioClock::new())
        .before_commit(|proposal| {
            let is_bad =
                proposal.of::<GetNumber>().any(|(_, value)| value.is_some_and(|value| **value == 66));
            if is_bad { Err("not that one".into()) } else { Ok(()) }
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
    assert!(listener.one("value_refused").field("error").contains("not that one"));
    assert_eq!(listener.counts(), [("value_refused", 1)]);
    assert_eq!((number(&client, 1), is_marked(&client, 1), ingestion.refused()), (Some(65), true, 1));
    senders[0].send(Ok((1, 67))).unwrap();
    settle().await;
    assert_eq!((number(&client, 1), is_marked(&client, 1)), (Some(67), false));
}

/// Has a value whenever it is asked.
struct Torrent(Arc<std::sync::atomic::AtomicUsize>);

/// Ends a test that would run for ever.
const MOST: usize = 100_000;

impl Source<ScriptedApp> for Torrent {
    type Item = usize;
    type Error = Trouble;

    async fn open(
        &self,
        _: &Context<ScriptedApp>,
    ) -> Result<impl Stream<Item = Result<usize, Trouble>> + Send, Trouble> {
        Ok(Self(Arc::clone(&self.0)))
    }

    fn apply(&self, number: &usize, changes: &mut Changes<ScriptedApp>) {
        changes.set(GetNumber(1), *number);
    }
}

impl Stream for Torrent {
    type Item = Result<usize, Trouble>;

    fn poll_next(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            MOST.. => Poll::Pending,
            number => Poll::Ready(Some(Ok(number))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_always_has_a_value_leaves_others_their_turn() {
    let (client, taken) = (paused_client(), Arc::default());
    let ingestion = client.ingest(Torrent(Arc::clone(&taken)));
    settle().await;
    drop(ingestion);
    settle().await;
    assert!(taken.load(std::sync::atomic::Ordering::SeqCst) < MOST, "it has ended with its handle");
    assert!(number(&client, 1).is_some());
}
