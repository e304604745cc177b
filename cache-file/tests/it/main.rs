//! Tests of the provider through its public interface, on real files, with real processes.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod bound;
mod child;
mod damage;
mod events;
mod kept;
mod killed;
mod sharing;
#[cfg(unix)]
mod unwritable;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cache_client::Provider;
use cache_file::FileProvider;

const HOUR: Duration = Duration::from_secs(3_600);

/// The size of a long test: `usual`, or `full` with `CACHE_TEST_SIZES=all` in the environment.
fn sized<T>(usual: T, full: T) -> T {
    if std::env::var_os("CACHE_TEST_SIZES").is_some_and(|sizes| sizes == "all") { full } else { usual }
}

/// A folder that is removed after the test, and the path of a file in it.
fn new_file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.redb");
    (folder, path)
}

/// Opens a file that is free. Tries again whenever it is used.
fn open(path: &Path) -> FileProvider {
    FileProvider::open(path).unwrap().retry_after(Duration::ZERO)
}

async fn set(provider: &FileProvider, key: &str, value: &str) {
    provider.set(key, value.as_bytes().to_vec(), HOUR).await.unwrap();
}

async fn get(provider: &FileProvider, key: &str) -> Option<String> {
    let value = provider.get(key).await.unwrap()?;
    Some(String::from_utf8(value).unwrap())
}

/// The names of the files beside the one of the provider.
fn set_aside(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "answers.redb").collect()
}
