//! One machine: copies in memory, loads under way, changes. It does what the query client does.

use std::collections::VecDeque;
use std::time::Duration;

use cache_client::shared::machine::{Access, Action, DropId, Event, Machine};
use cache_client::shared::protocol::{Envelope, Found, Mark, Position, Reply, Request, Token};
use cache_core::Moment;

use crate::world::{Defect, KEEP, KEYS, LEASE, MAX_LAG, SHAPE, Telling, World, choose, covered, key, tags};
use cache_redis_test_server::{Answer, Change, Step};

pub struct Node {
    id: usize,
    pub machine: Machine,
    pub copies: [Option<Copy>; KEYS],
    flights: Vec<Flight>,
    next_flight: u64,
    changes: Vec<PendingChange>,
    /// When keys were marked of changes that were made elsewhere, until their drops are acknowledged. What is loaded here
    /// later is from after the change.
    pub marked: Vec<(DropId, Step)>,
    tokens: u32,
    /// Requests and answers under way, in any order.
    pub messages: Vec<Message>,
    /// The one request on the feed's connection. `None` if there is no connection.
    pub feed: Option<FeedCall>,
    /// What an answer of the feed asks for, and is not carried out yet.
    pub todo: VecDeque<Action>,
    /// Until when copies may be called fresh, as reads see it.
    pub fresh_until: Option<Moment>,
    pub is_resuming: bool,
    /// The process of the server that the other connection is to.
    pub connected_to: Option<u64>,
}

/// A value in a machine's memory.
pub struct Copy {
    version: u64,
    load_began: Step,
    start: Option<Moment>,
    is_marked: bool,
}

/// A search for one key.
struct Flight {
    id: u64,
    key: usize,
    /// Whether something was dropped since its load began: nobody joins it, and it stores nothing here.
    is_retired: bool,
    phase: Phase,
    reads: Vec<Read>,
}

enum Phase {
    /// A request is under way.
    Tier,
    /// Another has the lease.
    Awaiting,
    Loading(Load),
}

struct Load {
    began: Step,
    start: Moment,
    /// What the origin has answered.
    version: Option<u64>,
    lease: Option<Lease>,
}

struct Lease {
    token: Token,
    position: Position,
}

struct Read {
    began: Step,
    time: Duration,
}

struct PendingChange {
    drop: DropId,
    key: usize,
    version: u64,
    marks: Vec<Mark>,
    is_acknowledged: bool,
    is_failed: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    Flight(u64),
    Fill,
    Drop(DropId),
}

pub struct Message {
    pub request: Request,
    pub purpose: Purpose,
    /// `None` before the server has carried it out, `Some(None)` if it has refused.
    pub reply: Option<Option<Reply>>,
    pub executed: Step,
}

pub struct FeedCall {
    pub request: Request,
    pub sent: Moment,
    pub reply: Option<Reply>,
    pub has_position: bool,
}

impl Node {
    pub fn new(id: usize, machine: Machine) -> Self {
        Self {
            id,
            machine,
            copies: [const { None }; KEYS],
            flights: Vec::new(),
            next_flight: 0,
            changes: Vec::new(),
            tokens: 0,
            marked: Vec::new(),
            messages: Vec::new(),
            feed: None,
            todo: VecDeque::new(),
            fresh_until: None,
            is_resuming: false,
            connected_to: None,
        }
    }

    pub fn invalidate(&mut self, keys: &[usize]) {
        for &key in keys {
            self.copies[key].iter_mut().for_each(|copy| copy.is_marked = true);
        }
        for flight in self.flights.iter_mut().filter(|flight| keys.contains(&flight.key)) {
            // Before that the machine judges the answers.
            flight.is_retired |= matches!(flight.phase, Phase::Loading(_));
        }
    }

    pub fn acknowledged(&mut self, drop: DropId) {
        self.changes
            .iter_mut()
            .filter(|change| change.drop == drop)
            .for_each(|change| change.is_acknowledged = true);
    }

    pub fn failed(&mut self, drop: DropId) {
        self.changes
            .iter_mut()
            .filter(|change| change.drop == drop)
            .for_each(|change| change.is_failed = true);
    }

    fn token(&mut self) -> Token {
        self.tokens += 1;
        let mut token = [self.id as u8; 16];
        token[..4].copy_from_slice(&self.tokens.to_be_bytes());
        Token(token)
    }

    fn flight(&mut self, id: u64) -> &mut Flight {
        self.flights.iter_mut().find(|flight| flight.id == id).expect("the flight is under way")
    }
}

