//! Keys that join a batch while it starts, whose callers all leave, or whose batch is dropped by its runtime.

#[path = "../../../cache-client/src/batch/queue.rs"]
#[allow(unreachable_pub, reason = "the client's own file, of which these checks use a part")]
pub(crate) mod queue;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shuttle::future::block_on;
use shuttle::sync::atomic::AtomicU64;
use shuttle::thread;

use self::queue::{Batch, BatchMember, BatchQueue, BatchWaiter, IsNew};
use crate::erased::typed_key;
use crate::flight::outcome::LoadOutcome;
use crate::flight::wait_graph::{FlightId, WaitGraph};
use crate::runtime::TaskRuntime;
use crate::token::Token;
use crate::{Get, number};

/// A batch has at most this many keys.
const MOST: usize = 2;

#[derive(Clone, Default)]
struct Program {
    batch_queue: Arc<BatchQueue>,
    graph: Arc<WaitGraph>,
    last: Arc<AtomicU64>,
    /// The first batch is dropped by its runtime before it has an answer.
    loses_first: bool,
}

impl Program {
    fn next(&self) -> FlightId {
        FlightId(100 + self.last.fetch_add(1, Ordering::SeqCst))
    }

    /// Loads a key with others. If its batch is dropped, loads it with those of another batch.
    fn load(&self, key: u64) {
        loop {
            let mut waiter = self.join(key);
            match block_on(&mut waiter.answer) {
                Ok(LoadOutcome::Answered(value, _)) => return assert_eq!(number(&value), key),
                Ok(_) => panic!("loads cannot fail here"),
                Err(_) => assert!(waiter.batch.is_stranded(), "a batch without an answer was dropped"),
            }
        }
    }

    fn join(&self, key: u64) -> BatchWaiter {
        let begin = || Batch::new(self.next(), Token::default(), TaskRuntime, None);
        let (waiter, is_new) = self.batch_queue.join(&Get(key), MOST, (&self.graph, FlightId(key)), begin);
        if is_new == IsNew(true) {
            let (program, batch) = (self.clone(), Arc::clone(&waiter.batch));
            thread::spawn(move || program.run(&batch));
        }
        waiter
    }

    /// The task of a batch, and what happens when it is dropped.
    fn run(&self, batch: &Arc<Batch>) {
        thread::yield_now();
        let is_dropped = self.loses_first && batch.id == FlightId(100);
        if !is_dropped && !batch.token.is_cancelled() {
            self.batch_queue.close(batch);
            let members = batch.take_members();
            assert!(members.len() <= MOST);
            thread::yield_now();
            if batch.land() {
                members.into_iter().for_each(|BatchMember { key, reply }| {
                    // A caller that has left receives nothing.
                    let Get(number) = typed_key(&*key);
                    _ = reply.send(LoadOutcome::Answered(Arc::new(*number), None));
                });
            }
        }
        self.batch_queue.close(batch);
        batch.abandon();
        drop(batch.take_members());
    }
}

/// Three callers load a key each, one of them twice, and two leave at once.
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
fn callers_that_stay_have_an_answer_while_others_leave_and_join() {
    run(false);
}

#[test]
fn callers_of_a_batch_that_its_runtime_drops_join_another() {
    run(true);
}
