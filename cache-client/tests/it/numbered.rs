//! Queries whose key is one number.

use cache_core::Query;

pub trait Numbered: Query {
    fn number(&self) -> u32;
}

macro_rules! numbered {
    ($($query:ident),*) => {
        $(impl Numbered for $query {
            fn number(&self) -> u32 {
                self.0
            }
        })*
    };
}
pub(crate) use numbered;
