//! Numbers that JavaScript can hold, and those that it cannot.

use std::sync::{Arc, Mutex};

use cache_web::Cx;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::subscriber::with_default;

use super::magazine::{Article, Counted, Magazine, Numbers, Part, Raw, everything, magazine_client, open};

/// The last integer that JavaScript holds exactly together with its neighbours.
const LAST: u64 = (1 << 53) - 1;

/// Collects the texts of the fields of events of this crate.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<String>>>);

struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        use std::fmt::Write;
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "cache_web"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = String::new();
        event.record(&mut Text(&mut text));
        self.0.lock().unwrap().push(text);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// A page with one entry that may fail, between two that do not, and the events about it.
fn page(large: u64, set: Option<Numbers>) -> (Vec<serde_json::Value>, Vec<String>) {
    let events = Events::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let values = with_default(events.clone(), || {
        runtime.block_on(async {
            let client = magazine_client();
            if let Some(numbers) = set {
                client.cache().insert(Counted { large }, numbers);
            }
            let sent = open(&client, async move |cx: Cx<Magazine>| {
                let page = cx.page(&everything());
                page.query(&Article { id: 1 }).await.unwrap();
                page.query(&Counted { large }).await.unwrap();
                page.query(&Article { id: 2 }).await.unwrap();
                page.html(page.place().to_string())
            })
            .await;
            sent.received().values().into_iter().cloned().collect()
        })
    });
    let events = events.0.lock().unwrap().clone();
    (values, events)
}

#[test]
fn integers_up_to_2_to_the_53_are_sent() {
    let (values, events) = page(LAST, None);
    assert_eq!(values.len(), 3);
    let parts = &values[1]["parts"];
    assert_eq!(parts[1], json!({ "count": LAST, "text": LAST.to_string(), "ratio": 0.1 }));
    assert_eq!(events, [""; 0]);
}

#[test]
fn a_key_beyond_them_fails_alone_and_names_its_field() {
    let (values, events) = page(LAST + 1, None);
    assert_eq!(values, [json!("Article 1"), json!("Article 2")]);
    assert_eq!(events.len(), 1);
    assert!(events[0].contains("`large` is an integer beyond 2^53"), "{events:?}");
    assert!(events[0].contains("query=\"counted\""), "{events:?}");
    assert!(!events[0].contains(&LAST.to_string()[..10]), "the value is not in the log");
}

#[test]
fn a_value_beyond_them_fails_alone_and_names_its_field() {
    let part = |count, ratio| Part { count, text: u64::MAX, ratio };
    let numbers = |last| Numbers { parts: vec![part(1, 0.5), last] };
    let (values, events) = page(1, Some(numbers(part(u64::MAX, 0.5))));
    assert_eq!(values, [json!("Article 1"), json!("Article 2")]);
    assert!(events[0].contains("`parts[1].count` is an integer beyond 2^53"), "{events:?}");

    for ratio in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let (values, events) = page(1, Some(numbers(part(1, ratio))));
        assert_eq!(values.len(), 2);
        assert!(events[0].contains("`parts[1].ratio` is infinite or not a number"), "{events:?}");
    }

    let (values, events) = page(1, Some(numbers(part(LAST, -0.0))));
    assert_eq!(values[1]["parts"][1]["text"], u64::MAX.to_string());
    assert_eq!(values[1]["parts"][1]["ratio"].to_string(), "-0.0");
    assert_eq!(events, [""; 0]);
}

#[test]
fn raw_json_cannot_be_checked_and_is_not_sent() {
    let events = Events::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let values: usize = with_default(events.clone(), || {
        runtime.block_on(async {
            let sent = open(&magazine_client(), async |cx: Cx<Magazine>| {
                let page = cx.page(&everything());
                page.query(&Raw).await.unwrap();
                page.html(page.place().to_string())
            })
            .await;
            sent.received().values().len()
        })
    });
    assert_eq!(values, 0);
    let events = events.0.lock().unwrap().clone();
    assert!(events[0].contains("`json` is raw JSON, in which nothing can be checked"), "{events:?}");
}
