//! A server, an origin and some machines, run one step at a time. The steps say what happens next; the order in which
//! messages arrive, and which are lost, is theirs.

use std::fmt::Write;
use std::time::Duration;

use cache_client::shared::SimServer;
use cache_client::shared::machine::{Action, Event, Machine};
use cache_client::shared::protocol::{
    ClientId, Epoch, FeedAnswer, FeedId, Filled, Found, Key, Mark, Reply, Request, Shape, Token, tag_bucket,
};
use cache_core::Moment;
use cache_redis_test_server::{Dropped, History, Step};

use crate::node::{FeedCall, Message, Node, Purpose};

pub const MAX_LAG: Duration = Duration::from_secs(2);
pub const SHAPE: Shape = Shape(1);
pub const LEASE: Duration = Duration::from_secs(10);
pub const KEEP: Duration = Duration::from_secs(60);
pub const NODES: usize = 2;
pub const KEYS: usize = 3;

/// The tag of the last two keys, which are in different tables.
const TAG: &[u8] = b"tag";

/// What happens next. Numbers count modulo what there is to choose from.
#[derive(Clone, Debug)]
pub enum Next {
    Read {
        node: usize,
        key: usize,
    },
    /// A message arrives at the server, or its answer at the machine.
    Deliver {
        node: usize,
        message: usize,
    },
    /// The same on the feed's connection, or a part of what its answer asks for is carried out.
    Feed {
        node: usize,
    },
    /// A load reads the origin, or ends.
    Load {
        node: usize,
        flight: usize,
    },
    /// All messages of a machine arrive, and its loads end.
    Settle {
        node: usize,
    },
    /// The feed's connection answers until the machine waits for a drop.
    Follow {
        node: usize,
    },
    /// A read that waits for another's lease looks again.
    Poll {
        node: usize,
    },
    Write {
        node: usize,
        key: usize,
        mark: u8,
        telling: Telling,
    },
    /// A change is committed. If its drop is not acknowledged, it has taken too long.
    Commit {
        node: usize,
        change: usize,
    },
    /// A change is cancelled after its drop was sent.
    Abandon {
        node: usize,
        change: usize,
    },
    /// A message or its answer is lost. If `is_late`, the machine has only given up: the message arrives later.
    Lose {
        node: usize,
        message: usize,
        is_late: bool,
    },
    /// A message arrives whose sender has given up.
    DeliverLate {
        message: usize,
    },
    CutFeed {
        node: usize,
    },
    /// A machine finds out that it was suspended.
    LoseTrack {
        node: usize,
    },
    ConnectFeed {
        node: usize,
    },
    Retry {
        node: usize,
    },
    /// A machine evicts a copy.
    Forget {
        node: usize,
        key: usize,
    },
    Advance {
        milliseconds: u64,
    },
    Fault(Fault),
}

/// When a machine tells of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Before it can be seen: [`Next::Commit`] or [`Next::Abandon`] follows.
    Before,
    /// When it can be seen.
    After,
    /// The change was made elsewhere: the machine marks what it names.
    Marking,
}

/// What a part of the tier does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Machines know no bound.
    NoBound,
    /// Machines join loads however long ago they have begun.
    OldLoadsAreJoined,
    /// Machines use the tier for keys whose drops wait to be sent.
    OutboxDoesNotBlock,
    /// A change is seen and returns before its drop is sent.
    DropAfterCommit,
    /// A machine says that it has marked something, and has not.
    NothingIsMarked,
    /// All epochs are the same, also that of a server that has lost something.
    OneEpoch,
    /// Fills pass whatever was dropped.
    FillsIgnoreNumbers,
    /// Fills pass without their lease.
    FillsIgnoreTokens,
}

#[derive(Clone, Debug)]
pub enum Fault {
    Flush,
    LoseState,
    LoseFeed,
    Evict { key: usize },
    Trim { length: usize },
    Save,
    Restart,
    Full(bool),
}

/// How often something happened that the guarantees are about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub refused_fills: u64,
    pub gaps: u64,
    pub replays: u64,
    pub expired_bounds: u64,
    pub hits: u64,
    pub answers: u64,
}

pub struct World {
    pub server: SimServer,
    pub history: History,
    /// Each step, for the message of a failed run.
    pub log: String,
    pub counts: Counts,
    pub now: Duration,
    pub step: Step,
    pub nodes: Vec<Node>,
    /// The version of each key at the origin.
    pub origin: [u64; KEYS],
    pub defects: Vec<Defect>,
    late: Vec<Request>,
    epochs: u128,
    /// What the server has of each key that no drop has touched: a lease with its owner or a value, until when.
    held: [Option<(Option<Token>, Duration)>; KEYS],
}

