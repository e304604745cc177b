use super::*;
use crate::row::Figure;

/// A floor of 2 with an aim of 3 for each of these numbers of threads.
fn floors(threads: &[usize]) -> Floors {
    let floor = |threads| {
        format!("{{ workload = \"hits\", threads = {threads}, peer = \"moka\", ratio = 2.0, aim = 3.0 }}")
    };
    let floors: Vec<_> = threads.iter().map(floor).collect();
    let text = format!(
        "tolerance = {{ one_thread = 0.1, more_threads = 0.2, counts = 0.05 }}\nfloors = [{}]",
        floors.join(", ")
    );
    toml::from_str(&text).expect("the floors of the test are valid")
}

fn row(workload: &str, threads: usize, ratio: f64, unit: Unit) -> Row {
    let figure = Figure::exact(1.0);
    Row { ratio, ..Row::new(workload, "moka", threads, figure, figure, unit) }
}

/// Ratios of the rows below their floor.
#[track_caller]
fn assert_below(floors: &Floors, rows: &[Row], expected: &[f64]) {
    let below: Vec<_> = floors.compare(rows).below.iter().map(|shortfall| shortfall.found).collect();
    assert_eq!(below, expected);
}

#[test]
fn a_time_may_be_below_its_floor_by_the_tolerance_of_its_threads() {
    let floors = floors(&[1, 2]);
    let times = |one, two| {
        [row("hits", 1, one, Unit::NanosPerOperation), row("hits", 2, two, Unit::NanosPerOperation)]
    };
    assert_below(&floors, &times(1.81, 1.61), &[]);
    assert_below(&floors, &times(1.79, 1.61), &[1.79]);
    assert_below(&floors, &times(1.81, 1.59), &[1.59]);
}

#[test]
fn a_count_has_to_reach_its_floor() {
    assert_below(&floors(&[1]), &[row("hits", 1, 1.99, Unit::Bytes)], &[1.99]);
    assert_below(&floors(&[1]), &[row("hits", 1, 2.0, Unit::Ratio)], &[]);
}

#[test]
fn a_missed_aim_is_not_a_missed_floor() {
    let floors = floors(&[1]);
    let short_of_aim = |ratio| {
        let rows = [row("hits", 1, ratio, Unit::Bytes)];
        let short = floors.compare(&rows).short_of_aim;
        short.iter().map(|shortfall| shortfall.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(short_of_aim(1.9), [""; 0]);
    assert_eq!(short_of_aim(2.9), ["hits, 1 thread, moka: 2.900 instead of 3"]);
    assert_eq!(short_of_aim(3.0), [""; 0]);
}

/// Our figure of 1 in a run with two peers, against a limit of 2 with an aim of 1.5, times `scale`.
fn verdict_of_limit(scale: f64, unit: Unit, judge: impl Fn(Verdict<'_>)) {
    let text = "tolerance = { one_thread = 0.1, more_threads = 0.2, counts = 0.05 }\nfloors = []\n\
                limits = [{ workload = \"hits\", threads = 1, most = 2.0, aim = 1.5 }]";
    let floors: Floors = toml::from_str(text).expect("the limits of the test are valid");
    let rows = ["moka", "foyer"].map(|peer| {
        let figure = Figure::exact(scale);
        Row::new("hits", peer, 1, figure, figure, unit)
    });
    judge(floors.compare(&rows));
}

#[test]
fn a_figure_of_ours_may_be_above_its_limit_by_the_tolerance_of_its_unit() {
    for (figure, unit, is_kept) in [
        (2.19, Unit::Nanos, true),
        (2.21, Unit::Nanos, false),
        (2.09, Unit::Instructions, true),
        (2.11, Unit::Instructions, false),
        (2.0, Unit::Bytes, true),
        (2.01, Unit::Bytes, false),
        (f64::NAN, Unit::Nanos, false),
    ] {
        verdict_of_limit(figure, unit, |verdict| {
            assert_eq!(verdict.below.len(), usize::from(!is_kept), "{figure} {unit:?}");
        });
    }
}

#[test]
fn a_limit_that_is_kept_may_be_short_of_its_aim() {
    verdict_of_limit(1.6, Unit::Bytes, |verdict| {
        let text: Vec<String> = verdict.short_of_aim.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["hits, 1 thread, ours: 1.6 instead of at most 1.5"]);
    });
    verdict_of_limit(1.5, Unit::Bytes, |verdict| assert!(verdict.short_of_aim.is_empty()));
}

#[test]
fn workloads_that_were_not_run_are_named_once() {
    let others = [row("inserts", 1, 9.0, Unit::Bytes)];
    let floors = floors(&[1, 2]);
    let verdict = floors.compare(&others);
    assert_eq!(verdict.absent.into_iter().collect::<Vec<_>>(), ["hits"]);
    assert!(verdict.below.is_empty());
}

#[test]
fn a_ratio_that_is_nan_is_below_every_floor() {
    let below = floors(&[1]).compare(&[row("hits", 1, f64::NAN, Unit::Bytes)]).below.len();
    assert_eq!(below, 1);
}

#[test]
fn of_several_runs_the_median_counts() {
    let runs = [1.0, 3.0, 2.5].map(|ratio| row("hits", 1, ratio, Unit::Bytes));
    assert_below(&floors(&[1]), &runs, &[]);
}

#[test]
fn a_shortfall_says_what_is_missing() {
    let floors = floors(&[1, 2]);
    let rows = [1, 2].map(|threads| row("hits", threads, 1.25, Unit::Bytes));
    let text: Vec<String> = floors.compare(&rows).below.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        ["hits, 1 thread, moka: 1.250 instead of 2", "hits, 2 threads, moka: 1.250 instead of 2"]
    );
}

#[test]
fn the_committed_floors_can_be_read() {
    let floors = Floors::committed().expect("the committed floors are valid");
    assert!(floors.len() > 0);
}
