//! Panics in the code of mutations and in subscribers.

use std::fmt;

use cache_client::{Changes, Context, LayerEdit, Mutate, MutateError};

use super::{Change, number};
use crate::listener::{Listener, PanicsAt};
use crate::scripted::*;

#[tokio::test(start_paused = true)]
async fn a_panic_reaches_the_caller_and_leaves_nothing() {
    let client = paused_client();
    let show = |layer: &mut LayerEdit<ScriptedApp>| layer.update(&GetNumber(1), |_| Some(50));
    let running = Change::new().running(|_| panic!("the mutation panics")).showing(show);
    let applying = Change::new().applying(|_, _| panic!("the mutation panics")).showing(show);
    for change in [running, applying] {
        let error = in_time(client.mutate(&change)).await.unwrap_err();
        assert!(matches!(error, MutateError::Panicked { message, .. } if &*message == "the mutation panics"));
        assert_eq!((client.pending(), number(&client, 1)), (0, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_optimistic_function_fails_the_mutation_before_it_runs() {
    let client = paused_client();
    let change = Change::new().showing(|layer| {
        layer.update(&GetNumber(1), |_| Some(50));
        panic!("the layer panics");
    });
    let error = in_time(client.mutate(&change)).await.unwrap_err();
    assert!(
        matches!(&error, MutateError::Panicked { message, .. } if &**message == "the layer panics"),
        "{error}"
    );
    assert_eq!((change.runs(), client.pending(), number(&client, 1)), (0, 0, None));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_does_not_change_the_answer() {
    let _guard = PanicsAt::start("mutation");
    let client = paused_client();
    assert_eq!(in_time(client.mutate(&Change::new())).await.unwrap(), 100);
    assert_eq!(number(&client, 1), Some(100));
    let failing = Change::new().running(|_| Err(ScriptedError::NoLuck));
    let error = in_time(client.mutate(&failing)).await.unwrap_err();
    assert!(matches!(error, MutateError::Failed { source: ScriptedError::NoLuck, .. }), "{error}");
    let panicking = Change::new().showing(|_| panic!("the layer panics"));
    let error = in_time(client.mutate(&panicking)).await.unwrap_err();
    assert!(
        matches!(&error, MutateError::Panicked { message, .. } if &**message == "the layer panics"),
        "{error}"
    );
}

/// Fails with an error whose `Display` panics.
#[derive(Clone)]
struct Unspeakable;

#[derive(Debug)]
struct UnprintableError;

impl fmt::Display for UnprintableError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("cannot display the error")
    }
}

impl Mutate<ScriptedApp> for Unspeakable {
    type Output = ();
    type Error = UnprintableError;

    async fn run(&self, _: &Context<ScriptedApp>) -> Result<(), UnprintableError> {
        Err(UnprintableError)
    }

    fn apply(&self, (): &(), _: &mut Changes<ScriptedApp>) {}
}

#[tokio::test(start_paused = true)]
async fn an_error_whose_display_panics_reaches_its_caller() {
    let _listener = Listener::start();
    let error = in_time(paused_client().mutate(&Unspeakable)).await.unwrap_err();
    assert!(matches!(error, MutateError::Failed { source: UnprintableError, .. }));
}
