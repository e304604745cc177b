//! Processes that are killed while they write.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::{get, new_file, open, set_aside, sized};

#[tokio::test]
async fn a_file_opens_after_its_process_was_killed_and_nothing_removed_comes_back() {
    let (folder, path) = new_file();
    let mut removed = HashSet::new();
    for round in 0..sized(8_u64, 50) {
        let mut child = Child::start("write", &path);
        let mut set = HashSet::new();
        let mut note = |line: &str| match line.split_once(' ').unwrap() {
            ("set", key) => drop(set.insert(key.to_owned())),
            (_, key) => {
                set.remove(key);
                removed.insert(key.to_owned());
            }
        };
        for _ in 0..50 + 100 * (round % 4) {
            note(&child.line());
        }
        // A different moment of a commit in each round.
        let (start, moment) = (Instant::now(), Duration::from_micros(round * 7_919 % 5_000));
        while start.elapsed() < moment {
            std::hint::spin_loop();
        }
        child.kill();
        while let Some(line) = child.next_line() {
            note(&line);
        }
        drop(child);
        let provider = open(&path);
        for key in &removed {
            assert_eq!(get(&provider, key).await, None, "{key} was removed in round {round} or before");
        }
        let mut found = 0;
        for key in &set {
            found += usize::from(get(&provider, key).await.is_some());
        }
        // The bound may have pushed out older ones, and each of the 16 tasks may have removed one more.
        assert!(found + 16 >= set.len().min(700), "{found} of {} are left", set.len());
    }
    assert_eq!(set_aside(folder.path()), [""; 0]);
}
