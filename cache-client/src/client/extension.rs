//! The state that crates on top of the client keep in it, as they get it.

use std::any::Any;
use std::sync::Arc;

use crate::app::App;
use crate::client::Client;

impl<A: App> Client<A> {
    /// Returns the state of type `T` that a crate on top of the client keeps in it. The first call creates it. All
    /// clones of the client have the same.
    ///
    /// It must not hold a client, which would then never be dropped.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// #[derive(Default)]
    /// struct Calls(AtomicU32);
    ///
    /// # fn main() {
    /// # let client = blog_client();
    /// client.extension::<Calls>().0.fetch_add(1, Ordering::Relaxed);
    /// assert_eq!(client.clone().extension::<Calls>().0.load(Ordering::Relaxed), 1);
    /// # }
    /// ```
    #[doc(hidden)]
    #[must_use]
    pub fn extension<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let extensions = self.extensions();
        // Created without the lock, since it is foreign code.
        extensions.get().unwrap_or_else(|| extensions.add(Arc::new(T::default())))
    }
}
