//! What the client reports while it works: spans and events of `tracing`, and metrics with the feature `metrics`.
//!
//! # Spans and events
//! All have the target [`TARGET`], and a name that is also their message.
//!
//! | span | level | fields | when |
//! |---|---|---|---|
//! | `load` | info | `query`, `strategy`, `outcome` | one for each load, with all its retries |
//!
//! The spans of the code in [`fetch`](crate::Fetch::fetch) are inside this span. A shared load has no parent; its span
//! follows from the span of the caller that started it. A load of a single tree has the caller's span as its parent.
//! `outcome` is `answered`, `failed`, `panicked`, `refused` (by a breaker), `interrupted` or `missing` (only the
//! provider was read). `strategy` is that of the caller that started the load, spelled as in the options.
//!
//! | event | level | fields beside `query` | when |
//! |---|---|---|---|
//! | `hit` | trace | `strategy` | a call was answered with a fresh value of the cache |
//! | `stale_hit` | debug | `strategy` | a call was answered with a stale value of the cache, which is loaded again |
//! | `miss` | debug | `strategy` | a call found nothing in the cache that it could use |
//! | `refresh` | debug | `strategy` | a background load has begun after an answer from the cache |
//! | `substitute` | debug | `strategy`, `kind`: `cached` or `fallback` | a cached value or a fallback has replaced the answer of a load that failed, or was too late |
//! | `store` | debug | `strategy`, `kept`: whether an equal value was kept in place of the new one | the loaded value is in the cache |
//! | `overtaken` | debug | `strategy` | the loaded value was not stored, because something newer exists |
//! | `store_failed` | warn | `strategy`, `error` | the loaded value was not stored, because other commits kept changing what its step had read |
//! | `outdated` | debug | `strategy` | the loaded value is in the cache, and marked: a query that it was built from has changed meanwhile |
//! | `provider_hit` | debug | `strategy` | the provider had the answer, and nothing was loaded; or it had a stale one, which entered the cache during the load |
//! | `provider_error` | warn | `action`: `get`, `set` or `remove`, `error` | the provider failed, timed out, or returned a value that cannot be used: a miss |
//! | `provider_passed_over` | debug | `action`, `error` | the provider has an entry of other types or another codec: a miss |
//! | `shared_connected` | info | no `query`, no `strategy` | the client follows what is dropped in the [shared tier](crate::shared) |
//! | `shared_error` | warn, debug for a request and for repeated failures | no `query`, no `strategy`; `action`: `request`, `connect` or `feed`, `error` | the [shared tier](crate::shared) has not answered a request, or a connection to it has ended or was not made |
//! | `retry` | info | `strategy`, `attempt`: 2 for the first retry, `wait_seconds` | a load has failed, and will be retried |
//! | `failed` | warn, debug if the error is [expected](crate::Fetch::is_expected) | `strategy`, `key`, `outcome`: `failed` or `panicked`, `error` | a load has ended without an answer |
//! | `refused` | debug | `strategy` | a load was not started because its circuit breaker is open |
//! | `interrupted` | debug | `strategy` | a load was cancelled |
//! | `mutation` | debug if it is done or the error is [expected](crate::Mutate::is_expected), else warn | no `query`; `mutation`: its type, `outcome`: `done`, `failed`, `panicked` or `refused` (by a hook), `error` | a mutation has ended |
//! | `source` | warn, info if it ended | no `query`; `source`: its type, `outcome`: `ended`, `failed` or `panicked`, `error` unless it ended | a source of pushed values has ended or failed |
//! | `value_refused` | warn | no `query`; `source`: its type, `error` | a pushed value was refused by a hook, or was not committed because of conflicts |
//! | `prefetch_refused` | warn | `option`, `problem` | a query was not prefetched, because its options are invalid |
//! | `breaker` | warn if it opens, else info | no `query`; `breaker`: its name, `state`: `open`, `half-open` or `closed` | a circuit breaker has changed its state |
//!
//! Each event is reported once, however deep in a tree the call is. A call that may read the cache reports a hit, a
//! stale hit or a miss. An answer from the memo, a preset or a replacement of a tree reports nothing. Nor do
//! [`cached`](crate::Client::cached), prefetches and observers, which are not calls; their loads have spans. `error` is
//! the text of the error, in its alternate form (`{:#}`).
//!
//! A failed load is reported with its `key`. Other spans and events about one key have that field only with
//! [`trace_keys`](crate::ClientBuilder::trace_keys). A key is formatted by its `Debug`, up to 200 bytes, and hidden if
//! its query is derived with `secret`.
//!
//! # Metrics
//! With the cargo feature `metrics`, by the recorder of the `metrics` crate. All metrics except those for breakers and
//! the shared tier have the label `query`.
//!
//! | metric | kind | labels beside `query` | what |
//! |---|---|---|---|
//! | `cache_client_hits_total` | counter | | events `hit` |
//! | `cache_client_stale_hits_total` | counter | | events `stale_hit` |
//! | `cache_client_misses_total` | counter | | events `miss` |
//! | `cache_client_refreshes_total` | counter | | events `refresh` |
//! | `cache_client_substitutes_total` | counter | `kind` | events `substitute` |
//! | `cache_client_provider_hits_total` | counter | | events `provider_hit` |
//! | `cache_client_provider_errors_total` | counter | `action` | events `provider_error` |
//! | `cache_client_stores_total` | counter | | events `store` |
//! | `cache_client_retries_total` | counter | | events `retry` |
//! | `cache_client_loads_total` | counter | `outcome` | loads that have ended |
//! | `cache_client_breaker_changes_total` | counter | no `query`; `breaker`, `state` | events `breaker` |
//! | `cache_client_shared_total` | counter | no `query`; `outcome`: `hit`, `miss`, `mismatch`, `refused`, `error` or `timeout` | what [`SharedCounts`](crate::shared::SharedCounts) counts |
//! | `cache_client_shared_bytes_total` | counter, bytes | no `query`; `direction`: `read` or `written` | values of the shared tier |
//! | `cache_client_shared_lag_seconds` | gauge, seconds | no `query` | how long ago everything was known that was dropped anywhere; looked at twice a second |
//! | `cache_client_load_seconds` | histogram, seconds | | loads that were answered, failed or panicked, with all waits and retries |
//! | `cache_client_flights` | gauge | | running loads |
//!
//! # Costs
//! Without a subscriber, an event costs one relaxed load. A metric costs what its recorder costs, which has to find it
//! by name and label. A hit allocates nothing.

