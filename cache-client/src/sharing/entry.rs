//! One key in the shared tier: its name, and the bytes of its value. Decides nothing about freshness.
//!
//! What the tier keeps of a value is an [`Envelope`], as in a provider: windows, codec, shape, key and value. Its date is
//! not used, since the tier counts ages by the server's clock.

use std::time::Duration;

use cache_core::client_support::{AnyKey, Fingerprint, ValueHandle};
use cache_core::{BoxError, EntryCodec};

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::provider::entry::{self, caught};
use crate::provider::envelope::{Envelope, StaleWindows, WallTime};
use crate::provider::error::ProviderError;
use crate::shared::protocol::{Key, Shape, tag_bucket};
use crate::shared::{Lease, Wanted};
use crate::sync::Mutex;

/// The version of what is stored in the tier. Builds with other versions do not read each other's values.
const VERSION: u8 = 1;

/// One key in the shared tier, as one flight sees it.
pub(crate) struct SharedEntry {
    pub(crate) key: Key,
    pub(crate) shape: Shape,
    /// The hashes of its tags.
    pub(crate) tags: Vec<u16>,
    codec: EntryCodec,
    fingerprint: Fingerprint,
    /// Held while the key is loaded for all machines.
    lease: Mutex<Option<Lease>>,
}

/// A value of the tier, with the windows that its load has set.
pub(crate) struct SharedCopy {
    pub(crate) value: ValueHandle,
    pub(crate) fresh: Duration,
    pub(crate) ttl: Duration,
    pub(crate) stale: StaleWindows,
}

impl SharedEntry {
    /// The entry of a key of a shared query. `None` if its codec cannot write the key.
    pub(crate) fn of<A: App>(client: &Client<A>, query: &dyn AnyQuery<A>) -> Option<Self> {
        let table = query.table(client.cache());
        let codec = table.sharing()?.entries();
        let key = super::shared_key(table, query)?;
        let (shape, fingerprint) = *client.state_of(query).shape.get_or_init(|| shape_of(codec));
        let mut tags = Vec::new();
        table.each_tag(query, &mut |tag| tags.push(tag_bucket(tag.as_bytes())));
        Some(Self { key, shape, tags, codec, fingerprint, lease: Mutex::default() })
    }

    /// What is looked for: a value whose load has begun at most this long ago.
    pub(crate) fn wanted(&self, max_age: Duration) -> Wanted<'_> {
        Wanted { key: &self.key, shape: self.shape, tags: &self.tags, max_age }
    }

    /// Keeps the lease until it is [taken](Self::take_lease) or the flight ends.
    pub(crate) fn hold(&self, lease: Lease) {
        let before = self.lease.lock().replace(lease);
        drop(before);
    }

    pub(crate) fn has_lease(&self) -> bool {
        self.lease.lock().is_some()
    }

    pub(crate) fn take_lease(&self) -> Option<Lease> {
        self.lease.lock().take()
    }

    /// Reads a value. The bytes may be hostile.
    pub(crate) fn decode(&self, key: &dyn AnyKey, body: &[u8]) -> Result<SharedCopy, ProviderError> {
        let envelope = Envelope::parse(body)?;
        if envelope.codec != self.codec.codec_name() || envelope.fingerprint != self.fingerprint {
            return Err(ProviderError::OtherShape);
        }
        let value = entry::decode(self.codec, key, &envelope)?;
        let Envelope { fresh, ttl, stale, .. } = envelope;
        Ok(SharedCopy { value, fresh, ttl, stale })
    }

    /// Writes a value.
    pub(crate) fn encode(&self, key: &dyn AnyKey, copy: &SharedCopy) -> Result<Vec<u8>, ProviderError> {
        let bytes = entry::encode(self.codec, key, &copy.value)?;
        let (codec, fingerprint) = (self.codec.codec_name(), self.fingerprint);
        let SharedCopy { fresh, ttl, stale, .. } = *copy;
        let loaded_at = WallTime(0);
        Ok(Envelope { codec, fingerprint, loaded_at, fresh, ttl, stale, entry: &bytes }.to_bytes())
    }
}

/// What distinguishes builds that cannot read each other's values, and the fingerprint that it is made of.
fn shape_of(codec: EntryCodec) -> (Shape, Fingerprint) {
    let fingerprint = codec.fingerprint();
    let bytes = [&[VERSION], &fingerprint.to_le_bytes()[..], codec.codec_name().as_bytes()].concat();
    let hash = u128::from_le_bytes(Fingerprint::of_bytes(&bytes).to_le_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "half of the hash is enough")]
    let shape = Shape(hash as u64);
    (shape, fingerprint)
}

/// Runs code of a codec, which may be the user's.
pub(super) fn catch_codec<T>(code: impl FnOnce() -> Result<T, BoxError>) -> Result<T, ProviderError> {
    caught(code)?.map_err(ProviderError::Unreadable)
}
