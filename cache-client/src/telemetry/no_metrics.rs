//! In place of `metrics` where that feature is off: counts nothing, and costs nothing.

use std::time::Duration;

use cache_core::Query;

pub(crate) fn describe() {}

#[inline]
pub(super) fn count<Q: Query>(_name: &'static str) {}

pub(super) fn count_by<Q: Query>(_name: &'static str, _label: &'static str, _value: &'static str) {}

pub(super) fn count_breaker(_name: &'static str, _breaker: &'static str, _state: &'static str) {}

pub(super) fn count_provider(_name: &'static str, _query: &'static str, _action: &'static str) {}

pub(super) fn shift<Q: Query>(_name: &'static str, _by: f64) {}

pub(super) fn measure<Q: Query>(_name: &'static str, _time: Duration) {}
