//! What the client tells of itself while it works, by `tracing`, and by `metrics` if that feature is on.
//!
//! # Spans and events
//! All have the target [`TARGET`] and a name, which is their message too.
//!
//! | span | level | fields | when |
//! |---|---|---|---|
//! | `load` | info | `query`, `strategy`, `outcome` | one for each load, with all that it is tried again |
//!
//! The spans of the code in [`fetch`](crate::Fetch::fetch) are inside of it. A load that is shared belongs to nobody: it
//! has no parent, and follows from the span of who started it. One that belongs to a tree alone has that as its parent.
//! `outcome` is `answered`, `failed`, `panicked`, `refused` (by a breaker) or `interrupted`; `strategy` is that of who
//! started the load, as options write it.
//!
//! | event | level | fields beside `query` | when |
//! |---|---|---|---|
//! | `hit` | trace | `strategy` | a call was answered with what is fresh in the cache |
//! | `stale_hit` | debug | `strategy` | a call was answered with what is stale in the cache, and is loaded again |
//! | `miss` | debug | `strategy` | a call found nothing in the cache that it could use |
//! | `refresh` | debug | `strategy` | a load has begun behind an answer from the cache |
//! | `substitute` | debug | `strategy`, `kind`: `cached` or `fallback` | something stood in for a load that failed, or was too late |
//! | `store` | debug | `strategy`, `kept`: whether an equal value was kept in place of the new one | what was loaded is in the cache |
//! | `overtaken` | debug | `strategy` | what was loaded was not stored, since something newer came to the key |
//! | `outdated` | debug | `strategy` | what was loaded is in the cache, and marked: a query it was built from has changed meanwhile |
//! | `provider_hit` | debug | `strategy` | the provider had the answer, and nothing was loaded; the span of the load has it too |
//! | `provider_error` | warn | `action`: `get`, `set` or `remove`, `error` | the provider failed, was too slow, or has what cannot be used: a miss |
//! | `provider_passed_over` | debug | `action`, `error` | the provider has an entry of other types or another codec: a miss |
//! | `retry` | info | `strategy`, `attempt`: 2 for the first that is tried again, `wait_seconds` | a load has failed, and is to be tried again |
//! | `failed` | warn, debug if the error is [expected](crate::Fetch::is_expected) | `strategy`, `key`, `outcome`: `failed` or `panicked`, `error` | a load has ended without an answer |
//! | `refused` | debug | `strategy` | a load was not made, since its circuit breaker is open |
//! | `interrupted` | debug | `strategy` | a load was cancelled |
//! | `mutation` | debug if it is done or the error is [expected](crate::Mutate::is_expected), else warn | no `query`; `mutation`: its type, `outcome`: `done`, `failed`, `panicked` or `refused` (by a hook), `error` | a mutation has ended |
//! | `source` | warn, info if it ended | no `query`; `source`: its type, `outcome`: `ended`, `failed` or `panicked`, `error` unless it ended | a source of pushed values has broken off |
//! | `value_refused` | warn | no `query`; `source`: its type, `error` | a pushed value was refused by a hook, or conflicts kept it out |
//! | `prefetch_refused` | warn | `option`, `problem` | a query was not prefetched, since its options cannot work |
//! | `breaker` | warn if it opens, else info | no `query`; `breaker`: its name, `state`: `open`, `half-open` or `closed` | a circuit breaker has another state |
//!
//! Each is told once, however deep in a tree the call was: a call that may read the cache tells of a hit, a stale hit or a
//! miss; what a tree answers from its memo, a preset or a replacement tells of nothing. Nor do
//! [`cached`](crate::Client::cached), prefetches and observers: they look, and are not answered; of what they load the
//! span tells. `error` is the text of the error, in its alternate form (`{:#}`).
//!
//! A load that has failed is told with its `key`; the other spans and events about one key have that field if the client
//! was built so: [`trace_keys`](crate::ClientBuilder::trace_keys). A key is told by its `Debug`, at most 200 bytes of it,
//! and hidden if its query is derived with `secret`.
//!
//! # Metrics
//! With the cargo feature `metrics`, by the recorder of the crate of that name. All but that of the breakers have the label
//! `query`.
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
//! | `cache_client_load_seconds` | histogram, seconds | | loads that were answered, failed or panicked, with all waits and retries |
//! | `cache_client_flights` | gauge | | loads under way |
//!
//! # Costs
//! Without a subscriber an event costs one relaxed load. A metric costs what its recorder does, which has to find it by
//! name and label; nothing is allocated for a hit.

