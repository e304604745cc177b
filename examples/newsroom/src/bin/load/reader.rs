//! One reader: a connection that sends one request after the other, each chosen at random, and checks the answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use newsroom::visitor::{Failure, Response, Visitor};
use serde_json::json;

use crate::checks::{self, Acknowledged};

/// The newest articles, which most readers read.
const POPULAR: u64 = 60;

/// The words that readers search for.
const WORDS: &[&str] =
    &["lighthouse", "soup", "bakery", "tram", "swifts", "choral", "honey", "ferry", "dog", "rain"];

/// Faults that are printed in full; further ones are only counted.
const MAX_PRINTED_FAULTS: usize = 5;

pub(crate) struct Reader {
    name: String,
    rng: Rng,
    /// How many articles there are.
    articles: u64,
    posts: u8,
    acknowledged: Arc<Acknowledged>,
    tally: Tally,
}

/// What one reader has seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How long each answer took.
    pub(crate) times: Vec<Duration>,
    pub(crate) posts: u64,
    pub(crate) lost: u64,
    pub(crate) failed: u64,
    pub(crate) torn: u64,
    /// Some of the faults, in words.
    pub(crate) faults: Vec<String>,
}

impl Reader {
    pub(crate) fn new(number: u64, articles: u64, posts: u8, acknowledged: Arc<Acknowledged>) -> Self {
        let (name, rng) = (format!("Reader {number}"), Rng::with_seed(number));
        Self { name, rng, articles, posts, acknowledged, tally: Tally::default() }
    }

    /// Reads until the time is up. Replaces a broken connection.
    pub(crate) async fn read(mut self, address: SocketAddr, end: Instant) -> Tally {
        while Instant::now() < end {
            let mut visitor = match Visitor::to(address).await {
                Ok(visitor) => visitor,
                Err(error) => {
                    self.lose(&error);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            while Instant::now() < end {
                if let Err(error) = self.request(&mut visitor).await {
                    self.lose(&error);
                    break;
                }
            }
        }
        self.tally
    }

    async fn request(&mut self, visitor: &mut Visitor) -> Result<(), Failure> {
        if self.rng.u8(..100) < self.posts {
            return self.post(visitor).await;
        }
        let article = self.article();
        match self.rng.u8(..10) {
            0..4 => {
                let known = self.acknowledged.last(article);
                let response = self.get(visitor, &format!("/api/articles/{article}")).await?;
                self.check(&response, |body| checks::story(body, known));
            }
            4..6 => {
                let known = self.acknowledged.last(article);
                let response = self.get(visitor, &format!("/articles/{article}?whole=true")).await?;
                self.check(&response, |body| checks::page(body, known));
            }
            6 => {
                let response = self.get(visitor, "/").await?;
                self.check(&response, checks::front);
            }
            7 => {
                let (published, id) =
                    (1_780_296_000 - self.rng.i64(..9_000_000), self.rng.u64(..=self.articles));
                let response = self.get(visitor, &format!("/api/feed?before={published}-{id}")).await?;
                self.check(&response, checks::feed);
            }
            8 => {
                let (one, two) = (WORDS[self.rng.usize(..WORDS.len())], WORDS[self.rng.usize(..WORDS.len())]);
                let response = self.get(visitor, &format!("/api/search?q={one}+{two}")).await?;
                self.check(&response, checks::json);
            }
            _ => {
                let response = self.get(visitor, "/api/stats").await?;
                self.check(&response, checks::json);
            }
        }
        Ok(())
    }

    async fn post(&mut self, visitor: &mut Visitor) -> Result<(), Failure> {
        let article = self.article();
        let text =
            format!("{} has something to say on {article}, for the {}th time.", self.name, self.tally.posts);
        let began = Instant::now();
        let body = json!({ "name": self.name, "text": text });
        let response = visitor.post(&format!("/api/articles/{article}/comments"), &body).await?;
        self.tally.times.push(began.elapsed());
        let number = response.json().ok().and_then(|comment| comment["number"].as_u64());
        match number.filter(|_| response.status == 201) {
            Some(number) => {
                self.tally.posts += 1;
                self.acknowledged.note(article, number);
            }
            None => self.fail(&response),
        }
        Ok(())
    }

    async fn get(&mut self, visitor: &mut Visitor, path: &str) -> Result<Response, Failure> {
        let began = Instant::now();
        let response = visitor.get(path).await?;
        self.tally.times.push(began.elapsed());
        Ok(response)
    }

    fn check(&mut self, response: &Response, check: impl FnOnce(&str) -> Result<(), String>) {
        if response.status != 200 {
            return self.fail(response);
        }
        if let Err(fault) = check(&response.body) {
            self.tally.torn += 1;
            self.record_fault(format!("torn: {fault}"));
        }
    }

    fn fail(&mut self, response: &Response) {
        self.tally.failed += 1;
        self.record_fault(format!("failed: {} {}", response.status, response.body));
    }

    fn lose(&mut self, error: &Failure) {
        self.tally.lost += 1;
        self.record_fault(format!("lost: {error}"));
    }

    fn record_fault(&mut self, fault: String) {
        if self.tally.faults.len() < MAX_PRINTED_FAULTS {
            self.tally.faults.push(fault);
        }
    }

    /// An article, mostly one of the newest.
    fn article(&mut self) -> u64 {
        match self.rng.u8(..10) {
            0 => self.rng.u64(1..=self.articles),
            _ => self.articles - self.rng.u64(..POPULAR.min(self.articles)),
        }
    }
}
