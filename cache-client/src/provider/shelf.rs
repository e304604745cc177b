//! The place of one key in the provider: what it is called there, and what stands there as an entry. Decides nothing of
//! freshness.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cache_core::client_support::{AnyKey, AnyTable, ValueHandle};
use cache_core::{BoxError, EntryCodec, Holds, Query};

use super::envelope::{Dated, Envelope};
use super::tier::Tier;
use super::trouble::{Action, Trouble};
use crate::app::App;
use crate::client::Client;
use crate::fly::message_of;
use crate::query::AnyQuery;

/// How far the clock of who loaded may be ahead of ours.
const MOST_AHEAD: Duration = Duration::from_secs(60);

/// Least that one load is later than another.
const STEP: Duration = Duration::from_nanos(1);

/// The place of one key, as one flight sees it.
pub(crate) struct Shelf {
    pub(crate) tier: Arc<Tier>,
    query: &'static str,
    codec: EntryCodec,
    /// What the key is called there.
    name: Vec<u8>,
    /// When the flight began, by the wall clock.
    pub(crate) began: Dated,
    /// What was loaded before or then is out of date, since the key was changed here afterwards.
    outdated: Option<Dated>,
    /// All that is there is out of date.
    pub(crate) is_outdated: bool,
}

/// An entry that was found.
pub(crate) struct Found {
    pub(crate) value: ValueHandle,
    pub(crate) age: Duration,
}

impl Shelf {
    /// The place of a key, for a flight that begins now and will see whatever happens to the key from now on; `None` if
    /// it has none.
    pub(crate) fn of<A: App>(client: &Client<A>, query: &dyn AnyQuery<A>) -> Option<Self> {
        let tier = Arc::clone(client.tier()?);
        let codec = query.codec()?;
        let table = query.table(client.cache());
        let name = name(table, codec, query);
        let query_name = query.facts().name;
        let name = name.map_err(|trouble| tier.troubles.note(query_name, Action::Get, &trouble)).ok()?;
        let now = Dated::from(client.cache().wall());
        let outdated = table.copies_expire_before(query, now.0);
        let outdated = (outdated > 0).then_some(Dated(outdated));
        // What comes of this flight is newer than what is out of date.
        let (began, is_outdated) = match outdated.filter(|&outdated| outdated >= now) {
            Some(outdated) => (outdated.later_by(STEP), true),
            None => (now, false),
        };
        Some(Self { tier, query: query_name, codec, name, began, outdated, is_outdated })
    }

    /// What stands there, if it is an entry of the key that nothing has changed since.
    pub(crate) async fn look(
        &self,
        key: &dyn AnyKey,
        now: &(dyn Fn() -> Dated + Send + Sync),
    ) -> Option<Found> {
        let bytes = self.tier.get(self.query, &self.name).await?;
        self.open(key, &bytes, now()).unwrap_or_else(|trouble| {
            self.tier.troubles.note(self.query, Action::Get, &trouble);
            None
        })
    }

    fn open(&self, key: &dyn AnyKey, bytes: &[u8], now: Dated) -> Result<Option<Found>, Trouble> {
        let envelope = Envelope::parse(bytes)?;
        let Envelope { codec, fingerprint, dated, fresh, ttl, entry } = envelope;
        if codec != self.codec.codec_name() || fingerprint != self.codec.fingerprint() {
            return Err(Trouble::OtherShape);
        }
        if dated > now.later_by(MOST_AHEAD) {
            return Err(Trouble::Ahead);
        }
        let age = now.since(dated).unwrap_or_default();
        if age >= fresh.min(ttl) || self.outdated.is_some_and(|outdated| dated <= outdated) {
            return Ok(None);
        }
        let decode = || self.codec.decode_entry(entry);
        let (found, value) = survived(decode)?.map_err(Trouble::Unreadable)?;
        match found.equals(key) {
            true => Ok(Some(Found { value, age })),
            false => Err(Trouble::OtherKey),
        }
    }

    /// Puts an answer there that is so old and lasts so long, if `is_wanted` when its turn has come.
    pub(crate) async fn put(
        &self,
        key: &dyn AnyKey,
        copy: Copy<'_>,
        is_wanted: &(dyn Fn() -> bool + Send + Sync),
    ) {
        let left = copy.fresh.min(copy.ttl).saturating_sub(copy.age);
        if left.is_zero() {
            return;
        }
        match self.envelope(key, &copy) {
            Ok(bytes) => self.tier.set(self.query, &self.name, bytes, left, is_wanted).await,
            Err(trouble) => self.tier.troubles.note(self.query, Action::Set, &trouble),
        }
    }

    fn envelope(&self, key: &dyn AnyKey, copy: &Copy<'_>) -> Result<Vec<u8>, Trouble> {
        let mut entry = Vec::new();
        let encode = || self.codec.encode_entry(key, copy.value, &mut entry);
        survived(encode)?.map_err(Trouble::Unwritable)?;
        let (codec, fingerprint) = (self.codec.codec_name(), self.codec.fingerprint());
        let Copy { dated, fresh, ttl, .. } = *copy;
        Ok(Envelope { codec, fingerprint, dated, fresh, ttl, entry: &entry }.to_bytes())
    }
}

/// An answer as it is to be kept.
pub(crate) struct Copy<'a> {
    pub(crate) value: &'a ValueHandle,
    /// When its load began, by the wall clock.
    pub(crate) dated: Dated,
    pub(crate) age: Duration,
    pub(crate) fresh: Duration,
    pub(crate) ttl: Duration,
}

impl<A: App> Client<A> {
    /// Removes what the provider has of a key, behind the caller's back. Outside of a runtime nothing is removed.
    pub(crate) fn remove_copy<Q: Query>(&self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        if let (Some(tier), Some(persistence)) = (self.tier(), Q::persistence()) {
            let name = name(self.cache().any_table::<Q>(), persistence.entry_codec(), query);
            self.remove_named(tier, Q::NAME, name);
        }
    }

    fn remove_named(&self, tier: &Arc<Tier>, query: &'static str, name: Result<Vec<u8>, Trouble>) {
        let Some(runtime) = self.runtime().try_get_unattended() else { return };
        match name {
            Ok(name) => {
                let tier = Arc::clone(tier);
                runtime.spawn(async move { tier.remove(query, &name).await });
            }
            Err(trouble) => tier.troubles.note(query, Action::Remove, &trouble),
        }
    }
}

/// What a key is called in the provider: the name of its table, which has no zero byte in it, one, and the key.
fn name(table: AnyTable<'_>, codec: EntryCodec, key: &dyn AnyKey) -> Result<Vec<u8>, Trouble> {
    let mut name = table.name().as_bytes().to_vec();
    name.push(0);
    survived(|| codec.encode_key(key, &mut name))?.map_err(Trouble::Unwritable)?;
    Ok(name)
}

/// Runs the code of a codec, some of which is the user's.
fn survived<T>(code: impl FnOnce() -> Result<T, BoxError>) -> Result<Result<T, BoxError>, Trouble> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| Trouble::Panicked(message_of(panic.as_ref())))
}
