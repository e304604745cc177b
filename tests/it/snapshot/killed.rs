//! A process that saves over an old snapshot, killed at random moments: what it leaves behind restores.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cache_tests::generations::{restore, save};

const KILLS: u64 = 60;

#[test]
fn a_process_killed_while_it_saves_leaves_a_file_that_restores() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    save(&path, 1);
    for round in 0..KILLS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_save_until_killed"))
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut saved = lines.map(|line| line.unwrap()["saved ".len()..].parse::<u64>().unwrap());
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
        let found = restore(&path);
        assert!(found == last || found == last + 1, "{found} is there, {last} was saved");
    }
    save(&path, 1);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "temporary files of the killed are removed");
}
