//! A newspaper whose database is moved away between two runs of the program.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cache_client::{Client, Fetch, Provider};
use cache_core::{Holds, ManualClock};
use newsroom::CacheRegistry;
use newsroom::app::{self, Newsroom};
use newsroom::database::Size;
use newsroom::queries::{CountComments, GetArticle, GetAuthor, GetComments, GetFeed, MostDiscussed};
use newsroom::service::Service;
use newsroom::settings::Settings;
use newsroom::visitor::Visitor;
use tokio::runtime::Runtime;

/// Opens the newspaper, gets pages, and ends. After that, the file of answers has all answers, and is closed.
pub async fn show_pages(folder: &Path, size: Size, paths: &'static [&'static str]) {
    let folder = folder.to_owned();
    // When this runtime is dropped, nothing of the program is left.
    let run = move || {
        Runtime::new().unwrap().block_on(async {
            let client = app::open(&folder, size, |_| ()).await.unwrap();
            let service = Service::start_anywhere(client.clone(), &Settings::default()).await.unwrap();
            for path in paths {
                let page = Visitor::to(service.address()).await.unwrap().get(path).await.unwrap();
                assert_eq!(page.status, 200, "{path}");
            }
            wait_for_copies::<GetFeed>(&client).await;
            wait_for_copies::<MostDiscussed>(&client).await;
            wait_for_copies::<GetArticle>(&client).await;
            wait_for_copies::<GetComments>(&client).await;
            wait_for_copies::<CountComments>(&client).await;
            wait_for_copies::<GetAuthor>(&client).await;
            service.stop().await;
            app::save(&client).await.unwrap();
        });
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// Waits until all cached answers of a query are in the file of answers: they are written in the background.
async fn wait_for_copies<Q: Fetch<Newsroom>>(client: &Client<Newsroom>)
where
    CacheRegistry: Holds<Q>,
{
    let answers = client.app().answers.as_ref().unwrap();
    for key in client.cache().keys::<Q>() {
        let key = client.provider_key(&key).unwrap();
        let is_there = async || answers.get(&key).await.unwrap().is_some();
        let written = async {
            while !is_there().await {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(Duration::from_secs(60), written)
            .await
            .unwrap_or_else(|_| panic!("{key} is not written"));
    }
}

/// Moves the files of the database, which nothing uses.
pub fn move_database(from: &Path, to: &Path) {
    for name in ["newsroom.sqlite", "newsroom.sqlite-wal", "newsroom.sqlite-shm"] {
        let from = from.join(name);
        if from.exists() {
            std::fs::rename(from, to.join(name)).unwrap();
        }
    }
}

/// A clock that stands still, some time from now.
pub fn clock_in(time: Duration) -> Arc<ManualClock> {
    let clock = ManualClock::new();
    clock.set_wall(SystemTime::now() + time);
    Arc::new(clock)
}
