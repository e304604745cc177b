//! The program as users run it: in a terminal, against a newsroom that comes and goes.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod console;
mod ending;
mod hostile;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod lookup;
mod newsroom;
mod outage;
mod program;
mod using;
mod words;
