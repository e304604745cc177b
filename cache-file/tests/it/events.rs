//! The events of all tests of this process. Each test looks at those with its own path.

use std::fmt::{Debug, Write};
use std::path::Path;
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

static EVENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static BEGUN: Once = Once::new();

struct Collect;

impl<S: Subscriber> Layer<S> for Collect {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        EVENTS.lock().unwrap().push(text.0);
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

/// Collects events from now on.
pub fn collect() {
    BEGUN.call_once(|| {
        let subscriber = tracing_subscriber::registry().with(Collect);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The number of events with this path and this text.
pub fn count(path: &Path, text: &str) -> usize {
    let (events, path) = (EVENTS.lock().unwrap(), format!("path={}", path.display()));
    events.iter().filter(|event| event.contains(&path) && event.contains(text)).count()
}
