//! Operations on thousands of tables fit on the stack of an ordinary thread.

use std::cell::Cell;

use cache_core::__private::{AnyTable, Assembly, ListedIn};
use cache_core::__private::{Table, TableDescription};
use cache_core::Freshness;

use super::*;

/// The stack of a thread of the standard library.
const STACK: usize = 2 << 20;

fn with_stack<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(bytes).spawn(work).unwrap().join().unwrap()
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 10)]
pub struct Nth<const N: usize>(pub u32);

macro_rules! listed {
    ($($number:literal)*) => {
        registry! {
            pub struct Listed { $($crate::store::many_tables::Nth<$number>,)* }
        }
    };
}

listed! {
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
    64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95
    96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120 121 122 123 124 125 126 127
}

/// A number of tables that compiles quickly, run on a proportional part of the stack that 4,096 tables would have.
const LISTED: usize = 128;

#[test]
fn a_registry_of_many_tables_is_made_on_an_ordinary_stack() {
    assert!(
        size_of::<Listed>() <= (LISTED + 1) * 16,
        "{} bytes on the stack, several times",
        size_of::<Listed>()
    );
    let (tables, described) = with_stack(STACK / 4_096 * LISTED, || {
        let cache = Cache::<Listed>::new();
        (cache.inspect().tables.len(), Listed::describe().len())
    });
    assert_eq!((tables, described), (LISTED + 1, LISTED));
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 10, tags("all"))]
struct GetAny(u32);

const TABLES: usize = 10_000;

/// Many tables of one type, so that their code is compiled once.
#[expect(clippy::vec_box, reason = "the registry hands out boxes")]
struct SameTables(Vec<Box<Table<GetAny>>>);

thread_local! {
    /// The selected table.
    static SELECTED: Cell<usize> = const { Cell::new(0) };
}

impl Registry for SameTables {
    fn assemble(assembly: &mut Assembly<'_>) -> Self {
        Self((0..TABLES).map(|_| assembly.table("alike")).collect())
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(AnyTable<'a>)) {
        self.0.iter().for_each(|table| visitor(AnyTable::of(table)));
    }

    fn describe() -> Vec<TableDescription> {
        Vec::new()
    }
}

impl ListedIn<SameTables> for GetAny {
    fn table(registry: &SameTables) -> &Table<Self> {
        &registry.0[SELECTED.get()]
    }
}

/// Repeats an expression for each of the tables.
fn each(mut act: impl FnMut()) {
    for table in 0..TABLES {
        SELECTED.set(table);
        act();
    }
}

#[test]
fn all_of_many_tables_can_be_changed_at_once_on_an_ordinary_stack() {
    with_stack(STACK, || {
        let cache = Cache::<SameTables>::new();
        each(|| _ = cache.insert(GetAny(1), 1));
        assert_eq!(cache.len(), TABLES);

        let mut tx = cache.begin();
        tx.invalidate_all();
        tx.commit().unwrap();
        each(|| assert_eq!(cache.peek_entry(&GetAny(1)).unwrap().freshness(), Freshness::Invalidated));

        assert_eq!(cache.invalidate_tag("all"), TABLES);
        cache.clear();
        assert_eq!(cache.len(), 0);
        each(|| assert!(cache.get(&GetAny(1)).is_none()));
    });
}

/// Repeats a statement for more tables than a commit keeps locked on its stack.
macro_rules! some {
    ($number:ident => $act:expr) => {
        some! { @each $number => $act; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 }
    };
    (@each $number:ident => $act:expr; $($value:literal)*) => {
        $({
            const $number: usize = $value;
            $act;
        })*
    };
}

#[test]
fn a_commit_to_many_tables_is_applied_whole_or_not_at_all() {
    let cache = Cache::<Listed>::new();
    let mut tx = cache.begin();
    some!(N => tx.set(Nth::<N>(1), 1));
    let receipt = tx.commit().unwrap();
    assert_eq!(receipt.revision(), cache.revision());
    assert_eq!(cache.revision().map(|revision| revision.get()), Some(1), "one commit");
    some!(N => assert_eq!(cache.get(&Nth::<N>(1)).as_deref(), Some(&1)));

    let mut tx = cache.begin();
    some!(N => tx.set(Nth::<N>(1), 2));
    tx.get(&Nth::<23>(2));
    cache.insert(Nth::<23>(2), 0);
    tx.commit().unwrap_err();
    some!(N => assert_eq!(cache.get(&Nth::<N>(1)).as_deref(), Some(&1), "what the last table read has changed"));

    let mut tx = cache.begin();
    some!(N => tx.merge_with(Nth::<N>(1), |old: Option<&u32>| old.unwrap() + 10));
    some!(N => _ = cache.insert(Nth::<N>(1), 5));
    tx.touch(&Nth::<23>(2));
    tx.commit().unwrap();
    some!(N => assert_eq!(cache.get(&Nth::<N>(1)).as_deref(), Some(&15), "merged again on the new base"));
}
