//! How a call gets on a flight: the one that its tree waits for, the current one, or a new one, which it starts.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Holds;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Asker, Call, Turn};
use crate::app::{App, Fetch};
use crate::board::{Anew, Boarded, Ticket};
use crate::concurrency::LoadSlot;
use crate::context::{Access, Node};
use crate::desk::Desk;
use crate::error::QueryError;
use crate::flight::{Flight, NoSeat, Seat, Wish};
use crate::fly::Trip;
use crate::memo::Cell;
use crate::plan::{Plan, Planned};
use crate::runtime::TaskRuntime;

/// How long a load goes on when its last caller has left, where nobody says.
const LINGER: Duration = Duration::from_secs(5);

/// What is known of the loads of a query.
type DeskOf<A, Q> = Arc<Desk<Q, <Q as Fetch<A>>::Error>>;

/// A place on a flight, if one is needed.
type SeatOf<A, Q> = Option<Seat<Q, <Q as Fetch<A>>::Error>>;

/// A load that nobody waits for.
pub(super) struct Behind<A: App, Q: Fetch<A>> {
    pub(super) flight: Arc<Flight<Q, Q::Error>>,
    /// Whether it was begun for who asked.
    pub(super) is_new: bool,
}

impl<A: App> Asker<'_, A> {
    /// Gets on the flight that the tree waits for already, if it does: what that brings comes before what is in the cache.
    pub(super) fn join_own<Q: Fetch<A>>(
        &self,
        query: &Q,
        plan: &Planned<'_>,
        access: Access,
    ) -> Result<Option<Turn<A, Q>>, QueryError<Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        let Some(node) = self.node() else { return Ok(None) };
        let (wish, from) = (self.wish_of(plan), Some(node.origin()));
        let seat = node.tree.memo.with::<Q, Q::Error, _>(|cells| match cells.get(query) {
            Some(Cell::Asked(flight)) => Some(Seat::take(flight, wish, from)),
            _ => None,
        });
        match seat {
            Some(Ok(seat)) => {
                let flight = Arc::clone(&seat.flight);
                self.turn(query, Boarded::Joined(flight, Some(seat)), &plan.shared(), access).map(Some)
            }
            Some(Err(NoSeat::Cycle)) => Err(QueryError::Cycle { query: Q::NAME }),
            Some(Err(NoSeat::Closed)) | None => Ok(None),
        }
    }

    /// Gets on a flight, or finds that there is an answer after all.
    pub(super) fn load<Q: Fetch<A>>(
        &self,
        query: &Q,
        plan: &Arc<Plan>,
        access: Access,
        anew: Anew,
    ) -> Result<Turn<A, Q>, QueryError<Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        let desk = self.client().desks().of::<Q, Q::Error>();
        let (wish, context) = (self.wish_of(plan), self.context());
        let from = context.as_ref().map(|node| node.origin());
        let mut ticket = Ticket { wish, is_behind: false, anew, from, landings: None };
        if let Some(node) = self.node().filter(|_| access.is_private) {
            let boarded = self.board_privately(node, query, plan, &desk, &ticket);
            return self.turn(query, boarded, plan, access);
        }
        if plan.reads_first() {
            if let Some((error, watch)) = desk.failures.answer(query, self.client().cache().now()) {
                self.note_read(query, None, Some(&watch));
                // An observer shows the error, and what the cache has beside it.
                return match self {
                    Self::Keeper(_) => Err(error),
                    Self::Client(_) | Self::Node(_) => {
                        self.excuse(query, plan, access, error, None).map(Turn::Answer)
                    }
                };
            }
            ticket.landings = Some(desk.flights.landings());
        }
        loop {
            // Another flight may have landed since the first look.
            if ticket.landings.is_some()
                && let Some((value, verdict)) = self.look(query, plan, false)
                && verdict.is_fresh()
            {
                return Ok(Turn::Answer(self.keep(query, value)));
            }
            match self.board(query, plan, &desk, &ticket) {
                Boarded::LookAgain(landings) => ticket.landings = Some(landings),
                boarded => return self.turn(query, boarded, plan, access),
            }
        }
    }

    /// Gets on a flight for somebody who waits by himself; `None` if the cache has an answer after all.
    pub(crate) fn seat<Q: Fetch<A>>(
        &self,
        query: &Q,
        plan: Plan,
        anew: Anew,
    ) -> Result<SeatOf<A, Q>, QueryError<Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        match self.load(query, &Arc::new(plan), Access::PLAIN, anew)? {
            Turn::Answer(_) => Ok(None),
            Turn::Wait(call) => Ok(Some(call.seat)),
        }
    }

    fn turn<Q: Fetch<A>>(
        &self,
        query: &Q,
        boarded: Boarded<Q, Q::Error>,
        plan: &Arc<Plan>,
        access: Access,
    ) -> Result<Turn<A, Q>, QueryError<Q::Error>>
    where
        A::Registry: Holds<Q>,
    {
        match boarded {
            Boarded::Joined(_, Some(seat)) | Boarded::New(_, Some(seat)) => {
                let patience = plan.patience().and_then(|time| Instant::now().checked_add(time));
                let lent = self.context().and_then(|node| Some(node.slot.as_ref()?.lend()));
                Ok(Turn::Wait(Call { seat, plan: Arc::clone(plan), access, patience, lent }))
            }
            Boarded::Landed(value) => Ok(Turn::Answer(self.keep(query, value))),
            // Who waits has a seat, and looks again until there is no need.
            Boarded::Cycle | Boarded::LookAgain(_) | Boarded::Joined(_, None) | Boarded::New(_, None) => {
                Err(QueryError::Cycle { query: Q::NAME })
            }
        }
    }

    /// What a call that waits wants of the flight.
    fn wish_of(&self, plan: &Plan) -> Wish {
        let linger = match self {
            // What is not looked at any more need not be loaded.
            Self::Keeper(_) => Duration::ZERO,
            Self::Client(_) | Self::Node(_) => LINGER,
        };
        Wish {
            stores: plan.stores(),
            goes_on: false,
            remembers_errors: plan.remembers_errors(),
            loads: !plan.reads_first(),
            linger: plan.linger.unwrap_or(linger),
        }
    }

    /// Loads, or has the running load go on, without anybody waiting; `loads` even if the provider has an answer. Returns
    /// the load, unless its error is remembered.
    pub(super) fn load_behind<Q: Fetch<A>>(
        &self,
        query: &Q,
        plan: &Arc<Plan>,
        loads: bool,
    ) -> Option<Behind<A, Q>>
    where
        A::Registry: Holds<Q>,
    {
        let desk = self.client().desks().of::<Q, Q::Error>();
        if desk.failures.answer(query, self.client().cache().now()).is_some() {
            return None;
        }
        let loads = loads || !plan.reads_first();
        let wish =
            Wish { stores: true, goes_on: true, remembers_errors: true, loads, linger: Duration::ZERO };
        let ticket = Ticket { wish, is_behind: true, anew: Anew::No, from: None, landings: None };
        let mut boarded = self.board(query, plan, &desk, &ticket);
        if let Boarded::New(flight, _) = &boarded
            && flight.is_stranded()
        {
            boarded = self.board(query, plan, &desk, &ticket);
        }
        match boarded {
            Boarded::Joined(flight, _) => Some(Behind { flight, is_new: false }),
            Boarded::New(flight, _) => Some(Behind { flight, is_new: true }),
            // Who waits for nothing closes no circle, and did not look.
            Boarded::Cycle | Boarded::LookAgain(_) | Boarded::Landed(_) => None,
        }
    }

    /// Gets on the flight that the tree has asked for, the current one, or a new one, which is started.
    fn board<Q: Fetch<A>>(
        &self,
        query: &Q,
        plan: &Arc<Plan>,
        desk: &DeskOf<A, Q>,
        ticket: &Ticket<'_>,
    ) -> Boarded<Q, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        // Before anything is locked: the clock may be foreign code, and there may be no runtime.
        let runtime = match ticket.is_behind {
            true => self.client().runtime().get_unattended(),
            false => self.client().runtime().get(),
        };
        let started = self.client().cache().now();
        let make = || {
            let id = self.client().next_flight();
            let watch = self.client().cache().watch(query);
            let slot = self.slot(desk, &runtime);
            Flight::new(id, query.clone(), started, Some(watch), CancellationToken::new(), runtime, slot)
        };
        // Declared here, so that it is dropped after the lock of the memo too.
        let mut displaced = None;
        let board = |displaced| desk.flights.board(query, ticket, make, displaced);
        let boarded = match self.node().filter(|_| !ticket.is_behind) {
            Some(node) => in_tree(node, query, ticket, || board(&mut displaced)),
            None => board(&mut displaced),
        };
        if let Some((_, flight)) = &displaced {
            flight.displace();
        }
        start(boarded, plan, desk, |flight| {
            let (client, token) = (self.client().clone(), flight.token.clone());
            Node::of_load(client, Q::NAME, token, flight.id, flight.slot.clone())
        })
    }

    /// What a load needs to run: that of a key which is loaded with others needs nothing, that of them all does.
    fn slot<Q: Fetch<A>>(&self, desk: &Desk<Q, Q::Error>, runtime: &TaskRuntime) -> Option<Arc<LoadSlot>> {
        if Q::__IS_BATCHED { None } else { self.client().slot_of(desk, runtime) }
    }

    /// Gets on a flight of the tree alone: what it loads is neither shared nor stored.
    fn board_privately<Q: Fetch<A>>(
        &self,
        node: &Arc<Node<A>>,
        query: &Q,
        plan: &Arc<Plan>,
        desk: &DeskOf<A, Q>,
        ticket: &Ticket<'_>,
    ) -> Boarded<Q, Q::Error>
    where
        A::Registry: Holds<Q>,
    {
        let (runtime, started) = (self.client().runtime().get(), self.client().cache().now());
        let boarded = in_tree(node, query, ticket, || {
            let (id, token) = (self.client().next_flight(), node.tree.token.child_token());
            let slot = self.slot(desk, &runtime);
            let flight = Arc::new(Flight::new(id, query.clone(), started, None, token, runtime, slot));
            match Seat::take(&flight, ticket.wish, ticket.from) {
                Ok(seat) => Boarded::New(flight, Some(seat)),
                Err(NoSeat::Closed | NoSeat::Cycle) => Boarded::Cycle,
            }
        });
        start(boarded, plan, desk, |flight| {
            Node::of_flight(node, flight.token.clone(), flight.id, flight.slot.clone())
        })
    }
}

