//! A `tracing` subscriber that collects the spans and events recorded on the thread of a test.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// A span or an event.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    pub name: &'static str,
    pub target: String,
    pub level: String,
    pub fields: BTreeMap<&'static str, String>,
    /// The names of the enclosing spans, innermost first.
    pub scope: Vec<&'static str>,
    /// For a span: the names of the spans that it follows from.
    pub follows: Vec<&'static str>,
    pub is_closed: bool,
    span: Option<u64>,
}

impl Recorded {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<Vec<Recorded>>>);

/// Collects spans and events until it is dropped.
pub struct Listener {
    recorder: Recorder,
    _guard: DefaultGuard,
}

/// A subscriber that is interested in nothing. With a single dispatcher, `tracing` queries only the dispatcher of the
/// thread that first reaches a callsite, and other tests have none. With two dispatchers it queries both.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Registry::default()));

/// Makes this the subscriber of the thread.
pub fn subscribe(subscriber: impl Into<Dispatch>) -> DefaultGuard {
    LazyLock::force(&SECOND);
    tracing::dispatcher::set_default(&subscriber.into())
}

impl Listener {
    pub fn start() -> Self {
        let recorder = Recorder::default();
        let guard = subscribe(Registry::default().with(recorder.clone()));
        Self { recorder, _guard: guard }
    }

    /// The spans and events of this name, in order, since the last call of [`counts`](Self::counts).
    pub fn all(&self, name: &str) -> Vec<Recorded> {
        self.recorder.0.lock().iter().filter(|recorded| recorded.name == name).cloned().collect()
    }

    /// The only span or event of this name.
    #[track_caller]
    pub fn one(&self, name: &str) -> Recorded {
        let mut all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all.remove(0)
    }

    /// The names of all spans and events of the client since the last call, with their counts.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let mut counts = BTreeMap::new();
        for recorded in self
            .recorder
            .0
            .lock()
            .drain(..)
            .filter(|recorded| recorded.target == cache_client::telemetry::TARGET)
        {
            *counts.entry(recorded.name).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }

    /// Clears the collected spans and events.
    pub fn forget(&self) {
        self.recorder.0.lock().clear();
    }
}

/// A subscriber that panics on each event of one name.
pub struct PanicsAt(&'static str);

impl PanicsAt {
    /// Subscribes on this thread until the guard is dropped.
    pub fn start(name: &'static str) -> DefaultGuard {
        LazyLock::force(&SECOND);
        tracing::subscriber::set_default(Registry::default().with(Self(name)))
    }
}

impl<S: Subscriber> Layer<S> for PanicsAt {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().name(), self.0, "the subscriber panics");
    }
}

impl Recorder {
    fn change(&self, id: &Id, change: impl FnOnce(&mut Recorded)) {
        let mut all = self.0.lock();
        if let Some(recorded) = all.iter_mut().find(|recorded| recorded.span == Some(id.into_u64())) {
            change(recorded);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let metadata = attributes.metadata();
        let mut recorded =
            Recorded { name: metadata.name(), target: metadata.target().into(), ..Recorded::default() };
        recorded.level = metadata.level().to_string();
        recorded.span = Some(id.into_u64());
        recorded.scope = ctx.span_scope(id).into_iter().flatten().skip(1).map(|span| span.name()).collect();
        attributes.record(&mut recorded);
        self.0.lock().push(recorded);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, _: Context<'_, S>) {
        self.change(id, |recorded| record.record(recorded));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: Context<'_, S>) {
        let name = ctx.span(follows).map(|span| span.name());
        self.change(id, |recorded| recorded.follows.extend(name));
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let metadata = event.metadata();
        let mut recorded =
            Recorded { name: metadata.name(), target: metadata.target().into(), ..Recorded::default() };
        recorded.level = metadata.level().to_string();
        recorded.scope = ctx.event_scope(event).into_iter().flatten().map(|span| span.name()).collect();
        event.record(&mut recorded);
        self.0.lock().push(recorded);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.change(&id, |recorded| {
            recorded.is_closed = true;
            // The id can be reused.
            recorded.span = None;
        });
    }
}

impl Visit for Recorded {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}