/// Reads.
impl World {
    pub fn read(&mut self, node: usize, at: usize) {
        let (began, time, now) = (self.step, self.now, self.moment());
        let joins_old_loads = self.has(Defect::OldLoadsAreJoined);
        let own = &mut self.nodes[node];
        let is_fresh = |start: Option<Moment>| {
            own.fresh_until.max(start.map(|start| start + MAX_LAG)).is_some_and(|until| now <= until)
        };
        if let Some(copy) = own.copies[at].as_ref().filter(|copy| !copy.is_marked) {
            if is_fresh(copy.start) {
                let (version, load_began) = (copy.version, copy.load_began);
                self.answer(node, at, version, load_began, &[Read { began, time }]);
                return;
            }
            self.counts.expired_bounds += 1;
        }
        let joined = own.flights.iter().position(|flight| flight.key == at && !flight.is_retired);
        if let Some(joined) = joined {
            let may_join = match &own.flights[joined].phase {
                Phase::Loading(load) => is_fresh(Some(load.start)) || joins_old_loads,
                // The answer is judged when it comes.
                Phase::Tier | Phase::Awaiting => true,
            };
            if may_join {
                own.flights[joined].reads.push(Read { began, time });
                return;
            }
            own.flights[joined].is_retired = true;
        }
        let id = own.next_flight;
        own.next_flight += 1;
        let reads = vec![Read { began, time }];
        own.flights.push(Flight { id, key: at, is_retired: false, phase: Phase::Tier, reads });
        own.machine.handle(Event::LookupBegun { key: key(at) });
        match own.machine.access(&key(at), &tags(at), now) {
            Access::Origin => self.load_alone(node, id),
            Access::Read => {
                self.send(node, Request::Read { key: key(at), shape: SHAPE }, Purpose::Flight(id))
            }
            Access::Ask => self.ask(node, id),
        }
    }

    fn ask(&mut self, node: usize, flight: u64) {
        let (candidate, token) = (self.candidate(), self.nodes[node].token());
        let flying = self.nodes[node].flight(flight);
        flying.phase = Phase::Tier;
        let (key, max_age) = (key(flying.key), Duration::MAX);
        let request = Request::Ask { key, shape: SHAPE, max_age, candidate, token, lease: LEASE };
        self.send(node, request, Purpose::Flight(flight));
    }

    pub fn load_alone(&mut self, node: usize, flight: u64) {
        let at = self.moment();
        self.handle(node, Event::LoadedAlone { at });
        self.begin_load(node, flight, None);
    }

    fn begin_load(&mut self, node: usize, flight: u64, lease: Option<Lease>) {
        let (began, start) = (self.step, self.moment());
        let own = &mut self.nodes[node];
        let flying = own.flight(flight);
        flying.phase = Phase::Loading(Load { began, start, version: None, lease });
        let key = key(flying.key);
        own.machine.handle(Event::LookupEnded { key });
    }

    /// The server has answered.
    pub fn answered(&mut self, node: usize, flight: u64, request: &Request, reply: Reply) {
        let now = self.moment();
        let at = self.nodes[node].flight(flight).key;
        match reply {
            Reply::Read(envelope) => {
                let machine = &self.nodes[node].machine;
                let envelope = envelope.filter(|envelope| machine.is_hit(&key(at), envelope, now));
                match envelope {
                    Some(envelope) => self.complete_from_tier(node, flight, &envelope),
                    None => self.ask_again(node, flight),
                }
            }
            Reply::Asked(asked) => {
                self.handle(node, Event::Seen { at: now, position: asked.position });
                match &asked.found {
                    Found::Value(envelope) => {
                        let machine = &self.nodes[node].machine;
                        if machine.is_answer(&key(at), asked.position.epoch, envelope, now) {
                            self.complete_from_tier(node, flight, envelope);
                        } else {
                            self.ask_again(node, flight);
                        }
                    }
                    Found::Leased => {
                        let &Request::Ask { token, .. } = request else { unreachable!() };
                        self.begin_load(node, flight, Some(Lease { token, position: asked.position }));
                    }
                    Found::Awaited(_) => self.nodes[node].flight(flight).phase = Phase::Awaiting,
                }
            }
            reply => unreachable!("{reply:?}"),
        }
    }

    /// Sends another request for a key. The machine may have learned meanwhile that it must not.
    fn ask_again(&mut self, node: usize, flight: u64) {
        let now = self.moment();
        let at = self.nodes[node].flight(flight).key;
        match self.nodes[node].machine.access(&key(at), &tags(at), now) {
            Access::Origin => self.load_alone(node, flight),
            Access::Read | Access::Ask => self.ask(node, flight),
        }
    }

    pub fn poll(&mut self, node: usize) {
        let awaiting = |flight: &&Flight| matches!(flight.phase, Phase::Awaiting);
        if let Some(flight) = self.nodes[node].flights.iter().find(awaiting) {
            self.ask_again(node, flight.id);
        }
    }

