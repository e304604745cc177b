//! Stands in for the order of mutations, which these checks do not have.

pub(crate) mod order {
    use std::marker::PhantomData;

    pub(crate) struct WrittenEntry<C>(PhantomData<fn(C)>);

    impl<C> WrittenEntry<C> {
        pub(crate) fn new<Q>(_: u64, _: Q, _: fn(&C, &Q)) -> Self {
            Self(PhantomData)
        }
    }
}
