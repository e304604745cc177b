//! Listens to what is recorded on the thread of a test, and remembers it.

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
    /// Names of the spans that it is in, the innermost first.
    pub scope: Vec<&'static str>,
    /// Of a span: the names of those that it follows from.
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

/// Listens until it is dropped.
pub struct Listener {
    recorder: Recorder,
    _guard: DefaultGuard,
}

/// Listens to nobody. While there is but one dispatcher, `tracing` asks that of the thread on which a place in the code
/// comes by first whether anybody listens to the place, and other tests have none; of two it asks both.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Registry::default()));

impl Listener {
    pub fn start() -> Self {
        LazyLock::force(&SECOND);
        let recorder = Recorder::default();
        let guard = tracing::subscriber::set_default(Registry::default().with(recorder.clone()));
        Self { recorder, _guard: guard }
    }

    /// Spans and events of that name, in their order, since the last call of [`counts`](Self::counts).
    pub fn all(&self, name: &str) -> Vec<Recorded> {
        self.recorder.0.lock().iter().filter(|recorded| recorded.name == name).cloned().collect()
    }

    /// The only one of that name.
    #[track_caller]
    pub fn one(&self, name: &str) -> Recorded {
        let mut all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all.remove(0)
    }

    /// The names of all that the client has recorded, with how often, since the last call.
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

    /// Forgets all that it has heard.
    pub fn forget(&self) {
        self.recorder.0.lock().clear();
    }
}

/// Panics over each event of a name.
pub struct PanicsAt(&'static str);

impl PanicsAt {
    /// Listens on this thread until the guard is dropped.
    pub fn start(name: &'static str) -> DefaultGuard {
        LazyLock::force(&SECOND);
        tracing::subscriber::set_default(Registry::default().with(Self(name)))
    }
}

impl<S: Subscriber> Layer<S> for PanicsAt {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        assert_ne!(event.metadata().name(), self.0, "what was that");
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
            // The number may be given to another.
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
