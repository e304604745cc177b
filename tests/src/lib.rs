//! Integration tests of the typed query cache; see `it/`. This file has what several of them share.

pub mod generations;
pub mod hostile;
pub mod hostile_provider;

use std::time::Duration;

/// The longest time that a test waits for another thread, by the system clock. On a busy machine a thread may
/// have to wait for minutes. A test that passes waits only as long as necessary.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Returns the size of a test that takes long in full: `usual`, or `full` with `CACHE_TEST_SIZES=all` in the
/// environment.
///
/// The usual size still finds what the test is for. A thorough run sets the variable.
#[must_use]
pub fn sized<T>(usual: T, full: T) -> T {
    if std::env::var_os("CACHE_TEST_SIZES").is_some_and(|sizes| sizes == "all") { full } else { usual }
}
