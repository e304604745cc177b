//! Loads lend their slot to others while they wait.

use std::task::{self, Poll};

use cache_client::{Changes, IngestionState, Mutate, Source};
use futures_core::Stream;

use super::*;

/// Scripts loads that work, query the previous key and work again.
fn nest(client: &Client<LimitedApp>, depth: u32) {
    for key in 1..=depth {
        client.app().script(key, move |cx| async move {
            cx.app().works(SECOND).await;
            cx.query(&GetOne(key - 1)).await.map_err(|_| Busy)?;
            cx.app().works(SECOND).await;
            Ok(())
        });
    }
}

#[tokio::test(start_paused = true)]
async fn loads_that_wait_for_loads_of_the_same_query_run_one_at_a_time() {
    for client in [limited_client(), builder().concurrency(1).build()] {
        nest(&client, 10);
        let begun = Instant::now();
        assert_eq!(*in_time(client.query(&GetOne(10))).await.unwrap(), 10);
        assert_eq!((client.app().max_concurrent(), begun.elapsed()), (1, seconds(21)));
    }
}

/// Covers each way in which a load can wait for others.
#[tokio::test(start_paused = true)]
async fn a_load_lends_its_slot_whatever_it_waits_for() {
    type Wait = fn(Context<LimitedApp>) -> Work;
    let ways: [(&str, Wait); 11] = [
        ("query", |cx| Box::pin(async move { cx.query(&GetOne(1)).await.map(drop).map_err(|_| Busy) })),
        ("client", |cx| {
            Box::pin(async move { cx.client().query(&GetOne(1)).await.map(drop).map_err(|_| Busy) })
        }),
        ("join", |cx| {
            Box::pin(async move {
                let (one, other) = (GetOne(1), GetOne(2));
                let (one, other) = tokio::join!(cx.query(&one), cx.query(&other));
                one.and(other).map(drop).map_err(|_| Busy)
            })
        }),
        ("query_all", |cx| {
            Box::pin(async move {
                let answers = cx.query_all(&keys(GetOne, 1..5)).await;
                if answers.iter().all(Result::is_ok) { Ok(()) } else { Err(Busy) }
            })
        }),
        ("child", |cx| {
            Box::pin(async move { cx.child("below").query(&GetOne(1)).await.map(drop).map_err(|_| Busy) })
        }),
        ("prefetch", |cx| {
            Box::pin(async move {
                cx.prefetch_all(&keys(GetOne, 1..5)).done().await;
                Ok(())
            })
        }),
        ("mutate", |cx| Box::pin(async move { cx.mutate(&AskForOne).await.map_err(|_| Busy) })),
        ("batch", |cx| Box::pin(async move { cx.query(&GetMany(1)).await.map(drop).map_err(|_| Busy) })),
        ("reloaded", |cx| {
            Box::pin(async move {
                let _observer = cx.client().observe(&GetFree(1));
                cx.client().invalidate(&GetFree(1)).reloaded().await;
                Ok(())
            })
        }),
        ("observer", |cx| {
            Box::pin(async move {
                let mut observer = cx.client().observe(&GetOne(1));
                while observer.next().await.ok_or(Busy)?.value().is_none() {}
                Ok(())
            })
        }),
        ("source", |cx| {
            Box::pin(async move {
                let mut ingestion = cx.client().ingest(OpensWithOne);
                while !matches!(ingestion.state(), IngestionState::Open) {
                    ingestion.changed().await.ok_or(Busy)?;
                }
                Ok(())
            })
        }),
    ];
    for (way, wait) in ways {
        for (is_private, is_batch) in [(false, false), (true, false), (false, true), (true, true)] {
            let case = format!("{way}, private: {is_private}, several keys: {is_batch}");
            let client = builder().concurrency(1).build();
            client.app().script(0, move |cx| async move {
                cx.app().works(SECOND).await;
                wait(cx.clone()).await?;
                cx.app().works(SECOND).await;
                Ok(())
            });
            let cx = client.request("tree");
            if is_private {
                cx.disable_cache();
            }
            let others = client.prefetch_all(&keys(GetFree, 10..15));
            let load = async {
                match is_batch {
                    true => cx.query(&GetMany(0)).await,
                    false => cx.query(&GetOne(0)).await,
                }
            };
            assert_eq!(in_time(load).await.map(|value| *value).ok(), Some(0), "{case}");
            in_time(others.done()).await;
            assert_eq!(client.app().max_concurrent(), 1, "{case}");
        }
    }
}

#[derive(Clone)]
struct AskForOne;

impl Mutate<LimitedApp> for AskForOne {
    type Output = ();
    type Error = Busy;

    async fn run(&self, cx: &Context<LimitedApp>) -> Result<(), Busy> {
        cx.query(&GetOne(1)).await.map(drop).map_err(|_| Busy)
    }

    fn apply(&self, (): &(), _: &mut Changes<LimitedApp>) {}
}

/// A source that runs a query when it opens and pushes nothing.
struct OpensWithOne;

