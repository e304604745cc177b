//! Input for the query client in tests and under the fuzzer: a provider that has any bytes for each key,
//! honest envelopes, and a way to make forged ones pass their checksum.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch, Provider};
use cache_core::{BoxError, ManualClock};

use crate::hostile::{
    Lengths, LengthsInBincode, LengthsInJson, LengthsInPostcard, ManyTypes, Tree, TreeInBincode, TreeInJson,
    TreeInPostcard, lengths, many_types, tree,
};

/// Has the same bytes for each key, and keeps the last bytes that it is given.
#[derive(Default)]
struct AnyBytes {
    bytes: Option<Vec<u8>>,
    given: Mutex<Vec<u8>>,
}

impl Provider for AnyBytes {
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, BoxError> {
        Ok(self.bytes.clone())
    }

    async fn set(&self, _: &str, value: Vec<u8>, _: Duration) -> Result<(), BoxError> {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner) = value;
        Ok(())
    }

    async fn remove(&self, _: &str) -> Result<(), BoxError> {
        Ok(())
    }
}

/// Counts the loads.
#[derive(Default)]
struct Keeper(AtomicUsize);

impl App for Keeper {
    type Registry = ManyTypes;
}

macro_rules! fetched {
    ($($query:ident => $value:ty: $make:expr;)*) => {
        $(impl Fetch<Keeper> for $query {
            type Error = std::convert::Infallible;

            async fn fetch(&self, cx: &Context<Keeper>) -> Result<$value, Self::Error> {
                cx.app().0.fetch_add(1, Ordering::SeqCst);
                Ok($make)
            }
        })*

        /// Returns what the client gives to the provider for each query.
        async fn given() -> Vec<(&'static str, Vec<u8>)> {
            let mut given = Vec::new();
            $(
                let provider = Arc::new(AnyBytes::default());
                let _ = client(&provider).query(&$query("k".to_owned())).await;
                tokio::task::yield_now().await;
                let bytes = provider.given.lock().unwrap_or_else(PoisonError::into_inner).clone();
                given.push((<$query as cache_core::Query>::NAME, bytes));
            )*
            given
        }

        /// Runs each query on a client whose provider has these bytes. Returns how many were loaded.
        async fn ask(bytes: &[u8]) -> usize {
            let mut loads = 0;
            $(
                let provider = Arc::new(AnyBytes { bytes: Some(bytes.to_vec()), ..AnyBytes::default() });
                let asked = client(&provider);
                let answer = asked.query(&$query("k".to_owned())).await;
                answer.expect("bad bytes of a provider never fail a query");
                loads += asked.app().0.load(Ordering::SeqCst);
            )*
            loads
        }
    };
}

fetched! {
    TreeInBincode => Tree: tree();
    TreeInPostcard => Tree: tree();
    TreeInJson => Tree: tree();
    LengthsInBincode => Lengths: lengths();
    LengthsInPostcard => Lengths: lengths();
    LengthsInJson => Lengths: lengths();
}

/// Returns a client with a clock that stands still, so that entries stay fresh forever.
fn client(provider: &Arc<AnyBytes>) -> Client<Keeper> {
    let hour = Duration::from_secs(3_600);
    let builder = Client::builder(many_types(ManualClock::new()), Keeper::default())
        .defaults(|options| options.fresh(hour));
    builder.provider(Arc::clone(provider)).build()
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a single-threaded runtime can be built").block_on(future)
}

/// Makes a client read `bytes`, as they are and with a corrected checksum.
///
/// # Panics
/// If the client violates one of its guarantees.
pub fn feed(bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    mend(&mut mended);
    let _ = loads(bytes);
    let _ = loads(&mended);
}

/// Makes a client read `bytes` for each query. Returns how many queries were loaded despite them.
///
/// # Panics
/// As [`feed`].
#[must_use]
pub fn loads(bytes: &[u8]) -> usize {
    run(ask(bytes))
}

/// Length of the head of an envelope, which ends with the checksum of the rest.
pub const HEAD: usize = 12;

/// Corrects the checksum, if `bytes` is long enough to have one.
pub fn mend(bytes: &mut [u8]) {
    if let Some((head, checked)) = bytes.split_at_mut_checked(HEAD) {
        head[8..].copy_from_slice(&crc32fast::hash(checked).to_le_bytes());
    }
}

/// Returns honest envelopes, one for each query.
#[must_use]
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    run(given())
}
