//! Loads that wait for something else, and lend their place meanwhile.

use std::task::{self, Poll};

use cache_client::{Changes, IngestionState, Mutate, Source};
use futures_core::Stream;

use super::*;

/// Each load works before and after it asks for the next.
fn nest(client: &Client<Site>, depth: u32) {
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
    for client in [site(), builder().concurrency(1).build()] {
        nest(&client, 10);
        let begun = Instant::now();
        assert_eq!(*in_time(client.query(&GetOne(10))).await.unwrap(), 10);
        assert_eq!((client.app().most(), begun.elapsed()), (1, seconds(21)));
    }
}

/// A load may wait for others in any of these ways.
#[tokio::test(start_paused = true)]
async fn nothing_that_a_load_waits_for_needs_the_slot_that_it_has() {
    type Wait = fn(Context<Site>) -> Work;
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
            assert_eq!(client.app().most(), 1, "{case}");
        }
    }
}

#[derive(Clone)]
struct AskForOne;

impl Mutate<Site> for AskForOne {
    type Output = ();
    type Error = Busy;

    async fn run(&self, cx: &Context<Site>) -> Result<(), Busy> {
        cx.query(&GetOne(1)).await.map(drop).map_err(|_| Busy)
    }

    fn apply(&self, (): &(), _: &mut Changes<Site>) {}
}

/// Loads something to open, and pushes nothing.
struct OpensWithOne;

impl Source<Site> for OpensWithOne {
    type Item = ();
    type Error = Busy;

    async fn open(&self, cx: &Context<Site>) -> Result<impl Stream<Item = Result<(), Busy>> + Send, Busy> {
        cx.query(&GetOne(1)).await.map_err(|_| Busy)?;
        Ok(Silence)
    }

    fn apply(&self, (): &(), _: &mut Changes<Site>) {}
}

struct Silence;

impl Stream for Silence {
    type Item = Result<(), Busy>;

    fn poll_next(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_has_waited_for_another_waits_its_turn_again() {
    let client = site();
    nest(&client, 1);
    let begun = Instant::now();
    let outer = ask(&client, &GetOne(1));
    // It waits for what it has asked for.
    pass(SECOND * 3 / 2).await;
    let others = client.prefetch_all(&keys(GetOne, 10..15));
    outer.await.unwrap().unwrap();
    // Its own first second, what it asked for, five others, and its own last second.
    assert_eq!(begun.elapsed(), seconds(8));
    others.done().await;
    assert_eq!(client.app().most(), 1);
}

/// As `select!` does with a query that was too slow.
#[tokio::test(start_paused = true)]
async fn a_load_that_waits_no_more_half_way_has_its_slot_again_when_its_turn_comes() {
    let client = site();
    client.app().script(1, |cx| async move {
        let slow = cx.query(&GetOne(0));
        assert!(tokio::time::timeout(SECOND / 2, slow).await.is_err());
        cx.app().works(seconds(10)).await;
        Ok(())
    });
    let outer = ask(&client, &GetOne(1));
    pass(seconds(2)).await;
    // What it asked for has ended, so the slot is the outer's again.
    let other = ask(&client, &GetOne(5));
    pass(seconds(8)).await;
    assert!(!other.is_finished());
    assert!(outer.await.unwrap().is_ok());
    assert!(other.await.unwrap().is_ok());
}

/// Has a load do this, and others wait for its place. What it waits for takes a second, the others three more.
async fn dropped_before_its_turn<F: Future<Output = Result<(), Busy>> + Send + 'static>(
    work: impl Fn(Context<Site>) -> F + Send + 'static,
) {
    let client = site();
    client.app().script(0, work);
    let outer = ask(&client, &GetOne(0));
    settle().await;
    let others = client.prefetch_all(&keys(GetOne, 10..13));
    in_time(outer).await.unwrap().expect("nothing was missed");
    in_time(others.done()).await;
    assert_eq!(client.app().most(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_drops_its_wait_for_an_observer_before_its_turn_misses_no_state() {
    dropped_before_its_turn(|cx| async move {
        let mut observer = cx.client().observe(&GetOne(1));
        assert!(observer.next().await.ok_or(Busy)?.is_pending());
        let begun = Instant::now();
        assert!(tokio::time::timeout(SECOND * 3 / 2, observer.next()).await.is_err());
        assert!(observer.state().value().is_some(), "it has waited for its turn alone");
        let state = in_time(observer.next()).await.ok_or(Busy)?;
        assert_eq!((state.value().map(|value| **value), begun.elapsed()), (Some(1), SECOND * 3 / 2));
        Ok(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_drops_its_wait_for_a_source_before_its_turn_misses_no_state() {
    dropped_before_its_turn(|cx| async move {
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
async fn a_load_whose_news_are_old_when_its_turn_comes_lends_its_place_again() {
    let client = site();
    client.query(&GetEqual(1)).await.unwrap();
    client.app().script(0, |cx| async move {
        let mut observer = cx.client().observe(&GetEqual(1));
        while observer.next().await.ok_or(Busy)?.value().is_none_or(|value| **value != 5) {}
        Ok(())
    });
    let outer = ask(&client, &GetOne(0));
    settle().await;
    // It is shown as stale, and has the same value again while the observing load waits for its turn.
    let others = client.prefetch_all(&keys(GetOne, 10..13));
    let reloaded = client.invalidate(&GetEqual(1)).reloaded();
    in_time(async { tokio::join!(others.done(), reloaded) }).await;
    let begun = Instant::now();
    assert_eq!(*in_time(client.query(&GetOne(13))).await.unwrap(), 13);
    assert_eq!((begun.elapsed(), outer.is_finished()), (SECOND, false));
    client.change(|changes| drop(changes.set(GetEqual(1), 5))).await.unwrap();
    assert!(in_time(outer).await.unwrap().is_ok());
}
