//! Shapes of types of well-known crates, each crate behind its cargo feature.
