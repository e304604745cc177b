//! A connection to a server that was checked: sends requests. Never reconnects by itself.

use cache_client::shared::protocol::{Mark, Reply, Request};
use cache_client::shared::{CallError, TierConnection};
use redis::aio::MultiplexedConnection;
use redis::{RedisError, Value};

use crate::script::{self, Script};
use crate::{answer, names};

/// How many entries the feed keeps, and perhaps some more.
const FEED_LENGTH: usize = 100_000;

/// An open connection to a server that was checked. Made by [`RedisServer`](crate::RedisServer).
///
/// Requests are sent one after the other without waiting for answers. One that reads the feed with a wait delays those
/// after it, so the feed needs a connection of its own.
pub struct RedisConnection {
    driver: MultiplexedConnection,
    namespace: String,
    /// Identifies the server's process. Another one must begin a new epoch.
    run: String,
}

impl std::fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { driver: _, namespace, run } = self;
        f.debug_struct("RedisConnection")
            .field("namespace", namespace)
            .field("run", run)
            .finish_non_exhaustive()
    }
}

impl RedisConnection {
    pub(crate) fn new(driver: MultiplexedConnection, namespace: String, run: String) -> Self {
        Self { driver, namespace, run }
    }
}

impl TierConnection for RedisConnection {
    async fn send(&self, request: &Request) -> Result<Reply, CallError> {
        // A handle to the same connection.
        let mut driver = self.driver.clone();
        let value = Call::new(self, request).run(&mut driver).await.map_err(call_error)?;
        match request {
            Request::Open { .. } => answer::read(value, answer::opened).map(Reply::Opened),
            Request::Read { .. } => answer::envelope(value).map(Reply::Read),
            Request::Ask { .. } => answer::read(value, answer::asked).map(Reply::Asked),
            Request::Fill { .. } => answer::read(value, answer::filled).map(Reply::Filled),
            Request::Lose { .. } => answer::read(value, answer::lost).map(Reply::Lost),
            Request::Drop { .. } => answer::read(value, answer::dropped).map(Reply::Dropped),
            Request::Feed { .. } => answer::read(value, answer::feed).map(Reply::Feed),
        }
    }
}

/// Tells an answer of the server from the end of the connection. A primary that became a replica is not used further:
/// the next connection finds out what it is.
pub(crate) fn call_error(error: RedisError) -> CallError {
    match error.code() {
        Some("READONLY") | None => CallError::Ended(error.into()),
        Some(_) => CallError::Refused(error.to_string()),
    }
}

/// What is sent for a request.
enum Call {
    Script { script: &'static Script, keys: Vec<Vec<u8>>, arguments: Vec<Vec<u8>> },
    Pipeline(redis::Pipeline, usize),
    Command(redis::Cmd),
}

impl Call {
    fn new(connection: &RedisConnection, request: &Request) -> Self {
        let namespace = connection.namespace.as_str();
        let run = || connection.run.clone().into_bytes();
        let state = || format!("{namespace}:state").into_bytes();
        let feed = || format!("{namespace}:feed").into_bytes();
        let script = |script, keys, arguments| Self::Script { script, keys, arguments };
        match request {
            Request::Open { candidate } => {
                script(&script::OPEN, vec![state(), feed()], vec![run(), candidate.0.to_vec()])
            }
            Request::Read { key, shape } => {
                let (name, field) = (names::of_key(namespace, key), names::value_field(*shape));
                let mut command = redis::Cmd::with_capacity(3, name.len() + 20);
                command.arg("HGET").arg(name).arg(&field);
                Self::Command(command)
            }
            Request::Ask { key, shape, max_age, candidate, token, lease } => {
                let mut arguments = vec![run(), candidate.0.to_vec(), names::value_field(*shape).to_vec()];
                arguments.extend([names::lease_field(*shape), key.table().into()]);
                arguments.extend([token.0.to_vec(), number(lease.as_millis()), number(max_age.as_millis())]);
                script(&script::ASK, vec![state(), feed(), names::of_key(namespace, key)], arguments)
            }
            Request::Fill { key, shape, token, keep, envelope } => {
                let mut arguments = vec![names::value_field(*shape).to_vec(), names::lease_field(*shape)];
                arguments.extend([token.0.to_vec(), envelope.epoch.0.to_vec(), number(envelope.number)]);
                arguments.extend([number(keep.as_millis().max(1)), envelope.encode()]);
                arguments.extend(key.fields(&envelope.tags).iter().map(|field| field.name()));
                script(&script::FILL, vec![state(), names::of_key(namespace, key)], arguments)
            }
            Request::Lose { key, shape, token } => {
                let arguments = vec![names::lease_field(*shape), token.0.to_vec()];
                script(&script::LOSE, vec![names::of_key(namespace, key)], arguments)
            }
            Request::Drop { candidate, client, marks } => {
                let marks: Vec<_> = marks.iter().cloned().map(Mark::for_the_feed).collect();
                // At least one, so that the script always begins with DEL.
                let mut keys = vec![state(), feed(), format!("{namespace}:none").into_bytes()];
                keys.extend(marks.iter().filter_map(|mark| match mark {
                    Mark::Key(key) => Some(names::of_key(namespace, key)),
                    _ => None,
                }));
                let mut arguments = vec![run(), candidate.0.to_vec(), client.0.to_vec()];
                arguments.extend([Mark::encode(&marks), number(FEED_LENGTH)]);
                arguments.extend(marks.iter().map(|mark| mark.field().name()));
                script(&script::DROP, keys, arguments)
            }
            Request::Feed { after, count, wait } => {
                let mut pipeline = redis::pipe();
                let read = pipeline.cmd("XREAD").arg("COUNT").arg(*count);
                if !wait.is_zero() {
                    read.arg("BLOCK").arg(u64::try_from(wait.as_millis().max(1)).unwrap_or(u64::MAX));
                }
                read.arg("STREAMS").arg(feed()).arg(after.to_string());
                pipeline.cmd("HMGET").arg(state()).arg("epoch").arg("n");
                Self::Pipeline(pipeline, 2)
            }
        }
    }

    async fn run(&self, driver: &mut MultiplexedConnection) -> Result<Value, RedisError> {
        match self {
            Self::Script { script, keys, arguments } => script.run(driver, keys, arguments).await,
            Self::Command(command) => {
                driver.send_packed_command(command).await.and_then(Value::extract_error)
            }
            Self::Pipeline(pipeline, answers) => {
                let values = driver.send_packed_commands(pipeline, 0, *answers).await?;
                Value::extract_error(Value::Array(values))
            }
        }
    }
}

fn number(number: impl ToString) -> Vec<u8> {
    number.to_string().into_bytes()
}
