use super::{Inspection, TableReport};
use crate::options::Bound;

#[test]
fn columns_are_as_wide_as_what_is_in_them() {
    let inspection = two_tables();
    let text = inspection.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "table               bound  resident  pinned  survivors  hits    misses  ratio  evicted  expired"
    );
    assert_eq!(
        lines[1],
        "a long name  capacity 500         3       0          0     3  12345678   0.0%        0        0"
    );
    assert_eq!(
        lines[2],
        "b                    none         0       0          0     0         0      -        0        0"
    );
    assert_eq!(lines[3], "revision 7");
}

#[test]
fn hits_and_misses_are_those_of_all_tables() {
    let mut inspection = two_tables();
    inspection.tables[1].hits = 4;
    assert_eq!((inspection.hits(), inspection.misses()), (7, 12_345_678));
}

fn two_tables() -> Inspection {
    let first = TableReport {
        name: "a long name",
        bound: Some(Bound::Capacity(500)),
        residents: 3,
        hits: 3,
        misses: 12_345_678,
        ..TableReport::default()
    };
    let second = TableReport { name: "b", ..TableReport::default() };
    Inspection { revision: 7, listener_panics: 0, tables: vec![first, second], commits: Vec::new() }
}
