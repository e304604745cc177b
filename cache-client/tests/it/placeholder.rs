//! An observer shows its placeholder while it has no other value, and never stores it.

use cache_client::{LoadingOptions, State, Strategy};

use crate::scripted::*;

type Seen = State<usize, ScriptedError>;

fn is_placeholder(state: &Seen) -> bool {
    matches!(state, State::Ready { value, is_placeholder: true, is_stale: true, .. } if **value == 99)
}

#[tokio::test(start_paused = true)]
async fn a_placeholder_is_shown_until_there_is_a_value_and_to_this_observer_alone() {
    let client = paused_client();
    let query = GetNumber(1);
    let mut observer = client.observe(&query).with_placeholder(99);
    let other = client.observe(&query);
    assert!(is_placeholder(&observer.state()) && other.state().is_pending());
    assert!(is_placeholder(&in_time(observer.next()).await.unwrap()));
    assert!(client.cached(&query).is_none() && client.cache().get(&query).is_none());
    let state = in_time(observer.next()).await.unwrap();
    assert!(
        matches!(state, State::Ready { ref value, is_placeholder: false, .. } if **value == 1),
        "{state:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_and_a_value_take_precedence() {
    let client = paused_client();
    let query = GetNumber(1);
    client.app().script(&query, Script::Fail(SECOND));
    let failing = client.observe(&query).with_placeholder(99);
    pass(seconds(2)).await;
    let state = failing.state();
    assert!(state.error().is_some() && state.value().is_none(), "{state:?}");
    client.cache().insert(GetNumber(2), 50);
    let mut present = client.observe(&GetNumber(2)).with_placeholder(99);
    assert_eq!(in_time(present.next()).await.unwrap().value().map(|value| **value), Some(50));
}

#[tokio::test(start_paused = true)]
async fn the_value_of_the_previous_query_takes_precedence_but_not_its_placeholder() {
    let client = paused_client();
    let mut observer = client.observe(&GetNumber(1)).with_placeholder(99);
    observer.set_query(Some(&GetNumber(2)));
    assert!(is_placeholder(&observer.state()));
    pass(seconds(2)).await;
    observer.set_query(Some(&GetNumber(3)));
    let state = observer.state();
    let State::Ready { value, is_previous: true, is_placeholder: false, .. } = &state else {
        panic!("{state:?}")
    };
    assert_eq!(**value, 1);
    observer.set_query(None);
    assert!(observer.state().is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_removed_value_gives_way_to_the_placeholder() {
    let client = paused_client();
    let query = GetNumber(1);
    let only = |options: LoadingOptions| options.strategy(Strategy::NetworkFirst);
    let observer = client.observe_with(&query, only).with_placeholder(99);
    pass(seconds(2)).await;
    client.cache().remove(&query);
    settle().await;
    assert!(is_placeholder(&observer.state()), "{:?}", observer.state());
}