pub(crate) mod load;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "telemetry/no_metrics.rs"]
mod metrics;
mod names;

use std::error::Error;
use std::fmt::{self, Debug, Display, Write};
use std::iter::successors;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cache_core::client_support::AnyKey;
use cache_core::{CommitError, Query, Strategy};
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Level, event, field};

use crate::breaker::options::BreakerState;
use crate::error::OptionsError;
pub(crate) use metrics::{Labels, describe};
pub use names::TARGET;
use names::{
    BREAKER_CHANGES, HITS, MISSES, PROVIDER_ERRORS, PROVIDER_HITS, REFRESHES, RETRIES, SHARED, SHARED_BYTES,
    SHARED_LAG, STALE_HITS, STORES, SUBSTITUTES,
};

/// How one client reports what it does. Never used under a lock, since subscribers are foreign code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telemetry {
    with_keys: bool,
}

/// The fields of an event about a query.
struct EventFields<'a> {
    query: &'static str,
    strategy: &'static str,
    key: Option<KeyField<'a>>,
}

/// A query and its key, as they are reported.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    query: &'static str,
    labels: Labels,
    key: &'a dyn AnyKey,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(query: &'static str, labels: Labels, key: &'a dyn AnyKey) -> Self {
        Self { query, labels, key }
    }
}

/// A key, formatted by its `Debug`, up to [`MAX_KEY_BYTES`] bytes.
struct KeyField<'a, K: ?Sized = dyn AnyKey>(&'a K);

