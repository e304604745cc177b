use super::panel::{Bar, Kind, Panel};
use super::*;
use crate::row::{Figure, Unit};

fn row(workload: &str, peer: &'static str, threads: usize, ours: f64, theirs: f64, unit: Unit) -> Row {
    Row::new(workload, peer, threads, Figure::exact(ours), Figure::exact(theirs), unit)
}

fn bar(name: &str, kind: Kind, value: f64) -> Bar {
    Bar { name: name.to_owned(), kind, value }
}

#[test]
fn rows_of_one_workload_and_number_of_threads_stand_together() {
    let rows = [
        row("hits/1k", "moka", 1, 10.0, 100.0, Unit::NanosPerOperation),
        row("hits/1k", "floor", 1, 10.0, 5.0, Unit::NanosPerOperation),
        row("hits/1k", "moka", 2, 20.0, 50.0, Unit::NanosPerOperation),
        row("inserts/1k", "moka", 1, 20.0, 50.0, Unit::NanosPerOperation),
    ];
    let [one, two] = panels(&rows, &["hits/"]).try_into().expect("two panels");
    let bars = vec![
        bar("ours", Kind::Ours, 100.0),
        bar("moka", Kind::Cache, 10.0),
        bar("floor", Kind::Reference, 200.0),
    ];
    assert_eq!(one, Panel { title: "hits/1k, 1 thread".to_owned(), bars });
    assert_eq!(two.title, "hits/1k, 2 threads");
}

#[test]
fn shares_are_drawn_in_percent_and_bytes_as_they_are() {
    let rows = [
        row("trace/P3-1", "moka", 1, 0.5, 0.25, Unit::Ratio),
        row("memory/1m", "moka", 1, 80.0, 240.0, Unit::Bytes),
    ];
    let [share, bytes] = panels(&rows, &["trace/", "memory/"]).try_into().expect("two panels");
    assert_eq!((share.title.as_str(), share.bars[0].value), ("P3-1", 50.0));
    assert_eq!((bytes.bars[0].value, bytes.bars[1].value), (80.0, 240.0));
}

#[test]
fn of_rows_that_come_twice_the_first_is_drawn() {
    let rows = [1.0, 2.0].map(|bytes| row("memory/1m", "moka", 1, bytes, bytes, Unit::Bytes));
    let [panel] = panels(&rows, &["memory/"]).try_into().expect("one panel");
    assert_eq!(panel.bars, [bar("ours", Kind::Ours, 1.0), bar("moka", Kind::Cache, 1.0)]);
}

#[test]
fn a_chart_names_its_bars_and_their_values() {
    let rows = [row("memory/1m", "moka", 1, 84.0, 240.0, Unit::Bytes)];
    let svg = draw::svg("Memory", "bytes", &panels(&rows, &["memory/"])).expect("nothing is written to disk");
    for text in ["Memory", "memory/1m", "ours", "84.0", "moka", "240"] {
        assert!(svg.contains(text), "no `{text}` in {svg}");
    }
}
