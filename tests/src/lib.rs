//! Integration tests of the typed query cache; see `it/`.
