//! The names of what telemetry reports.

/// Target of all spans and events.
pub const TARGET: &str = "cache_client";

pub(super) const HITS: &str = "cache_client_hits_total";
pub(super) const STALE_HITS: &str = "cache_client_stale_hits_total";
pub(super) const MISSES: &str = "cache_client_misses_total";
pub(super) const REFRESHES: &str = "cache_client_refreshes_total";
pub(super) const SUBSTITUTES: &str = "cache_client_substitutes_total";
pub(super) const PROVIDER_HITS: &str = "cache_client_provider_hits_total";
pub(super) const PROVIDER_ERRORS: &str = "cache_client_provider_errors_total";
pub(super) const STORES: &str = "cache_client_stores_total";
pub(super) const RETRIES: &str = "cache_client_retries_total";
pub(super) const LOADS: &str = "cache_client_loads_total";
pub(super) const BREAKER_CHANGES: &str = "cache_client_breaker_changes_total";
pub(super) const SHARED: &str = "cache_client_shared_total";
pub(super) const SHARED_BYTES: &str = "cache_client_shared_bytes_total";
pub(super) const SHARED_LAG: &str = "cache_client_shared_lag_seconds";
pub(super) const LOAD_SECONDS: &str = "cache_client_load_seconds";
pub(super) const FLIGHTS: &str = "cache_client_flights";
