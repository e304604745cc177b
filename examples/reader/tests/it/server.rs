//! The newsroom's real server, on a free port of this machine, which can be stopped and started again.

use std::net::SocketAddr;
use std::time::Duration;

use newsroom::app;
use newsroom::database::Size;
use newsroom::service::Service;
use newsroom::settings::Settings;
use newsroom::visitor::Visitor;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const SIZE: Size = Size { articles: 60, authors: 120 };

pub struct Server {
    runtime: Runtime,
    folder: TempDir,
    address: SocketAddr,
    service: Option<Service>,
}

/// An article, as the server lists it.
pub struct Listed {
    pub id: String,
    pub title: String,
    pub author: String,
}

impl Server {
    pub fn start() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
        let mut server = Self { runtime, folder, address, service: None };
        server.start_again();
        server
    }

    pub fn start_again(&mut self) {
        let serve = async {
            let client = app::open(self.folder.path(), SIZE, |_| ()).await.unwrap();
            let listener = TcpListener::bind(self.address).await.unwrap();
            Service::start(client, listener, &Settings::default()).unwrap()
        };
        let service = self.runtime.block_on(serve);
        self.address = service.address();
        self.service = Some(service);
    }

    /// From now on nothing listens there.
    pub fn stop(&mut self) {
        let service = self.service.take().unwrap();
        self.runtime.block_on(service.stop());
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Delays what the database does.
    pub fn is_slow(&self, time: Duration) {
        self.faults().delay(time);
    }

    /// Makes the database fail.
    pub fn is_broken(&self, is_broken: bool) {
        self.faults().be_down(is_broken);
    }

    fn faults(&self) -> &newsroom::database::Faults {
        &self.service.as_ref().unwrap().client().app().database.faults
    }

    /// All articles, newest first.
    pub fn articles(&self) -> Vec<Listed> {
        self.runtime.block_on(async {
            let mut visitor = Visitor::to(self.address).await.unwrap();
            let (mut all, mut path) = (Vec::new(), Some("/api/articles?include=author".to_owned()));
            while let Some(next) = path {
                let page = visitor.get(&next).await.unwrap().json().unwrap();
                let included = page["included"].as_array().unwrap();
                all.extend(page["data"].as_array().unwrap().iter().map(|article| {
                    let id = &article["relationships"]["author"]["data"]["id"];
                    let author =
                        included.iter().find(|one| one["type"] == "authors" && one["id"] == *id).unwrap();
                    let text = |value: &Value| value.as_str().unwrap().to_owned();
                    Listed {
                        id: text(&article["id"]),
                        title: text(&article["attributes"]["title"]),
                        author: text(&author["attributes"]["name"]),
                    }
                }));
                path = page["links"]["next"].as_str().map(str::to_owned);
            }
            all
        })
    }

    /// The names of the authors of the comments on an article, the newest first.
    pub fn commenters(&self, article: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let mut visitor = Visitor::to(self.address).await.unwrap();
            let story = visitor.get(&format!("/api/articles/{article}")).await.unwrap().json().unwrap();
            let comments = story["comments"]["newest"].as_array().unwrap();
            comments.iter().map(|comment| comment["name"].as_str().unwrap().to_owned()).collect()
        })
    }
}

impl Listed {
    /// The beginning of the title, which every pane has room for on one line.
    pub fn start(&self) -> String {
        self.title.chars().take(15).collect()
    }
}
