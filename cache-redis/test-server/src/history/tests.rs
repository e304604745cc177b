use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn dropped() -> Dropped {
    Dropped { node: 1, keys: vec![1], earliest: 10, latest: 12, acknowledged: Some(SECOND) }
}

fn old() -> Answer {
    Answer { node: 0, key: 1, version: 1, load_began: 5, read_began: 30, read_time: 4 * SECOND, answered: 31 }
}

fn new() -> Answer {
    Answer { version: 2, load_began: 13, read_began: 20, answered: 21, ..old() }
}

fn judge(answers: &[Answer], max_lag: Duration) -> Option<Objection> {
    let history = History { answers: answers.to_vec(), drops: vec![dropped()], ..History::default() };
    history.judge(max_lag, SECOND)
}

#[test]
fn an_answer_from_before_a_drop_is_bounded() {
    assert_eq!(judge(&[old()], SECOND), Some(Objection::NotBounded { drop: dropped(), answer: old() }));
    assert_eq!(judge(&[old()], 3 * SECOND), None);
    assert_eq!(judge(&[Answer { key: 2, ..old() }], SECOND), None);
    // It may have begun after the drop.
    assert_eq!(judge(&[Answer { load_began: 10, ..old() }], SECOND), None);
}

#[test]
fn a_drop_without_an_acknowledgement_proves_nothing() {
    let drops = vec![Dropped { acknowledged: None, ..dropped() }];
    for answers in [vec![old()], vec![new(), old()]] {
        let history = History { answers, drops: drops.clone(), ..History::default() };
        assert_eq!(history.judge(3 * SECOND, SECOND), None);
        assert_eq!(history.judge(SECOND, SECOND), None);
    }
}

#[test]
fn after_an_answer_from_after_a_drop_none_comes_from_before_it_on_the_same_machine() {
    let objection = Objection::NotMonotonic { earlier: new(), drop: dropped(), answer: old() };
    assert_eq!(judge(&[new(), old()], 3 * SECOND), Some(objection));
    assert_eq!(judge(&[new(), Answer { node: 1, ..old() }], 3 * SECOND), None);
    // Both may be from before the drop.
    assert_eq!(judge(&[Answer { load_began: 12, ..new() }, old()], 3 * SECOND), None);
    // The reads overlap.
    assert_eq!(judge(&[new(), Answer { read_began: 21, ..old() }], 3 * SECOND), None);
}

#[test]
fn a_change_is_seen_where_it_was_made() {
    let change = Change { node: 0, key: 1, version: 2, returned: 12, forgotten: None };
    let missed = |change: &Change, answer: Answer| {
        let history = History { answers: vec![answer], changes: vec![change.clone()], ..History::default() };
        history.judge(SECOND, SECOND)
    };
    let objection = Objection::OwnWriteMissed { change: change.clone(), answer: old() };
    assert_eq!(missed(&change, old()), Some(objection));
    assert_eq!(missed(&change, new()), None);
    assert_eq!(missed(&Change { node: 1, ..change.clone() }, old()), None);
    assert_eq!(missed(&Change { returned: 30, ..change.clone() }, old()), None);
    // Its process has ended before the read, or after it.
    let forgotten = |at| Change { forgotten: Some(at), ..change.clone() };
    assert_eq!(missed(&forgotten(old().read_began), old()), None);
    let objection = Objection::OwnWriteMissed { change: forgotten(99), answer: old() };
    assert_eq!(missed(&forgotten(99), old()), Some(objection));
}

#[test]
fn machines_share_a_load_unless_something_was_dropped_or_the_lease_is_over() {
    let load = |node, began| Load { node, build: 0, key: 1, asked: began - 1, began };
    let judge = |second: Load, drops: &[Dropped], calm: RangeInclusive<Step>, lease: u64| {
        let history = History {
            loads: vec![second, load(0, 5)],
            drops: drops.to_vec(),
            calm: vec![calm],
            ..History::default()
        };
        history.judge(SECOND, Duration::from_nanos(lease))
    };
    let objection = Objection::SecondLoad { first: load(0, 5), second: load(1, 20) };
    assert_eq!(judge(load(1, 20), &[], 0..=99, 17), Some(objection.clone()));
    assert_eq!(judge(load(1, 20), &[], 0..=99, 16), None);
    assert_eq!(judge(load(1, 20), &[dropped()], 0..=99, 17), None);
    assert_eq!(judge(load(1, 20), &[Dropped { keys: vec![2], ..dropped() }], 0..=99, 17), Some(objection));
    // It may have been carried out after the first load had its lease.
    assert_eq!(judge(load(1, 20), &[Dropped { earliest: 1, latest: 4, ..dropped() }], 0..=99, 17), None);
    assert_eq!(judge(Load { key: 2, ..load(1, 20) }, &[], 0..=99, 17), None);
    assert_eq!(judge(Load { build: 1, ..load(1, 20) }, &[], 0..=99, 17), None);
    // The second load had its lease first, then came the drop, which took it away.
    let slow = Load { asked: 1, ..load(1, 20) };
    assert_eq!(judge(slow.clone(), &[Dropped { earliest: 2, latest: 3, ..dropped() }], 0..=99, 99), None);
    let objection = Objection::SecondLoad { first: load(0, 5), second: slow.clone() };
    assert_eq!(judge(slow.clone(), &[], 0..=99, 20), Some(objection));
    assert_eq!(judge(slow, &[], 0..=99, 19), None);
    // The tier was away in between, or later.
    assert_eq!(judge(load(1, 20), &[], 5..=99, 17), None);
    assert_eq!(judge(load(1, 20), &[], 0..=19, 17), None);
}

#[test]
fn of_several_objections_the_shortest_is_told() {
    let early = Answer { answered: 35, ..old() };
    let late = Answer { read_began: 90, answered: 91, ..old() };
    let objection = Objection::NotBounded { drop: dropped(), answer: early.clone() };
    assert_eq!(judge(&[late, early], SECOND), Some(objection));
}
