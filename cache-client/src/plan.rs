//! What one call does, decided once, and how it judges an entry. Plain data: no clock, no cache, no tasks.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{EntryState, EntryTimes, Freshness, LoadingOptions, Moment, Strategy};

use crate::error::OptionsError;
use crate::flight::backoff::RetryPolicy;
use crate::notes::AnswerTerms;

/// The default number of retries.
const RETRIES: u32 = 3;

/// The default number of keys in one load: as many as DynamoDB's `BatchGetItem` takes, which has a low limit.
const BATCH: u32 = 100;

/// How long an answer that no caller has waited for is kept for the next one, by default.
const KEEP_PREFETCHED: Duration = Duration::from_secs(5);

/// The options of one call, resolved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Whether other machines have the answers too, by the client's shared tier.
    is_shared: bool,
    strategy: Strategy,
    /// How long an answer is fresh, unless the entry itself decides that.
    fresh: Option<Duration>,
    /// When an answer becomes stale, as far as the options decide that.
    stale_from: Duration,
    swr: Option<Duration>,
    stale_if_error: Option<Duration>,
    timeout: Option<Duration>,
    /// How long a loaded value is kept, unless the table decides that.
    ttl: Option<Duration>,
    /// The fraction by which that may be shorter.
    jitter: f64,
    /// The freshness time that jitter shortens: that of the query, regardless of the options of the call.
    spread: Option<Duration>,
    /// Whether the call sets how long answers are fresh, whatever the times of the entry are.
    is_fresh_set_by_call: bool,
    /// Whether the call sets how long a loaded value is kept, whatever the load has set.
    is_ttl_set_by_call: bool,
    /// Whether the call sets how long stale answers are served during a load, whatever the entry says.
    is_swr_set_by_call: bool,
    /// The same for stale answers after an error.
    is_stale_if_error_set_by_call: bool,
    beta: Option<f64>,
    pub(crate) error_ttl: Option<Duration>,
    absent_ttl: Option<Duration>,
    /// How often a load is retried.
    pub(crate) retries: u32,
    /// How long to wait before a retry.
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) breaker: Option<&'static str>,
    pub(crate) poll: Option<Duration>,
    /// How long a load continues after its last caller has left.
    pub(crate) linger: Option<Duration>,
    /// How many keys one load takes.
    pub(crate) batch: u32,
    /// How long an answer that no caller has waited for is kept.
    pub(crate) keep_prefetched: Duration,
}

/// The plan of a call.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack; a box would make hits with options allocate"
)]
pub(crate) enum Planned<'a> {
    /// The plan of all calls without options of their own.
    Common(&'a Arc<Plan>),
    Own(Plan),
}

impl Planned<'_> {
    pub(crate) fn shared(&self) -> Arc<Plan> {
        match self {
            Self::Common(plan) => Arc::clone(plan),
            Self::Own(plan) => Arc::new(*plan),
        }
    }
}

impl Deref for Planned<'_> {
    type Target = Plan;

    #[inline]
    fn deref(&self) -> &Plan {
        match self {
            Self::Common(plan) => plan,
            Self::Own(plan) => plan,
        }
    }
}

/// The sources of the options of a call. Earlier ones take precedence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionSources {
    pub(crate) call: LoadingOptions,
    /// The client's options for the query.
    pub(crate) query: LoadingOptions,
    pub(crate) derived: LoadingOptions,
    /// The client's options for the strategy of the call.
    pub(crate) strategy: LoadingOptions,
    /// The client's options for all queries.
    pub(crate) client: LoadingOptions,
    /// How many loads the client runs at once.
    pub(crate) concurrency: Option<u32>,
    /// Time to live and freshness time of the query's table.
    pub(crate) table: (Option<Duration>, Option<Duration>),
    /// Whether the client shares the answers with other machines.
    pub(crate) is_shared: bool,
}

impl OptionSources {
    fn merged(&self) -> LoadingOptions {
        self.call.or(self.settled())
    }