mod load;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "telemetry/no_metrics.rs"]
mod metrics;

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
pub(crate) use load::LoadSpan;
pub(crate) use metrics::{Labels, describe};

/// Target of all spans and events.
pub const TARGET: &str = "cache_client";

const HITS: &str = "cache_client_hits_total";
const STALE_HITS: &str = "cache_client_stale_hits_total";
const MISSES: &str = "cache_client_misses_total";
const REFRESHES: &str = "cache_client_refreshes_total";
const SUBSTITUTES: &str = "cache_client_substitutes_total";
const PROVIDER_HITS: &str = "cache_client_provider_hits_total";
const PROVIDER_ERRORS: &str = "cache_client_provider_errors_total";
const STORES: &str = "cache_client_stores_total";
const RETRIES: &str = "cache_client_retries_total";
const LOADS: &str = "cache_client_loads_total";
const BREAKER_CHANGES: &str = "cache_client_breaker_changes_total";
const LOAD_SECONDS: &str = "cache_client_load_seconds";
const FLIGHTS: &str = "cache_client_flights";

/// How one client tells what it does. Never used under a lock: who listens is foreign code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telemetry {
    with_keys: bool,
}

/// What an event is about.
struct EventFields<'a> {
    query: &'static str,
    strategy: &'static str,
    key: Option<KeyField<'a>>,
}

/// A query and its key, as they are told.
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

/// A key by its `Debug`, not longer than [`LONGEST_KEY`].
struct KeyField<'a, K: ?Sized = dyn AnyKey>(&'a K);

impl<K: ?Sized> Clone for KeyField<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ?Sized> Copy for KeyField<'_, K> {}

/// Bytes of a key that are told.
const LONGEST_KEY: usize = 200;

impl<K: Debug + ?Sized> Debug for KeyField<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cut = Truncating { left: LONGEST_KEY, to: f };
        match write!(cut, "{:?}", self.0) {
            Err(_) if cut.left == 0 => f.write_str("…"),
            result => result,
        }
    }
}

/// Writes on as long as there is room, up to the boundary of a character.
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

/// An event about one query. Nothing of it is evaluated while nobody listens.
macro_rules! tell {
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

/// What stood in for a load.
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

    /// Of what somebody may have to look into: with its key.
    fn about_with_key(self, subject: Subject<'_>, strategy: Strategy) -> EventFields<'_> {
        EventFields { key: Some(KeyField(subject.key)), ..self.about(subject, strategy) }
    }

    /// On the shortest way through the client, so all but the question whether anybody listens is out of it.
    #[inline]
    pub(crate) fn hit<Q: Query>(self, query: &Q, strategy: Strategy) {
        let subject = Subject { query: Q::NAME, labels: Labels::of::<Q>(), key: query };
        self.hit_of(subject, strategy);
    }

    #[inline]
    pub(crate) fn hit_of(self, subject: Subject<'_>, strategy: Strategy) {
        if Level::TRACE <= STATIC_MAX_LEVEL && Level::TRACE <= LevelFilter::current() {
            tell_hit(&self.about(subject, strategy));
        }
        metrics::count(HITS, subject.labels);
    }

    pub(crate) fn stale_hit(self, subject: Subject<'_>, strategy: Strategy) {
        tell!(DEBUG, "stale_hit", self.about(subject, strategy));
        metrics::count(STALE_HITS, subject.labels);
    }

    pub(crate) fn miss(self, subject: Subject<'_>, strategy: Strategy) {
        tell!(DEBUG, "miss", self.about(subject, strategy));
        metrics::count(MISSES, subject.labels);
    }

    pub(crate) fn refresh(self, subject: Subject<'_>, strategy: Strategy) {
        tell!(DEBUG, "refresh", self.about(subject, strategy));
        metrics::count(REFRESHES, subject.labels);
    }

    pub(crate) fn substitute(self, subject: Subject<'_>, strategy: Strategy, substitute: Substitute) {
        let kind = match substitute {
            Substitute::Cached => "cached",
            Substitute::Fallback => "fallback",
        };
        tell!(DEBUG, "substitute", self.about(subject, strategy), kind = kind);
        metrics::count_by(SUBSTITUTES, subject.query, "kind", kind);
    }

    pub(crate) fn store(self, subject: Subject<'_>, strategy: Strategy, is_kept: bool) {
        tell!(DEBUG, "store", self.about(subject, strategy), kept = is_kept);
        metrics::count(STORES, subject.labels);
    }

    pub(crate) fn provider_hit(self, subject: Subject<'_>, strategy: Strategy) {
        tell!(DEBUG, "provider_hit", self.about(subject, strategy));
        metrics::count(PROVIDER_HITS, subject.labels);
    }

    pub(crate) fn overtaken(self, subject: Subject<'_>, strategy: Strategy) {
        tell!(DEBUG, "overtaken", self.about(subject, strategy));
    }

    pub(crate) fn outdated(self, subject: Subject<'_>, strategy: Strategy) {
        tell!(DEBUG, "outdated", self.about(subject, strategy));
        metrics::count(STORES, subject.labels);
    }

    pub(crate) fn retry(self, subject: Subject<'_>, strategy: Strategy, attempt: u32, wait: Duration) {
        let wait = wait.as_secs_f64();
        tell!(INFO, "retry", self.about(subject, strategy), attempt = attempt, wait_seconds = wait);
        metrics::count(RETRIES, subject.labels);
    }
}

#[cold]
fn tell_hit(about: &EventFields<'_>) {
    tell!(TRACE, "hit", about);
}

/// Tells that a breaker has another state.
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

/// Tells that a call of the provider came to nothing.
pub(crate) fn provider_error(query: &'static str, action: &'static str, error: &dyn Display) {
    let error = field::display(error);
    event!(name: "provider_error", target: TARGET, Level::WARN, query, action, error, "provider_error");
    metrics::count_provider(PROVIDER_ERRORS, query, action);
}

/// Tells that the provider has an entry that only another build can read.
pub(crate) fn provider_passed_over(query: &'static str, action: &'static str, error: &dyn Display) {
    let error = field::display(error);
    event!(name: "provider_passed_over", target: TARGET, Level::DEBUG, query, action, error, "provider_passed_over");
}

/// Tells that a mutation has ended.
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

/// Tells something in a task whose outcome must not depend on it: a subscriber, or the `Display` of an error, may panic.
/// The panic hook of the program has reported that by then.
fn contained(tell: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(tell));
}

