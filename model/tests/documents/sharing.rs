//! Stands in for the tier of several machines, which the checks do not have.

use cache_core::client_support::{AnyKey, AnyTable};

/// What a change names for other machines.
#[derive(Debug)]
pub(crate) enum Mark {}

pub(crate) fn mark_of(_: AnyTable<'_>, _: &dyn AnyKey) -> Option<Mark> {
    None
}

pub(crate) mod drops {
    use std::sync::atomic::AtomicBool;

    use super::Mark;
    use crate::app::App;
    use crate::client::Client;

    /// The drops of one commit, of which there are none.
    pub(crate) struct CommitDrops;

    impl CommitDrops {
        pub(crate) fn new<A: App>(_: &Client<A>) -> Self {
            Self
        }

        pub(crate) async fn send(&mut self, _: Vec<Mark>, _: Option<&AtomicBool>) {}

        pub(crate) fn committed(self) {}
    }
}
