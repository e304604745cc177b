//! Saves one generation after another over the file of its argument, and prints each one that is safely on
//! disk. The tests of snapshots start and kill it.

use std::env;
use std::path::PathBuf;

use cache_tests::generations::{restore, save};

fn main() {
    let path: PathBuf = env::args_os().nth(1).expect("usage: save_until_killed PATH").into();
    for next in restore(&path) + 1.. {
        save(&path, next);
        println!("saved {next}");
    }
}
