//! A registry of unused tables. Only ten, since the compiler takes about a second for each.

use cache_core::Query;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 1_000)]
pub struct GetNothing<const NUMBER: usize>;

macro_rules! tables {
    ($($number:literal)*) => {
        cache_core::registry! {
            pub struct Ten {
                $(GetNothing<$number>,)*
            }
        }
    };
}

tables! { 0 1 2 3 4 5 6 7 8 9 }
