//! Several queries that are loaded together: a slice of one type, or a tuple of different types.

use cache_core::Holds;

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::erased::{Outcome, typed};
use crate::fetch::{Answer, Fetch};

/// Queries of unknown types.
#[allow(missing_debug_implementations, reason = "nobody outside can name it")]
pub struct QueryList<'a, A: App>(pub(crate) Vec<&'a dyn AnyQuery<A>>);

/// The outcomes of queries, in their order.
#[allow(missing_debug_implementations, reason = "nobody outside can name it")]
pub struct OutcomeList(pub(crate) std::vec::IntoIter<Outcome>);

/// Several queries that are loaded together: a reference to a slice, an array or a `Vec` of one query type, or a tuple
/// of up to eight queries of different types. Sealed: only this crate implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a slice nor a tuple of queries that can be loaded with `{A}`",
    note = "pass queries of one type as `&[first, second]`, and queries of different types as `(first, second)`"
)]
pub trait QuerySet<A: App>: Send + Sync + sealed::Sealed {
    /// One answer for each query: a `Vec` for a slice, a tuple for a tuple.
    type Answers: Send;

    #[doc(hidden)]
    fn __list(&self) -> QueryList<'_, A>;

    #[doc(hidden)]
    fn __answers(outcomes: OutcomeList) -> Self::Answers;
}

mod sealed {
    /// Keeps other crates from implementing [`QuerySet`](super::QuerySet).
    pub trait Sealed {}
}

impl OutcomeList {
    /// Returns the next outcome, with the types of its query.
    fn next<A: App, Q: Fetch<A>>(&mut self) -> Answer<A, Q> {
        match self.0.next() {
            Some(outcome) => typed(outcome),
            None => unreachable!("there is one outcome for each query"),
        }
    }
}

/// Lists several keys of one query.
fn list_of<A: App, Q: Fetch<A>>(queries: &[Q]) -> QueryList<'_, A>
where
    A::Registry: Holds<Q>,
{
    let mut all: Vec<&dyn AnyQuery<A>> = Vec::with_capacity(queries.len());
    for query in queries {
        all.push(query);
    }
    QueryList(all)
}

impl<Q> sealed::Sealed for &[Q] {}

impl<A: App, Q: Fetch<A>> QuerySet<A> for &[Q]
where
    A::Registry: Holds<Q>,
{
    type Answers = Vec<Answer<A, Q>>;

    fn __list(&self) -> QueryList<'_, A> {
        list_of(self)
    }

    fn __answers(outcomes: OutcomeList) -> Self::Answers {
        let mut answers = Vec::with_capacity(outcomes.0.len());
        for outcome in outcomes.0 {
            answers.push(typed(outcome));
        }
        answers
    }
}

impl<Q, const N: usize> sealed::Sealed for &[Q; N] {}

impl<A: App, Q: Fetch<A>, const N: usize> QuerySet<A> for &[Q; N]
where
    A::Registry: Holds<Q>,
{
    type Answers = Vec<Answer<A, Q>>;

    fn __list(&self) -> QueryList<'_, A> {
        list_of(&self[..])
    }

    fn __answers(outcomes: OutcomeList) -> Self::Answers {
        <&[Q] as QuerySet<A>>::__answers(outcomes)
    }
}

impl<Q> sealed::Sealed for &Vec<Q> {}

impl<A: App, Q: Fetch<A>> QuerySet<A> for &Vec<Q>
where
    A::Registry: Holds<Q>,
{
    type Answers = Vec<Answer<A, Q>>;

    fn __list(&self) -> QueryList<'_, A> {
        list_of(self)
    }

    fn __answers(outcomes: OutcomeList) -> Self::Answers {
        <&[Q] as QuerySet<A>>::__answers(outcomes)
    }
}

macro_rules! tuple {
    ($($query:ident $at:tt),+) => {
        impl<$($query),+> sealed::Sealed for ($($query,)+) {}

        impl<A: App, $($query: Fetch<A>),+> QuerySet<A> for ($($query,)+)
        where
            $(A::Registry: Holds<$query>),+
        {
            type Answers = ($(Answer<A, $query>,)+);

            fn __list(&self) -> QueryList<'_, A> {
                QueryList(vec![$(&self.$at),+])
            }

            fn __answers(mut outcomes: OutcomeList) -> Self::Answers {
                // Tuple expressions are evaluated from left to right.
                ($(outcomes.next::<A, $query>(),)+)
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
