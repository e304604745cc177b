//! A full disk, and a file that cannot be written. A limit on the size of files, in a process of its own, simulates
//! both.

use std::path::Path;

use cache_client::Provider;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::child::Child;
use crate::{HOUR, events, get, new_file, open, set};

fn limit_files_to(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: bytes.or(maximum), maximum }).unwrap();
}

#[test]
fn on_a_full_disk_writes_fail_and_reads_continue_until_there_is_space() {
    let (_folder, path) = new_file();
    Child::start_without_signal("fill", &path).end();
}

/// In a child.
pub async fn fill(path: &Path) {
    events::collect();
    let provider = open(path);
    limit_files_to(Some(1 << 20));
    let mut kept = 0_u32;
    let error = loop {
        match provider.set(&kept.to_string(), vec![7; 10_000], HOUR).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1_000, "the disk is full at some point");
    };
    assert!(kept > 20 && !error.to_string().is_empty(), "{kept} were kept: {error}");
    for round in 0..3 {
        for key in 0..kept {
            let found = provider.get(&key.to_string()).await.unwrap();
            assert_eq!(found, Some(vec![7; 10_000]), "entry {key} of {kept} in round {round}");
        }
        assert!(provider.set("large", vec![7; 100_000], HOUR).await.is_err());
    }
    assert!(events::count(path, "is only read") > 0);
    limit_files_to(None);
    provider.set("large", vec![7; 100_000], HOUR).await.unwrap();
    assert_eq!(provider.get("0").await.unwrap(), Some(vec![7; 10_000]));
    assert!(events::count(path, "is used again") > 0);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_read() {
    let (_folder, path) = new_file();
    let provider = open(&path);
    set(&provider, "a", "1").await;
    drop(provider);
    Child::start_without_signal("read", &path).end();
    assert_eq!(get(&open(&path), "a").await.as_deref(), Some("1"));
}

/// In a child.
pub async fn read(path: &Path) {
    events::collect();
    limit_files_to(Some(0));
    let provider = open(path);
    for _ in 0..3 {
        assert_eq!(get(&provider, "a").await.as_deref(), Some("1"));
        assert!(provider.set("b", vec![2], HOUR).await.is_err());
        assert!(provider.remove("a").await.is_err());
    }
    assert_eq!(events::count(path, "is only read"), 1);
}
