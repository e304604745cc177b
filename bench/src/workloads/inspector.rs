//! Hits of a client while somebody looks at its inspector.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::{COOKIE, HOST, SET_COOKIE};
use axum::response::Response;
use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query};
use tokio::runtime::{Builder, Runtime};
use tower_service::Service;

use super::report_times;
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;

const ENTRIES: u32 = 1_000_000;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 2_000_000, fresh = "1h")]
struct GetShown {
    id: u64,
}

cache_core::registry! {
    struct ShownRegistry { GetShown }
}

struct Shown;

impl App for Shown {
    type Registry = ShownRegistry;
}

impl Fetch<Shown> for GetShown {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<Shown>) -> Result<[u64; 8], Infallible> {
        Ok([self.id; 8])
    }
}

/// What somebody who looks does.
#[derive(Clone, Copy)]
enum Looking {
    /// Has the page open: gets a state and the first entries in each turn, which is shorter than half a second.
    Open,
    /// Searches for a key that is not there, again and again.
    Searching,
}

pub fn run(options: &Options, report: &mut Report) {
    for (workload, looking) in [("inspector/hits", Looking::Open), ("inspector/search", Looking::Searching)] {
        if !options.wants(workload) {
            continue;
        }
        let keys = Keys::zipf(ENTRIES, options.effort.sequence());
        let requests = Arc::new(AtomicUsize::new(0));
        // The same client, so that both find its entries at the same places of memory.
        let client = client();
        let contestants = [looked_at(client.clone(), looking, &requests), alone(client)];
        let samples = race(&contestants, &keys, 1, options.effort);
        assert!(
            requests.load(Ordering::Relaxed) > options.effort.rounds / 2,
            "{workload}: nobody has looked"
        );
        report_times(report, workload, 1, &contestants, &samples);
    }
}

fn client() -> Client<Shown> {
    let cache = Cache::<ShownRegistry>::new();
    for id in 0..u64::from(ENTRIES) {
        drop(cache.insert(GetShown { id }, [id; 8]));
    }
    Client::builder(cache, Shown).build()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a single-threaded runtime can be built")
}

/// Queries one key after the other. Every answer counts as a hit.
fn query(client: &Client<Shown>, keys: &[u32]) -> usize {
    runtime().block_on(async {
        let mut answers = 0;
        for &id in keys {
            answers += usize::from(black_box(client.query(&GetShown { id: id.into() }).await).is_ok());
        }
        answers
    })
}

fn alone(client: Client<Shown>) -> Contestant {
    Contestant::new("ours-alone", move |keys| query(&client, keys))
}

/// The same while another thread gets what the page of the inspector asks for.
fn looked_at(client: Client<Shown>, looking: Looking, requests: &Arc<AtomicUsize>) -> Contestant {
    let inspector = cache_web::inspector(&client);
    let link = inspector.link("");
    let routes: Router = inspector.routes();
    let wanted = Arc::new(AtomicBool::new(false));
    let reader = Reader { routes, looking, wanted: Arc::clone(&wanted), requests: Arc::clone(requests) };
    // Ends with the program.
    thread::spawn(move || runtime().block_on(reader.look(&link)));
    Contestant::new("ours", move |keys| {
        wanted.store(true, Ordering::Relaxed);
        let answers = query(&client, keys);
        wanted.store(false, Ordering::Relaxed);
        answers
    })
}

struct Reader {
    routes: Router,
    looking: Looking,
    wanted: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
}

impl Reader {
    async fn look(mut self, link: &str) {
        let entered = self.send(link, "").await;
        let cookie = entered.headers().get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned();
        let mut from = String::new();
        loop {
            if !self.is_wanted() {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
            match self.looking {
                Looking::Open => {
                    self.read("/_cache/state", &cookie).await;
                    self.read("/_cache/entries", &cookie).await;
                }
                Looking::Searching => {
                    let page = self.read(&format!("/_cache/entries?q=absent&from={from}"), &cookie).await;
                    let next = page.rsplit_once("\"next\":\"").and_then(|(_, next)| next.split('"').next());
                    from = next.unwrap_or_default().to_owned();
                }
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_wanted(&self) -> bool {
        match self.looking {
            Looking::Open => self.wanted.swap(false, Ordering::Relaxed),
            Looking::Searching => self.wanted.load(Ordering::Relaxed),
        }
    }

    async fn send(&mut self, path: &str, cookie: &str) -> Response {
        let request = Request::get(path).header(HOST, "localhost").header(COOKIE, cookie).body(Body::empty());
        match self.routes.call(request.expect("the request is valid")).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    async fn read(&mut self, path: &str, cookie: &str) -> String {
        let response = self.send(path, cookie).await;
        assert!(response.status().is_success(), "{path}: {}", response.status());
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("the body is in memory");
        String::from_utf8_lossy(&body).into_owned()
    }
}
