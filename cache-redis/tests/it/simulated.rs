//! The simulated server answers as the real one.

use std::time::Duration;

use cache_client::shared::protocol::{
    ClientId, Envelope, Epoch, FeedAnswer, FeedId, Found, Key, Mark, Position, Reply, Request, Shape, Token,
    tag_bucket,
};
use cache_client::shared::{CallError, SimServer, TierConnection, TierServer};
use cache_redis::RedisConnection;
use cache_redis_test_server::TestServer;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{admin, at};

/// Both servers, and what a client remembers of their answers.
struct Pair<'a> {
    server: &'a mut TestServer,
    connection: RedisConnection,
    sim: SimServer,
    /// The places of the same entries in both feeds. The first is before all.
    places: Vec<(FeedId, FeedId)>,
    /// The leases that were asked for.
    leases: Vec<(Key, Shape, Token, Position)>,
    epochs: u8,
    epoch: Option<Epoch>,
}

#[derive(Clone, Debug)]
enum Next {
    Open,
    Read { key: usize, shape: u64 },
    Ask { key: usize, shape: u64, is_short: bool, is_old_refused: bool },
    Fill { lease: usize, tag: Option<u16> },
    Lose { lease: usize },
    Drop { marks: Vec<Mark> },
    Feed { place: usize, count: usize },
    Flush,
    LoseState,
    LoseFeed,
    Evict { key: usize },
    Trim { length: usize },
    Full(bool),
    SaveAndRestart { drop: Option<usize> },
}

fn key(key: usize) -> Key {
    Key::new(["a", "a", "b"][key], &[b'0' + key as u8])
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![
        4 => (0..3_usize).prop_map(|at| Mark::Key(key(at))),
        1 => prop_oneof![Just("a"), Just("b")].prop_map(|table| Mark::Table(table.into())),
        1 => (0..3_u8).prop_map(|tag| Mark::Tag([tag].into())),
        1 => Just(Mark::All),
    ]
}

fn next() -> impl Strategy<Value = Next> {
    let (key, shape) = (0..3_usize, 0..2_u64);
    prop_oneof![
        4 => Just(Next::Open),
        10 => (key.clone(), shape.clone()).prop_map(|(key, shape)| Next::Read { key, shape }),
        20 => (key.clone(), shape, prop::bool::weighted(0.2), prop::bool::weighted(0.2)).prop_map(
            |(key, shape, is_short, is_old_refused)| Next::Ask { key, shape, is_short, is_old_refused },
        ),
        20 => (0..4_usize, prop::option::of(0..3_u8))
            .prop_map(|(lease, tag)| Next::Fill { lease, tag: tag.map(|tag| tag_bucket(&[tag])) }),
        3 => (0..4_usize).prop_map(|lease| Next::Lose { lease }),
        8 => prop::collection::vec(mark(), 1..4).prop_map(|marks| Next::Drop { marks }),
        10 => (0..9_usize, 1..4_usize).prop_map(|(place, count)| Next::Feed { place, count }),
        1 => Just(Next::Flush),
        1 => Just(Next::LoseState),
        1 => Just(Next::LoseFeed),
        1 => key.prop_map(|key| Next::Evict { key }),
        1 => (0..3_usize).prop_map(|length| Next::Trim { length }),
        2 => any::<bool>().prop_map(Next::Full),
    ]
}

