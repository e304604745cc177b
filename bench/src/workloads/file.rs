//! The file provider compared with the database it is built on: single reads, and writes in groups of the same size.
//! Both write to the disk that temporary files are on.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_client::Provider;
use cache_file::FileProvider;
use redb::{Database, ReadableDatabase, TableDefinition};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::report_figures;
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Unit};

const ENTRIES: u32 = 10_000;
/// Writes queued at a time.
const GROUP: u32 = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);
const VALUE: [u8; 1 << 10] = [7; 1 << 10];

const TABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("values");

/// Time per entry.
pub fn run(options: &Options, report: &mut Report) {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    if options.wants("file-get/10k-1kib") {
        run_get(folder.path(), options, report);
    }
    if options.wants("file-set/10k-1kib") {
        run_set(folder.path(), options, report);
    }
}

fn run_get(folder: &Path, options: &Options, report: &mut Report) {
    let (runtime, provider) = (runtime(), open(&folder.join("get-ours")));
    let database = create(&folder.join("get-redb"));
    runtime.block_on(set_all(&provider));
    insert_all(&database);
    let get = move |keys: &[u32]| {
        runtime.block_on(async {
            let mut hits = 0;
            for key in keys {
                hits += usize::from(
                    black_box(provider.get(&name(*key)).await).is_ok_and(|found| found.is_some()),
                );
            }
            hits
        })
    };
    let contestants = [
        Contestant::new("ours", get),
        Contestant::new("redb", move |keys| {
            keys.iter().filter(|key| read(&database, **key).is_some()).count()
        }),
    ];
    let keys = Keys::zipf(ENTRIES, options.effort.sequence());
    let samples = race(&contestants, &keys, 1, options.effort);
    assert!(samples.iter().all(|sample| sample.hit_ratio() == 1.0), "all entries are there");
    let figures: Vec<_> = samples.iter().map(Figure::time_of).collect();
    report_figures(report, "file-get/10k-1kib", 1, &contestants, &figures, Unit::NanosPerOperation);
}

/// Wall-clock time, since the provider writes on a thread of its own.
fn run_set(folder: &Path, options: &Options, report: &mut Report) {
    let (runtime, provider) = (runtime(), open(&folder.join("set-ours")));
    let database = create(&folder.join("set-redb"));
    let contestants: [(&str, &dyn Fn()); 2] =
        [("ours", &|| runtime.block_on(set_all(&provider))), ("redb", &|| insert_all(&database))];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..options.effort.rounds {
        for turn in 0..contestants.len() {
            let index = (turn + round) % contestants.len();
            let start = Instant::now();
            contestants[index].1();
            times[index].push(start.elapsed().as_nanos() as f64 / f64::from(ENTRIES));
        }
    }
    let figures = times.map(|times| Figure::of(&times));
    let contestants = contestants.map(|(name, _)| Contestant::new(name, |_| 0));
    report_figures(report, "file-set/10k-1kib", 1, &contestants, &figures, Unit::NanosPerOperation);
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime of this thread can be made")
}

fn open(path: &Path) -> Arc<FileProvider> {
    Arc::new(FileProvider::open(path).expect("the file can be written"))
}

fn create(path: &Path) -> Database {
    // As much memory as the provider uses.
    Database::builder().set_cache_size(16 << 20).create(path).expect("the file can be written")
}

fn name(key: u32) -> String {
    format!("get_page;id={key}")
}

/// Sets all entries, one group at a time.
async fn set_all(provider: &Arc<FileProvider>) {
    let mut tasks = JoinSet::new();
    for first in 0..GROUP {
        let provider = Arc::clone(provider);
        tasks.spawn(async move {
            for key in (first..ENTRIES).step_by(GROUP as usize) {
                provider.set(&name(key), VALUE.to_vec(), HOUR).await.expect("the disk is not full");
            }
        });
    }
    tasks.join_all().await;
}

/// Does the same with the database, in groups of the same size.
fn insert_all(database: &Database) {
    for first in (0..ENTRIES).step_by(GROUP as usize) {
        let transaction = database.begin_write().expect("there is no other");
        let mut table = transaction.open_table(TABLE).expect("there is no other of this name");
        for key in first..first + GROUP {
            table.insert(&*name(key), &VALUE[..]).expect("the disk is not full");
        }
        drop(table);
        transaction.commit().expect("the disk is not full");
    }
}

fn read(database: &Database, key: u32) -> Option<Vec<u8>> {
    let transaction = database.begin_read().ok()?;
    let table = transaction.open_table(TABLE).ok()?;
    let value = table.get_owned(&*name(key)).ok()??;
    Some(black_box(value.value().to_vec()))
}