impl<K: ?Sized> Clone for KeyField<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ?Sized> Copy for KeyField<'_, K> {}

/// How many bytes of a key are reported.
const MAX_KEY_BYTES: usize = 200;

impl<K: Debug + ?Sized> Debug for KeyField<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cut = Truncating { left: MAX_KEY_BYTES, to: f };
        match write!(cut, "{:?}", self.0) {
            Err(_) if cut.left == 0 => f.write_str("…"),
            result => result,
        }
    }
}

/// Writes until the limit is reached, up to a character boundary.
struct Truncating<'a, 'b> {
    left: usize,
    to: &'a mut fmt::Formatter<'b>,
}

impl fmt::Write for Truncating<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = text.floor_char_boundary(self.left);
        self.to.write_str(&text[..fits])?;
        self.left -= fits;
        if fits < text.len() {
            self.left = 0;
            return Err(fmt::Error);
        }
        Ok(())
    }
}

/// An event about one query. Its fields are evaluated only if there is a subscriber.
macro_rules! emit {
    ($level:ident, $name:literal, $about:expr $(, $field:ident = $value:expr)*) => {
        event!(
            name: $name,
            target: TARGET,
            Level::$level,
            query = $about.query,
            strategy = $about.strategy,
            key = $about.key.map(field::debug),
            $($field = $value,)*
            $name
        )
    };
}

/// What has replaced the answer of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Substitute {
    Cached,
    Fallback,
}

impl Telemetry {
    pub(crate) fn new(with_keys: bool) -> Self {
        Self { with_keys }
    }

