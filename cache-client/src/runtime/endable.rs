//! A future that can be dropped from elsewhere, even while nobody polls it. Knows nothing of runtimes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::sync::Mutex;

/// Ends a future. The other half is [`Polled`].
pub(crate) struct Endable(Arc<Mutex<EndableState>>);

/// Polled in place of the future. Dropping it ends the future.
pub(crate) struct Polled(Endable);

enum EndableState {
    /// Holds the future, except while it is being polled, which happens without the lock.
    Running(Option<Pin<Box<dyn Future<Output = ()> + Send>>>),
    Ended,
}

impl Endable {
    pub(crate) fn new(future: impl Future<Output = ()> + Send + 'static) -> (Self, Polled) {
        let progress = Arc::new(Mutex::new(EndableState::Running(Some(Box::pin(future)))));
        (Self(Arc::clone(&progress)), Polled(Self(progress)))
    }

    /// Drops the future immediately, or right after its current poll.
    pub(crate) fn end(&self) {
        let ended = std::mem::replace(&mut *self.0.lock(), EndableState::Ended);
        drop(ended);
    }
}

impl Future for Polled {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self(Endable(progress)) = &*self;
        let taken = match &mut *progress.lock() {
            EndableState::Running(future) => future.take(),
            EndableState::Ended => None,
        };
        let Some(mut future) = taken else { return Poll::Ready(()) };
        if future.as_mut().poll(cx).is_pending()
            && let EndableState::Running(slot) = &mut *progress.lock()
        {
            *slot = Some(future);
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.0.end();
    }
}