    /// The options, without the windows in which the call accepts stale answers: they may be zero, to refuse answers
    /// that set such windows themselves.
    fn without_windows_of_call(&self) -> LoadingOptions {
        let mut call = self.call;
        (call.swr, call.stale_if_error) = (None, None);
        call.or(self.settled())
    }

    /// The options without those of the call.
    fn settled(&self) -> LoadingOptions {
        self.query.or(self.derived).or(self.strategy).or(self.client)
    }
}

/// How a reader judges an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fresh,
    /// Fresh, and about to become stale: may be returned, and is loaded again in the background.
    Ending,
    /// May be returned where a stale value is acceptable, and is loaded again in the background if the strategy ever
    /// loads.
    Stale,
    Unusable,
}

impl Verdict {
    pub(crate) fn is_fresh(self) -> bool {
        matches!(self, Self::Fresh | Self::Ending)
    }
}

impl Plan {
    /// Resolves the options of a call.
    ///
    /// # Errors
    /// If a time is zero, or missing where it is needed.
    pub(crate) fn resolve(query: &'static str, sources: &OptionSources) -> Result<Self, OptionsError> {
        let all = sources.merged();
        let plan = Self::of(sources, &all);
        plan.check(sources, &all).map_err(|(option, problem)| OptionsError { query, option, problem })?;
        Ok(plan)
    }

    /// Resolves the options of a call that neither reads nor writes the cache.
    pub(crate) fn unchecked(sources: &OptionSources) -> Self {
        Self::of(sources, &sources.merged())
    }

    fn of(sources: &OptionSources, all: &LoadingOptions) -> Self {
        let (table_ttl, table_fresh) = sources.table;
        let fresh = match table_fresh {
            Some(_) => sources.call.fresh.or(sources.query.fresh),
            // A mutation's write does not get the `ttl` of the options, and must not stay fresh forever.
            None => all.fresh.or(all.ttl),
        };
        let ttl = match table_ttl {
            Some(_) => sources.call.ttl.or(sources.query.ttl),
            None => all.ttl,
        };
        let jitter = all.jitter.filter(|&fraction| fraction > 0.0);
        let settled = sources.settled();
        let own_fresh = match table_fresh {
            Some(_) => sources.query.fresh.or(table_fresh),
            None => settled.fresh.or(settled.ttl),
        };
        let strategy = all.strategy.unwrap_or_default();
        let loads = strategy != Strategy::CacheOnly;
        Self {
            is_shared: sources.is_shared,
            strategy,
            fresh,
            stale_from: fresh.or(table_fresh).or(ttl).or(table_ttl).unwrap_or_default(),
            swr: all.swr,
            stale_if_error: all.stale_if_error,
            timeout: all.timeout,
            ttl: if jitter.is_some() { ttl.or(table_ttl) } else { ttl },
            jitter: jitter.unwrap_or_default(),
            spread: own_fresh.filter(|_| jitter.is_some()),
            is_fresh_set_by_call: sources.call.fresh.is_some(),
            is_ttl_set_by_call: sources.call.ttl.is_some(),
            is_swr_set_by_call: sources.call.swr.is_some(),
            is_stale_if_error_set_by_call: sources.call.stale_if_error.is_some(),
            beta: all.beta.filter(|_| loads),
            error_ttl: all.error_ttl,
            absent_ttl: all.absent_ttl,
            retries: all.retry.unwrap_or(RETRIES),
            retry_policy: RetryPolicy::of(all.retry_first, all.retry_longest, all.retry_factor),
            breaker: all.breaker,
            poll: all.poll.filter(|_| loads),
            linger: all.linger,
            batch: all.batch.unwrap_or(BATCH),
            keep_prefetched: all.keep_prefetched.unwrap_or(KEEP_PREFETCHED),
        }
    }

