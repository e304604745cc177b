//! What is remembered of mutations, for how long, and that the order in which commits are noted does not matter.

use cache_core::Query;

use super::*;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, tags("some"))]
struct Get;

impl OrderState<()> {
    fn begin(&mut self) -> u64 {
        self.last += 1;
        self.running.push(Running { number: self.last, kind: None, expects: Vec::new() });
        self.last
    }

    /// Returns whether the key is to be marked.
    fn commit(&mut self, number: u64, revision: u64, key: KeyHash) -> bool {
        !self.note(number, revision, vec![WrittenEntry::new(key, Get, |_, _| {})]).is_empty()
    }
}

fn state() -> OrderState<()> {
    WriteOrder::default().state.into_inner()
}

#[test]
fn it_does_not_matter_which_of_two_commits_is_noted_first() {
    for is_older_noted_first in [true, false] {
        for (older_revision, younger_revision) in [(1, 2), (2, 1)] {
            let mut state = state();
            let (older, younger) = (state.begin(), state.begin());
            let mut commits = [(older, older_revision), (younger, younger_revision)];
            if !is_older_noted_first {
                commits.reverse();
            }
            let marks = commits.map(|(number, revision)| state.commit(number, revision, 7));
            assert_eq!(marks, [false, older_revision > younger_revision], "{commits:?}");
        }
    }
}

#[test]
fn writes_that_no_running_mutation_overlaps_are_forgotten() {
    let mut state = state();
    let (first, second) = (state.begin(), state.begin());
    assert!(!state.commit(second, 1, 7));
    assert!(state.end(second).is_empty());
    let third = state.begin();
    assert!(!state.commit(third, 2, 8));
    assert_eq!(state.writes.len(), 2, "the first may write both keys");
    state.end(first);
    assert_eq!(state.writes.len(), 1, "no running mutation overlaps the first write");
    state.end(third);
    assert!(state.writes.is_empty() && state.running.is_empty());
    let alone = state.begin();
    state.commit(alone, 3, 7);
    assert!(state.writes.is_empty());
}

#[test]
fn a_mutation_that_overlapped_more_writes_than_are_remembered_counts_as_inverted() {
    let mut state = state();
    let slow = state.begin();
    for revision in 1..=MAX_WRITES as u64 + 1 {
        let quick = state.begin();
        assert!(!state.commit(quick, revision, revision));
        state.end(quick);
    }
    assert_eq!(state.writes.len(), MAX_WRITES);
    let quick = state.begin();
    assert!(!state.commit(quick, 1_000_000, 7), "the writes since a quick mutation began are remembered");
    assert!(state.commit(slow, 1_000_001, 1_000_000));
    state.end(slow);
    let next = state.begin();
    assert!(!state.commit(next, 1_000_002, 7));
}

#[test]
fn a_commit_after_a_newer_mutation_noted_its_mark_is_inverted() {
    let wide = [
        MarkTarget::Key(7),
        MarkTarget::Query(TypeId::of::<Get>()),
        MarkTarget::Tag("some".into()),
        MarkTarget::All,
    ];
    for marked in wide {
        let mut state = state();
        let (older, younger, youngest) = (state.begin(), state.begin(), state.begin());
        state.note_marks(younger, 5, vec![marked]);
        assert!(!state.commit(older, 5, 7), "the commit came before the mark");
        assert!(!state.commit(youngest, 7, 7), "this mutation is newer than the one that marks");
        assert!(state.commit(older, 6, 7));
        state.end(older);
        assert!(state.marks.is_empty(), "no older mutation is running");
    }
    let mut state = state();
    let (older, younger) = (state.begin(), state.begin());
    state.note_marks(younger, 5, vec![MarkTarget::Key(8), MarkTarget::Tag("other".into())]);
    assert!(!state.commit(older, 6, 7), "another key is marked");
    state.note_marks(younger, 7, vec![MarkTarget::All]);
    assert_eq!(state.marks.len(), 1, "the marks of an attempt replace those of the previous one");
    state.end(younger);
    assert!(state.commit(older, 8, 7));
}

#[test]
fn a_mutation_that_overlapped_more_marks_than_are_remembered_counts_as_inverted() {
    let mut state = state();
    let (slow, marking) = (state.begin(), state.begin());
    state.note_marks(marking, 1, (0..=MAX_WRITES as u64).map(MarkTarget::Key).collect());
    assert_eq!(state.marks.len(), MAX_WRITES);
    assert!(state.commit(slow, 2, 1_000_000));
    assert!(!state.commit(marking, 3, 1_000_001), "the marking mutation itself is not inverted");
}