    fn about(self, subject: Subject<'_>, strategy: Strategy) -> EventFields<'_> {
        let key = self.with_keys.then_some(KeyField(subject.key));
        EventFields { query: subject.query, strategy: name_of(strategy), key }
    }

    /// With the key, for events that may have to be investigated.
    fn about_with_key(self, subject: Subject<'_>, strategy: Strategy) -> EventFields<'_> {
        EventFields { key: Some(KeyField(subject.key)), ..self.about(subject, strategy) }
    }

    /// On the fast path of a call, so all but the check for a subscriber is out of line.
    #[inline]
    pub(crate) fn hit<Q: Query>(self, query: &Q, strategy: Strategy) {
        let subject = Subject { query: Q::NAME, labels: Labels::of::<Q>(), key: query };
        self.hit_of(subject, strategy);
    }

    #[inline]
    pub(crate) fn hit_of(self, subject: Subject<'_>, strategy: Strategy) {
        if Level::TRACE <= STATIC_MAX_LEVEL && Level::TRACE <= LevelFilter::current() {
            emit_hit(&self.about(subject, strategy));
        }
        metrics::count(HITS, subject.labels);
    }

    pub(crate) fn stale_hit(self, subject: Subject<'_>, strategy: Strategy) {
        emit!(DEBUG, "stale_hit", self.about(subject, strategy));
        metrics::count(STALE_HITS, subject.labels);
    }

    pub(crate) fn miss(self, subject: Subject<'_>, strategy: Strategy) {
        emit!(DEBUG, "miss", self.about(subject, strategy));
        metrics::count(MISSES, subject.labels);
    }

    pub(crate) fn refresh(self, subject: Subject<'_>, strategy: Strategy) {
        emit!(DEBUG, "refresh", self.about(subject, strategy));
        metrics::count(REFRESHES, subject.labels);
    }

    pub(crate) fn substitute(self, subject: Subject<'_>, strategy: Strategy, substitute: Substitute) {
        let kind = match substitute {
            Substitute::Cached => "cached",
            Substitute::Fallback => "fallback",
        };
        emit!(DEBUG, "substitute", self.about(subject, strategy), kind = kind);
        metrics::count_by(SUBSTITUTES, subject.query, "kind", kind);
    }

    /// Whether anything may receive what [`store`](Self::store) reports.
    pub(crate) fn reports_stores() -> bool {
        cfg!(feature = "metrics")
            || (Level::DEBUG <= STATIC_MAX_LEVEL && Level::DEBUG <= LevelFilter::current())
    }

    pub(crate) fn store(self, subject: Subject<'_>, strategy: Strategy, is_kept: bool) {
        emit!(DEBUG, "store", self.about(subject, strategy), kept = is_kept);
        metrics::count(STORES, subject.labels);
    }

    pub(crate) fn provider_hit(self, subject: Subject<'_>, strategy: Strategy) {
        emit!(DEBUG, "provider_hit", self.about(subject, strategy));
        metrics::count(PROVIDER_HITS, subject.labels);
    }

    pub(crate) fn overtaken(self, subject: Subject<'_>, strategy: Strategy) {
        emit!(DEBUG, "overtaken", self.about(subject, strategy));
    }

    /// Reports that a step has not stored an answer, since others kept changing what it has read.
    pub(crate) fn store_failed(self, subject: Subject<'_>, strategy: Strategy, error: &CommitError) {
        emit!(WARN, "store_failed", self.about(subject, strategy), error = tracing::field::display(error));
    }

    pub(crate) fn outdated(self, subject: Subject<'_>, strategy: Strategy) {
        emit!(DEBUG, "outdated", self.about(subject, strategy));
        metrics::count(STORES, subject.labels);
    }

    pub(crate) fn retry(self, subject: Subject<'_>, strategy: Strategy, attempt: u32, wait: Duration) {
        let wait = wait.as_secs_f64();
        emit!(INFO, "retry", self.about(subject, strategy), attempt = attempt, wait_seconds = wait);
        metrics::count(RETRIES, subject.labels);
    }
}

#[cold]
fn emit_hit(about: &EventFields<'_>) {
    emit!(TRACE, "hit", about);
}

/// Reports that the state of a breaker has changed.
pub(crate) fn breaker(name: &'static str, state: BreakerState) {
    let state = match state {
        BreakerState::Closed => "closed",
        BreakerState::Open { .. } => "open",
        BreakerState::HalfOpen => "half-open",
    };
    match state {
        "open" => event!(name: "breaker", target: TARGET, Level::WARN, breaker = name, state, "breaker"),
        _ => event!(name: "breaker", target: TARGET, Level::INFO, breaker = name, state, "breaker"),
    }
    metrics::count_breaker(BREAKER_CHANGES, name, state);
}

/// Reports that a call to the provider has failed.
pub(crate) fn provider_error(query: &'static str, action: &'static str, error: &dyn Display) {
    let error = field::display(error);
    event!(name: "provider_error", target: TARGET, Level::WARN, query, action, error, "provider_error");
    metrics::count_provider(PROVIDER_ERRORS, query, action);
}

/// Reports an entry of the provider that only another build can read.
pub(crate) fn provider_passed_over(query: &'static str, action: &'static str, error: &dyn Display) {
    let error = field::display(error);
    event!(name: "provider_passed_over", target: TARGET, Level::DEBUG, query, action, error, "provider_passed_over");
}

/// Reports that the feed of the shared tier is followed.
pub(crate) fn shared_connected() {
    contained(|| event!(name: "shared_connected", target: TARGET, Level::INFO, "shared_connected"));
}

/// Reports that a request to the shared tier has failed, or that a connection to it has ended or was not made.
pub(crate) fn shared_error(action: &'static str, error: &str, is_expected: bool) {
    contained(|| match is_expected {
        true => event!(name: "shared_error", target: TARGET, Level::DEBUG, action, error, "shared_error"),
        false => event!(name: "shared_error", target: TARGET, Level::WARN, action, error, "shared_error"),
    });
}

/// Counts what has become of something in the shared tier.
pub(crate) fn count_shared(outcome: &'static str, count: u64) {
    metrics::count_shared(SHARED, "outcome", outcome, count);
}

/// Counts bytes of values that were read from the shared tier, or written to it.
pub(crate) fn count_shared_bytes(direction: &'static str, count: u64) {
    metrics::count_shared(SHARED_BYTES, "direction", direction, count);
}

pub(crate) fn shared_lag(lag: Duration) {
    metrics::set(SHARED_LAG, lag.as_secs_f64());
}

/// Reports that a mutation has ended.
pub(crate) fn mutation(
    name: &'static str,
    outcome: &'static str,
    error: Option<&dyn Display>,
    is_expected: bool,
) {
    let error = error.map(|error| field::display(Alternate(error)));
    contained(|| match outcome == "done" || is_expected {
        true => {
            event!(name: "mutation", target: TARGET, Level::DEBUG, mutation = name, outcome, error, "mutation");
        }
        false => {
            event!(name: "mutation", target: TARGET, Level::WARN, mutation = name, outcome, error, "mutation");
        }
    });
}

/// Reports something in a task whose outcome must not depend on it: a subscriber, or the `Display` of an error, may
/// panic. The panic hook of the program reports such a panic.
fn contained(report: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(report));
}

/// An error with its causes, if its alternate form shows them.
struct Alternate<'a>(&'a dyn Display);

