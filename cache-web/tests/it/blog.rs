//! A program whose loads take as long as their keys say, and which counts those that run.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cache_client::{App, Client, Context, Fetch, TokioClock};
use cache_core::{Cache, Query, registry};
use tokio::sync::Notify;

registry! { pub struct BlogRegistry { SlowText, Failing } }

/// A text that takes `millis` milliseconds.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 100, fresh = "60s")]
pub struct SlowText {
    pub millis: u64,
}

/// A load that fails, panics, or is refused.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 100, fresh = "60s", breaker = "failing")]
pub enum Failing {
    Absent,
    Down,
    Panicking,
}

/// Counts the loads of a blog.
#[derive(Clone, Debug, Default)]
pub struct Loads {
    pub begun: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
    changed: Arc<Notify>,
}

impl Loads {
    fn begin(&self) -> Running {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
        Running(self.clone())
    }

    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Waits until this many loads run.
    pub async fn until(&self, running: usize) {
        loop {
            let changed = self.changed.notified();
            if self.running() == running {
                return;
            }
            changed.await;
        }
    }
}

/// A load that runs.
struct Running(Loads);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

#[derive(Default)]
pub struct Blog {
    pub loads: Loads,
}

impl App for Blog {
    type Registry = BlogRegistry;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlogError {
    Absent,
    Down,
}

impl fmt::Display for BlogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl IntoResponse for &BlogError {
    fn into_response(self) -> Response {
        match self {
            BlogError::Absent => (StatusCode::NOT_FOUND, "no such post").into_response(),
            BlogError::Down => StatusCode::BAD_GATEWAY.into_response(),
        }
    }
}

/// Waits on tokio's paused clock, which advances when all tasks are idle, so that no test waits in real time.
pub async fn takes(time: Duration) {
    tokio::time::sleep(time).await;
}

impl Fetch<Blog> for SlowText {
    type Error = BlogError;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<String, BlogError> {
        let _running = cx.app().loads.begin();
        takes(Duration::from_millis(self.millis)).await;
        Ok(format!("text of {} ms", self.millis))
    }
}

impl Fetch<Blog> for Failing {
    type Error = BlogError;

    async fn fetch(&self, _: &Context<Blog>) -> Result<String, BlogError> {
        match self {
            Self::Absent => Err(BlogError::Absent),
            Self::Down => Err(BlogError::Down),
            Self::Panicking => panic!("a load that panics"),
        }
    }

    fn counts_as_failure(error: &BlogError) -> bool {
        *error == BlogError::Down
    }
}

/// A client with an empty cache, and the counts of its loads.
pub fn blog_client() -> (Client<Blog>, Loads) {
    let cache = Cache::<BlogRegistry>::builder().clock(TokioClock::new()).build().unwrap();
    let app = Blog::default();
    let loads = app.loads.clone();
    (Client::builder(cache, app).build(), loads)
}
