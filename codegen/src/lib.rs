//! The `build.rs` side of the typed query cache.