    fn check(&self, sources: &OptionSources, all: &LoadingOptions) -> Result<(), OptionProblem> {
        check_numbers(all)?;
        check_concurrency(sources.concurrency)?;
        if sources.call.concurrency.is_some() {
            let problem = "is not an option of a call: set it in the derive or by `ClientBuilder::query`";
            return Err(("concurrency", problem));
        }
        check_of_strategy(&sources.strategy)?;
        match self.strategy {
            Strategy::NetworkOnly => return Ok(()),
            Strategy::CacheOnly => return check_windows(&sources.without_windows_of_call()),
            _ => {}
        }
        if self.stale_from.is_zero() {
            let is_given = self.fresh.or(sources.table.1).is_some();
            let missing = "is missing: say how long an answer counts as fresh, as in `fresh = \"30s\"`";
            return Err(("fresh", if is_given { "must be longer than zero" } else { missing }));
        }
        if self.strategy == Strategy::StaleWhileRevalidate && self.swr.is_none() {
            return Err((
                "swr",
                "is missing: say how long a stale answer may be served, as in `swr = \"5m\"`",
            ));
        }
        check_windows(&sources.without_windows_of_call())
    }

    /// Whether the cache is read before anything is loaded.
    #[inline]
    pub(crate) fn reads_first(&self) -> bool {
        matches!(self.strategy, Strategy::CacheFirst | Strategy::StaleWhileRevalidate | Strategy::CacheOnly)
    }

