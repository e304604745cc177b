//! The program's own state, which loads use. No behaviour.

use cache_core::Registry;

/// The program's own state: connections, configuration, everything that loads need.
pub trait App: Send + Sync + Sized + 'static {
    /// The registry of the cache that the client works on.
    type Registry: Registry;
}
