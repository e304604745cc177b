//! The spans of the client in OpenTelemetry, as a program exports them.

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

use crate::listener::subscribe;
use crate::scripted::*;

/// The attribute of a span.
fn attribute(span: &SpanData, name: &str) -> Option<Value> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    found.map(|attribute| attribute.value.clone())
}

#[tokio::test(start_paused = true)]
async fn loads_are_spans_that_are_linked_to_the_spans_of_their_callers() {
    let exporter = InMemorySpanExporter::default();
    let spans = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer("test"));
    let _guard = subscribe(Registry::default().with(layer));

    let client = paused_client();
    client.app().script(&GetNumber(2), Script::Fail(SECOND));
    let request = tracing::info_span!("request");
    async {
        client.query(&GetNumber(1)).await.unwrap();
        client.query(&GetNumber(2)).await.unwrap_err();
    }
    .instrument(request)
    .await;
    settle().await;
    spans.force_flush().unwrap();

    let spans = exporter.get_finished_spans().unwrap();
    let request = spans.iter().find(|span| span.name == "request").unwrap();
    let loads: Vec<_> = spans.iter().filter(|span| span.name == "load").collect();
    let outcomes: Vec<_> = loads.iter().map(|load| attribute(load, "outcome").unwrap()).collect();
    assert_eq!(outcomes, [Value::from("answered"), Value::from("failed")]);
    for load in loads {
        assert_eq!(attribute(load, "query"), Some(Value::from("get_number")));
        assert_eq!(attribute(load, "strategy"), Some(Value::from("cache-first")));
        // A load is shared by all its callers, so it is linked to their spans, and is no part of them.
        assert_eq!(load.parent_span_id, SpanId::INVALID);
        let linked: Vec<_> = load.links.iter().map(|link| link.span_context.span_id()).collect();
        assert_eq!(linked, [request.span_context.span_id()]);
    }
    let misses = request.events.iter().filter(|event| event.name == "miss");
    assert_eq!(misses.count(), 2);
}
