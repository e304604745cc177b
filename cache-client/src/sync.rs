//! The lock that a model check takes the place of. Nothing but another name here.

pub(crate) use parking_lot::Mutex;