    /// Whether a value that is fresh by the times of its table is the answer, with no further conditions.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.reads_first() && self.fresh.is_none() && self.beta.is_none() && self.absent_ttl.is_none()
    }

    /// Whether other machines have the answers too, by the client's shared tier.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    pub(crate) fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Whether nothing is ever loaded: answers come from the cache and the provider only.
    #[inline]
    pub(crate) fn never_loads(&self) -> bool {
        self.strategy == Strategy::CacheOnly
    }

    pub(crate) fn stores(&self) -> bool {
        self.strategy != Strategy::NetworkOnly
    }

    /// Whether a call needs a new load, even if one is running.
    pub(crate) fn replaces_running(&self) -> bool {
        self.strategy == Strategy::Refresh
    }

    /// Whether the cache is read if the load fails, and not before.
    pub(crate) fn reads_after_load(&self) -> bool {
        self.strategy == Strategy::NetworkFirst
    }

    /// How long a call waits before it reads the cache.
    pub(crate) fn cache_fallback_after(&self) -> Option<Duration> {
        self.timeout.filter(|_| self.strategy == Strategy::NetworkFirst)
    }

    /// Whether errors are remembered.
    pub(crate) fn remembers_errors(&self) -> bool {
        self.error_ttl.is_some() || self.stale_if_error.is_some_and(|time| !time.is_zero())
    }

    /// Whether values that mean "absent" are treated differently.
    #[inline]
    pub(crate) fn checks_absence(&self) -> bool {
        self.absent_ttl.is_some()
    }

    /// Judges an entry before anything is loaded. A value whose load has begun before `oldest` is not fresh. `load_time`
    /// returns how long a load of the query takes.
    #[inline]
    pub(crate) fn judge(
        &self,
        is_absent: bool,
        state: &EntryState,
        oldest: Option<Moment>,
        load_time: impl FnOnce() -> Duration,
    ) -> Verdict {
        let stale_from = self.stale_from(is_absent, state);
        if self.is_fresh(is_absent, state) && oldest.is_none_or(|oldest| oldest <= state.as_of) {
            let is_early = self.beta.is_some_and(|beta| is_early(stale_from, state.age, beta, load_time()));
            return if is_early { Verdict::Ending } else { Verdict::Fresh };
        }
        let may_be_stale = match self.strategy {
            Strategy::CacheOnly => true,
            _ => {
                state.freshness != Freshness::Invalidated
                    && self.swr_of(state.swr()).is_some_and(|swr| state.age < stale_from.saturating_add(swr))
            }
        };
        if may_be_stale { Verdict::Stale } else { Verdict::Unusable }
    }

    #[inline]
    pub(crate) fn is_fresh(&self, is_absent: bool, state: &EntryState) -> bool {
        !state.is_expired
            && match (state.freshness, self.fresh_of(is_absent, state)) {
                (Freshness::Invalidated, _) => false,
                (_, Some(fresh)) => state.age < fresh,
                (freshness, None) => freshness == Freshness::Fresh,
            }
    }

    /// How long an entry will be fresh, as far as the options decide that.
    pub(crate) fn fresh_left(&self, is_absent: bool, state: &EntryState) -> Duration {
        self.stale_from(is_absent, state).saturating_sub(state.age)
    }

    /// When an entry becomes stale, by the options, its own times or those of its table.
    fn stale_from(&self, is_absent: bool, state: &EntryState) -> Duration {
        self.fresh_of(is_absent, state).or(state.fresh_for).unwrap_or(self.stale_from)
    }

    /// How long an entry is fresh, if the time of its table does not decide that.
    #[inline]
    fn fresh_of(&self, is_absent: bool, state: &EntryState) -> Option<Duration> {
        let own = state.fresh_for.filter(|_| state.has_own_fresh && !self.is_fresh_set_by_call);
        own.or_else(|| self.fresh_for(is_absent))
    }

    /// How long after it became stale an answer may be served while it is loaded again. `own` is what the answer says.
    fn swr_of(&self, own: Option<Duration>) -> Option<Duration> {
        let own = own.filter(|_| !self.is_swr_set_by_call);
        match self.strategy {
            Strategy::StaleWhileRevalidate => own.or(self.swr),
            Strategy::CacheFirst => own,
            _ => None,
        }
    }

    /// How long after it became stale an answer may be served if its load fails. `own` is what the answer says.
    fn stale_if_error_of(&self, own: Option<Duration>) -> Option<Duration> {
        own.filter(|_| !self.is_stale_if_error_set_by_call).or(self.stale_if_error)
    }

    /// The options of a load that several observers share: the strictest of all.
    pub(crate) fn stricter(self, other: &Self) -> Self {
        let is_shorter = other.stale_from < self.stale_from && !other.never_loads();
        let shorter = if is_shorter || self.never_loads() { *other } else { self };
        let leading = if self.stores_loads() || other.never_loads() { self } else { *other };
        let persistent = if other.retries > self.retries { *other } else { self };
        Self {
            strategy: leading.strategy,
            fresh: shorter.fresh,
            stale_from: shorter.stale_from,
            is_fresh_set_by_call: shorter.is_fresh_set_by_call,
            error_ttl: self.error_ttl.zip(other.error_ttl).map(|(one, other)| one.min(other)),
            retries: persistent.retries,
            retry_policy: persistent.retry_policy,
            breaker: self.breaker.or(other.breaker),
            poll: self.poll.into_iter().chain(other.poll).min(),
            linger: self.linger.max(other.linger),
            batch: self.batch.min(other.batch),
            keep_prefetched: self.keep_prefetched.max(other.keep_prefetched),
            ..self
        }
    }

    /// Uses the times of the query to store values, whatever the options of an observer are.
    pub(crate) fn with_times_of(self, query: &Self) -> Self {
        let Self { ttl, is_ttl_set_by_call, jitter, spread, absent_ttl, .. } = *query;
        Self { ttl, is_ttl_set_by_call, jitter, spread, absent_ttl, ..self }
    }

    pub(crate) fn with_strategy(self, strategy: Strategy) -> Self {
        Self { strategy, ..self }
    }

    fn stores_loads(&self) -> bool {
        self.stores() && !self.never_loads()
    }

    /// Options to load a missing value: a running load is good enough.
    pub(crate) fn repairing(self) -> Self {
        let strategy = if self.stores_loads() { Strategy::CacheFirst } else { self.strategy };
        Self { strategy, ..self }
    }

    /// Options to load even if the value is fresh: a running load is good enough.
    pub(crate) fn polling(self) -> Self {
        let strategy = if self.stores_loads() { Strategy::NetworkFirst } else { self.strategy };
        Self { strategy, ..self }
    }

    /// Whether an entry may replace the answer of a failed load.
    pub(crate) fn allows_substitute(&self, is_absent: bool, state: &EntryState) -> bool {
        match self.strategy {
            Strategy::NetworkFirst => true,
            Strategy::CacheFirst | Strategy::StaleWhileRevalidate => {
                let stale_from = self.stale_from(is_absent, state);
                let time = self.stale_if_error_of(state.stale_if_error());
                time.is_some_and(|time| state.age < stale_from.saturating_add(time))
            }
            _ => false,
        }
    }

    fn fresh_for(&self, is_absent: bool) -> Option<Duration> {
        self.absent_ttl.filter(|_| is_absent).or(self.fresh)
    }

    /// The times to store a value with, if its load began at `started`.
    pub(crate) fn times(&self, is_absent: bool, started: Moment, terms: &AnswerTerms) -> EntryTimes {
        let times = EntryTimes::new().as_of(started);
        let spread = || self.spread.filter(|_| self.absent_ttl.is_none() || !is_absent);
        let fresh = terms.fresh.or_else(|| spread().map(|fresh| shortened(fresh, self.jitter)));
        let times = fresh.map_or(times, |fresh| times.fresh(fresh));
        let times = terms.swr.map_or(times, |swr| times.swr(swr));
        let times = terms.stale_if_error.map_or(times, |time| times.stale_if_error(time));
        self.kept_for(is_absent, terms).map_or(times, |ttl| times.ttl(ttl))
    }

    /// Whether values of one load may get different times.
    pub(crate) fn varies_times(&self) -> bool {
        self.jitter > 0.0 || self.checks_absence()
    }

    /// How long a value is fresh, and how long it is kept if the table does not decide that.
    pub(crate) fn windows(&self, is_absent: bool, terms: &AnswerTerms) -> (Duration, Option<Duration>) {
        let own = terms.fresh.filter(|_| !self.is_fresh_set_by_call);
        let fresh = own.or_else(|| self.fresh_for(is_absent)).unwrap_or(self.stale_from);
        (fresh, self.kept_for(is_absent, terms))
    }

    /// How long after its load an answer may be served at all: while it is fresh, and as long as a stale one may stand
    /// in for a new one.
    pub(crate) fn served_for(&self, is_absent: bool, terms: &AnswerTerms) -> Duration {
        let swr = terms.swr.filter(|_| !self.is_swr_set_by_call).or(self.swr);
        let stale_for = swr.max(self.stale_if_error_of(terms.stale_if_error)).unwrap_or_default();
        self.windows(is_absent, terms).0.saturating_add(stale_for)
    }

    /// Whether some stale answers are served rather than waiting for a load.
    pub(crate) fn may_prefer_stale(&self) -> bool {
        match self.strategy {
            Strategy::StaleWhileRevalidate => true,
            // Only answers that allow it themselves.
            Strategy::CacheFirst => !self.is_swr_set_by_call,
            _ => false,
        }
    }

    fn kept_for(&self, is_absent: bool, terms: &AnswerTerms) -> Option<Duration> {
        let by_options = || {
            let jittered = |ttl| if self.jitter > 0.0 { shortened(ttl, self.jitter) } else { ttl };
            self.absent_ttl.filter(|_| is_absent).or_else(|| self.ttl.map(jittered))
        };
        terms.ttl.filter(|_| !self.is_ttl_set_by_call).or_else(by_options)
    }
}

