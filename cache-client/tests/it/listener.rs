//! Listens to what is told on the thread of a test, and remembers it.

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
pub struct Told {
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

impl Told {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Clone, Debug, Default)]
struct Ear(Arc<Mutex<Vec<Told>>>);

/// Listens until it is dropped.
pub struct Listener {
    ear: Ear,
    _guard: DefaultGuard,
}

/// Listens to nobody. While there is but one dispatcher, `tracing` asks that of the thread on which a place in the code
/// comes by first whether anybody listens to the place, and other tests have none; of two it asks both.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Registry::default()));

impl Listener {
    pub fn start() -> Self {
        LazyLock::force(&SECOND);
        let ear = Ear::default();
        let guard = tracing::subscriber::set_default(Registry::default().with(ear.clone()));
        Self { ear, _guard: guard }
    }

    /// Spans and events of that name, in their order, since the last call of [`counts`](Self::counts).
    pub fn all(&self, name: &str) -> Vec<Told> {
        self.ear.0.lock().iter().filter(|told| told.name == name).cloned().collect()
    }

    /// The only one of that name.
    #[track_caller]
    pub fn one(&self, name: &str) -> Told {
        let mut all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {all:?}");
        all.remove(0)
    }

    /// The names of all that the client has told, with how often, since the last call.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let mut counts = BTreeMap::new();
        for told in self.ear.0.lock().drain(..).filter(|told| told.target == cache_client::telemetry::TARGET)
        {
            *counts.entry(told.name).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }

    /// Forgets all that it has heard.
    pub fn forget(&self) {
        self.ear.0.lock().clear();
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

impl Ear {
    fn change(&self, id: &Id, change: impl FnOnce(&mut Told)) {
        let mut all = self.0.lock();
        if let Some(told) = all.iter_mut().find(|told| told.span == Some(id.into_u64())) {
            change(told);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Ear {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let metadata = attributes.metadata();
        let mut told = Told { name: metadata.name(), target: metadata.target().into(), ..Told::default() };
        told.level = metadata.level().to_string();
        told.span = Some(id.into_u64());
        told.scope = ctx.span_scope(id).into_iter().flatten().skip(1).map(|span| span.name()).collect();
        attributes.record(&mut told);
        self.0.lock().push(told);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, _: Context<'_, S>) {
        self.change(id, |told| record.record(told));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: Context<'_, S>) {
        let name = ctx.span(follows).map(|span| span.name());
        self.change(id, |told| told.follows.extend(name));
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let metadata = event.metadata();
        let mut told = Told { name: metadata.name(), target: metadata.target().into(), ..Told::default() };
        told.level = metadata.level().to_string();
        told.scope = ctx.event_scope(event).into_iter().flatten().map(|span| span.name()).collect();
        event.record(&mut told);
        self.0.lock().push(told);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.change(&id, |told| {
            told.is_closed = true;
            // The number may be given to another.
            told.span = None;
        });
    }
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}
