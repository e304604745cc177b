//! A connection to a real server: checks it once, then sends requests. Never reconnects by itself.

use std::future::Future;
use std::time::Duration;

use cache_client::shared::CallError;
use cache_client::shared::protocol::{Mark, Reply, Request};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, Value};

use crate::error::{ConnectError, call_error};
use crate::names::{lease_field, of_key, value_field};
use crate::script::{self, Script};
use crate::{answer, check};

/// How many entries the feed keeps, and perhaps some more.
const FEED_LENGTH: usize = 100_000;

/// Where the server is, and how it is used.
#[derive(Clone)]
pub struct Settings {
    /// Such as `redis://user:password@host:6379/0`.
    pub url: String,
    /// Precedes the names of all keys. Clients with the same namespace share values and drops.
    pub namespace: String,
    /// How long an answer may take. A wait of the feed comes on top.
    pub limit: Duration,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The url may have a password.
        f.debug_struct("Settings")
            .field("namespace", &self.namespace)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// An open connection to a server that was checked.
///
/// Clones share the connection. A clone that reads the feed with a wait delays the requests of the others, so the feed
/// needs a connection of its own.
#[derive(Clone)]
pub struct Connection {
    driver: MultiplexedConnection,
    namespace: String,
    /// Identifies the server's process. Another one must begin a new epoch.
    run: String,
    limit: Duration,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { driver: _, namespace, run, limit } = self;
        f.debug_struct("Connection")
            .field("namespace", namespace)
            .field("run", run)
            .field("limit", limit)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects, and checks kind, version and rights of the server.
    ///
    /// # Errors
    /// [`ConnectError`] says what the server lacks.
    pub async fn open(settings: &Settings) -> Result<Self, ConnectError> {
        check::namespace(&settings.namespace)?;
        let client = redis::Client::open(settings.url.as_str())
            .map_err(|error| ConnectError::Settings { problem: format!("the url is refused: {error}") })?;
        let address = client.get_connection_info().addr().to_string();

        // The driver's timeout would end a read of the feed that waits. Calls are limited here instead.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let mut driver = within(settings.limit, connecting)
            .await
            .map_err(|source| ConnectError::Unreachable { address: address.clone(), source })?;

        let checking = check::server(&mut driver, &address, &settings.namespace);
        let run = tokio::time::timeout(settings.limit, checking).await.unwrap_or_else(|_elapsed| {
            Err(ConnectError::Unreachable { address, source: CallError::Timeout(settings.limit) })
        })?;
        Ok(Self { driver, namespace: settings.namespace.clone(), run, limit: settings.limit })
    }

    /// Sends a request and waits for the answer, at most as long as the settings allow.
    ///
    /// # Errors
    /// [`CallError`]. The server may have carried out the request nevertheless.
    ///
    /// # Cancellation
    /// The server may carry out a request that was cancelled.
    pub async fn send(&mut self, request: &Request) -> Result<Reply, CallError> {
        let limit = match request {
            Request::Feed { wait, .. } => self.limit + *wait,
            _ => self.limit,
        };
        let call = Call::new(self, request);
        let value = within(limit, call.run(&mut self.driver)).await?;
        match request {
            Request::Open { .. } => answer::read(value, answer::opened).map(Reply::Opened),
            Request::Read { .. } => answer::read(value, answer::envelope).map(Reply::Read),
            Request::Ask { .. } => answer::read(value, answer::asked).map(Reply::Asked),
            Request::Fill { .. } => answer::read(value, answer::filled).map(Reply::Filled),
            Request::Lose { .. } => answer::read(value, answer::lost).map(Reply::Lost),
            Request::Drop { .. } => answer::read(value, answer::dropped).map(Reply::Dropped),
            Request::Feed { .. } => answer::read(value, answer::feed).map(Reply::Feed),
        }
    }
}

/// What is sent for a request.
enum Call {
    Script { script: &'static Script, keys: Vec<Vec<u8>>, arguments: Vec<Vec<u8>> },
    Pipeline(redis::Pipeline, usize),
    Command(redis::Cmd),
}

impl Call {
    fn new(connection: &Connection, request: &Request) -> Self {
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
                let mut command = redis::cmd("HGET");
                command.arg(of_key(namespace, key)).arg(value_field(*shape));
                Self::Command(command)
            }
            Request::Ask { key, shape, max_age, candidate, token, lease } => {
                let mut arguments = vec![run(), candidate.0.to_vec()];
                arguments.extend(
                    [value_field(*shape), lease_field(*shape), key.table().to_owned()].map(Into::into),
                );
                arguments.extend([token.0.to_vec(), number(lease.as_millis()), number(max_age.as_millis())]);
                script(&script::ASK, vec![state(), feed(), of_key(namespace, key)], arguments)
            }
            Request::Fill { key, shape, token, keep, envelope } => {
                let mut arguments = [value_field(*shape), lease_field(*shape)].map(Into::into).to_vec();
                arguments.extend([token.0.to_vec(), envelope.epoch.0.to_vec(), number(envelope.number)]);
                arguments.extend([number(keep.as_millis().max(1)), envelope.encode()]);
                arguments.extend(key.fields(&envelope.tags).iter().map(|field| field.name()));
                script(&script::FILL, vec![state(), of_key(namespace, key)], arguments)
            }
            Request::Lose { key, shape, token } => {
                let arguments = vec![lease_field(*shape).into_bytes(), token.0.to_vec()];
                script(&script::LOSE, vec![of_key(namespace, key)], arguments)
            }
            Request::Drop { candidate, client, marks } => {
                let marks: Vec<_> = marks.iter().cloned().map(Mark::for_the_feed).collect();
                // At least one, so that the script always begins with DEL.
                let mut keys = vec![state(), feed(), format!("{namespace}:none").into_bytes()];
                keys.extend(marks.iter().filter_map(|mark| match mark {
                    Mark::Key(key) => Some(of_key(namespace, key)),
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

/// Waits for an answer for a limited time.
async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(call_error),
        Err(_elapsed) => Err(CallError::Timeout(limit)),
    }
}