/// The name of an invalid option, and the problem with it.
pub(crate) type OptionProblem = (&'static str, &'static str);

const ZERO: &str = "must be longer than zero; leave it out to disable it";

/// Checks options for invalid values. Missing options are not an error.
pub(crate) fn check_values(options: &LoadingOptions) -> Result<(), OptionProblem> {
    check_numbers(options)?;
    match options.strategy {
        Some(Strategy::NetworkOnly) => Ok(()),
        _ if options.fresh == Some(Duration::ZERO) => Err(("fresh", "must be longer than zero")),
        _ => check_windows(options),
    }
}

/// Checks how many loads a client may run at once.
pub(crate) fn check_concurrency(max: Option<u32>) -> Result<(), OptionProblem> {
    let problem = "of `ClientBuilder::concurrency` must be at least 1; leave it out for no limit";
    if max == Some(0) { Err(("concurrency", problem)) } else { Ok(()) }
}

/// Checks options that cannot depend on the strategy.
pub(crate) fn check_of_strategy(options: &LoadingOptions) -> Result<(), OptionProblem> {
    let problem = "cannot be set by `ClientBuilder::defaults_for`, since it does not depend on the strategy";
    match (options.strategy, options.concurrency) {
        (Some(_), _) => Err(("strategy", "cannot be changed by `ClientBuilder::defaults_for`")),
        (_, Some(_)) => Err(("concurrency", problem)),
        _ => Ok(()),
    }
}