/// An error with its causes, if it shows them in its alternate form.
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

/// Tells that a source of pushed values has broken off.
pub(crate) fn source(name: &'static str, outcome: &'static str, error: Option<&dyn Display>) {
    let error = error.map(|error| field::display(Alternate(error)));
    contained(|| match outcome {
        "ended" => event!(name: "source", target: TARGET, Level::INFO, source = name, outcome, "source"),
        _ => event!(name: "source", target: TARGET, Level::WARN, source = name, outcome, error, "source"),
    });
}

/// Tells that a pushed value was not let in.
pub(crate) fn value_refused(name: &'static str, error: &CommitError) {
    let error = field::display(WithCauses(error));
    contained(|| {
        event!(name: "value_refused", target: TARGET, Level::WARN, source = name, error, "value_refused");
    });
}

/// Tells that a query was not prefetched, since its options cannot work.
pub(crate) fn prefetch_refused(error: &OptionsError) {
    let OptionsError { query, option, problem } = error;
    event!(name: "prefetch_refused", target: TARGET, Level::WARN, query, option, problem, "prefetch_refused");
}

/// As options write it.
fn name_of(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::CacheFirst => "cache-first",
        Strategy::StaleWhileRevalidate => "stale-while-revalidate",
        Strategy::NetworkFirst => "network-first",
        Strategy::Refresh => "refresh",
        Strategy::NetworkOnly => "network-only",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u32, secret)]
    struct GetSession(&'static str);

    fn told(key: &dyn Debug) -> String {
        format!("{:?}", KeyField(key))
    }

    #[test]
    fn a_key_is_told_whole_up_to_two_hundred_bytes() {
        assert_eq!(told(&7), "7");
        assert_eq!(told(&"a".repeat(198)), format!("{:?}", "a".repeat(198)));
        assert_eq!(told(&"a".repeat(199)), format!("\"{}…", "a".repeat(199)));
        assert_eq!(told(&vec!["long"; 100]).len(), 200 + '…'.len_utf8());
    }

    #[test]
    fn a_key_is_cut_between_characters() {
        // The quotation mark makes the two hundredth byte the first of two.
        assert_eq!(told(&"é".repeat(200)), format!("\"{}…", "é".repeat(99)));
        assert_eq!(told(&"🦀".repeat(200)), format!("\"{}…", "🦀".repeat(49)));
    }

    #[test]
    fn a_secret_key_is_not_told() {
        let key: &dyn AnyKey = &GetSession("word");
        assert_eq!(told(&key), "(secret)");
    }
}
