//! Reports on what a client does.

use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{
    App, BreakerOptions, Client, Context, Fetch, FlightPhase, Provider, Rows, Section, TokioClock,
};
use cache_core::{BoxError, Cache, Query, Shape, registry};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::scripted::{pass, seconds, settle};

/// A load that waits for a permit of the app, and fails for the key `missing`.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = String, capacity = 1_000, fresh = "60s", persist, breaker = "titles")]
struct GetTitle {
    slug: String,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, lru = 250_000, fresh = "60s", secret)]
struct GetSession {
    token: String,
}

/// A key whose `Debug` runs a function of the test.
#[derive(Query, Clone)]
#[query(value = u32, capacity = 10, fresh = "60s")]
struct GetOdd(u32, Arc<dyn Fn() + Send + Sync>);

impl PartialEq for GetOdd {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for GetOdd {}

impl Hash for GetOdd {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Debug for GetOdd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.1)();
        write!(f, "GetOdd({})", self.0)
    }
}

registry! {
    struct SeenRegistry {
        crate::inspecting::GetTitle,
        crate::inspecting::GetSession,
        crate::inspecting::GetOdd,
    }
}

struct SeenApp {
    /// What loads wait for.
    permits: Semaphore,
}

impl App for SeenApp {
    type Registry = SeenRegistry;
}

impl SeenApp {
    async fn turn(&self) {
        self.permits.acquire().await.unwrap().forget();
    }
}

impl Fetch<SeenApp> for GetTitle {
    type Error = io::Error;

    async fn fetch(&self, cx: &Context<SeenApp>) -> io::Result<String> {
        if self.slug == "missing" {
            return Err(io::ErrorKind::NotFound.into());
        }
        cx.app().turn().await;
        Ok(self.slug.to_uppercase())
    }

    fn counts_as_failure(_: &io::Error) -> bool {
        true
    }
}

impl Fetch<SeenApp> for GetSession {
    type Error = Infallible;

    async fn fetch(&self, cx: &Context<SeenApp>) -> Result<String, Infallible> {
        cx.app().turn().await;
        Ok("a session".to_owned())
    }
}

impl Fetch<SeenApp> for GetOdd {
    type Error = Infallible;

    async fn fetch(&self, cx: &Context<SeenApp>) -> Result<u32, Infallible> {
        cx.app().turn().await;
        Ok(self.0)
    }
}

/// A provider whose reads fail at once, and whose writes never end.
struct Hanging;

impl Provider for Hanging {
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, BoxError> {
        Err("no connection".into())
    }

    async fn set(&self, _: &str, _: Vec<u8>, _: Duration) -> Result<(), BoxError> {
        std::future::pending().await
    }

    async fn remove(&self, _: &str) -> Result<(), BoxError> {
        Ok(())
    }
}

fn cache() -> Cache<SeenRegistry> {
    Cache::builder().clock(TokioClock::new()).build().unwrap()
}

fn app() -> SeenApp {
    SeenApp { permits: Semaphore::new(0) }
}

fn title(slug: &str) -> GetTitle {
    GetTitle { slug: slug.to_owned() }
}

fn session(token: &str) -> GetSession {
    GetSession { token: token.to_owned() }
}

fn spawn_query<Q: Fetch<SeenApp, Error: Send>>(
    client: &Client<SeenApp>,
    query: &Q,
) -> tokio::task::JoinHandle<bool>
where
    SeenRegistry: cache_core::Holds<Q>,
{
    let (client, query) = (client.clone(), query.clone());
    tokio::spawn(async move { client.query(&query).await.is_ok() })
}

fn notes(_: &Client<SeenApp>, rows: usize) -> Section {
    let row = |number: usize| vec![number.to_string(), "a note".to_owned()];
    Section {
        name: "notes",
        columns: &["number", "text"],
        rows: Rows::new(3, (1..=3).take(rows).map(row).collect()),
    }
}