impl Display for Alternate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// An error with its causes, which it does not show itself.
pub(crate) struct WithCauses<'a>(pub(crate) &'a dyn Error);

impl Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self.0, f)?;
        successors(self.0.source(), |&error| error.source()).try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// Reports that a source of pushed values has ended or failed.
pub(crate) fn source(name: &'static str, outcome: &'static str, error: Option<&dyn Display>) {
    let error = error.map(|error| field::display(Alternate(error)));
    contained(|| match outcome {
        "ended" => event!(name: "source", target: TARGET, Level::INFO, source = name, outcome, "source"),
        _ => event!(name: "source", target: TARGET, Level::WARN, source = name, outcome, error, "source"),
    });
}

/// Reports that a pushed value was refused.
pub(crate) fn value_refused(name: &'static str, error: &CommitError) {
    let error = field::display(WithCauses(error));
    contained(|| {
        event!(name: "value_refused", target: TARGET, Level::WARN, source = name, error, "value_refused");
    });
}

/// Reports that a query was not prefetched because its options are invalid.
pub(crate) fn prefetch_refused(error: &OptionsError) {
    let OptionsError { query, option, problem } = error;
    event!(name: "prefetch_refused", target: TARGET, Level::WARN, query, option, problem, "prefetch_refused");
}

/// The name of a strategy, as in the options.
fn name_of(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::CacheFirst => "cache-first",
        Strategy::StaleWhileRevalidate => "stale-while-revalidate",
        Strategy::NetworkFirst => "network-first",
        Strategy::Refresh => "refresh",
        Strategy::NetworkOnly => "network-only",
        Strategy::CacheOnly => "cache-only",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u32, secret)]
    struct GetSession(&'static str);

    fn reported(key: &dyn Debug) -> String {
        format!("{:?}", KeyField(key))
    }

    #[test]
    fn a_key_is_reported_in_full_up_to_two_hundred_bytes() {
        assert_eq!(reported(&7), "7");
        assert_eq!(reported(&"a".repeat(198)), format!("{:?}", "a".repeat(198)));
        assert_eq!(reported(&"a".repeat(199)), format!("\"{}…", "a".repeat(199)));
        assert_eq!(reported(&vec!["long"; 100]).len(), 200 + '…'.len_utf8());
    }

    #[test]
    fn a_key_is_cut_between_characters() {
        // The quotation mark makes the two hundredth byte the first of two.
        assert_eq!(reported(&"é".repeat(200)), format!("\"{}…", "é".repeat(99)));
        assert_eq!(reported(&"🦀".repeat(200)), format!("\"{}…", "🦀".repeat(49)));
    }

    #[test]
    fn a_secret_key_is_not_reported() {
        let key: &dyn AnyKey = &GetSession("word");
        assert_eq!(reported(&key), "(secret)");
    }
}
