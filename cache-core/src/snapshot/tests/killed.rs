//! A process that saves over an old snapshot, killed at random moments: what it leaves behind restores.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::*;
use crate::snapshot::file;

const KILLS: u64 = 60;
const PATH: &str = "CACHE_CORE_SNAPSHOT_TO_SAVE";

fn save_at(path: &Path, revision: u64) {
    let codec = GetBook::persistence().expect("books are persisted");
    let mut entries = books(500 + revision % 500);
    entries.iter_mut().for_each(|entry| entry.meta.revision = revision);
    let image = QueryImage::new(GetBook::NAME, &codec, entries);
    file::replace(path, |out| {
        write_snapshot(out, saved_at(), revision, &mut [Box::new(image)], &mut |_, _| {})
    })
    .expect("the snapshot can be saved");
}

/// Revision of the snapshot at `path`, every entry of which was verified.
#[track_caller]
fn revision_at(path: &Path) -> u64 {
    let bytes = file::read(path).expect("the file can be read").expect("there is a file");
    let snapshot = Snapshot::parse(&bytes).expect("the snapshot is whole");
    let revision = snapshot.revision();
    let decoded = load(&GetBook::persistence().expect("books are persisted"), &bytes).expect("it decodes");
    assert_eq!(decoded.entries.len() as u64, 500 + revision % 500);
    assert!(decoded.entries.iter().all(|entry| entry.meta.revision == revision));
    revision
}

/// Not a test: what the killed process does. Says each revision that is safely on disk.
#[test]
#[ignore = "started by the test below, in a process of its own"]
fn saves_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let path = Path::new(&path);
    for revision in revision_at(path) + 1.. {
        save_at(path, revision);
        println!("\nsaved {revision}");
    }
}

#[test]
fn a_process_killed_while_it_saves_leaves_a_file_that_restores() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    save_at(&path, 1);
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "snapshot::tests::killed::saves_until_it_is_killed",
            ])
            .env(PATH, &path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut saved =
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("saved ")?.parse::<u64>().ok());
        let mut last = 0;
        for _ in 0..1 + round % 2 {
            last = saved.next().expect("the child saves");
        }
        // A moment of the next save, another one in each round.
        let moment = Duration::from_micros(round * 7919 % 3000);
        let start = Instant::now();
        while start.elapsed() < moment {
            std::hint::spin_loop();
        }
        child.kill().expect("the child can be killed");
        last = saved.last().unwrap_or(last);
        child.wait().expect("the child ends");
        let found = revision_at(&path);
        assert!(found == last || found == last + 1, "{found} is there, {last} was saved");
    }
    assert!(revision_at(&path) > 1, "the children did save");
    save_at(&path, 1);
    let left = std::fs::read_dir(folder.path()).expect("the folder is readable").count();
    assert_eq!(left, 1, "temporary files of the killed are removed");
}
