//! Stands in for the contexts of loads, which these checks do not have.

use std::marker::PhantomData;

use crate::app::App;
use crate::notes::LoadNotes;

pub struct Context<A: App>(pub(crate) Node<A>);

pub(crate) struct Node<A: App>(PhantomData<fn() -> A>);

impl<A: App> Node<A> {
    pub(crate) fn note(&self, _: impl FnOnce(&mut LoadNotes)) {}
}

pub(crate) mod memo {
    use cache_model::client_support::AnyKey;

    pub(crate) struct Memo;

    impl Memo {
        pub(crate) fn forget(&self, _: &dyn AnyKey) {}
    }
}