    pub fn load(&mut self, node: usize, flight: usize) {
        let loading = |flight: &Flight| matches!(flight.phase, Phase::Loading(_));
        let loads: Vec<_> =
            self.nodes[node].flights.iter().filter(|flight| loading(flight)).map(|f| f.id).collect();
        let Some(flight) = choose(flight, loads.len()).map(|at| loads[at]) else { return };
        let origin = self.origin;
        let flying = self.nodes[node].flight(flight);
        let at = flying.key;
        let Phase::Loading(load) = &mut flying.phase else { unreachable!() };
        let Some(version) = load.version else {
            load.version = Some(origin[at]);
            return;
        };
        let (began, start, lease) = (load.began, load.start, load.lease.take());
        self.complete(
            node,
            flight,
            Copy { version, load_began: began, start: Some(start), is_marked: false },
        );
        let Some(Lease { token, position: Position { epoch, number } }) = lease else { return };
        let body = [version.to_be_bytes(), began.to_be_bytes()].concat();
        let envelope = Envelope { epoch, number, began: 0, tags: tags(at), body };
        let (key, shape) = (key(at), SHAPE);
        let request = match self.nodes[node].machine.may_fill(&key, &envelope) {
            true => Request::Fill { key, shape, token, keep: KEEP, envelope },
            false => Request::Lose { key, shape, token },
        };
        self.send(node, request, Purpose::Fill);
    }

    fn complete_from_tier(&mut self, node: usize, flight: u64, envelope: &Envelope) {
        self.counts.hits += 1;
        let key = key(self.nodes[node].flight(flight).key);
        self.nodes[node].machine.handle(Event::LookupEnded { key });
        let number =
            |at: usize| u64::from_be_bytes(envelope.body[at..at + 8].try_into().expect("eight bytes"));
        self.complete(
            node,
            flight,
            Copy { version: number(0), load_began: number(8), start: None, is_marked: false },
        );
    }

    fn complete(&mut self, node: usize, flight: u64, copy: Copy) {
        let flights = &mut self.nodes[node].flights;
        let at = flights.iter().position(|flying| flying.id == flight).expect("the flight is under way");
        let flying = flights.remove(at);
        let (version, load_began) = (copy.version, copy.load_began);
        if !flying.is_retired {
            self.nodes[node].copies[flying.key] = Some(copy);
        }
        self.answer(node, flying.key, version, load_began, &flying.reads);
    }

    fn answer(&mut self, node: usize, key: usize, version: u64, load_began: Step, reads: &[Read]) {
        for read in reads {
            let (read_began, read_time, answered) = (read.began, read.time, self.step);
            self.counts.answers += 1;
            let answer = Answer { node, key, version, load_began, read_began, read_time, answered };
            self.note(format_args!("    {answer:?}"));
            self.history.answers.push(answer);
        }
    }
}

/// Changes.
impl World {
    pub fn write(&mut self, node: usize, at: usize, mark: u8, telling: Telling) {
        self.origin[at] += 1;
        let version = self.origin[at];
        let mark = match mark {
            0 => Mark::Table(key(at).table().into()),
            1 if at > 0 => Mark::Tag((*b"tag").into()),
            2 => Mark::All,
            _ => Mark::Key(key(at)),
        };
        let marks = vec![mark];
        // With the defect, the drop would follow.
        let has_late_drop = telling == Telling::Before && self.has(Defect::DropAfterCommit);
        if telling == Telling::After || has_late_drop {
            self.nodes[node].invalidate(&covered(&marks));
            self.returned(node, at, version);
        }
        if has_late_drop {
            return;
        }
        let drop = self.begin_drop(node, marks.clone(), telling != Telling::Before);
        match telling {
            Telling::Before => {
                let (is_acknowledged, is_failed) = (false, false);
                let change = PendingChange { drop, key: at, version, marks, is_acknowledged, is_failed };
                self.nodes[node].changes.push(change);
            }
            Telling::After => {}
            Telling::Marking => {
                if !self.has(Defect::NothingIsMarked) {
                    self.nodes[node].invalidate(&covered(&marks));
                }
                self.nodes[node].marked.push((drop, self.step));
                self.handle(node, Event::Marked { drop });
                self.returned(node, at, version);
            }
        }
    }

    fn begin_drop(&mut self, node: usize, marks: Vec<Mark>, is_committed: bool) -> DropId {
        let before = self.nodes[node].messages.len();
        self.handle(node, Event::Drop { marks, is_committed });
        match self.nodes[node].messages.get(before) {
            Some(&Message { purpose: Purpose::Drop(drop), .. }) => drop,
            _ => unreachable!("the drop was sent"),
        }
    }

    pub fn commit(&mut self, node: usize, change: usize) {
        let Some(at) = choose(change, self.nodes[node].changes.len()) else { return };
        let change = self.nodes[node].changes.swap_remove(at);
        if !change.is_acknowledged && !change.is_failed {
            self.handle(node, Event::Failed { drop: change.drop });
        }
        self.nodes[node].invalidate(&covered(&change.marks));
        self.handle(node, Event::Committed { drop: change.drop });
        self.returned(node, change.key, change.version);
    }

    pub fn abandon(&mut self, node: usize, change: usize) {
        let Some(at) = choose(change, self.nodes[node].changes.len()) else { return };
        let change = self.nodes[node].changes.swap_remove(at);
        self.handle(node, Event::Abandoned { drop: change.drop, marks: change.marks });
    }

    fn returned(&mut self, node: usize, key: usize, version: u64) {
        let change = Change { node, key, version, returned: self.step, forgotten: None };
        self.history.changes.push(change);
    }
}
