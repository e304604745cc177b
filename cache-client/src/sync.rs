//! The lock and the atomics, which the model checks replace. Here they are only re-exported.

pub(crate) use parking_lot::Mutex;
pub(crate) use std::sync::atomic;
