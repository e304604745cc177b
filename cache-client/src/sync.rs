//! The lock and the atomics that a model check takes the place of. Nothing but another name here.

pub(crate) use parking_lot::Mutex;
pub(crate) use std::sync::atomic;
