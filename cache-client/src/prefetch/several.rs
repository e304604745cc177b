//! What can be prefetched together: tuples of references to queries of different types, and slices of one type.

use cache_core::Holds;

use super::{Load, Prefetched};
use crate::app::{App, Fetch};
use crate::ask::Asker;

/// Starts the loads of several queries, one after the other.
#[allow(missing_debug_implementations, reason = "nobody outside can name it")]
pub struct Crew<'a, A: App> {
    asker: Asker<'a, A>,
    loads: Vec<Load>,
}

impl<'a, A: App> Crew<'a, A> {
    pub(super) fn start(asker: Asker<'a, A>, queries: impl Several<A>) -> Prefetched {
        let mut crew = Self { asker, loads: Vec::new() };
        queries.start(&mut crew);
        Prefetched { loads: crew.loads, slot: asker.slot_around() }
    }

    fn load<Q: Fetch<A>>(&mut self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        if let Some(flight) = self.asker.prefetch(query) {
            self.loads.push(Box::pin(self.asker.end_of(flight)));
        }
    }
}

/// What stands behind [`Prefetch`](super::Prefetch): nobody else may implement or call it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that can be prefetched with `{A}`",
    label = "neither a tuple of references to queries nor a slice of queries",
    note = "write `(&first, &second)`, or `&[query]` for queries of one type; a single query needs `prefetch`"
)]
pub trait Several<A: App> {
    /// Starts a load for each.
    fn start(self, crew: &mut Crew<'_, A>);
}

impl<A: App, Q: Fetch<A>> Several<A> for &[Q]
where
    A::Registry: Holds<Q>,
{
    fn start(self, crew: &mut Crew<'_, A>) {
        self.iter().for_each(|query| crew.load(query));
    }
}

impl<A: App, Q: Fetch<A>, const N: usize> Several<A> for &[Q; N]
where
    A::Registry: Holds<Q>,
{
    fn start(self, crew: &mut Crew<'_, A>) {
        self.as_slice().start(crew);
    }
}

impl<A: App, Q: Fetch<A>> Several<A> for &Vec<Q>
where
    A::Registry: Holds<Q>,
{
    fn start(self, crew: &mut Crew<'_, A>) {
        self.as_slice().start(crew);
    }
}

macro_rules! tuple {
    ($($query:ident $place:tt),*) => {
        impl<A: App, $($query: Fetch<A>),*> Several<A> for ($(&$query,)*)
        where
            $(A::Registry: Holds<$query>,)*
        {
            fn start(self, crew: &mut Crew<'_, A>) {
                $(crew.load(self.$place);)*
            }
        }
    };
}

tuple!(Q0 0);
tuple!(Q0 0, Q1 1);
tuple!(Q0 0, Q1 1, Q2 2);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3, Q4 4);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3, Q4 4, Q5 5);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3, Q4 4, Q5 5, Q6 6);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3, Q4 4, Q5 5, Q6 6, Q7 7);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3, Q4 4, Q5 5, Q6 6, Q7 7, Q8 8);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3, Q4 4, Q5 5, Q6 6, Q7 7, Q8 8, Q9 9);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3, Q4 4, Q5 5, Q6 6, Q7 7, Q8 8, Q9 9, Q10 10);
tuple!(Q0 0, Q1 1, Q2 2, Q3 3, Q4 4, Q5 5, Q6 6, Q7 7, Q8 8, Q9 9, Q10 10, Q11 11);