const TEXT: &str = "\
revision 5, 3 loads running, online
table                           bound   kept   held   hits misses  ratio removed
get_title                    max 1000      2      0      0      4   0.0%       2
get_session                lru 250.0k      1      0      0      1   0.0%       0
get_odd                        max 10      0      0      0      0      -       0
dynamic                      max 1000      0      0      0      0      -       0
flights: 3
  get_title GetTitle { slug: \"first\" }                  2 waiting, 3.0s, loading
  get_session (secret)                                  1 waiting, 1.0s, loading
  get_title GetTitle { slug: \"a very long slug that do… 0 waiting, 0.0s, loading
observed keys: 1
  get_title GetTitle { slug: \"known\" }                               2 observers
layers: 1
  layer 0                                                                 2 keys
    get_title GetTitle { slug: \"known\" }
    get_session (secret)
breakers: 2
  other                                                  closed, 0 of 5 failures
  titles                                closed, 1 of 2 failures, 1 of the last 2
provider: 4 errors, 1 write under way
notes: 3
  number | text
  1 | a note
  2 | a note
  3 | a note
commits: 2
  4 import                                                get_session, get_title
  5 -                                                                  get_title
";

#[tokio::test(start_paused = true)]
async fn a_report_is_a_text_of_80_columns() {
    let rate = BreakerOptions::new().failures(2).rate(0.9, 10, seconds(60));
    let client = Client::builder(cache(), app())
        .breaker("titles", rate)
        .breaker("other", BreakerOptions::new())
        .provider(Hanging)
        .provider_timeout(seconds(100))
        .inspected_with(notes)
        .build();
    client.cache().commit_log().keep(2);
    client.app().permits.add_permits(1);
    assert!(client.query(&title("loaded")).await.is_ok());
    drop(client.cache().insert(title("known"), "Known".to_owned()));
    drop(client.cache().insert(title("known"), "KNOWN".to_owned()));
    let import = client.cache().transact(|tx| {
        tx.label("import").set(session("hush"), "one".to_owned());
        tx.set(title("gone"), "two".to_owned());
        Ok::<_, cache_core::CommitError>(())
    });
    import.unwrap();
    client.cache().remove(&title("gone"));
    let observers = [client.observe(&title("known")), client.observe(&title("known"))];
    let _layer = client.optimistic(|layer| {
        layer.update(&title("known"), |_| Some("Layered".to_owned()));
        layer.update(&session("hush"), |_| None);
    });
    assert!(client.query(&title("missing")).await.is_err());
    let waiting = [spawn_query(&client, &title("first")), spawn_query(&client, &title("first"))];
    pass(seconds(2)).await;
    let secret = spawn_query(&client, &session("hush too"));
    pass(seconds(1)).await;
    let long = client.prefetch(&title(&format!("a very long slug that {}", "does not fit ".repeat(10))));
    settle().await;
    let report = client.inspect();
    assert_eq!(report.to_string(), TEXT);
    for line in TEXT.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains("known") && !json.contains("hush") && !json.contains("KNOWN"), "{json}");
    drop((observers, waiting, secret, long));
}

#[tokio::test(start_paused = true)]
async fn rows_beyond_the_limit_are_counted_and_not_listed() {
    let client = Client::builder(cache(), app()).build();
    let loads: Vec<_> = (0..10).map(|id| client.prefetch(&title(&id.to_string()))).collect();
    let observers: Vec<_> = (10..15).map(|id| client.observe(&title(&id.to_string()))).collect();
    let layers = [(); 3].map(|()| {
        client.optimistic(|layer| {
            (0..4).for_each(|id| layer.update(&title(&id.to_string()), |_| Some("Draft".to_owned())));
        })
    });
    settle().await;
    let activity = client.activity(6);
    assert_eq!((activity.flights.total, activity.flights.rows.len()), (15, 6));
    assert_eq!((activity.observers.total, activity.observers.rows.len()), (5, 5));
    assert_eq!((activity.layers.total, activity.layers.rows.len()), (3, 3));
    let keys: Vec<_> =
        activity.layers.rows.iter().map(|layer| (layer.keys.total, layer.keys.rows.len())).collect();
    assert_eq!(keys, [(4, 4), (4, 2), (4, 0)]);
    assert!(activity.to_string().contains("  and 9 more\n"), "{activity}");
    drop((loads, observers, layers));
    assert_eq!(client.activity(0).layers.total, 0);
}

#[tokio::test(start_paused = true)]
async fn a_flight_is_shown_with_what_it_does() {
    let client = Client::builder(cache(), app()).provider(Hanging).build();
    let phases = |client: &Client<SeenApp>| -> Vec<_> {
        client.activity(10).flights.rows.iter().map(|flight| flight.phase).collect()
    };
    let load = spawn_query(&client, &title("one"));
    settle().await;
    assert_eq!(phases(&client), [FlightPhase::Loading]);
    client.cache().invalidate(&title("one"));
    drop(client.cache().insert(title("one"), "newer".to_owned()));
    assert_eq!(phases(&client), [FlightPhase::Overtaken]);
    client.app().permits.add_permits(1);
    assert!(load.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_says_when_it_lets_a_load_through() {
    let options = BreakerOptions::new().failures(1).open_for(seconds(30));
    let client = Client::builder(cache(), app()).breaker("titles", options).build();
    assert!(client.query(&title("missing")).await.is_err());
    pass(seconds(10)).await;
    let breaker = client.activity(10).breakers.remove(0);
    assert_eq!((breaker.name, breaker.state, breaker.retry_in), ("titles", "open", Some(seconds(20))));
    assert!(client.activity(10).to_string().contains("open, trial in 20.0s"));
    pass(seconds(30)).await;
    assert_eq!(client.activity(10).breakers[0].retry_in, Some(Duration::ZERO));
}

/// The `Debug` of a key is foreign code: it may use the client.
#[tokio::test(start_paused = true)]
async fn keys_are_printed_without_a_lock() {
    let client = Client::builder(cache(), app()).build();
    let uses: Arc<Mutex<u32>> = Arc::default();
    let (inner, counted) = (client.clone(), Arc::clone(&uses));
    let is_inside = Mutex::new(false);
    let odd = GetOdd(
        7,
        Arc::new(move || {
            if std::mem::replace(&mut *is_inside.lock(), true) {
                return;
            }
            *counted.lock() += 1;
            drop(inner.prefetch(&title("from a key")));
            drop(inner.observe(&title("from a key")));
            drop(inner.optimistic(|layer| layer.update(&title("from a key"), |_| None)));
            drop(inner.cache().insert(title("from a key"), "text".to_owned()));
            let _ = inner.activity(10);
            *is_inside.lock() = false;
        }),
    );
    let observer = client.observe(&odd);
    let layer = client.optimistic(|layer| layer.update(&odd, |_| Some(1)));
    settle().await;
    let activity = client.activity(10);
    assert_eq!(activity.flights.rows[0].key, "GetOdd(7)");
    assert_eq!(*uses.lock(), 3, "a flight, an observer and a layer");
    drop((observer, layer));
    // The key holds the client.
    client.cache().clear();
    client.app().permits.add_permits(10);
    settle().await;
}

/// While flights are printed, one of them lands: it is in the cache then.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_stored_meanwhile_is_in_one_of_the_lists() {
    let client = Client::builder(cache(), app()).build();
    let stores: Mutex<Option<Client<SeenApp>>> = Mutex::new(Some(client.clone()));
    let odd = GetOdd(
        7,
        Arc::new(move || {
            if let Some(client) = stores.lock().take() {
                drop(client.cache().insert(title("stored meanwhile"), "text".to_owned()));
            }
        }),
    );
    let load = client.prefetch(&odd);
    settle().await;
    let report = client.inspect();
    assert_eq!((report.activity.flights.total, report.cache.tables[0].residents), (1, 1));
    drop(load);
    client.app().permits.add_permits(1);
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn control_characters_and_wide_ones_stay_within_the_line() {
    let client = Client::builder(cache(), app()).build();
    let loads = [client.prefetch(&title(&"話".repeat(200))), client.prefetch(&title("\u{1b}[2J"))];
    settle().await;
    let text = client.activity(10).to_string();
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let wide = text.lines().find(|line| line.contains('話')).unwrap();
    let width: usize = wide.chars().map(|character| if character == '話' { 2 } else { 1 }).sum();
    assert!((79..=80).contains(&width), "{width}: {wide}");
    drop(loads);
}
