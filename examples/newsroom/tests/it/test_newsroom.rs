//! A service for one test.

use std::fmt::Display;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use cache_client::{Client, TokioClock};
use cache_core::Clock;
use newsroom::app::{self, Newsroom};
use newsroom::database::{LedgerReport, Size};
use newsroom::queries::GetAuthor;
use newsroom::service::Service;
use newsroom::settings::Settings;
use newsroom::sharing;
use newsroom::visitor::{Events, Response, Visitor};
use serde_json::{Value, json};

pub const SIZE: Size = Size { articles: 60, authors: 120 };

pub struct TestNewsroom {
    pub service: Service,
    /// The messages that the start printed.
    pub messages: String,
}

/// Loads that keep all reading connections to the database busy until this is dropped.
pub struct BusyReaders(#[expect(dead_code, reason = "dropped")] mpsc::Sender<()>);

impl BusyReaders {
    pub async fn of(client: &Client<Newsroom>) -> Self {
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        // One for each connection.
        for id in 0..4 {
            let (client, ended) = (client.clone(), Arc::clone(&ended));
            let (sender, begun) = tokio::sync::oneshot::channel();
            tokio::spawn(async move {
                let wait = move |_: &_| {
                    sender.send(()).unwrap();
                    let _ = ended.lock().unwrap().recv();
                    Ok(())
                };
                client.app().database.load(&GetAuthor { id }, wait).await
            });
            begun.await.unwrap();
        }
        Self(end)
    }
}

impl TestNewsroom {
    pub async fn open(folder: &Path) -> Self {
        Self::open_with(folder, &Settings::default()).await
    }

    pub async fn open_with(folder: &Path, settings: &Settings) -> Self {
        Self::open_with_clock(folder, settings, TokioClock::new()).await
    }

    pub async fn open_with_clock(folder: &Path, settings: &Settings, clock: impl Clock + Clone) -> Self {
        let messages = Arc::new(Mutex::new(String::new()));
        let progress = |line: &dyn Display| *messages.lock().unwrap() += &format!("{line}\n");
        let client = app::open_with(folder, SIZE, clock, progress).await.unwrap();
        let service = Service::start_anywhere(client, settings).await.unwrap();
        let messages = messages.lock().unwrap().clone();
        Self { service, messages }
    }

    /// Shares answers by a server with the others in the folder.
    pub async fn open_shared(folder: &Path, url: &str, is_first: bool) -> Self {
        let server = url.parse().unwrap();
        let client = app::open_shared(folder, SIZE, &server, is_first, |_| ()).await.unwrap();
        let service = Service::start_anywhere(client, &Settings::default()).await.unwrap();
        Self { service, messages: String::new() }
    }

    pub async fn visitor(&self) -> Visitor {
        Visitor::to(self.service.address()).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Response {
        self.visitor().await.get(path).await.unwrap()
    }

    #[track_caller]
    pub fn ok(response: &Response) -> Value {
        assert_eq!(response.status, 200, "{}", response.body);
        response.json().unwrap()
    }

    pub async fn json(&self, path: &str) -> Value {
        Self::ok(&self.get(path).await)
    }

    pub async fn post(&self, article: u64, name: &str, text: &str) -> Response {
        let path = format!("/api/articles/{article}/comments");
        self.visitor().await.post(&path, &json!({ "name": name, "text": text })).await.unwrap()
    }

    pub async fn listen(&self, article: u64) -> Events {
        self.listen_to(&format!("/events/{article}")).await
    }

    pub async fn listen_to(&self, path: &str) -> Events {
        self.visitor().await.listen(path).await.unwrap()
    }

    pub fn ledger(&self) -> LedgerReport {
        self.service.client().app().database.ledger.report()
    }

    pub fn loads(&self, query: &str) -> u64 {
        self.ledger().queries.get(query).map_or(0, |query| query.loads)
    }

    /// Stops as the program does if it shares answers. Returns whether the others know everything.
    pub async fn leave(self) -> bool {
        let client = self.service.client().clone();
        self.service.stop().await;
        sharing::end(&client).await.is_empty()
    }

    /// Stops as the program does, and saves a snapshot.
    pub async fn close(self) {
        let client = self.service.client().clone();
        self.service.stop().await;
        app::save(&client).await.unwrap();
    }
}
