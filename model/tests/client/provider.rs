//! Writes of one key of a provider, one of which its runtime no longer runs.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicBool, AtomicU32};
use shuttle::thread;
use tokio::sync::oneshot;

use crate::check;
use crate::write_queues::WriteQueues;

#[derive(Default)]
struct Provider {
    is_writing: AtomicBool,
    /// Writes that have ended. The stuck one is not counted.
    written: AtomicU32,
}

impl Provider {
    async fn write(&self) {
        assert!(!self.is_writing.swap(true, Ordering::SeqCst), "two writes run at once");
        thread::yield_now();
        self.is_writing.store(false, Ordering::SeqCst);
        self.written.fetch_add(1, Ordering::SeqCst);
    }
}

type Write = Pin<Box<dyn Future<Output = Option<()>> + Send>>;

/// The timeout of a write, which never ends unless the write began to wait while the first was stuck.
fn write(write_queues: &Arc<WriteQueues>, provider: &Arc<Provider>, loses_patience: bool) -> Write {
    let (write_queues, provider) = (Arc::clone(write_queues), Arc::clone(provider));
    let loses_patience = AtomicBool::new(loses_patience);
    Box::pin(async move {
        let timeout = || timeout(loses_patience.swap(false, Ordering::SeqCst));
        write_queues.in_turn(b"key", timeout, provider.write()).await
    })
}

/// May end at any moment, or never.
fn timeout(is_over: bool) -> impl Future<Output = ()> {
    let timer = is_over.then(|| {
        let (timer, over) = oneshot::channel::<()>();
        thread::spawn(move || {
            thread::yield_now();
            drop(timer);
        });
        over
    });
    async {
        match timer {
            Some(over) => drop(over.await),
            None => pending().await,
        }
    }
}

fn poll<T>(future: &mut Pin<Box<dyn Future<Output = Option<T>> + Send>>) -> Poll<Option<T>> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A write that has begun. It ends when it is run again.
fn stuck(write_queues: &Arc<WriteQueues>, polls: &Arc<AtomicU32>) -> Write {
    let (write_queues, polls) = (Arc::clone(write_queues), Arc::clone(polls));
    let mut write: Write = Box::pin(async move {
        let call = poll_fn(|_| match polls.fetch_add(1, Ordering::SeqCst) {
            0 => Poll::Pending,
            _ => Poll::Ready(()),
        });
        write_queues.in_turn(b"key", pending::<()>, call).await
    });
    assert!(poll(&mut write).is_pending());
    write
}

/// Two writes that time out while they wait for the first, and two that do not. The first is run again while the others
/// continue, or never.
fn run(is_run_again: bool) {
    check(move || {
        let (write_queues, provider) = (Arc::new(WriteQueues::new()), Arc::new(Provider::default()));
        let polls = Arc::new(AtomicU32::new(0));
        let mut first = stuck(&write_queues, &polls);
        let mut writes = [true, true, false, false].map(|hasty| write(&write_queues, &provider, hasty));
        // All wait for the first before anything else happens.
        assert!(writes.iter_mut().all(|write| poll(write).is_pending()));
        let writing = writes.map(|write| thread::spawn(move || block_on(write)));
        if is_run_again {
            let was_passed = provider.written.load(Ordering::SeqCst) > 0;
            let ended = poll(&mut first);
            assert!(ended.is_ready());
            if was_passed {
                assert_eq!(
                    (ended, polls.load(Ordering::SeqCst)),
                    (Poll::Ready(None), 1),
                    "the first was overtaken"
                );
            }
        }
        let [one, other, patient @ ..] = writing.map(|writing| writing.join().unwrap());
        assert_eq!(patient, [Some(()); 2], "a patient write was not made");
        // Those that time out are rejected only if the first has ended by itself.
        assert!(is_run_again || (one, other) == (Some(()), Some(())));
        let made = 2 + u32::from(one.is_some()) + u32::from(other.is_some());
        assert_eq!(provider.written.load(Ordering::SeqCst), made);
        assert!(poll(&mut write(&write_queues, &provider, false)).is_ready(), "the queue is free");
    });
}

#[test]
fn a_write_that_is_stuck_is_overtaken_and_the_others_are_made_one_at_a_time() {
    run(false);
}

#[test]
fn a_write_that_is_run_again_is_not_continued_after_it_was_overtaken() {
    run(true);
}