pub fn key(key: usize) -> Key {
    Key::new(["a", "a", "b"][key], &[key as u8])
}

pub fn tags(key: usize) -> Vec<u16> {
    if key == 0 { vec![] } else { vec![tag_bucket(TAG)] }
}

/// The keys that marks name.
pub fn covered(marks: &[Mark]) -> Vec<usize> {
    let covers = |at: usize| {
        marks.iter().any(|mark| match mark {
            Mark::Key(marked) => *marked == key(at),
            Mark::Table(table) => **table == *key(at).table(),
            Mark::Tag(tag) => **tag == *TAG && !tags(at).is_empty(),
            Mark::All => true,
        })
    };
    (0..KEYS).filter(|at| covers(*at)).collect()
}

impl Counts {
    pub fn plus(self, other: Self) -> Self {
        Self {
            refused_fills: self.refused_fills + other.refused_fills,
            gaps: self.gaps + other.gaps,
            replays: self.replays + other.replays,
            expired_bounds: self.expired_bounds + other.expired_bounds,
            hits: self.hits + other.hits,
            answers: self.answers + other.answers,
        }
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(defects: &[Defect]) -> Self {
        let max_lag = if defects.contains(&Defect::NoBound) { Duration::from_hours(1) } else { MAX_LAG };
        let node = |id: usize| Node::new(id, Machine::new(ClientId([id as u8; 8]), max_lag));
        Self {
            server: SimServer::new(),
            history: History::default(),
            log: String::new(),
            counts: Counts::default(),
            now: Duration::ZERO,
            step: 0,
            nodes: (0..NODES).map(node).collect(),
            origin: [0; KEYS],
            defects: defects.to_vec(),
            late: Vec::new(),
            epochs: 0,
            held: [None; KEYS],
        }
    }

    pub fn moment(&self) -> Moment {
        Moment::ORIGIN + self.now
    }

    pub fn note(&mut self, what: std::fmt::Arguments<'_>) {
        writeln!(self.log, "{:4} {what}", self.step).expect("a string takes all");
    }

    pub fn candidate(&mut self) -> Epoch {
        self.epochs += 1;
        self.epoch(self.epochs)
    }

    pub fn run(&mut self, next: &Next) {
        self.step += 1;
        self.now += Duration::from_micros(1);
        self.note(format_args!("{next:?}"));
        match next.clone() {
            Next::Read { node, key } => self.read(node, key),
            Next::Deliver { node, message } => self.deliver(node, message),
            Next::Feed { node } => self.deliver_feed(node),
            Next::Load { node, flight } => self.load(node, flight),
            Next::Settle { node } => self.settle(node),
            Next::Follow { node } => self.follow(node),
            Next::Poll { node } => self.poll(node),
            Next::Write { node, key, mark, telling } => self.write(node, key, mark, telling),
            Next::Commit { node, change } => self.commit(node, change),
            Next::Abandon { node, change } => self.abandon(node, change),
            Next::Lose { node, message, is_late } => self.lose(node, message, is_late),
            Next::DeliverLate { message } => self.deliver_late(message),
            Next::CutFeed { node } => self.cut_feed(node),
            Next::LoseTrack { node } => {
                self.carry_out_all(node);
                self.nodes[node].feed = None;
                self.handle(node, Event::Lost);
                self.nodes[node].fresh_until = None;
            }
            Next::ConnectFeed { node } => {
                if self.nodes[node].feed.is_none() && self.nodes[node].todo.is_empty() {
                    self.handle_feed(node, Event::FeedConnected);
                    self.nodes[node].is_resuming = true;
                }
            }
            Next::Retry { node } => self.handle(node, Event::Retry),
            Next::Forget { node, key } => self.nodes[node].copies[key] = None,
            Next::Advance { milliseconds } => {
                self.now += Duration::from_millis(milliseconds);
                self.server.advance(Duration::from_millis(milliseconds));
            }
            Next::Fault(fault) => self.fault(&fault),
        }
    }

    /// Reports an event to a machine and carries out what it says.
    pub fn handle(&mut self, node: usize, event: Event) {
        for action in self.nodes[node].machine.handle(event) {
            self.carry_out(node, action);
        }
    }

    /// Reports an answer of the feed to a machine. Other things happen while its actions are carried out.
    fn handle_feed(&mut self, node: usize, event: Event) {
        let node = &mut self.nodes[node];
        node.todo.extend(node.machine.handle(event));
    }

    fn carry_out_all(&mut self, node: usize) {
        while let Some(action) = self.nodes[node].todo.pop_front() {
            self.carry_out(node, action);
        }
    }

    fn carry_out(&mut self, node: usize, action: Action) {
        match action {
            Action::Open => {
                let candidate = self.candidate();
                self.send_on_feed(node, Request::Open { candidate });
            }
            Action::Read { after, wait } => {
                let wait = Duration::from_millis(if wait { 500 } else { 0 });
                self.send_on_feed(
                    node,
                    Request::Feed { after, count: cache_client::shared::machine::FEED_COUNT, wait },
                );
            }
            Action::Invalidate(marks) => self.nodes[node].invalidate(&covered(&marks)),
            Action::InvalidateAll => {
                self.counts.gaps += 1;
                self.nodes[node].invalidate(&[0, 1, 2]);
            }
            Action::Send { drop, marks } => {
                let (candidate, client) = (self.candidate(), ClientId([node as u8; 8]));
                self.send(node, Request::Drop { candidate, client, marks }, Purpose::Drop(drop));
            }
            Action::Extend => {
                let node = &mut self.nodes[node];
                node.fresh_until = node.machine.fresh_until(None);
            }
        }
    }

    fn send_on_feed(&mut self, node: usize, request: Request) {
        let sent = self.moment();
        self.nodes[node].feed = Some(FeedCall { request, sent, reply: None, has_position: false });
    }

    /// Sends a request. A new connection first asks for the epoch, as every connection must.
    pub fn send(&mut self, node: usize, request: Request, purpose: Purpose) {
        if self.nodes[node].connected_to != Some(self.server.run()) {
            self.nodes[node].connected_to = Some(self.server.run());
            let candidate = self.candidate();
            let Ok(Reply::Opened(opened)) = self.server.answer(&Request::Open { candidate }) else {
                unreachable!()
            };
            let at = self.moment();
            self.handle(node, Event::Seen { at, position: opened.position });
        }
        self.nodes[node].messages.push(Message { request, purpose, reply: None, executed: 0 });
    }

    /// The server carries out a request. `None` is an error.
    fn execute(&mut self, request: &Request) -> Option<Reply> {
        let taken = self.garbled(request);
        let reply = self.server.answer(&taken).ok();
        match (request, &reply) {
            (Request::Ask { key, token, lease, .. }, Some(Reply::Asked(asked)))
                if asked.found == Found::Leased =>
            {
                let held = self.held[index(key)].filter(|(_, until)| self.now < *until);
                assert_eq!(held, None, "a second lease of {key:?}\n{}", self.log);
                self.held[index(key)] = Some((Some(*token), self.now + *lease));
            }
            (Request::Fill { key, token, .. }, Some(Reply::Filled(filled))) => match filled {
                Filled::Kept => self.held[index(key)] = Some((None, self.now + KEEP)),
                Filled::NoLease => self.counts.refused_fills += 1,
                Filled::OtherEpoch | Filled::Overtaken => {
                    self.end_lease(key, *token);
                    self.counts.refused_fills += 1;
                }
            },
            (Request::Lose { key, token, .. }, Some(Reply::Lost(true))) => self.end_lease(key, *token),
            (Request::Drop { marks, .. }, Some(_)) => {
                covered(marks).iter().for_each(|&at| self.held[at] = None)
            }
            _ => {}
        }
        reply
    }

    fn end_lease(&mut self, key: &Key, token: Token) {
        self.held[index(key)].take_if(|(owner, _)| *owner == Some(token));
    }

    fn deliver(&mut self, node: usize, message: usize) {
        let Some(at) = choose(message, self.nodes[node].messages.len()) else { return };
        if self.nodes[node].messages[at].reply.is_none() {
            let request = self.nodes[node].messages[at].request.clone();
            let reply = self.execute(&request);
            self.note(format_args!("    {request:?}\n     -> {reply:?}"));
            let message = &mut self.nodes[node].messages[at];
            (message.reply, message.executed) = (Some(reply), self.step);
            return;
        }
        let message = self.nodes[node].messages.swap_remove(at);
        match (message.purpose, message.reply.flatten()) {
            (Purpose::Flight(flight), Some(reply)) => self.answered(node, flight, &message.request, reply),
            (Purpose::Drop(drop), Some(Reply::Dropped(position))) => {
                let Request::Drop { marks, .. } = message.request else { unreachable!() };
                let marked = self.nodes[node].marked.iter().find(|(marked, _)| *marked == drop);
                let earliest = marked.map_or(message.executed, |&(_, step)| step.min(message.executed));
                self.history.drops.push(Dropped {
                    node,
                    keys: covered(&marks),
                    earliest,
                    latest: message.executed,
                    acknowledged: Some(self.now),
                });
                let at = self.moment();
                self.nodes[node].acknowledged(drop);
                self.handle(node, Event::Acknowledged { at, drop, position });
            }
            (Purpose::Fill, _) => {}
            (purpose, None) => self.failed(node, purpose),
            (purpose, Some(reply)) => unreachable!("{purpose:?} is answered by {reply:?}"),
        }
    }

    fn settle(&mut self, node: usize) {
        // Something is always left if another has a lease.
        for _ in 0..20 {
            self.deliver(node, 0);
            self.load(node, 0);
        }
    }

    fn follow(&mut self, node: usize) {
        for _ in 0..15 {
            self.deliver_feed(node);
        }
    }

    fn lose(&mut self, node: usize, message: usize, is_late: bool) {
        let Some(at) = choose(message, self.nodes[node].messages.len()) else { return };
        let message = self.nodes[node].messages.swap_remove(at);
        if is_late && message.reply.is_none() {
            self.late.push(message.request);
        }
        self.failed(node, message.purpose);
    }

    fn deliver_late(&mut self, message: usize) {
        if let Some(at) = choose(message, self.late.len()) {
            let request = self.late.swap_remove(at);
            let reply = self.execute(&request);
            self.note(format_args!("    {request:?}\n     -> {reply:?}"));
        }
    }

    fn failed(&mut self, node: usize, purpose: Purpose) {
        match purpose {
            Purpose::Flight(flight) => self.load_alone(node, flight),
            Purpose::Fill => {}
            Purpose::Drop(drop) => {
                self.nodes[node].failed(drop);
                let event = self.failure(node, drop);
                self.handle(node, event);
            }
        }
    }

    fn deliver_feed(&mut self, node: usize) {
        if let Some(action) = self.nodes[node].todo.pop_front() {
            self.carry_out(node, action);
            return;
        }
        let Some(mut call) = self.nodes[node].feed.take() else { return };
        match (call.reply.take(), &call.request) {
            (None, request) => {
                call.reply = self.server.answer(request).ok();
                self.nodes[node].feed = Some(call);
            }
            // The position is read after the entries, and something may be dropped in between.
            (Some(Reply::Feed(answer)), _) if !call.has_position => {
                let request = Request::Feed { after: FeedId::default(), count: 0, wait: Duration::ZERO };
                let Ok(Reply::Feed(now)) = self.server.answer(&request) else { unreachable!() };
                call.reply = Some(Reply::Feed(FeedAnswer { position: now.position, ..answer }));
                call.has_position = true;
                self.nodes[node].feed = Some(call);
            }
            (Some(Reply::Feed(answer)), _) => {
                self.note(format_args!("    {answer:?}"));
                if self.nodes[node].is_resuming && !answer.items.is_empty() {
                    self.counts.replays += 1;
                }
                self.nodes[node].is_resuming = false;
                self.handle_feed(node, Event::FeedRead { sent: call.sent, answer });
            }
            (Some(Reply::Opened(opened)), _) => {
                self.note(format_args!("    {opened:?}"));
                self.handle_feed(node, Event::Opened { sent: call.sent, opened });
            }
            (Some(reply), request) => unreachable!("{request:?} is answered by {reply:?}"),
        }
    }

    fn cut_feed(&mut self, node: usize) {
        self.carry_out_all(node);
        if self.nodes[node].feed.take().is_some() {
            self.handle(node, Event::FeedEnded);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        match *fault {
            Fault::Flush => self.server.flush(),
            Fault::LoseState => self.server.lose_state(),
            Fault::LoseFeed => self.server.lose_feed(),
            Fault::Evict { key: at } => {
                self.server.evict(&key(at));
                self.held[at] = None;
            }
            Fault::Trim { length } => self.server.trim(length),
            Fault::Save => self.server.save(),
            Fault::Full(full) => self.server.set_full(full),
            Fault::Restart => {
                self.server.restart();
                self.late.clear();
                for node in 0..NODES {
                    self.cut_feed(node);
                    while !self.nodes[node].messages.is_empty() {
                        self.lose(node, 0, false);
                    }
                }
            }
        }
        if matches!(fault, Fault::Flush | Fault::LoseState | Fault::Restart) {
            self.held = [None; KEYS];
        }
    }
}

fn index(of: &Key) -> usize {
    usize::from(of.bytes()[0])
}

/// One of `count`, if there is any.
pub fn choose(number: usize, count: usize) -> Option<usize> {
    number.checked_rem(count)
}
