//! Replaces `metrics` without that feature. Counts nothing, and costs nothing.

use std::time::Duration;

use cache_core::Query;

/// Empty, since nothing uses the labels of a query.
#[derive(Clone, Copy)]
pub(crate) struct Labels;

impl Labels {
    #[expect(clippy::extra_unused_type_parameters, reason = "same signature as with the feature")]
    pub(crate) const fn of<Q: Query>() -> Self {
        Self
    }
}

pub(crate) fn describe() {}

#[inline]
pub(super) fn count(_name: &'static str, _labels: Labels) {}

pub(super) fn count_by(
    _name: &'static str,
    _query: &'static str,
    _label: &'static str,
    _value: &'static str,
) {
}

pub(super) fn count_breaker(_name: &'static str, _breaker: &'static str, _state: &'static str) {}

pub(super) fn count_provider(_name: &'static str, _query: &'static str, _action: &'static str) {}

pub(super) fn count_shared(_name: &'static str, _label: &'static str, _value: &'static str, _by: u64) {}

pub(super) fn set(_name: &'static str, _to: f64) {}

pub(super) fn shift(_name: &'static str, _labels: Labels, _by: f64) {}

pub(super) fn measure(_name: &'static str, _labels: Labels, _took: impl FnOnce() -> Duration) {}
