//! Whether the client is active and online, as the program has set. Plain data.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether the client is active and online.
#[derive(Debug)]
pub(crate) struct Presence {
    state: watch::Sender<PresenceState>,
    /// A copy of the state's field, so that loads take no lock.
    is_offline: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PresenceState {
    /// Whether the user can see the observed values.
    pub(crate) is_active: bool,
    pub(crate) is_online: bool,
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

    pub(crate) fn change(&self, change: impl FnOnce(&mut PresenceState)) {
        self.state.send_if_modified(|state| {
            let before = *state;
            change(state);
            self.is_offline.store(!state.is_online, Ordering::Relaxed);
            *state != before
        });
    }
}
