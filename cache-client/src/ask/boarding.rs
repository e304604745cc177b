//! How a call gets on a flight: the one that its tree waits for, the current one, or a new one, which it starts.

use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::AnyKey;

use tokio::time::Instant;

use super::{Asker, Call, Turn};
use crate::app::App;
use crate::board::{Anew, Boarded, Ticket};
use crate::concurrency::LoadSlot;
use crate::context::{Access, Node};
use crate::desk::Desk;
use crate::erased::Failure;
use crate::error::QueryError;
use crate::flight::{Flight, NoSeat, Seat, Wish};
use crate::fly::Trip;
use crate::memo::Cell;
use crate::plan::{Plan, Planned};
use crate::query::AnyQuery;
use crate::runtime::TaskRuntime;
use crate::token::Token;

/// How long a load goes on when its last caller has left, where nobody says.
const LINGER: Duration = Duration::from_secs(5);

/// A load that nobody waits for.
pub(super) struct Behind {
    pub(super) flight: Arc<Flight>,
    /// Whether it was begun for who asked.
    pub(super) is_new: bool,
}

impl<A: App> Asker<'_, A> {
    /// Gets on the flight that the tree waits for already, if it does: what that brings comes before what is in the cache.
    pub(super) fn join_own(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Planned<'_>,
        access: Access,
    ) -> Result<Option<Turn>, Failure> {
        let Some(node) = self.node() else { return Ok(None) };
        let (wish, from) = (self.wish_of(plan), Some(node.origin()));
        let seat = node.tree().memo.with(|cells| match cells.get(query as &dyn AnyKey) {
            Some(Cell::Asked(flight)) => Some(Seat::take(flight, wish, from)),
            _ => None,
        });
        match seat {
            Some(Ok(seat)) => {
                let flight = Arc::clone(&seat.flight);
                let (boarded, slot) = (Boarded::Joined(flight, Some(seat)), node.slot.as_ref());
                self.turn(query, boarded, &plan.shared(), access, slot).map(Some)
            }
            Some(Err(NoSeat::Cycle)) => Err(QueryError::Cycle { query: query.facts().name }),
            Some(Err(NoSeat::Closed)) | None => Ok(None),
        }
    }

    /// Gets on a flight, or finds that there is an answer after all. The cache had none when so many loads had landed as were
    /// `seen`; it is read here if that is not known.
    pub(super) fn load(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Arc<Plan>,
        access: Access,
        anew: Anew,
        seen: Option<u64>,
    ) -> Result<Turn, Failure> {
        let desk = self.client().desk_of(query);
        let (wish, context) = (self.wish_of(plan), self.context(access));
        let from = context.as_ref().map(|node| node.origin());
        let slot = context.as_ref().and_then(|node| node.slot.as_ref());
        let mut ticket = Ticket { wish, is_behind: false, anew, from, landings: None };
        if let Some(node) = self.node().filter(|_| access.is_private) {
            let boarded = self.board_privately(node, query, plan, desk, &ticket);
            return self.turn(query, boarded, plan, access, slot);
        }
        if plan.reads_first() {
            if desk.failures.are_there()
                && let Some((error, watch)) = desk.failures.answer(query, self.client().cache().now())
            {
                self.note_read(query, None, Some(&watch));
                // An observer shows the error, and what the cache has beside it.
                return match self {
                    Self::Keeper(_) => Err(error),
                    Self::Client(_) | Self::Node(_) => {
                        self.excuse(query, plan, access, error, None).map(Turn::Answer)
                    }
                };
            }
            ticket.landings = Some(seen.unwrap_or_else(|| desk.flights.landings()));
        }
        let mut is_read = seen.is_some();
        loop {
            if ticket.landings.is_some()
                && !is_read
                && let Some((value, verdict)) = self.look(query, plan, false)
                && verdict.is_fresh()
            {
                return Ok(Turn::Answer(self.keep(query, value)));
            }
            match self.board(query, plan, desk, &ticket) {
                Boarded::LookAgain(landings) => (ticket.landings, is_read) = (Some(landings), false),
                boarded => return self.turn(query, boarded, plan, access, slot),
            }
        }
    }

    /// Gets on a flight for somebody who waits by himself; `None` if the cache has an answer after all.
    pub(crate) fn seat(
        &self,
        query: &dyn AnyQuery<A>,
        plan: Plan,
        anew: Anew,
    ) -> Result<Option<Seat>, Failure> {
        match self.load(query, &Arc::new(plan), Access::PLAIN, anew, None)? {
            Turn::Answer(_) => Ok(None),
            Turn::Wait(call) => Ok(Some(call.seat)),
        }
    }

    /// What comes of getting on a flight. A call that waits lends the `slot` of the load that asks.
    fn turn(
        &self,
        query: &dyn AnyQuery<A>,
        boarded: Boarded,
        plan: &Arc<Plan>,
        access: Access,
        slot: Option<&Arc<LoadSlot>>,
    ) -> Result<Turn, Failure> {
        match boarded {
            Boarded::Joined(_, Some(seat)) | Boarded::New(_, Some(seat)) => {
                let patience = plan.patience().and_then(|time| Instant::now().checked_add(time));
                let lent = slot.map(LoadSlot::lend);
                Ok(Turn::Wait(Call { seat, plan: Arc::clone(plan), access, patience, lent }))
            }
            Boarded::Landed(value) => Ok(Turn::Answer(self.keep(query, value))),
            // Who waits has a seat, and looks again until there is no need.
            Boarded::Cycle | Boarded::LookAgain(_) | Boarded::Joined(_, None) | Boarded::New(_, None) => {
                Err(QueryError::Cycle { query: query.facts().name })
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
    pub(super) fn load_behind(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Arc<Plan>,
        loads: bool,
    ) -> Option<Behind> {
        let desk = self.client().desk_of(query);
        if desk.failures.are_there() && desk.failures.answer(query, self.client().cache().now()).is_some() {
            return None;
        }
        let loads = loads || !plan.reads_first();
        let wish =
            Wish { stores: true, goes_on: true, remembers_errors: true, loads, linger: Duration::ZERO };
        let ticket = Ticket { wish, is_behind: true, anew: Anew::No, from: None, landings: None };
        let mut boarded = self.board(query, plan, desk, &ticket);
        if let Boarded::New(flight, _) = &boarded
            && flight.is_stranded()
        {
            boarded = self.board(query, plan, desk, &ticket);
        }
        match boarded {
            Boarded::Joined(flight, _) => Some(Behind { flight, is_new: false }),
            Boarded::New(flight, _) => Some(Behind { flight, is_new: true }),
            // Who waits for nothing closes no circle, and did not look.
            Boarded::Cycle | Boarded::LookAgain(_) | Boarded::Landed(_) => None,
        }
    }

    /// Gets on the flight that the tree has asked for, the current one, or a new one, which is started.
    fn board(
        &self,
        query: &dyn AnyQuery<A>,
        plan: &Arc<Plan>,
        desk: &Arc<Desk>,
        ticket: &Ticket<'_>,
    ) -> Boarded {
        // Before anything is locked: the clock may be foreign code, and there may be no runtime.
        let runtime = match ticket.is_behind {
            true => self.client().runtime().get_unattended(),
            false => self.client().runtime().get(),
        };
        let started = self.client().cache().now();
        // What is loaded, if the flight is new.
        let mut loaded = None;
        let make = || {
            let query = loaded.insert(query.to_query());
            let id = self.client().next_flight();
            let watch = Arc::new(query.watch(self.client().cache(), None));
            let slot = self.slot(&**query, desk, &runtime);
            let key: Arc<dyn AnyKey> = query.clone();
            Flight::new(id, key, started, Some(watch), Token::default(), runtime, slot)
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
        start(boarded, loaded, plan, desk, |flight| {
            let (client, token) = (self.client().clone(), flight.token.clone());
            Node::of_load(client, query.facts().name, token, flight.id, flight.slot.clone())
        })
    }

    /// What a load needs to run: that of a key which is loaded with others needs nothing, that of them all does.
    fn slot(&self, query: &dyn AnyQuery<A>, desk: &Desk, runtime: &TaskRuntime) -> Option<Arc<LoadSlot>> {
        if query.facts().is_batched { None } else { self.client().slot_of(query, desk, runtime) }
    }

    /// Gets on a flight of the tree alone: what it loads is neither shared nor stored.
    fn board_privately(
        &self,
        node: &Arc<Node<A>>,
        query: &dyn AnyQuery<A>,
        plan: &Arc<Plan>,
        desk: &Arc<Desk>,
        ticket: &Ticket<'_>,
    ) -> Boarded {
        let (runtime, started) = (self.client().runtime().get(), self.client().cache().now());
        let mut loaded = None;
        let boarded = in_tree(node, query, ticket, || {
            let query = loaded.insert(query.to_query());
            let (id, token) = (self.client().next_flight(), node.request().child());
            let slot = self.slot(&**query, desk, &runtime);
            let key: Arc<dyn AnyKey> = query.clone();
            let flight = Arc::new(Flight::new(id, key, started, None, token, runtime, slot));
            match Seat::take(&flight, ticket.wish, ticket.from) {
                Ok(seat) => Boarded::New(flight, Some(seat)),
                Err(NoSeat::Closed | NoSeat::Cycle) => Boarded::Cycle,
            }
        });
        start(boarded, loaded, plan, desk, |flight| {
            Node::of_flight(node, flight.token.clone(), flight.id, flight.slot.clone())
        })
    }
}

/// Starts a flight that is new, in a context of its own.
fn start<A: App>(
    boarded: Boarded,
    loaded: Option<Arc<dyn AnyQuery<A>>>,
    plan: &Arc<Plan>,
    desk: &Arc<Desk>,
    context: impl FnOnce(&Flight) -> Arc<Node<A>>,
) -> Boarded {
    if let (Boarded::New(flight, _), Some(query)) = (&boarded, loaded) {
        let (desk, flight, node) = (Arc::clone(desk), Arc::clone(flight), context(flight));
        Trip::new(query, desk, flight, node, Arc::clone(plan)).start();
    }
    boarded
}

/// Gets on the flight that the tree waits for already, if there is one, so that it asks once whatever its strategy.
fn in_tree<A: App>(
    node: &Node<A>,
    key: &dyn AnyKey,
    ticket: &Ticket<'_>,
    board: impl FnOnce() -> Boarded,
) -> Boarded {
    let (boarded, _replaced) = node.tree().memo.with(|cells| {
        if let Some(Cell::Asked(flight)) = cells.get(key) {
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
        let replaced = match cells.get(key) {
            // Another call of the tree was faster.
            Some(Cell::Answered { .. }) => None,
            _ => cells.insert(Arc::clone(&flight.key), Cell::Asked(flight)),
        };
        (boarded, replaced)
    });
    boarded
}
