//! Steps that store the answers of loads, together with what these bring along, and the copies of what they write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cache_client::{AnswerKey, AnswerStore, Client, MemoryProvider};
use cache_core::{Cache, CommitError, Revision};
use parking_lot::Mutex;

use crate::directed::*;
use crate::scripted::{SECOND, in_time, pass};

/// Directs the load of the first page to bring the second item, and to store its answer by a step.
fn store_with(
    client: &Client<DirectedApp>,
    step: impl Fn(&mut AnswerStore<'_, DirectedApp>) + Copy + Send + Sync + 'static,
) {
    client.app().direct(&GetPage(1), move |cx| async move {
        cx.bring(GetItem(2), 20);
        cx.store_with(move |page: Arc<usize>, store| {
            step(store);
            page
        });
        Ok(1)
    });
}

#[tokio::test(start_paused = true)]
async fn a_load_brings_entries_into_the_commit_of_its_step() {
    let provider = Arc::new(MemoryProvider::new(100));
    let (first, second) =
        (builder().provider(Arc::clone(&provider)).build(), builder().provider(provider).build());
    store_with(&first, |store| store.set(GetItem(1), 10));
    in_time(first.query(&GetPage(1))).await.unwrap();
    let page = first.cache().peek_entry(&GetPage(1)).unwrap().revision();
    for number in [1, 2] {
        let item = first.cache().peek_entry(&GetItem(number)).unwrap();
        assert_eq!((**item.value(), item.revision()), (10 * number as usize, page));
    }
    pass(SECOND).await;
    in_time(second.query(&GetItem(2))).await.unwrap();
    assert_eq!(second.app().loads(&GetItem(2)), 0, "its copy is in the provider");
}

/// The revision of the first item.
fn revision(store: &AnswerStore<'_, DirectedApp>) -> Revision {
    store.client().cache().peek_entry(&GetItem(1)).unwrap().revision()
}

#[tokio::test(start_paused = true)]
async fn a_step_knows_whether_an_answer_is_a_copy_from_the_provider() {
    let provider = Arc::new(MemoryProvider::new(100));
    let seen = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..2 {
        let noted = Arc::clone(&seen);
        let step = move |item: Arc<usize>, store: &mut AnswerStore<'_, DirectedApp>| {
            noted.lock().push(store.is_copy());
            item
        };
        let client = builder().provider(Arc::clone(&provider)).store_with(step).build();
        in_time(client.query(&GetItem(1))).await.unwrap();
        pass(SECOND).await;
    }
    assert_eq!(*seen.lock(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn what_a_load_brings_is_kept_though_its_answer_is_overtaken_while_it_is_stored() {
    let provider = Arc::new(MemoryProvider::new(100));
    let (first, second) =
        (builder().provider(Arc::clone(&provider)).build(), builder().provider(provider).build());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let steps = Arc::clone(&seen);
    first.app().direct(&GetPage(1), move |cx| {
        let steps = Arc::clone(&steps);
        async move {
            cx.bring(GetItem(2), 20);
            cx.store_with(move |page: Arc<usize>, store| {
                store.follows_itself();
                steps.lock().push(store.is_overtaken());
                if !store.is_overtaken() {
                    let mut newer = store.client().cache().begin();
                    newer.set(GetPage(1), 7);
                    newer.commit().unwrap();
                }
                page
            });
            Ok(1)
        }
    });
    in_time(first.query(&GetPage(1))).await.unwrap();
    assert_eq!(*seen.lock(), [false, true], "the step has run once more");
    assert_eq!(first.cached(&GetPage(1)).as_deref(), Some(&7));
    assert_eq!(first.cached(&GetItem(2)).as_deref(), Some(&20));
    pass(SECOND).await;
    in_time(second.query(&GetItem(2))).await.unwrap();
    assert_eq!(second.app().loads(&GetItem(2)), 0, "its copy is in the provider");
}

#[tokio::test(start_paused = true)]
async fn what_a_step_changes_leaves_no_old_copy_in_the_provider() {
    let changes: [fn(&mut AnswerStore<'_, DirectedApp>); 6] = [
        |store| store.set(GetItem(1), 10),
        |store| store.remove(&GetItem(1)),
        |store| store.invalidate(&GetItem(1)),
        |store| store.invalidate_answer(&AnswerKey::new(GetItem(1))),
        |store| store.follow(GetItem(1), 10, revision(store)),
        |store| store.follow_answer(&AnswerKey::new(GetItem(1)), Arc::new(10_usize), revision(store)),
    ];
    for change in changes {
        let provider = Arc::new(MemoryProvider::new(100));
        let (first, second) =
            (builder().provider(Arc::clone(&provider)).build(), builder().provider(provider).build());
        in_time(first.query(&GetItem(1))).await.unwrap();
        pass(SECOND).await;
        store_with(&first, change);
        in_time(first.query(&GetPage(1))).await.unwrap();
        pass(SECOND).await;
        in_time(second.query(&GetItem(1))).await.unwrap();
        assert_eq!(second.app().loads(&GetItem(1)), 1);
    }
}

/// Notes whether the first page was there when it was dropped.
struct Guard(Cache<DirectedRegistry>, Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.1.store(self.0.peek(&GetPage(1)).is_some(), Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn what_guards_a_commit_is_dropped_when_the_answer_is_there() {
    let (client, was_there) = (directed_client(), Arc::new(AtomicBool::new(false)));
    let noted = Arc::clone(&was_there);
    client.app().direct(&GetPage(1), move |cx| {
        let noted = Arc::clone(&noted);
        async move {
            cx.store_with(move |page: Arc<usize>, store| {
                let (cache, noted) = (store.client().cache().clone(), Arc::clone(&noted));
                store.guard_with(move || {
                    let guard = Guard(cache.clone(), Arc::clone(&noted));
                    Ok(Box::new(move || drop(guard)))
                });
                page
            });
            Ok(1)
        }
    });
    in_time(client.query(&GetPage(1))).await.unwrap();
    assert!(was_there.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_reports_a_conflict_makes_the_step_run_again() {
    let (client, runs) = (directed_client(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&runs);
    client.app().direct(&GetPage(1), move |cx| {
        let counted = Arc::clone(&counted);
        async move {
            cx.store_with(move |page: Arc<usize>, store| {
                let run = counted.fetch_add(1, Ordering::SeqCst);
                store.guard_with(move || match run {
                    0 => Err(CommitError::Conflict { table: "pages", key: "1".to_owned() }),
                    _ => Ok(Box::new(|| {})),
                });
                page
            });
            Ok(1)
        }
    });
    assert_eq!(*in_time(client.query(&GetPage(1))).await.unwrap(), 1);
    assert_eq!(client.cached(&GetPage(1)).as_deref(), Some(&1));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn the_step_of_a_load_takes_precedence_if_it_is_for_answers_of_its_type() {
    let client = builder()
        .store_with(|page: Arc<usize>, store| {
            store.set(GetEqualItem(1), *page);
            page
        })
        .build();
    store_with(&client, |store| store.set(GetItem(1), 10));
    in_time(client.query(&GetPage(1))).await.unwrap();
    assert_eq!(client.cached(&GetItem(1)).as_deref(), Some(&10));
    assert!(client.cached(&GetEqualItem(1)).is_none());
    client.app().direct(&GetPage(2), |cx| async move {
        cx.store_with(|text: Arc<String>, _| text);
        Ok(2)
    });
    in_time(client.query(&GetPage(2))).await.unwrap();
    assert_eq!(client.cached(&GetEqualItem(1)).as_deref(), Some(&2), "the step for all answers has run");
}
