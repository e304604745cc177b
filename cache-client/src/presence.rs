//! Whether the client is shown and connected, as the program says. Loads nothing itself.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use crate::app::App;
use crate::client::Client;

/// Whether the client is shown and connected.
#[derive(Debug)]
pub(crate) struct Presence {
    state: watch::Sender<PresenceState>,
    /// The same as in the state, for loads, which take no lock for it.
    is_offline: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PresenceState {
    /// Anybody can see what is observed.
    is_active: bool,
    is_online: bool,
}

impl PresenceState {
    /// Whether observed keys are to be kept up to date.
    pub(crate) fn is_awake(self) -> bool {
        self.is_active && self.is_online
    }
}

impl Default for Presence {
    fn default() -> Self {
        let state = watch::Sender::new(PresenceState { is_active: true, is_online: true });
        Self { state, is_offline: AtomicBool::new(false) }
    }
}

impl Presence {
    pub(crate) fn watch(&self) -> watch::Receiver<PresenceState> {
        self.state.subscribe()
    }

    #[inline]
    pub(crate) fn is_offline(&self) -> bool {
        self.is_offline.load(Ordering::Relaxed)
    }

    pub(crate) async fn until_online(&self) {
        // The sender cannot be dropped meanwhile.
        let _ = self.watch().wait_for(|state| state.is_online).await;
    }

    fn change(&self, change: impl FnOnce(&mut PresenceState)) {
        self.state.send_if_modified(|state| {
            let before = *state;
            change(state);
            self.is_offline.store(!state.is_online, Ordering::Relaxed);
            *state != before
        });
    }
}

impl<A: App> Client<A> {
    /// Tells the client whether anybody can see what it shows. An inactive client does not poll. When it becomes active
    /// again, it loads each observed key once that is stale, or is observed with `poll`. A new client is active.
    ///
    /// # Examples
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctest_setup.rs"));
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let observer = client.observe_with(&GetTitle { id: 1 }, |options| options.poll(Duration::from_secs(10)));
    /// client.set_active(false);
    /// tokio::time::sleep(Duration::from_secs(60)).await;
    /// assert_eq!(client.app().loads(), 1, "the first load alone");
    ///
    /// client.set_active(true);
    /// tokio::time::sleep(Duration::from_secs(1)).await;
    /// assert_eq!(client.app().loads(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_active(&self, is_active: bool) {
        self.presence().change(|state| state.is_active = is_active);
    }

    /// Tells the client whether the source of its loads can be reached. While it cannot, loads, retries and polls pause
    /// instead of failing: a call that has to load waits, and a load that fails now is loaded again later. When the
    /// client is online again, they continue, and each observed key is loaded once that is stale, or is observed with
    /// `poll`. A new client is online. Mutations and [sources](crate::Source) are not affected.
    ///
    /// See the page on [runtimes, sleep and being offline](crate::guide::runtimes#offline).
    ///
    /// # Examples
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctest_setup.rs"));
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.set_online(false);
    /// let observer = client.observe(&GetTitle { id: 1 });
    /// tokio::time::sleep(Duration::from_secs(60)).await;
    /// assert!(observer.state().is_pending());
    /// assert_eq!(client.app().loads(), 0);
    ///
    /// client.set_online(true);
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_online(&self, is_online: bool) {
        self.presence().change(|state| state.is_online = is_online);
    }

    /// Returns whether the client is online, as [`set_online`](Self::set_online) has said.
    #[must_use]
    pub fn is_online(&self) -> bool {
        !self.presence().is_offline()
    }
}
