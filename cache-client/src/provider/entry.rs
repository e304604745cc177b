//! The entry of one key in the provider: its name, and how its bytes are read and written. Decides nothing about
//! freshness.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::{AnyKey, AnyTable, ValueHandle};
use cache_core::{BoxError, EntryCodec, Holds, Query};

use super::envelope::{Envelope, StaleWindows, WallTime};
use super::error::{ProviderAction, ProviderError};
use super::key;
use super::tier::Tier;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::panic::panic_message;

/// How far the clock of the machine that loaded a value may be ahead of ours.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The smallest difference between the times of two loads.
const STEP: Duration = Duration::from_nanos(1);

/// The entry of one key, as one flight sees it.
pub(crate) struct ProviderEntry {
    pub(crate) tier: Arc<Tier>,
    query: &'static str,
    pub(crate) codec: EntryCodec,
    /// The name of the key in the provider.
    name: String,
    /// When the flight began, by the wall clock.
    pub(crate) began: WallTime,
    /// Values loaded at or before this time are out of date, since the key was changed here afterwards.
    outdated: Option<WallTime>,
    /// All values in the provider are out of date.
    pub(crate) is_outdated: bool,
}

/// An entry that was found.
pub(crate) struct FoundCopy {
    pub(crate) value: ValueHandle,
    pub(crate) age: Duration,
    /// How long it is fresh, by the options of the program that loaded it.
    pub(crate) fresh: Duration,
    /// Its time to live in that program.
    pub(crate) ttl: Duration,
    pub(crate) stale: StaleWindows,
}

impl ProviderEntry {
    /// The entry of a key, for a flight that begins now and watches the key from now on. `None` if the key has none, or
    /// the shared tier takes its place.
    pub(crate) fn of<A: App>(client: &Client<A>, query: &dyn AnyQuery<A>) -> Option<Self> {
        let tier = Arc::clone(client.tier()?);
        let codec = query.codec()?;
        let table = query.table(client.cache());
        if client.shared_tier().is_some() && table.is_shared() {
            return None;
        }
        let name = name(table, codec, query);
        let query_name = query.facts().name;
        let name = name.map_err(|error| tier.errors.note(query_name, ProviderAction::Get, &error)).ok()?;
        let now = WallTime::from(client.cache().wall());
        let outdated = table.copies_expire_before(query, now.0);
        let outdated = (outdated > 0).then_some(WallTime(outdated));
        // The answer of this flight is newer than what is out of date.
        let (began, is_outdated) = match outdated.filter(|&outdated| outdated >= now) {
            Some(outdated) => (outdated.later_by(STEP), true),
            None => (now, false),
        };
        Some(Self { tier, query: query_name, codec, name, began, outdated, is_outdated })
    }

    /// Reads the entry. `None` if it is missing or damaged, or if the key has changed since it was written.
    pub(crate) async fn find(
        &self,
        key: &dyn AnyKey,
        now: &(dyn Fn() -> WallTime + Send + Sync),
    ) -> Option<FoundCopy> {
        let bytes = self.tier.get(self.query, &self.name).await?;
        self.open(key, &bytes, now()).unwrap_or_else(|error| {
            self.tier.errors.note(self.query, ProviderAction::Get, &error);
            None
        })
    }

    fn open(
        &self,
        key: &dyn AnyKey,
        bytes: &[u8],
        now: WallTime,
    ) -> Result<Option<FoundCopy>, ProviderError> {
        let envelope = Envelope::parse(bytes)?;
        let Envelope { loaded_at, fresh, ttl, stale, .. } = envelope;
        if envelope.codec != self.codec.codec_name() || envelope.fingerprint != self.codec.fingerprint() {
            return Err(ProviderError::OtherShape);
        }
        if loaded_at > now.later_by(MAX_CLOCK_SKEW) {
            return Err(ProviderError::Ahead);
        }
        let age = now.since(loaded_at).unwrap_or_default();
        if age >= ttl || self.outdated.is_some_and(|outdated| loaded_at <= outdated) {
            return Ok(None);
        }
        let value = decode(self.codec, key, &envelope)?;
        Ok(Some(FoundCopy { value, age, fresh, ttl, stale }))
    }

    /// Stores an answer with this age and these times, if `is_wanted` returns `true` when its turn comes.
    pub(crate) async fn put(
        &self,
        key: &dyn AnyKey,
        copy: EntryCopy<'_>,
        is_wanted: &(dyn Fn() -> bool + Send + Sync),
    ) {
        let left = copy.served.min(copy.ttl).saturating_sub(copy.age);
        if left.is_zero() {
            return;
        }
        match self.envelope(key, &copy) {
            Ok(bytes) => self.tier.set(self.query, &self.name, bytes, left, is_wanted).await,
            Err(error) => self.tier.errors.note(self.query, ProviderAction::Set, &error),
        }
    }

