//! The states that an open page gets, as server-sent events. Nothing is queued: each is taken when the connection has
//! room for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use cache_client::App;
use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::state::StateSource;

/// The time between two updates.
const INTERVAL: Duration = Duration::from_millis(500);

/// After this time without a change something is sent all the same, so that a broken connection is noticed.
const LONGEST_SILENCE: Duration = Duration::from_secs(5);

/// How long a stream lasts. The page then opens the next one, so that a server that stops waits for it no longer than
/// this.
const LONGEST_STREAM: Duration = Duration::from_secs(10);

/// One stream of updates.
struct Updates<A: App> {
    states: Arc<StateSource<A>>,
    /// When it ends.
    end: Instant,
    sent_at: Instant,
    sent: Option<Bytes>,
}

impl<A: App> Updates<A> {
    /// Waits for the next state that differs from the last one.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.sent.is_some() {
                sleep(INTERVAL).await;
            }
            let now = Instant::now();
            if now >= self.end {
                return None;
            }
            let state = self.states.newest();
            if self.sent.as_ref() != Some(&state) {
                let event = event(&state, self.sent.is_none());
                (self.sent, self.sent_at) = (Some(state), now);
                return Some(event);
            }
            if now.duration_since(self.sent_at) >= LONGEST_SILENCE {
                self.sent_at = now;
                return Some(Bytes::from_static(b":\n\n"));
            }
        }
    }
}

/// An event with a state. JSON has no line ends.
fn event(state: &[u8], is_first: bool) -> Bytes {
    let mut event = BytesMut::with_capacity(state.len() + 32);
    if is_first {
        // How long the browser waits before it opens the next stream, in milliseconds.
        event.put_slice(b"retry: 300\n");
    }
    event.put_slice(b"data: ");
    event.put_slice(state);
    event.put_slice(b"\n\n");
    event.freeze()
}

pub(super) fn answer<A: App>(states: &Arc<StateSource<A>>) -> Response {
    let now = Instant::now();
    let updates = Updates { states: Arc::clone(states), end: now + LONGEST_STREAM, sent_at: now, sent: None };
    let events = stream::unfold(updates, async |mut updates| {
        updates.next().await.map(|event| (Ok::<_, Infallible>(event), updates))
    });
    // Proxies that collect responses are asked not to.
    let headers = [(CONTENT_TYPE.as_str(), "text/event-stream"), ("x-accel-buffering", "no")];
    (headers, Body::from_stream(events)).into_response()
}
