//! The judge objects if a part of the tier does not do what it should. Each sequence is harmless without the defect.

use std::time::Duration;

use cache_client::shared::machine::{DropId, Event};
use cache_client::shared::protocol::{Envelope, Epoch, Request};
use cache_redis_test_server::Objection;

use crate::world::{Defect, Fault, LEASE, MAX_LAG, Next, Telling, World};

const A: usize = 0;
const B: usize = 1;
const KEY: usize = 0;
/// Kinds of marks that a change names.
const ITS_TABLE: u8 = 0;
const ITSELF: u8 = 7;

const READ_A: Next = Next::Read { node: A, key: KEY };
const READ_B: Next = Next::Read { node: B, key: KEY };
const DELIVER_A: Next = Next::Deliver { node: A, message: 0 };
const LOAD_A: Next = Next::Load { node: A, flight: 0 };
const SETTLE_A: Next = Next::Settle { node: A };
const SETTLE_B: Next = Next::Settle { node: B };
const FOLLOW_A: Next = Next::Follow { node: A };
const FOLLOW_B: Next = Next::Follow { node: B };
/// More than the bound, less than a lease.
const LATER: Next = Next::Advance { milliseconds: 2_500 };

const fn write(node: usize, mark: u8, telling: Telling) -> Next {
    Next::Write { node, key: KEY, mark, telling }
}

fn judge(defects: &[Defect], steps: &[Next]) -> Option<Objection> {
    let mut world = World::with(defects);
    for node in [A, B] {
        world.run(&Next::ConnectFeed { node });
        world.run(&Next::Follow { node });
    }
    steps.iter().for_each(|next| world.run(next));
    world.history.judge(MAX_LAG, LEASE)
}

/// Runs the steps as they should be, and with the defect. Returns the objection to the latter.
#[track_caller]
fn objection(defect: Defect, steps: &[Next]) -> Objection {
    assert_eq!(judge(&[], steps), None, "nothing is wrong without the defect");
    judge(&[defect], steps).expect("an objection")
}

/// A load has its lease, and has read the origin: neither the value nor a lease was there before.
fn begin_load() -> [Next; 6] {
    [READ_A, DELIVER_A, DELIVER_A, DELIVER_A, DELIVER_A, LOAD_A]
}

#[test]
fn copies_are_used_beyond_the_bound() {
    let steps = [READ_A, SETTLE_A, write(B, ITSELF, Telling::After), SETTLE_B, LATER, READ_A, SETTLE_A];
    assert!(matches!(objection(Defect::NoBound, &steps), Objection::NotBounded { .. }));
}

#[test]
fn loads_are_joined_beyond_the_bound() {
    let after = [write(B, ITSELF, Telling::After), SETTLE_B, LATER, READ_A, LOAD_A, SETTLE_A];
    let steps = [&begin_load()[..], &after].concat();
    assert!(matches!(objection(Defect::OldLoadsAreJoined, &steps), Objection::NotBounded { .. }));
}

#[test]
fn own_changes_whose_drops_wait_do_not_block_reads() {
    let steps = [
        READ_B,
        SETTLE_B,
        write(A, ITSELF, Telling::Before),
        Next::Lose { node: A, message: 0, is_late: false },
        Next::Commit { node: A, change: 0 },
        READ_A,
        SETTLE_A,
    ];
    assert!(matches!(objection(Defect::OutboxDoesNotBlock, &steps), Objection::OwnWriteMissed { .. }));
}

#[test]
fn drops_are_sent_after_the_commit() {
    let steps = [READ_B, SETTLE_B, write(A, ITSELF, Telling::Before), READ_A, SETTLE_A];
    assert!(matches!(objection(Defect::DropAfterCommit, &steps), Objection::OwnWriteMissed { .. }));
}

/// The feed does not tell a machine what it says that it has marked.
#[test]
fn what_a_machine_says_that_it_has_marked_is_not_marked() {
    let steps = [READ_A, SETTLE_A, write(A, ITSELF, Telling::Marking), SETTLE_A, FOLLOW_A, READ_A];
    assert!(matches!(objection(Defect::NothingIsMarked, &steps), Objection::OwnWriteMissed { .. }));
}

