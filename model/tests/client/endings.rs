//! A future that is ended by another thread than the one that polls it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use shuttle::thread;

use crate::check;
use crate::endable::{Endable, Polled};

/// Counts its drops.
struct Held(Arc<AtomicUsize>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Holds a value, and lets other threads run whenever it is polled.
async fn hold(_held: Held) {
    poll_fn(|_| {
        thread::yield_now();
        Poll::Pending
    })
    .await
}

fn poll(polled: &mut Polled) -> Poll<()> {
    Pin::new(polled).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_future_that_is_ended_is_dropped_once_and_never_polled_again() {
    check(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (endable, mut polled) = Endable::new(hold(Held(Arc::clone(&dropped))));
        let polling = thread::spawn(move || {
            for _ in 0..3 {
                _ = poll(&mut polled);
                thread::yield_now();
            }
            polled
        });
        endable.end();
        let mut polled = polling.join().unwrap();
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        assert!(poll(&mut polled).is_ready());
    });
}
