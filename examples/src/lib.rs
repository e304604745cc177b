//! Programs that a user of the cache would write.