    fn envelope(&self, key: &dyn AnyKey, copy: &EntryCopy<'_>) -> Result<Vec<u8>, ProviderError> {
        let entry = encode(self.codec, key, copy.value)?;
        let (codec, fingerprint) = (self.codec.codec_name(), self.codec.fingerprint());
        let EntryCopy { loaded_at, fresh, ttl, stale, .. } = *copy;
        Ok(Envelope { codec, fingerprint, loaded_at, fresh, ttl, stale, entry: &entry }.to_bytes())
    }
}

/// An answer to be stored.
pub(crate) struct EntryCopy<'a> {
    pub(crate) value: &'a ValueHandle,
    /// When its load began, by the wall clock.
    pub(crate) loaded_at: WallTime,
    pub(crate) age: Duration,
    pub(crate) fresh: Duration,
    /// How long it may be served, fresh or stale.
    pub(crate) served: Duration,
    pub(crate) ttl: Duration,
    pub(crate) stale: StaleWindows,
}

impl<A: App> Client<A> {
    /// Returns the key under which a [`Provider`](crate::Provider) has the answer to a query. `None` if the query is
    /// not derived with `persist`, or its key cannot be encoded.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// assert_eq!(client.provider_key(&GetTitle { id: 7 }).as_deref(), Some("get_title;id=7"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn provider_key<Q: Query>(&self, query: &Q) -> Option<String>
    where
        A::Registry: Holds<Q>,
    {
        let codec = Q::persistence()?.entry_codec();
        name(self.cache().any_table::<Q>(), codec, query).ok()
    }

    /// Removes a key from the provider in the background. Without a runtime, nothing is removed.
    pub(crate) fn remove_copy<Q: Query>(&self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        if let (Some(tier), Some(persistence)) = (self.tier(), Q::persistence()) {
            let name = name(self.cache().any_table::<Q>(), persistence.entry_codec(), query);
            self.remove_named(tier, Q::NAME, name);
        }
    }

    /// Works as [`remove_copy`](Self::remove_copy), for a query of unknown type.
    pub(crate) fn remove_copy_of(&self, query: &dyn AnyQuery<A>) {
        if let (Some(tier), Some(codec)) = (self.tier(), query.codec()) {
            self.remove_named(tier, query.facts().name, name(query.table(self.cache()), codec, query));
        }
    }

    fn remove_named(&self, tier: &Arc<Tier>, query: &'static str, name: Result<String, ProviderError>) {
        let Some(runtime) = self.runtime().try_get_unattended() else { return };
        match name {
            Ok(name) => {
                let tier = Arc::clone(tier);
                runtime.spawn(async move { tier.remove(query, &name).await });
            }
            Err(error) => tier.errors.note(query, ProviderAction::Remove, &error),
        }
    }
}

/// The name under which the provider stores a key.
fn name(table: AnyTable<'_>, codec: EntryCodec, key: &dyn AnyKey) -> Result<String, ProviderError> {
    caught(|| key::name(table.name(), codec, key))?.map_err(ProviderError::Unwritable)
}

/// Reads the value of a key from an envelope of this codec and shape. The bytes may be hostile.
pub(crate) fn decode(
    codec: EntryCodec,
    key: &dyn AnyKey,
    envelope: &Envelope<'_>,
) -> Result<ValueHandle, ProviderError> {
    let decode = || codec.decode_entry(envelope.entry);
    let (found, value) = caught(decode)?.map_err(ProviderError::Unreadable)?;
    match found.equals(key) {
        true => Ok(value),
        false => Err(ProviderError::OtherKey),
    }
}

/// Writes a key and its value.
pub(crate) fn encode(
    codec: EntryCodec,
    key: &dyn AnyKey,
    value: &ValueHandle,
) -> Result<Vec<u8>, ProviderError> {
    let mut entry = Vec::new();
    caught(|| codec.encode_entry(key, value, &mut entry))?.map_err(ProviderError::Unwritable)?;
    Ok(entry)
}

/// Runs code of a codec, which may be the user's.
pub(crate) fn caught<T>(
    code: impl FnOnce() -> Result<T, BoxError>,
) -> Result<Result<T, BoxError>, ProviderError> {
    catch_unwind(AssertUnwindSafe(code))
        .map_err(|panic| ProviderError::Panicked(panic_message(panic.as_ref())))
}