impl Pair<'_> {
    async fn run(&mut self, next: &Next) -> Result<(), TestCaseError> {
        let request = match next.clone() {
            Next::Open => Request::Open { candidate: self.candidate() },
            Next::Read { key: at, shape } => Request::Read { key: key(at), shape: Shape(shape) },
            Next::Ask { key: at, shape, is_short, is_old_refused } => {
                let candidate = self.candidate();
                let token = Token([self.leases.len() as u8 + 1; 16]);
                // The simulated clock stands still, so a lease is over at once or not at all.
                let lease = if is_short { Duration::ZERO } else { Duration::from_secs(60) };
                let max_age = if is_old_refused { Duration::from_secs(3600) } else { Duration::MAX };
                Request::Ask { key: key(at), shape: Shape(shape), max_age, candidate, token, lease }
            }
            Next::Fill { lease, tag } => {
                let Some((key, shape, token, position)) = self.lease(lease) else { return Ok(()) };
                let Position { epoch, number } = position;
                let tags = tag.into_iter().collect();
                // Of the distant past, or of a clock that is ahead.
                let began = if tag.is_some() { 0 } else { 1 << 52 };
                let envelope = Envelope { epoch, number, began, tags, body: token.0.to_vec() };
                Request::Fill { key, shape, token, keep: Duration::from_secs(60), envelope }
            }
            Next::Lose { lease } => {
                let Some((key, shape, token, _)) = self.lease(lease) else { return Ok(()) };
                Request::Lose { key, shape, token }
            }
            Next::Drop { marks } => {
                Request::Drop { candidate: self.candidate(), client: ClientId([7; 8]), marks }
            }
            Next::Feed { place, count } => return self.feed(place, count).await,
            fault => return self.fault(&fault).await,
        };
        let real = self.connection.send(&request).await;
        let simulated = self.sim.answer(&request);
        match (&real, &simulated) {
            (Err(CallError::Refused(real)), Err(CallError::Refused(simulated))) => {
                prop_assert!(real.contains("OOM") && simulated.contains("OOM"), "{} {}", real, simulated);
            }
            (Ok(real), Ok(simulated)) => {
                self.remember(&request, real, simulated);
                prop_assert_eq!(comparable(real), comparable(simulated), "{:?}", request);
            }
            _ => prop_assert!(false, "{:?} is answered by {:?}, simulated by {:?}", request, real, simulated),
        }
        Ok(())
    }

    fn candidate(&mut self) -> Epoch {
        self.epochs += 1;
        Epoch([self.epochs; 16])
    }

    fn lease(&self, lease: usize) -> Option<(Key, Shape, Token, Position)> {
        // The latest are the most interesting.
        self.leases.iter().rev().nth(lease).cloned()
    }

    fn remember(&mut self, request: &Request, real: &Reply, simulated: &Reply) {
        let position = match real {
            Reply::Opened(opened) => Some(opened.position),
            Reply::Asked(asked) => Some(asked.position),
            Reply::Dropped(position) => Some(*position),
            _ => None,
        };
        // Another epoch has another feed, whose places may be the same.
        if let Some(Position { epoch, .. }) = position
            && self.epoch.replace(epoch) != Some(epoch)
        {
            self.places.truncate(1);
        }
        match (request, real, simulated) {
            (_, Reply::Opened(real), Reply::Opened(simulated)) => {
                self.places.push((real.last, simulated.last))
            }
            (Request::Ask { key, shape, token, .. }, Reply::Asked(asked), _) => {
                self.leases.push((key.clone(), *shape, *token, asked.position));
            }
            _ => {}
        }
    }

    async fn feed(&mut self, place: usize, count: usize) -> Result<(), TestCaseError> {
        let (real_place, simulated_place) = self.places[place % self.places.len()];
        let read = |after| Request::Feed { after, count, wait: Duration::ZERO };
        let real = self.connection.send(&read(real_place)).await;
        let (Ok(Reply::Feed(real)), Ok(Reply::Feed(simulated))) =
            (real, self.sim.answer(&read(simulated_place)))
        else {
            return Err(TestCaseError::fail("a read of the feed is not answered"));
        };
        let content = |answer: &FeedAnswer| {
            let dropped: Vec<_> = answer.items.iter().map(|item| item.dropped.clone()).collect();
            (dropped, answer.position)
        };
        prop_assert_eq!(content(&real), content(&simulated));
        self.places
            .extend(real.items.iter().zip(&simulated.items).map(|(real, simulated)| (real.id, simulated.id)));
        Ok(())
    }

    async fn fault(&mut self, fault: &Next) -> Result<(), TestCaseError> {
        match fault {
            Next::Flush => {
                admin(self.server, &["FLUSHALL"]).await;
                self.sim.flush();
            }
            Next::LoseState => {
                admin(self.server, &["DEL", "test:state"]).await;
                self.sim.lose_state();
            }
            Next::LoseFeed => {
                admin(self.server, &["DEL", "test:feed"]).await;
                self.sim.lose_feed();
            }
            Next::Evict { key: at } => {
                let name = ["test:v:1:a:0", "test:v:1:a:1", "test:v:1:b:2"][*at];
                admin(self.server, &["DEL", name]).await;
                self.sim.evict(&key(*at));
            }
            Next::Trim { length } => {
                admin(self.server, &["XTRIM", "test:feed", "MAXLEN", &length.to_string()]).await;
                self.sim.trim(*length);
            }
            Next::Full(full) => {
                admin(self.server, &["CONFIG", "SET", "maxmemory", if *full { "1" } else { "0" }]).await;
                self.sim.set_full(*full);
            }
            Next::SaveAndRestart { drop } => {
                admin(self.server, &["SAVE"]).await;
                self.sim.save();
                if let Some(at) = drop {
                    Box::pin(self.run(&Next::Drop { marks: vec![Mark::Key(key(*at))] })).await?;
                }
                self.server.kill();
                self.server.restart();
                self.sim.restart();
                self.sim.set_full(false);
                self.connection = at(self.server).connect().await.expect("the server is back");
            }
            request => unreachable!("{request:?} is a request"),
        }
        // Places in a feed that was lost may come again.
        if !matches!(fault, Next::Evict { .. } | Next::Trim { .. } | Next::Full(_)) {
            self.places.truncate(1);
        }
        Ok(())
    }
}

/// An answer without the servers' clocks and places.
fn comparable(reply: &Reply) -> Reply {
    match reply.clone() {
        Reply::Opened(mut opened) => {
            opened.last = FeedId { milliseconds: u64::from(opened.last != FeedId::default()), sequence: 0 };
            opened.wide.sort();
            Reply::Opened(opened)
        }
        Reply::Asked(mut asked) => {
            asked.time = 0;
            if let Found::Awaited(left) = &mut asked.found {
                *left = Duration::from_secs(left.as_secs().div_ceil(60));
            }
            Reply::Asked(asked)
        }
        other => other,
    }
}

fn compare(cases: u32, steps: impl Strategy<Value = Vec<Next>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = std::cell::RefCell::new(TestServer::start());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&steps, |steps| {
        let mut server = server.borrow_mut();
        runtime.block_on(async {
            admin(&server, &["CONFIG", "SET", "maxmemory", "0"]).await;
            admin(&server, &["FLUSHALL"]).await;
            let connection = at(&server).connect().await.expect("the server is accepted");
            let (sim, places) = (SimServer::new(), vec![(FeedId::default(), FeedId::default())]);
            let mut pair =
                Pair { server: &mut server, connection, sim, places, leases: vec![], epochs: 0, epoch: None };
            for next in &steps {
                pair.run(next).await?;
            }
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn the_simulated_server_answers_as_the_real_one() {
    compare(200, prop::collection::vec(next(), 0..60));
}

#[test]
fn the_simulated_server_comes_back_from_a_dump_as_the_real_one() {
    let part = || prop::collection::vec(next(), 0..20);
    let restart = prop::option::of(0..3_usize).prop_map(|drop| Next::SaveAndRestart { drop });
    let steps = (part(), restart, part()).prop_map(|(mut before, restart, after)| {
        before.push(restart);
        before.extend(after);
        before
    });
    compare(15, steps);
}