/// Starts a flight that is new, in a context of its own.
fn start<A: App, Q: Fetch<A>>(
    boarded: Boarded<Q, Q::Error>,
    plan: &Arc<Plan>,
    desk: &DeskOf<A, Q>,
    context: impl FnOnce(&Flight<Q, Q::Error>) -> Arc<Node<A>>,
) -> Boarded<Q, Q::Error>
where
    A::Registry: Holds<Q>,
{
    if let Boarded::New(flight, _) = &boarded {
        let (desk, flight, node) = (Arc::clone(desk), Arc::clone(flight), context(flight));
        Trip { desk, flight, node, plan: Arc::clone(plan), told: None }.start();
    }
    boarded
}

/// Gets on the flight that the tree waits for already, if there is one, so that it asks once whatever its strategy.
fn in_tree<A: App, Q: Fetch<A>>(
    node: &Node<A>,
    query: &Q,
    ticket: &Ticket<'_>,
    board: impl FnOnce() -> Boarded<Q, Q::Error>,
) -> Boarded<Q, Q::Error> {
    let (boarded, _replaced) = node.tree.memo.with::<Q, Q::Error, _>(|cells| {
        if let Some(Cell::Asked(flight)) = cells.get(query) {
            if ticket.anew != Anew::InPlaceOf(flight.id) {
                match Seat::take(flight, ticket.wish, ticket.from) {
                    Ok(seat) => return (Boarded::Joined(Arc::clone(flight), Some(seat)), None),
                    Err(NoSeat::Cycle) => return (Boarded::Cycle, None),
                    Err(NoSeat::Closed) => {}
                }
            }
            if let Some(Ok(value)) = flight.outcome() {
                return (Boarded::Landed(value), None);
            }
        }
        let boarded = board();
        let flight = match &boarded {
            Boarded::Joined(_, Some(seat)) | Boarded::New(_, Some(seat)) => Arc::clone(&seat.flight),
            _ => return (boarded, None),
        };
        let replaced = match cells.get(query) {
            // Another call of the tree was faster.
            Some(Cell::Answered { .. }) => None,
            _ => cells.insert(query.clone(), Cell::Asked(flight)),
        };
        (boarded, replaced)
    });
    boarded
}
