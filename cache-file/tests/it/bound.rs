//! Which entries are dropped when space runs out.

use std::collections::VecDeque;
use std::sync::Arc;

use cache_client::Provider;
use cache_file::FileProvider;
use proptest::prelude::*;
use tokio::task::JoinSet;

use crate::{HOUR, get, new_file, open, set, sized};

#[tokio::test]
async fn the_oldest_entries_go_first_and_those_read_stay_for_one_more_round() {
    let (_folder, path) = new_file();
    // A key of one byte and a value of nine.
    let provider = open(&path).max_bytes(30);
    let value = "123456789";
    for key in ["a", "b", "c"] {
        set(&provider, key, value).await;
    }
    assert!(get(&provider, "a").await.is_some());
    set(&provider, "d", value).await;
    // `a` was read, so `b` is dropped. `a` is now the newest except for `d`, and no longer marked.
    set(&provider, "e", value).await;
    set(&provider, "f", value).await;
    let mut kept = Vec::new();
    for key in ["a", "b", "c", "d", "e", "f"] {
        kept.extend(get(&provider, key).await.map(|_| key));
    }
    assert_eq!(kept, ["a", "e", "f"]);
}

#[tokio::test]
async fn a_value_larger_than_the_queue_is_written() {
    let (_folder, path) = new_file();
    let provider = open(&path);
    let large = provider.set("a", vec![7; 17 * 1024 * 1024], HOUR);
    let small = provider.set("b", vec![7; 1], HOUR);
    let (large, small) = tokio::join!(large, small);
    large.and(small).unwrap();
    assert_eq!(provider.get("a").await.unwrap().map(|value| value.len()), Some(17 * 1024 * 1024));
}

#[tokio::test]
async fn an_entry_larger_than_the_bound_replaces_the_old_one_and_is_not_kept() {
    let (_folder, path) = new_file();
    let provider = open(&path).max_bytes(30);
    set(&provider, "a", "1").await;
    set(&provider, "b", "2").await;
    set(&provider, "a", &"x".repeat(30)).await;
    assert_eq!(get(&provider, "a").await, None);
    assert_eq!(get(&provider, "b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn a_smaller_bound_applies_from_the_next_write_on() {
    let (_folder, path) = new_file();
    let provider = open(&path);
    for key in ["a", "b", "c"] {
        set(&provider, key, "123456789").await;
    }
    drop(provider);
    let provider = open(&path).max_bytes(20);
    provider.remove("other").await.unwrap();
    assert_eq!(get(&provider, "a").await, None);
    assert!(get(&provider, "b").await.is_some() && get(&provider, "c").await.is_some());
}

/// 1,000,000 entries into 64 MiB in full.
#[tokio::test(flavor = "multi_thread")]
async fn many_more_entries_than_fit_stay_within_the_bound() {
    let (_folder, path) = new_file();
    let (count, max_bytes) = sized((5_000, 1 << 18), (1_000_000, 64 << 20));
    let provider = Arc::new(open(&path).max_bytes(max_bytes));
    let mut tasks = JoinSet::new();
    for first in 0..64 {
        let provider = Arc::clone(&provider);
        tasks.spawn(async move {
            for key in (first..count).step_by(64) {
                provider.set(&key.to_string(), vec![7; 1 << 10], HOUR).await.unwrap();
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let mut bytes = 0;
    for key in 0..count {
        let key = key.to_string();
        let found = provider.get(&key).await.unwrap();
        bytes += found.map_or(0, |value| (key.len() + value.len()) as u64);
    }
    assert!(bytes <= max_bytes, "{bytes} are kept");
    assert!(bytes > max_bytes - 2 * 1_100, "only {bytes} are kept");
    let file = std::fs::metadata(&path).unwrap().len();
    assert!(file < 4 * max_bytes + (8 << 20), "the file takes {file} bytes");
}

/// A naive provider.
struct Naive {
    entries: VecDeque<NaiveEntry>,
    max_bytes: usize,
}

struct NaiveEntry {
    key: u8,
    value: Vec<u8>,
    is_read: bool,
}

impl Naive {
    fn set(&mut self, key: u8, value: Vec<u8>) {
        self.remove(key);
        if value.len() < self.max_bytes {
            self.entries.push_back(NaiveEntry { key, value, is_read: false });
        }
        while self.entries.iter().map(|entry| 1 + entry.value.len()).sum::<usize>() > self.max_bytes {
            let oldest = self.entries.pop_front().unwrap();
            if oldest.is_read {
                self.entries.push_back(NaiveEntry { is_read: false, ..oldest });
            }
        }
    }

    fn remove(&mut self, key: u8) {
        self.entries.retain(|entry| entry.key != key);
    }

    fn get(&mut self, key: u8) -> Option<Vec<u8>> {
        let entry = self.entries.iter_mut().find(|entry| entry.key == key)?;
        entry.is_read = true;
        Some(entry.value.clone())
    }

    fn restart(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.is_read = false);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set { key: u8, length: usize },
    Get(u8),
    Remove(u8),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let key = b'a'..b'k';
    prop_oneof![
        10 => (key.clone(), 0..12_usize).prop_map(|(key, length)| Step::Set { key, length }),
        10 => key.clone().prop_map(Step::Get),
        2 => key.prop_map(Step::Remove),
        1 => Just(Step::Restart),
    ]
}

async fn run(steps: Vec<Step>, max_bytes: usize) {
    let (_folder, path) = new_file();
    let start = || open(&path).max_bytes(max_bytes as u64);
    let mut provider: Option<FileProvider> = Some(start());
    let mut naive = Naive { entries: VecDeque::new(), max_bytes };
    for (number, step) in steps.into_iter().enumerate() {
        let present = provider.as_ref().unwrap();
        match step {
            Step::Set { key, length } => {
                let value = vec![number as u8; length];
                naive.set(key, value.clone());
                present.set(&char::from(key).to_string(), value, HOUR).await.unwrap();
            }
            Step::Get(key) => {
                let found = present.get(&char::from(key).to_string()).await.unwrap();
                assert_eq!(found, naive.get(key));
            }
            Step::Remove(key) => {
                naive.remove(key);
                present.remove(&char::from(key).to_string()).await.unwrap();
            }
            Step::Restart => {
                drop(provider.take());
                naive.restart();
                provider = Some(start());
            }
        }
    }
    for key in b'a'..b'k' {
        let found = provider.as_ref().unwrap().get(&char::from(key).to_string()).await.unwrap();
        assert_eq!(found, naive.get(key));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(sized(24, 500)))]

    #[test]
    fn it_keeps_what_a_naive_provider_keeps(steps in prop::collection::vec(step(), 1..80), max_bytes in 0..60_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(steps, max_bytes));
    }
}
