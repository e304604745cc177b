//! A process that saves over an old snapshot, killed at random moments: what it leaves behind restores.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::*;

const KILLS: u64 = 60;
const PATH: &str = "CACHE_TESTS_SNAPSHOT_TO_SAVE";
/// What the cache of generation `n` holds: so many books, each with `n` pages.
fn size(generation: u64) -> u64 {
    500 + generation % 500
}

fn save(path: &Path, generation: u64) {
    let cache = Cache::<Library>::new();
    for id in 0..size(generation) {
        let title = format!("book {id}");
        cache.insert(GetBook { id }, Book { title, pages: generation as u32 });
    }
    cache.save(path).unwrap();
}

/// Generation of the snapshot at `path`, every entry of which is looked at.
#[track_caller]
fn generation(path: &Path) -> u64 {
    let cache = Cache::<Library>::new();
    cache.restore(path).expect("the snapshot is whole");
    let generation = u64::from(cache.get(&GetBook { id: 0 }).unwrap().pages);
    assert_eq!(cache.count::<GetBook>() as u64, size(generation));
    assert!(cache.values::<GetBook>().iter().all(|book| u64::from(book.pages) == generation));
    generation
}

/// Not a test: what the killed process does. Says each generation that is safely on disk.
#[test]
#[ignore = "started by the test below, in a process of its own"]
fn saves_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let path = Path::new(&path);
    for next in generation(path) + 1.. {
        save(path, next);
        println!("\nsaved {next}");
    }
}

#[test]
fn a_process_killed_while_it_saves_leaves_a_file_that_restores() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    save(&path, 1);
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "snapshot::killed::saves_until_it_is_killed"])
            .env(PATH, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut saved =
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("saved ")?.parse::<u64>().ok());
        let mut last = 0;
        for _ in 0..1 + round % 2 {
            last = saved.next().expect("the child saves");
        }
        // A moment of the next save, another one in each round.
        let moment = Duration::from_micros(round * 7919 % 5000);
        let start = Instant::now();
        while start.elapsed() < moment {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        last = saved.last().unwrap_or(last);
        child.wait().unwrap();
        let found = generation(&path);
        assert!(found == last || found == last + 1, "{found} is there, {last} was saved");
    }
    save(&path, 1);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "temporary files of the killed are removed");
}
