//! A server of the test's own, and a client of the tier that fails the test on any error.

use std::time::Duration;

use cache_client::shared::protocol::{
    Asked, ClientId, Envelope, Epoch, FeedAnswer, FeedId, Filled, Found, Key, Mark, Opened, Position, Reply,
    Request, Shape, Token,
};
use cache_client::shared::{CallError, TierConnection, TierServer};
use cache_redis::{RedisConnection, RedisServer};
use cache_redis_test_server::TestServer;

pub const SHAPE: Shape = Shape(1);
pub const LEASE: Duration = Duration::from_secs(60);

/// A client of the tier. Each client begins epochs of its own.
pub struct Client {
    pub connection: RedisConnection,
    id: u8,
    leases: u8,
}

/// A load that has a lease.
pub struct Lease {
    key: Key,
    token: Token,
    pub position: Position,
    tags: Vec<u16>,
}

pub fn at(server: &TestServer) -> RedisServer {
    RedisServer::at(server.url()).namespace("test")
}

pub fn post(id: u8) -> Key {
    Key::new("posts", &[id])
}

/// Sends a command that the tier does not use.
pub async fn admin(server: &TestServer, command: &[&str]) -> redis::Value {
    let client = redis::Client::open(server.url()).expect("the url is valid");
    let mut connection = client.get_multiplexed_async_connection().await.expect("the server is running");
    let mut sent = redis::cmd(command[0]);
    sent.arg(&command[1..]);
    sent.query_async(&mut connection).await.expect("the server carries out the command")
}

impl Client {
    pub async fn open(server: &TestServer, id: u8) -> Self {
        let connection = at(server).connect().await.expect("the server is accepted");
        Self { connection, id, leases: 0 }
    }

    pub async fn send(&mut self, request: Request) -> Reply {
        self.connection.send(&request).await.expect("an answer")
    }

    fn candidate(&self) -> Epoch {
        Epoch([self.id; 16])
    }

    pub async fn position(&mut self) -> Opened {
        let candidate = self.candidate();
        let Reply::Opened(opened) = self.send(Request::Open { candidate }).await else { unreachable!() };
        opened
    }

    pub async fn ask(&mut self, key: &Key) -> (Asked, Token) {
        self.leases += 1;
        let mut token = [self.id; 16];
        token[1] = self.leases;
        let (key, candidate, token) = (key.clone(), self.candidate(), Token(token));
        let request =
            Request::Ask { key, shape: SHAPE, max_age: Duration::MAX, candidate, token, lease: LEASE };
        let Reply::Asked(asked) = self.send(request).await else { unreachable!() };
        (asked, token)
    }

    /// Begins a load that will have these tags.
    #[track_caller]
    pub fn begin_load(&mut self, key: &Key) -> impl Future<Output = Lease> {
        let key = key.clone();
        async move {
            let (asked, token) = self.ask(&key).await;
            assert_eq!(asked.found, Found::Leased, "the lease of {key:?}");
            Lease { key, token, position: asked.position, tags: vec![] }
        }
    }

    pub async fn try_fill(&mut self, lease: &Lease, body: &str) -> Result<Filled, CallError> {
        let Position { epoch, number } = lease.position;
        let envelope = Envelope { epoch, number, began: 0, tags: lease.tags.clone(), body: body.into() };
        let (key, token, keep) = (lease.key.clone(), lease.token, LEASE);
        let request = Request::Fill { key, shape: SHAPE, token, keep, envelope };
        match self.connection.send(&request).await? {
            Reply::Filled(filled) => Ok(filled),
            other => unreachable!("{other:?}"),
        }
    }

    pub async fn fill(&mut self, lease: &Lease, body: &str) -> Filled {
        self.try_fill(lease, body).await.expect("an answer")
    }

    pub async fn drop_marks(&mut self, marks: &[Mark]) -> Position {
        let (candidate, client) = (self.candidate(), ClientId([self.id; 8]));
        let Reply::Dropped(position) =
            self.send(Request::Drop { candidate, client, marks: marks.to_vec() }).await
        else {
            unreachable!()
        };
        position
    }

    pub async fn drop_key(&mut self, key: &Key) -> Position {
        self.drop_marks(&[Mark::Key(key.clone())]).await
    }

    pub async fn feed(&mut self, after: FeedId, wait: Duration) -> FeedAnswer {
        let Reply::Feed(answer) = self.send(Request::Feed { after, count: 1000, wait }).await else {
            unreachable!()
        };
        answer
    }

    /// The value that is read without a look at the state.
    pub async fn stored(&mut self, key: &Key) -> Option<String> {
        let Reply::Read(envelope) = self.send(Request::Read { key: key.clone(), shape: SHAPE }).await else {
            unreachable!()
        };
        envelope.map(|envelope| String::from_utf8(envelope.body).expect("tests store text"))
    }

    /// The value that may be used.
    pub async fn usable(&mut self, key: &Key) -> Option<String> {
        match self.ask(key).await.0.found {
            Found::Value(envelope) => Some(String::from_utf8(envelope.body).expect("tests store text")),
            Found::Leased | Found::Awaited(_) => None,
        }
    }
}

impl Lease {
    pub fn with_tag(mut self, tag: &[u8]) -> Self {
        self.tags.push(cache_client::shared::protocol::tag_bucket(tag));
        self
    }
}
