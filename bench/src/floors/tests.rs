use super::*;
use crate::row::Figure;

fn floors(threads: &str) -> Floors {
    let text = format!(
        "tolerance = {{ one_thread = 0.1, more_threads = 0.2 }}\n\
         [[floor]]\nworkload = \"hits\"\nthreads = {threads}\npeer = \"moka\"\nratio = 2.0\n"
    );
    toml::from_str(&text).expect("the floors of a test are in order")
}

fn row(workload: &str, threads: usize, ratio: f64, unit: Unit) -> Row {
    let figure = Figure::exact(1.0);
    Row { ratio, ..Row::new(workload, "moka", threads, figure, figure, unit) }
}

/// Ratios of the rows below their floor.
#[track_caller]
fn assert_below(floors: &Floors, rows: &[Row], expected: &[Option<f64>]) {
    let below: Vec<_> = floors.shortfalls(rows).iter().map(|shortfall| shortfall.ratio).collect();
    assert_eq!(below, expected);
}

#[test]
fn a_time_may_be_below_its_floor_by_the_tolerance_of_its_threads() {
    let floors = floors("[1, 2]");
    let times = |one, two| {
        [row("hits", 1, one, Unit::NanosPerOperation), row("hits", 2, two, Unit::NanosPerOperation)]
    };
    assert_below(&floors, &times(1.81, 1.61), &[]);
    assert_below(&floors, &times(1.79, 1.61), &[Some(1.79)]);
    assert_below(&floors, &times(1.81, 1.59), &[Some(1.59)]);
}

#[test]
fn a_count_has_to_reach_its_floor() {
    assert_below(&floors("[1]"), &[row("hits", 1, 1.99, Unit::Bytes)], &[Some(1.99)]);
    assert_below(&floors("[1]"), &[row("hits", 1, 2.0, Unit::Ratio)], &[]);
}

#[test]
fn a_row_that_is_missing_is_below_its_floor() {
    let others = [row("hits", 2, 9.0, Unit::Bytes), row("inserts", 1, 9.0, Unit::Bytes)];
    assert_below(&floors("[1]"), &others, &[None]);
}

#[test]
fn a_ratio_that_is_no_number_is_below_every_floor() {
    let below = floors("[1]").shortfalls(&[row("hits", 1, f64::NAN, Unit::Bytes)]).len();
    assert_eq!(below, 1);
}

#[test]
fn of_several_runs_the_median_counts() {
    let runs = [1.0, 3.0, 2.5].map(|ratio| row("hits", 1, ratio, Unit::Bytes));
    assert_below(&floors("[1]"), &runs, &[]);
}

#[test]
fn a_shortfall_says_what_is_missing() {
    let floors = floors("[1, 2]");
    let text: Vec<String> =
        floors.shortfalls(&[row("hits", 2, 1.25, Unit::Bytes)]).iter().map(ToString::to_string).collect();
    let expected = [
        "hits, 1 thread, moka: not in this run, must be at least 2",
        "hits, 2 threads, moka: 1.250 is below 2",
    ];
    assert_eq!(text, expected);
}

#[test]
fn the_committed_floors_can_be_read() {
    let floors = Floors::committed().expect("the committed floors are in order");
    assert!(floors.len() > 0);
}
