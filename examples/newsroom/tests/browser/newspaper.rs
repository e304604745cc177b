//! A newspaper whose comments are slow on request.

use std::time::Duration;

use cache_core::Freshness;
use newsroom::app;
use newsroom::queries::{GetComments, GetDiscussion};
use newsroom::service::Service;
use newsroom::settings::{Scripts, Settings};
use newsroom::visitor::Visitor;
use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::SIZE;

/// A newspaper whose article 400 is in the cache.
pub struct Newspaper {
    pub service: Service,
    _folder: TempDir,
}

impl Newspaper {
    pub async fn open(settings: Settings) -> Self {
        let folder = tempdir().unwrap();
        let client = app::open(folder.path(), SIZE, |_| ()).await.unwrap();
        let service = Service::start_anywhere(client, &settings).await.unwrap();
        let paper = Self { service, _folder: folder };
        paper.get("/articles/400?whole=true").await;
        paper
    }

    pub async fn with(scripts: Scripts) -> Self {
        Self::open(Settings { scripts, ..Settings::default() }).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.address())
    }

    pub async fn get(&self, path: &str) -> String {
        let page = Visitor::to(self.service.address()).await.unwrap().get(path).await.unwrap();
        assert_eq!(page.status, 200, "{path}");
        page.body
    }

    pub async fn post(&self, text: &str) {
        let mut visitor = Visitor::to(self.service.address()).await.unwrap();
        let comment = json!({ "name": "Ada", "text": text });
        let posted = visitor.post("/api/articles/400/comments", &comment).await.unwrap();
        assert_eq!(posted.status, 201);
    }

    /// Posts some long comments.
    pub async fn fill(&self) {
        for number in 0..24 {
            self.post(&format!("{number}: {}", "A long story. ".repeat(130))).await;
        }
        self.get("/articles/400?whole=true").await;
    }

    /// Delays what the database does from now on.
    pub fn delay(&self, time: Duration) {
        self.service.client().app().database.faults.delay(time);
    }

    /// From now on the comments take this long.
    pub fn slow_comments(&self, time: Duration) {
        self.delay(time);
        self.service.client().invalidate(&GetComments { article: 400 });
    }

    /// Waits until comments that were [slow](Self::slow_comments) have been loaded.
    pub async fn until_comments_are_loaded(&self) {
        let cache = self.service.client().cache();
        let is_fresh = || cache.peek_entry(&GetDiscussion { article: 400 }).map(|entry| entry.freshness());
        while is_fresh() != Some(Freshness::Fresh) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn loads(&self) -> u64 {
        self.service.client().app().database.ledger.report().queries["get_comments"].loads
    }
}