impl Source<LimitedApp> for OpensWithOne {
    type Item = ();
    type Error = Busy;

    async fn open(
        &self,
        cx: &Context<LimitedApp>,
    ) -> Result<impl Stream<Item = Result<(), Busy>> + Send, Busy> {
        cx.query(&GetOne(1)).await.map_err(|_| Busy)?;
        Ok(Silence)
    }

    fn apply(&self, (): &(), _: &mut Changes<LimitedApp>) {}
}

struct Silence;

impl Stream for Silence {
    type Item = Result<(), Busy>;

    fn poll_next(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_waited_for_another_waits_for_a_slot_again() {
    let client = limited_client();
    nest(&client, 1);
    let begun = Instant::now();
    let outer = spawn_query(&client, &GetOne(1));
    // The load waits for its input.
    pass(SECOND * 3 / 2).await;
    let others = client.prefetch_all(&keys(GetOne, 10..15));
    outer.await.unwrap().unwrap();
    // Its own first second, its input, five other loads, and its own last second.
    assert_eq!(begun.elapsed(), seconds(8));
    others.done().await;
    assert_eq!(client.app().max_concurrent(), 1);
}

/// As `select!` does with a slow query.
#[tokio::test(start_paused = true)]
async fn a_load_that_abandons_a_wait_waits_for_a_slot_again() {
    let client = limited_client();
    client.app().script(1, |cx| async move {
        let slow = cx.query(&GetOne(0));
        assert!(tokio::time::timeout(SECOND / 2, slow).await.is_err());
        cx.app().works(seconds(10)).await;
        Ok(())
    });
    let outer = spawn_query(&client, &GetOne(1));
    pass(seconds(2)).await;
    // The input has ended, so the outer load has the slot again.
    let other = spawn_query(&client, &GetOne(5));
    pass(seconds(8)).await;
    assert!(!other.is_finished());
    assert!(outer.await.unwrap().is_ok());
    assert!(other.await.unwrap().is_ok());
}

/// Runs a scripted load while others wait for its slot. Its input takes one second, and the others take three more.
async fn run_with_waiting_loads<F: Future<Output = Result<(), Busy>> + Send + 'static>(
    work: impl Fn(Context<LimitedApp>) -> F + Send + 'static,
) {
    let client = limited_client();
    client.app().script(0, work);
    let outer = spawn_query(&client, &GetOne(0));
    settle().await;
    let others = client.prefetch_all(&keys(GetOne, 10..13));
    in_time(outer).await.unwrap().expect("the load missed nothing");
    in_time(others.done()).await;
    assert_eq!(client.app().max_concurrent(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_drops_a_wait_for_an_observer_misses_no_state() {
    run_with_waiting_loads(|cx| async move {
        let mut observer = cx.client().observe(&GetOne(1));
        assert!(observer.next().await.ok_or(Busy)?.is_pending());
        let begun = Instant::now();
        assert!(tokio::time::timeout(SECOND * 3 / 2, observer.next()).await.is_err());
        assert!(observer.state().value().is_some(), "only the slot was missing");
        let state = in_time(observer.next()).await.ok_or(Busy)?;
        assert_eq!((state.value().map(|value| **value), begun.elapsed()), (Some(1), SECOND * 3 / 2));
        Ok(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_drops_a_wait_for_a_source_misses_no_state() {
    run_with_waiting_loads(|cx| async move {
        let mut ingestion = cx.client().ingest(OpensWithOne);
        let begun = Instant::now();
        assert!(tokio::time::timeout(SECOND * 3 / 2, ingestion.changed()).await.is_err());
        let state = in_time(ingestion.changed()).await.ok_or(Busy)?;
        assert!(matches!(state, IngestionState::Open), "{state:?}");
        assert_eq!(begun.elapsed(), SECOND * 3 / 2);
        Ok(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_load_whose_observed_change_is_outdated_lends_its_slot_again() {
    let client = limited_client();
    client.query(&GetEqual(1)).await.unwrap();
    client.app().script(0, |cx| async move {
        let mut observer = cx.client().observe(&GetEqual(1));
        while observer.next().await.ok_or(Busy)?.value().is_none_or(|value| **value != 5) {}
        Ok(())
    });
    let outer = spawn_query(&client, &GetOne(0));
    settle().await;
    // The key becomes stale and gets an equal value while the observing load waits for a slot.
    let others = client.prefetch_all(&keys(GetOne, 10..13));
    let reloaded = client.invalidate(&GetEqual(1)).reloaded();
    in_time(async { tokio::join!(others.done(), reloaded) }).await;
    let begun = Instant::now();
    assert_eq!(*in_time(client.query(&GetOne(13))).await.unwrap(), 13);
    assert_eq!((begun.elapsed(), outer.is_finished()), (SECOND, false));
    client.change(|changes| drop(changes.set(GetEqual(1), 5))).await.unwrap();
    assert!(in_time(outer).await.unwrap().is_ok());
}
