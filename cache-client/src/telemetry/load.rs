//! What is reported of one load: its span, and its end.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_core::Strategy;
use tracing::{Level, Span, event, field, info_span};

use super::metrics;
use super::names::{FLIGHTS, LOAD_SECONDS, LOADS, TARGET};
use super::{Alternate, EventFields, Subject, Telemetry};
use crate::erased::Outcome;
use crate::error::QueryError;

/// An event in the span of a load, even if nothing runs in the span any more.
macro_rules! emit_end {
    ($load:expr, $level:ident, $name:literal, $about:expr $(, $field:ident = $value:expr)*) => {
        event!(
            name: $name,
            target: TARGET,
            parent: &$load.span,
            Level::$level,
            query = $about.query,
            strategy = $about.strategy,
            key = $about.key.map(field::debug),
            $($field = $value,)*
            $name
        )
    };
}

/// A load that is running, or has ended.
#[derive(Debug)]
pub(crate) struct LoadSpan {
    pub(crate) span: Span,
    telemetry: Telemetry,
    strategy: Strategy,
    /// Only the first end is reported.
    has_ended: AtomicBool,
}

impl Telemetry {
    /// Reports that a load has begun. Its span follows from the current span or, if the load is not shared, is a child
    /// of it.
    pub(crate) fn load(self, subject: Subject<'_>, strategy: Strategy, is_shared: bool) -> LoadSpan {
        let span = self.span(&self.about(subject, strategy), is_shared);
        if is_shared && !span.is_disabled() {
            span.follows_from(Span::current());
        }
        metrics::shift(FLIGHTS, subject.labels, 1.0);
        LoadSpan { span, telemetry: self, strategy, has_ended: AtomicBool::new(false) }
    }

    fn span(self, about: &EventFields<'_>, is_shared: bool) -> Span {
        info_span!(
            target: TARGET,
            parent: if is_shared { None } else { Span::current().id() },
            "load",
            query = about.query,
            strategy = about.strategy,
            key = about.key.map(field::debug),
            outcome = field::Empty,
        )
    }
}

impl LoadSpan {
    /// Reports how the load has ended, at the first call. `took` returns how long it took.
    pub(crate) fn ended(
        &self,
        subject: Subject<'_>,
        outcome: &Outcome,
        is_expected: bool,
        took: impl FnOnce() -> Duration,
    ) {
        if self.has_ended.swap(true, Ordering::Relaxed) {
            return;
        }
        let about = self.telemetry.about(subject, self.strategy);
        let name = name_of(outcome);
        self.span.record("outcome", name);
        match name {
            "answered" | "missing" => {}
            "refused" => emit_end!(self, DEBUG, "refused", about),
            "interrupted" => emit_end!(self, DEBUG, "interrupted", about),
            _ => self.emit_failure(
                &self.telemetry.about_with_key(subject, self.strategy),
                name,
                error_of(outcome),
                is_expected,
            ),
        }
        metrics::shift(FLIGHTS, subject.labels, -1.0);
        metrics::count_by(LOADS, subject.query, "outcome", name);
        if matches!(name, "answered" | "failed" | "panicked") {
            metrics::measure(LOAD_SECONDS, subject.labels, took);
        }
    }

    fn emit_failure(
        &self,
        about: &EventFields<'_>,
        outcome: &'static str,
        error: Option<&dyn Display>,
        is_expected: bool,
    ) {
        let error = error.map(|error| field::display(Alternate(error)));
        match is_expected {
            true => emit_end!(self, DEBUG, "failed", about, outcome = outcome, error = error),
            false => emit_end!(self, WARN, "failed", about, outcome = outcome, error = error),
        }
    }
}

/// The text of an error.
fn error_of(outcome: &Outcome) -> Option<&dyn Display> {
    match outcome.as_ref().err()? {
        QueryError::Failed { source, .. } => Some(source),
        QueryError::Panicked { message, .. } => Some(message),
        error => Some(error),
    }
}

fn name_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(_) => "answered",
        Err(QueryError::Panicked { .. }) => "panicked",
        Err(QueryError::CircuitOpen { .. }) => "refused",
        Err(QueryError::Interrupted { .. }) => "interrupted",
        Err(QueryError::NotCached { .. }) => "missing",
        // The others are not ends of a load.
        Err(
            QueryError::Failed { .. }
            | QueryError::Miscounted { .. }
            | QueryError::Cycle { .. }
            | QueryError::Options(_),
        ) => "failed",
    }
}