/// Checks that apply to every strategy.
fn check_numbers(options: &LoadingOptions) -> Result<(), OptionProblem> {
    if options.jitter.is_some_and(|fraction| !(0.0..=1.0).contains(&fraction)) {
        return Err(("jitter", "must be a fraction from 0 to 1"));
    }
    if options.beta.is_some_and(|beta| !(beta > 0.0 && beta.is_finite())) {
        return Err(("beta", "must be above 0"));
    }
    if options.poll.is_some_and(|period| period.is_zero()) {
        return Err(("poll", ZERO));
    }
    if options.batch == Some(0) {
        return Err(("batch", "must be at least 1"));
    }
    if options.concurrency == Some(0) {
        return Err(("concurrency", "must be at least 1; leave it out for no limit"));
    }
    RetryPolicy::of(options.retry_first, options.retry_longest, options.retry_factor)
        .problem()
        .map_or(Ok(()), Err)
}

/// Makes the checks that do not apply if nothing is stored.
fn check_windows(options: &LoadingOptions) -> Result<(), OptionProblem> {
    let windows = [
        ("ttl", options.ttl),
        ("swr", options.swr),
        ("stale_if_error", options.stale_if_error),
        ("error_ttl", options.error_ttl),
        ("absent_ttl", options.absent_ttl),
    ];
    match windows.iter().find(|(_, window)| *window == Some(Duration::ZERO)) {
        Some((option, _)) => Err((option, ZERO)),
        None => Ok(()),
    }
}

/// Whether a query with these options, and no others, is answered by a value that is fresh by the times of its table,
/// as with cache-first.
#[inline]
pub(crate) const fn is_plain(derived: &LoadingOptions) -> bool {
    let reads_first = match derived.strategy {
        None | Some(Strategy::CacheFirst | Strategy::CacheOnly) => true,
        Some(Strategy::StaleWhileRevalidate) => derived.swr.is_some(),
        _ => false,
    };
    reads_first && derived.fresh.is_none() && derived.beta.is_none() && derived.absent_ttl.is_none()
}

/// A time shortened by a random fraction, so that values stored together do not expire together.
fn shortened(ttl: Duration, fraction: f64) -> Duration {
    let share = 1.0 - fastrand::f64() * fraction.clamp(0.0, 1.0);
    Duration::try_from_secs_f64(ttl.as_secs_f64() * share).unwrap_or(ttl)
}

/// Whether this reader should load a value again before it is stale ("Optimal Probabilistic Cache Stampede Prevention",
/// Vattani et al., 2015). This is more likely the closer the end is, relative to the time of a load.
fn is_early(stale_from: Duration, age: Duration, beta: f64, load_time: Duration) -> bool {
    let remaining = stale_from.saturating_sub(age).as_secs_f64();
    // In (0, 1], so that the logarithm is finite.
    let chance = 1.0 - fastrand::f64();
    load_time.as_secs_f64() * beta * -chance.ln() >= remaining
}
