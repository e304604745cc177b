//! Two users of one file.

use cache_client::Provider;

use crate::child::Child;
use crate::{HOUR, events, get, new_file, open, set};

#[tokio::test]
async fn a_provider_is_off_while_another_process_uses_the_file_and_then_works() {
    events::collect();
    let (_folder, path) = new_file();
    let mut other = Child::start("hold", &path);
    assert_eq!(other.line(), "open");
    let provider = open(&path);
    assert_eq!(get(&provider, "held").await, None);
    set(&provider, "held", "not kept").await;
    let error = provider.remove("held").await.unwrap_err();
    assert_eq!(error.to_string(), "another process uses the file");
    assert_eq!(events::count(&path, "another process"), 1, "each attempt is no news");
    other.end();
    // The next call opens the file.
    set(&provider, "own", "kept").await;
    assert_eq!(get(&provider, "held").await.as_deref(), Some("by the child"));
    assert_eq!(get(&provider, "own").await.as_deref(), Some("kept"));
    assert_eq!(events::count(&path, "is used again"), 1);
}

#[tokio::test]
async fn reads_alone_detect_that_the_file_is_free() {
    let (_folder, path) = new_file();
    let other = open(&path);
    set(&other, "a", "1").await;
    let provider = open(&path);
    assert_eq!(get(&provider, "a").await, None);
    drop(other);
    // The first read after that opens the file in the background.
    let found = async {
        while get(&provider, "a").await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HOUR / 60, found).await.expect("the file is opened again");
}
