//! A process that saves over an old snapshot is killed at random moments: the file that it leaves can be
//! restored.

#[cfg(unix)]
use std::fs;
use std::io::{BufRead, BufReader};
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cache_tests::generations::{restore, save};

const KILLS: u64 = 60;

#[test]
fn a_process_killed_while_it_saves_leaves_a_file_that_restores() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    save(&path, 1);
    open_to_group(&path);
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
            last = saved.next().expect("the child is saving");
        }
        // A moment of the next save, different in each round.
        let moment = Duration::from_micros(round * 7919 % 5000);
        let start = Instant::now();
        while start.elapsed() < moment {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        last = saved.last().unwrap_or(last);
        child.wait().unwrap();
        let found = restore(&path);
        assert!(found == last || found == last + 1, "found {found}, although {last} was saved");
        check_files(folder.path());
    }
    save(&path, 1);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "temporary files of killed processes are removed");
}

#[cfg(unix)]
fn open_to_group(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
}

/// Checks that the snapshot has its old permissions. Beside it there may only be files that the next save
/// removes, with permissions no wider than those of the snapshot.
#[cfg(unix)]
fn check_files(folder: &Path) {
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let (name, mode) =
            (file.file_name().into_string().unwrap(), file.metadata().unwrap().mode() & 0o7777);
        match name.as_str() {
            "app.snapshot" => assert_eq!(mode, 0o640),
            _ => {
                let is_temporary = name.starts_with(".cache-core-snapshot-") && name.ends_with(".tmp");
                assert!(is_temporary, "{name}");
                // A temporary file gets the mode of the old file once it is complete.
                assert!(mode == 0o600 || mode == 0o640, "{name}: {mode:o}");
            }
        }
    }
}

#[cfg(not(unix))]
fn open_to_group(_path: &Path) {}

#[cfg(not(unix))]
fn check_files(_folder: &Path) {}