#[test]
fn a_server_that_is_back_from_an_old_dump_goes_on_with_its_epoch() {
    let connect = |node| Next::ConnectFeed { node };
    let before = [READ_A, SETTLE_A, Next::Fault(Fault::Save), write(B, ITSELF, Telling::After), SETTLE_B];
    let back = [Next::Fault(Fault::Restart), connect(A), FOLLOW_A, connect(B), FOLLOW_B];
    let steps = [&before[..], &back, &[LATER, FOLLOW_A, FOLLOW_B, READ_B, SETTLE_B]].concat();
    assert!(matches!(objection(Defect::OneEpoch, &steps), Objection::NotBounded { .. }));
}

#[test]
fn a_server_that_has_lost_its_state_goes_on_with_its_epoch() {
    let before =
        [READ_A, SETTLE_A, write(B, ITS_TABLE, Telling::After), SETTLE_B, Next::Fault(Fault::LoseState)];
    let steps = [&before[..], &[FOLLOW_B, FOLLOW_A, LATER, FOLLOW_A, READ_A, SETTLE_A]].concat();
    assert!(matches!(objection(Defect::OneEpoch, &steps), Objection::NotBounded { .. }));
}

/// The fill of a load that has read the origin before a change arrives after it. Then another machine reads.
fn late_fill(mark: u8) -> Vec<Next> {
    let change = [write(B, mark, Telling::After), SETTLE_B, LOAD_A, DELIVER_A];
    let after = [FOLLOW_A, FOLLOW_B, LATER, FOLLOW_A, FOLLOW_B, READ_B, SETTLE_B];
    [&begin_load()[..], &change, &after].concat()
}

#[test]
fn a_fill_does_not_compare_the_numbers_of_drops() {
    let steps = late_fill(ITS_TABLE);
    assert!(matches!(objection(Defect::FillsIgnoreNumbers, &steps), Objection::NotBounded { .. }));
}

/// A drop of a key ends its leases and raises its number. Either is enough to refuse the fill: a key's lease may be
/// evicted and given again, and a number is shared by many keys.
#[test]
fn a_fill_compares_neither_tokens_nor_numbers() {
    let steps = late_fill(ITSELF);
    let (tokens, numbers) = (Defect::FillsIgnoreTokens, Defect::FillsIgnoreNumbers);
    for defects in [&[][..], &[tokens], &[numbers]] {
        assert_eq!(judge(defects, &steps), None, "{defects:?}");
    }
    let objection = judge(&[tokens, numbers], &steps).expect("an objection");
    assert!(matches!(objection, Objection::NotBounded { .. }));
}

/// How a world with defects differs.
impl World {
    pub fn has(&self, defect: Defect) -> bool {
        self.defects.contains(&defect)
    }

    /// What an epoch is called that begins now.
    pub fn epoch(&self, number: u128) -> Epoch {
        Epoch(if self.has(Defect::OneEpoch) { 1_u128 } else { number }.to_be_bytes())
    }

    /// The request as a server with defects takes it.
    pub fn garbled(&mut self, request: &Request) -> Request {
        let Request::Fill { key, shape, token, keep, envelope } = request.clone() else {
            return request.clone();
        };
        let number = if self.has(Defect::FillsIgnoreNumbers) { u64::MAX } else { envelope.number };
        if self.has(Defect::FillsIgnoreTokens) {
            let (key, candidate) = (key.clone(), self.candidate());
            let max_age = Duration::ZERO;
            // Nobody else has a lease in these sequences.
            let asked = Request::Ask { key, shape, max_age, candidate, token, lease: LEASE };
            self.server.answer(&asked).expect("the server has memory");
        }
        Request::Fill { key, shape, token, keep, envelope: Envelope { number, ..envelope } }
    }

    /// What a machine with defects is told of a drop that has failed.
    pub fn failure(&self, node: usize, drop: DropId) -> Event {
        match self.nodes[node].machine.position() {
            Some(position) if self.has(Defect::OutboxDoesNotBlock) => {
                Event::Acknowledged { at: self.moment(), drop, position }
            }
            _ => Event::Failed { drop },
        }
    }
}
