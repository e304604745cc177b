//! How values of a query are compared. Compiled for each query that compares its values.

use crate::query::Query;
use crate::shard::erased::AnyPair;
use crate::typed::Pair;

/// Returns whether the value of a pair is the same answer as the current one.
pub(crate) type IsSame = fn(&dyn AnyPair, &dyn AnyPair) -> bool;

/// Returns how values of a query are compared, if they are.
pub(crate) const fn is_same_of<Q: Query>() -> Option<IsSame> {
    const {
        match Q::COMPARES {
            true => Some(is_same::<Q> as IsSame),
            false => None,
        }
    }
}

/// Returns whether the value of a pair is the same answer as the current one.
fn is_same<Q: Query>(pair: &dyn AnyPair, present: &dyn AnyPair) -> bool {
    match (Pair::<Q>::value_of(pair), Pair::<Q>::value_of(present)) {
        (Some(value), Some(present)) => Q::same_value(present, value),
        _ => false,
    }
}
