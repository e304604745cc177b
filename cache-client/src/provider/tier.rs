//! The provider as a client uses it: with a timeout, with ordered writes, and without errors for callers. Knows no
//! types.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cache_core::BoxError;
use tokio::time::Sleep;

use super::Provider;
use super::error::{ProviderAction, ProviderError, ProviderErrors};
use super::write_queues::WriteQueues;
use crate::panic::catch_panic;

/// The default timeout of a call: many times what a store on the same network takes, and less than most loads.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(250);

/// The longest time to live that is passed to a provider.
const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 60 * 60);

type ProviderFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// The result of a call, or the message of its panic.
type CallResult<T> = Result<Result<T, BoxError>, Arc<str>>;

/// A provider of unknown type. Called only on misses, so a box costs little.
trait AnyProvider: Send + Sync {
    fn get<'a>(&'a self, key: &'a str) -> ProviderFuture<'a, Option<Vec<u8>>>;
    fn set<'a>(&'a self, key: &'a str, value: Vec<u8>, ttl: Duration) -> ProviderFuture<'a, ()>;
    fn remove<'a>(&'a self, key: &'a str) -> ProviderFuture<'a, ()>;
}

impl<P: Provider> AnyProvider for P {
    fn get<'a>(&'a self, key: &'a str) -> ProviderFuture<'a, Option<Vec<u8>>> {
        Box::pin(Provider::get(self, key))
    }

    fn set<'a>(&'a self, key: &'a str, value: Vec<u8>, ttl: Duration) -> ProviderFuture<'a, ()> {
        Box::pin(Provider::set(self, key, value, ttl))
    }

    fn remove<'a>(&'a self, key: &'a str) -> ProviderFuture<'a, ()> {
        Box::pin(Provider::remove(self, key))
    }
}

/// The second tier of a client.
pub(crate) struct Tier {
    provider: Box<dyn AnyProvider>,
    timeout: Duration,
    write_queues: WriteQueues,
    pub(crate) errors: ProviderErrors,
}

impl Tier {
    pub(crate) fn new(provider: impl Provider) -> Self {
        let (write_queues, errors) = (WriteQueues::new(), ProviderErrors::default());
        Self { provider: Box::new(provider), timeout: TIMEOUT, write_queues, errors }
    }

    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    pub(crate) async fn get(&self, query: &'static str, key: &str) -> Option<Vec<u8>> {
        let get = catch_panic(async { self.provider.get(key).await });
        let ended = tokio::time::timeout(self.timeout, get).await;
        self.done(query, ProviderAction::Get, ended.ok())?
    }

    /// Writes a value, after all earlier writes of the key have ended, if `is_wanted` then returns `true`.
    pub(crate) async fn set(
        &self,
        query: &'static str,
        key: &str,
        value: Vec<u8>,
        ttl: Duration,
        is_wanted: impl FnOnce() -> bool + Send,
    ) {
        let set = catch_panic(async {
            match is_wanted() {
                true => self.provider.set(key, value, ttl.min(MAX_TTL)).await,
                false => Ok(()),
            }
        });
        let ended = self.write_queues.in_turn(key.as_bytes(), || self.timeout(), set).await;
        self.done(query, ProviderAction::Set, ended);
    }

    pub(crate) async fn remove(&self, query: &'static str, key: &str) {
        let remove = catch_panic(async { self.provider.remove(key).await });
        let ended = self.write_queues.in_turn(key.as_bytes(), || self.timeout(), remove).await;
        self.done(query, ProviderAction::Remove, ended);
    }

    /// How many writes run or wait for earlier ones.
    pub(crate) fn pending_writes(&self) -> usize {
        self.write_queues.pending()
    }

    /// Completes when a call that begins now has timed out.
    fn timeout(&self) -> Sleep {
        tokio::time::sleep(self.timeout)
    }

    /// The result of a call; `None` if it has timed out. The timeout includes the wait for earlier writes, so that
    /// calls of a hanging provider do not pile up.
    fn done<T>(
        &self,
        query: &'static str,
        action: ProviderAction,
        ended: Option<CallResult<T>>,
    ) -> Option<T> {
        let error = match ended {
            Some(Ok(Ok(value))) => return Some(value),
            Some(Ok(Err(error))) => ProviderError::Failed(error),
            Some(Err(message)) => ProviderError::Panicked(message),
            None => ProviderError::TimedOut(self.timeout),
        };
        self.errors.note(query, action, &error);
        None
    }
}
