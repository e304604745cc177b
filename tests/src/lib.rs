//! Integration tests of the typed query cache; see `it/`. Here is what several of them share.

pub mod generations;
pub mod hostile;
pub mod hostile_provider;
