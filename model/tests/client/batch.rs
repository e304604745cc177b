//! Keys that join a batch while it departs, is left by all, or is dropped by its runtime.

#[path = "../../../cache-client/src/batch/gathering.rs"]
#[allow(unreachable_pub, reason = "that of the client, which needs more of it")]
pub(crate) mod gathering;
#[path = "../../../cache-client/src/batch/loaded.rs"]
#[allow(unreachable_pub, reason = "that of the client, which needs more of it")]
pub(crate) mod loaded;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shuttle::future::block_on;
use shuttle::sync::atomic::AtomicU64;
use shuttle::thread;

use self::gathering::{Batch, Gathering, IsNew, Member, Place};
use self::loaded::Loaded;
use crate::erased::typed_key;
use crate::runtime::TaskRuntime;
use crate::token::Token;
use crate::waits::{FlightId, Waits};
use crate::{Get, number};

/// So many keys make a batch at most.
const MOST: usize = 2;

#[derive(Clone, Default)]
struct Program {
    gathering: Arc<Gathering>,
    waits: Arc<Waits>,
    last: Arc<AtomicU64>,
    /// The first batch is dropped by its runtime before it has an answer.
    loses_first: bool,
}

impl Program {
    fn next(&self) -> FlightId {
        FlightId(100 + self.last.fetch_add(1, Ordering::SeqCst))
    }

    /// Loads a key with others; with those of another batch, if its batch is dropped.
    fn load(&self, key: u64) {
        loop {
            let mut place = self.join(key);
            match block_on(&mut place.answer) {
                Ok(Loaded::Answered(value, _)) => return assert_eq!(number(&value), key),
                Ok(_) => panic!("no load fails"),
                Err(_) => assert!(place.batch.is_stranded(), "there is no answer"),
            }
        }
    }

    fn join(&self, key: u64) -> Place {
        let begin = || Batch::new(self.next(), Token::default(), TaskRuntime, None);
        let (place, is_new) = self.gathering.join(&Get(key), MOST, (&self.waits, FlightId(key)), begin);
        if is_new == IsNew(true) {
            let (program, batch) = (self.clone(), Arc::clone(&place.batch));
            thread::spawn(move || program.run(&batch));
        }
        place
    }

    /// The task of a batch, and what is done when it is dropped.
    fn run(&self, batch: &Arc<Batch>) {
        thread::yield_now();
        let is_dropped = self.loses_first && batch.id == FlightId(100);
        if !is_dropped && !batch.token.is_cancelled() {
            self.gathering.close(batch);
            let members = batch.depart();
            assert!(members.len() <= MOST);
            thread::yield_now();
            if batch.land() {
                members.into_iter().for_each(|Member { key, reply }| {
                    // Whoever has left does not want to know.
                    let Get(number) = typed_key(&*key);
                    _ = reply.send(Loaded::Answered(Arc::new(*number), None));
                });
            }
        }
        self.gathering.close(batch);
        batch.abandon();
        drop(batch.depart());
    }
}

/// Three load a key each, one of them twice, and two leave at once.
fn run(loses_first: bool) {
    crate::check(move || {
        let program = Program { loses_first, ..Program::default() };
        let mut callers = Vec::new();
        for (key, leaves) in [(1, false), (2, true), (3, false), (4, true), (1, false)] {
            let program = program.clone();
            callers.push(thread::spawn(move || match leaves {
                true => drop(program.join(key)),
                false => program.load(key),
            }));
        }
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
}

#[test]
fn whoever_stays_has_an_answer_whoever_leaves_and_joins_meanwhile() {
    run(false);
}

#[test]
fn whoever_waits_for_a_batch_that_its_runtime_drops_joins_another() {
    run(true);
}
