//! The keys that are to be loaded together: who joins which batch, and whether anybody still waits for it. Loads nothing,
//! and starts no task.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use cache_core::client_support::AnyKey;

use foldhash::fast::RandomState;
use tokio::sync::oneshot;

use super::loaded::Loaded;
use crate::concurrency::LoadSlot;
use crate::runtime::TaskRuntime;
use crate::sync::Mutex;
use crate::token::Token;
use crate::waits::{FlightId, Waiting, Waits};

/// The batch of a query that can be joined at present.
#[derive(Default)]
pub(crate) struct Gathering(Mutex<Option<Arc<Batch>>>);

/// Keys that are loaded by one call.
pub(crate) struct Batch {
    /// A number as that of a flight: those who wait for the batch stand by it in the waits, and what it asks for too.
    pub(super) id: FlightId,
    /// Cancelled when nobody waits any more, and by the load itself if it cancels its context.
    pub(super) token: Token,
    /// Where the load runs.
    pub(super) runtime: TaskRuntime,
    /// What the load needs to run, if there is a limit.
    pub(super) slot: Option<Arc<LoadSlot>>,
    crew: Mutex<Crew>,
}

struct Crew {
    /// Nobody can join any more: it is full, under way, or nobody waits for it.
    is_closed: bool,
    /// The load has ended, and is not to be cancelled any more.
    is_landed: bool,
    /// Its runtime has dropped it: the keys may join another.
    is_abandoned: bool,
    /// How many keys it may have: the least that one of its members wants.
    most: usize,
    /// How many wait.
    waiting: usize,
    /// Until it departs.
    members: Vec<Member>,
}

/// One key of a batch, and whom to tell what it comes to.
pub(super) struct Member {
    pub(super) key: Arc<dyn AnyKey>,
    pub(super) reply: oneshot::Sender<Loaded>,
}

impl Gathering {
    /// Joins the present batch, or begins one, which is to be started by who began it. There will be at most `most` keys.
    pub(super) fn join(
        &self,
        key: &dyn AnyKey,
        most: usize,
        from: (&Arc<Waits>, FlightId),
        begin: impl FnOnce() -> Batch,
    ) -> (Place, IsNew) {
        // Declared before the guard, so that it is dropped after it.
        let mut _left = None;
        let mut present = self.0.lock();
        if let Some(batch) = present.as_ref()
            && let Some((place, has_room)) = batch.join(key, most, from)
        {
            if !has_room {
                _left = present.take();
            }
            return (place, IsNew(false));
        }
        let batch = Arc::new(begin());
        let (place, has_room) = batch.seat(&mut batch.crew.lock(), key, most, from);
        if has_room {
            _left = present.replace(batch);
        }
        (place, IsNew(true))
    }

    /// Has nobody join a batch any more.
    pub(super) fn close(&self, batch: &Arc<Batch>) {
        let mut present = self.0.lock();
        let is_present = present.as_ref().is_some_and(|present| Arc::ptr_eq(present, batch));
        let closed = if is_present { present.take() } else { None };
        drop(present);
        drop(closed);
    }
}

/// Whether a batch is to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct IsNew(pub(super) bool);

impl Batch {
    pub(super) fn new(id: FlightId, token: Token, runtime: TaskRuntime, slot: Option<Arc<LoadSlot>>) -> Self {
        let crew = Crew {
            is_closed: false,
            is_landed: false,
            is_abandoned: false,
            most: usize::MAX,
            waiting: 0,
            members: Vec::new(),
        };
        Self { id, token, runtime, slot, crew: Mutex::new(crew) }
    }

    fn join(
        self: &Arc<Self>,
        key: &dyn AnyKey,
        most: usize,
        from: (&Arc<Waits>, FlightId),
    ) -> Option<(Place, bool)> {
        let mut crew = self.crew.lock();
        let has_room = crew.members.len() < crew.most.min(most);
        let is_open = has_room && !crew.is_closed && !self.token.is_cancelled();
        is_open.then(|| self.seat(&mut crew, key, most, from))
    }

    /// Takes somebody in. Returns also whether there is room for others.
    fn seat(
        self: &Arc<Self>,
        crew: &mut Crew,
        key: &dyn AnyKey,
        most: usize,
        (waits, flight): (&Arc<Waits>, FlightId),
    ) -> (Place, bool) {
        let (reply, answer) = oneshot::channel();
        crew.members.push(Member { key: Arc::from(key.to_box()), reply });
        // Before it departs, so that the load of a batch that asks for one of its keys is found. It waits for nobody yet.
        let waiting = Waiting::begin(waits, flight, self.id);
        crew.waiting += 1;
        crew.most = crew.most.min(most);
        crew.is_closed = crew.members.len() >= crew.most;
        let place = Place { batch: Arc::clone(self), answer, _waiting: waiting };
        (place, !crew.is_closed)
    }

    /// How many have joined, and whether others can.
    pub(super) fn joined(&self) -> (usize, bool) {
        let crew = self.crew.lock();
        (crew.members.len(), !crew.is_closed)
    }

    /// Those who still wait. Nobody can join from here on.
    pub(super) fn depart(&self) -> Vec<Member> {
        let mut crew = self.crew.lock();
        crew.is_closed = true;
        let mut members = std::mem::take(&mut crew.members);
        drop(crew);
        members.retain(|member| !member.reply.is_closed());
        members
    }

    /// Ends the load. Returns whether there is an answer: what was cancelled has none, whatever it says.
    pub(super) fn land(&self) -> bool {
        let mut crew = self.crew.lock();
        crew.is_landed = !self.token.is_cancelled();
        crew.is_landed
    }

    /// Notes that the load is dropped. Returns whether it had neither ended nor been cancelled.
    pub(super) fn abandon(&self) -> bool {
        let mut crew = self.crew.lock();
        crew.is_abandoned = !crew.is_landed && !self.token.is_cancelled();
        crew.is_abandoned
    }

    /// Whether the runtime of the load has dropped it, and the caller's goes on.
    pub(super) fn is_stranded(&self) -> bool {
        self.crew.lock().is_abandoned && self.runtime.is_elsewhere()
    }

    fn leave(&self) {
        let mut crew = self.crew.lock();
        crew.waiting -= 1;
        let is_unwanted = crew.waiting == 0 && !crew.is_landed;
        crew.is_closed |= is_unwanted;
        drop(crew);
        if is_unwanted {
            self.token.cancel();
        }
    }
}

/// The place of one who waits for a batch.
pub(super) struct Place {
    pub(super) batch: Arc<Batch>,
    /// Closed without an answer if the batch was interrupted.
    pub(super) answer: oneshot::Receiver<Loaded>,
    /// That the flight waits for it.
    _waiting: Option<Waiting>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.batch.leave();
    }
}

/// The gatherings of one tree, for what it loads for itself alone.
#[derive(Default)]
pub(crate) struct Gatherings(Mutex<HashMap<At, Arc<Gathering>, RandomState>>);

/// The gathering of a query; that of those who may use the cache, or of those who may not.
type At = (TypeId, bool);

impl Gatherings {
    /// The gathering of a query. Contexts that are kept from the cache have one apart: what their loads ask for must not
    /// come from it either.
    pub(super) fn of(&self, query: TypeId, should_cache: bool) -> Arc<Gathering> {
        Arc::clone(self.0.lock().entry((query, should_cache)).or_default())
    }
}
