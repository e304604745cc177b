//! The comparison with peers: what its programs share. `main.rs` says what is measured, and how to read the results.

mod charts;
mod commands;
mod compile;
mod floors;
mod instructions;
mod keys;
mod measure;
mod memory;
mod options;
mod oracle;
mod peers;
mod report;
mod row;
mod traces;
mod workloads;

pub use commands::{charts, check, compare, compile, instructions, memory};
