//! How many event streams may be open, and what further clients receive.

use std::time::Duration;

use newsroom::settings::Settings;
use tempfile::tempdir;
use tokio::time::timeout;

use crate::test_newsroom::TestNewsroom;

/// Longer than any step takes.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn one_stream_too_many_is_a_503_until_another_one_ends() {
    let folder = tempdir().unwrap();
    let all = Settings { streams: 2, ..Settings::default() };
    let of_one_address = Settings { streams_per_address: 2, ..Settings::default() };
    for settings in [all, of_one_address] {
        let newsroom = TestNewsroom::open_with(folder.path(), &settings).await;
        let first = newsroom.listen(60).await;
        let _second = newsroom.listen_to("/events/discussed").await;
        let refused = timeout(LONG, newsroom.get("/events/60")).await.expect("the response is not a stream");
        assert_eq!(refused.status, 503, "{settings:?}");
        assert_eq!(refused.headers["retry-after"], "30");
        assert!(refused.json().unwrap()["error"].as_str().unwrap().contains("Too many readers"));
        // A request that is not a stream is still served.
        assert_eq!(newsroom.get("/articles/60").await.status, 200);

        drop(first);
        // The service sees the end of a connection a little later.
        let another = async {
            while newsroom.visitor().await.listen("/events/60").await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, another).await.expect("the ended stream is no longer counted");
        newsroom.close().await;
    }
}

#[tokio::test]
async fn a_stream_that_is_not_begun_is_not_counted() {
    let folder = tempdir().unwrap();
    let newsroom =
        TestNewsroom::open_with(folder.path(), &Settings { streams: 1, ..Settings::default() }).await;
    for path in ["/events/61", "/events/x"] {
        newsroom.get(path).await;
    }
    assert_eq!(
        newsroom.visitor().await.send("HEAD", "/events/60", &[], String::new()).await.unwrap().status,
        200
    );
    newsroom.listen(60).await;
}
