//! Hooks that run before a commit.

use std::error::Error;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;
use std::thread;

use cache_core::{BoxError, Builder, Cache, ChangeKind, CommitError, Proposal};

use crate::shop::*;

fn built(change: impl FnOnce(Builder<Shop>) -> Builder<Shop>) -> Cache<Shop> {
    change(Cache::builder()).build().unwrap()
}

#[derive(Debug, thiserror::Error)]
#[error("balances must not be negative")]
struct Overdrawn;

fn refuse_negative(proposal: &Proposal) -> Result<(), BoxError> {
    let is_negative = proposal.of::<GetBalance>().any(|(_, value)| value.is_some_and(|value| **value < 0));
    if is_negative { Err(Overdrawn.into()) } else { Ok(()) }
}

#[test]
fn a_refusal_reaches_the_committer_with_its_cause_and_nothing_is_applied() {
    let heard = EventLog::new();
    let listener = heard.clone();
    let cache = built(|builder| {
        builder.before_commit(refuse_negative).after_commit(move |change| listener.note(change.table()))
    });
    cache.insert(GetBalance(1), 1);
    cache.insert(GetRecent(1), "1");
    heard.take();
    let revision = cache.revision();
    let mut tx = cache.begin();
    tx.set(GetRecent(2), "2");
    tx.set(GetRecent(3), "3");
    tx.set(GetBalance(1), -1);
    let error = tx.commit().unwrap_err();
    assert!(matches!(error, CommitError::Refused(_)));
    let cause = error.source().unwrap();
    assert!(cause.downcast_ref::<Overdrawn>().is_some());
    assert_eq!(cause.to_string(), "balances must not be negative");
    assert_eq!((balance(&cache, 1), cache.revision(), cache.len()), (1, revision, 2));
    assert!(cache.peek(&GetRecent(1)).is_some(), "nothing was evicted");
    assert!(heard.take().is_empty());
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 2);
    assert_eq!(tx.commit().unwrap().revision().unwrap().get(), revision.unwrap().get() + 1);
}

#[test]
fn hooks_run_in_their_order_until_one_refuses() {
    let calls = EventLog::new();
    let cache = built(|mut builder| {
        for n in 1..=4 {
            let calls = calls.clone();
            builder = builder.before_commit(move |proposal| {
                calls.note(n);
                let refuses = proposal.of::<GetTotal>().any(|(key, _)| key.0 == n);
                if refuses { Err(format!("hook {n}").into()) } else { Ok(()) }
            });
        }
        builder
    });
    let commit = |id| {
        let mut tx = cache.begin();
        tx.set(GetTotal(id), 0);
        tx.commit()
    };
    commit(9).unwrap();
    assert_eq!(calls.take(), [1, 2, 3, 4]);
    let error = commit(3).unwrap_err();
    assert_eq!(calls.take(), [1, 2, 3]);
    assert_eq!(error.source().unwrap().to_string(), "hook 3");
}

#[test]
fn sync_and_async_hooks_run_in_one_order() {
    let calls = EventLog::new();
    let [first, second, third] = [(); 3].map(|()| calls.clone());
    let cache = built(|builder| {
        builder
            .before_commit(move |_| {
                first.note(1);
                Ok(())
            })
            .before_commit_async(move |_| {
                let second = second.clone();
                async move {
                    let mut is_second_poll = false;
                    poll_fn(|cx| {
                        cx.waker().wake_by_ref();
                        if std::mem::replace(&mut is_second_poll, true) {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        }
                    })
                    .await;
                    second.note(2);
                    Ok(())
                }
            })
            .before_commit(move |_| {
                third.note(3);
                Ok(())
            })
    });
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    block_on(tx.commit_async()).unwrap();
    assert_eq!(calls.take(), [1, 2, 3]);
    assert_eq!(balance(&cache, 1), 1);
}

#[test]
fn a_hook_sees_what_is_proposed_and_may_keep_it() {
    let kept: Arc<Mutex<Vec<Proposal>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let cache = built(|builder| {
        builder.before_commit(move |proposal| {
            keep.lock().unwrap().push(proposal.clone());
            Ok(())
        })
    });
    cache.insert(GetBalance(1), 1);
    cache.insert(GetBalance(2), 2);
    assert!(kept.lock().unwrap().is_empty(), "side-loading runs no hooks");
    let mut tx = cache.begin();
    tx.label("payday").context(Arc::new(42u32));
    tx.set(GetTotal(1), 10);
    tx.merge_with(GetBalance(1), |old: Option<&i64>| old.unwrap() + 5);
    tx.remove(&GetBalance(2));
    tx.touch(&GetBalance(1));
    tx.commit().unwrap();

    let proposal = kept.lock().unwrap().pop().unwrap();
    assert_eq!((proposal.label(), proposal.context::<u32>()), (Some("payday"), Some(&42)));
    assert!(proposal.context::<String>().is_none());
    let changes: Vec<_> = proposal.changes().iter().map(|c| (c.table(), c.kind(), c.revision())).collect();
    let expected = [
        ("get_total", ChangeKind::Set, None),
        ("get_balance", ChangeKind::Merged, None),
        ("get_balance", ChangeKind::Removed, None),
    ];
    assert_eq!(changes, expected);
    let balances: Vec<_> =
        proposal.of::<GetBalance>().map(|(key, value)| (key.0, value.map(|v| **v))).collect();
    assert_eq!(balances, [(1, Some(6)), (2, None)]);
    let (_, value) = proposal.of::<GetTotal>().next().unwrap();
    assert!(Arc::ptr_eq(value.unwrap(), &cache.get(&GetTotal(1)).unwrap()));
    assert_eq!(proposal.of::<GetNote>().count(), 0);
    assert!(format!("{proposal:?}").contains("GetTotal(1)"));
}

#[test]
fn hooks_do_not_run_for_commits_that_change_nothing() {
    let cache = built(|builder| builder.before_commit(|_| Err("never".into())));
    cache.begin().commit().unwrap();
    let mut tx = cache.begin();
    tx.get(&GetBalance(1));
    tx.touch(&GetBalance(1));
    tx.commit().unwrap();
    cache.insert(GetBalance(1), 1);
    cache.clear();
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    assert!(matches!(tx.commit(), Err(CommitError::Refused(_))));
}

#[test]
fn hooks_see_touches_and_marks() {
    let cache = built(|builder| {
        builder.before_commit(|proposal| {
            let kinds: Vec<_> = proposal.changes().iter().map(|change| change.kind()).collect();
            Err(format!("{kinds:?}").into())
        })
    });
    cache.insert(GetBalance(1), 1);
    cache.insert(GetBalance(2), 1);
    let mut tx = cache.begin();
    tx.touch(&GetBalance(1));
    tx.invalidate(&GetBalance(2));
    let error = tx.commit().unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "[Touched, Invalidated]");
    assert!(cache.get_fresh(&GetBalance(2)).is_some());
}

/// Another write overtakes each attempt from inside the hook, by side-loading.
#[test]
fn a_merge_that_is_always_overtaken_gives_up_after_sixteen_attempts() {
    let home: Arc<OnceLock<Cache<Shop>>> = Arc::default();
    let calls = EventLog::new();
    let (inside, event_log) = (Arc::clone(&home), calls.clone());
    let cache = built(|builder| {
        builder.before_commit(move |proposal| {
            let value = proposal.of::<GetBalance>().next().and_then(|(_, value)| value.map(|value| **value));
            event_log.note(value);
            inside.get().unwrap().insert(GetBalance(1), 100 * event_log.len() as i64);
            Ok(())
        })
    });
    home.set(cache.clone()).unwrap();
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), |old: Option<&i64>| old.copied().unwrap_or(0) + 1);
    assert_eq!(conflict(tx.commit()), ("get_balance", "GetBalance(1)".to_owned()));
    let calls = calls.take();
    assert_eq!(calls.len(), 16);
    assert_eq!(
        calls[..3],
        [Some(1), Some(101), Some(201)],
        "each attempt runs the hooks with what it would write"
    );
    assert_eq!(balance(&cache, 1), 1600);
}

#[test]
fn a_commit_from_inside_a_hook_is_an_error() {
    let home: Arc<OnceLock<Cache<Shop>>> = Arc::default();
    let results = EventLog::new();
    let (inside, event_log) = (Arc::clone(&home), results.clone());
    let other = shop();
    let elsewhere = other.clone();
    let cache = built(|builder| {
        builder.before_commit(move |_| {
            let cache = inside.get().unwrap();
            let mut tx = cache.begin();
            tx.set(GetTotal(7), 7);
            event_log.note(matches!(tx.commit(), Err(CommitError::InsideHook)));
            let result: Result<(), CommitError> = cache.transact(|tx| {
                tx.set(GetTotal(7), 7);
                Ok(())
            });
            event_log.note(matches!(result, Err(CommitError::InsideHook)));
            // Another cache is not affected, and reading is allowed.
            let mut tx = elsewhere.begin();
            tx.set(GetTotal(7), 7);
            event_log.note(tx.commit().is_ok() && cache.get(&GetTotal(7)).is_none());
            Ok(())
        })
    });
    home.set(cache.clone()).unwrap();
    for _ in 0..2 {
        let mut tx = cache.begin();
        tx.set(GetBalance(1), 1);
        tx.commit().unwrap();
        assert_eq!(results.take(), [true, true, true]);
    }
    assert!(cache.get(&GetTotal(7)).is_none() && other.get(&GetTotal(7)).is_some());
}

#[test]
fn a_commit_from_inside_an_async_hook_is_an_error_before_and_after_it_waited() {
    let home: Arc<OnceLock<Cache<Shop>>> = Arc::default();
    let results = EventLog::new();
    let (inside, event_log) = (Arc::clone(&home), results.clone());
    let cache = built(|builder| {
        builder.before_commit_async(move |_| {
            let attempt = |cache: &Cache<Shop>| {
                let mut tx = cache.begin();
                tx.set(GetTotal(7), 7);
                matches!(block_on(tx.commit_async()), Err(CommitError::InsideHook))
            };
            let (inside, event_log) = (Arc::clone(&inside), event_log.clone());
            // In the function that creates the future, and in the future.
            event_log.note(attempt(inside.get().unwrap()));
            async move {
                event_log.note(attempt(inside.get().unwrap()));
                let mut is_woken = false;
                poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    if std::mem::replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                event_log.note(attempt(inside.get().unwrap()));
                Ok(())
            }
        })
    });
    home.set(cache.clone()).unwrap();
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    block_on(tx.commit_async()).unwrap();
    assert_eq!(results.take(), [true, true, true]);
    assert!(cache.get(&GetTotal(7)).is_none());
}

#[test]
fn a_listener_that_runs_while_a_hook_side_loads_may_commit() {
    let home: Arc<OnceLock<Cache<Shop>>> = Arc::default();
    let results = EventLog::new();
    let (hook_home, listener_home, event_log) = (Arc::clone(&home), Arc::clone(&home), results.clone());
    let cache = built(|builder| {
        builder
            .before_commit(move |proposal| {
                if proposal.of::<GetBalance>().next().is_some() {
                    hook_home.get().unwrap().insert(GetTotal(1), 1);
                }
                Ok(())
            })
            .after_commit(move |change| {
                if change.of::<GetTotal>().is_some() {
                    let mut tx = listener_home.get().unwrap().begin();
                    tx.set(GetNote(1), "heard");
                    event_log.note(tx.commit().map(drop).map_err(|error| error.to_string()));
                }
            })
    });
    home.set(cache.clone()).unwrap();
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    tx.commit().unwrap();
    assert_eq!(results.take(), [Ok(())]);
}

#[test]
fn a_plain_commit_is_an_error_where_an_async_hook_would_be_skipped() {
    let cache = built(|builder| builder.before_commit(|_| Ok(())).before_commit_async(|_| async { Ok(()) }));
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    let error = tx.commit().unwrap_err();
    assert!(matches!(error, CommitError::AsyncHook) && error.to_string().contains("commit_async"), "{error}");
    let result: Result<(), CommitError> = cache.transact(|tx| {
        tx.set(GetBalance(1), 1);
        Ok(())
    });
    assert!(matches!(result, Err(CommitError::AsyncHook)));
    assert!(cache.is_empty());
    // Writes without hooks are still possible.
    cache.insert(GetBalance(1), 1);
    cache.clear();
}

#[test]
fn commit_async_works_without_async_hooks_and_without_any() {
    for cache in [shop(), built(|builder| builder.before_commit(refuse_negative))] {
        let mut tx = cache.begin();
        tx.set(GetBalance(1), 5);
        let receipt = block_on(tx.commit_async()).unwrap();
        assert_eq!(receipt.get(&GetBalance(1)).map(|value| **value), Some(5));
        assert_eq!(block_on(cache.begin().commit_async()).unwrap().revision(), None);
        let mut tx = cache.begin();
        tx.get(&GetBalance(1));
        cache.insert(GetBalance(1), 6);
        conflict(block_on(tx.commit_async()));
    }
}

#[test]
fn an_async_refusal_has_its_cause() {
    let cache =
        built(|builder| builder.before_commit_async(|proposal| async move { refuse_negative(&proposal) }));
    let mut tx = cache.begin();
    tx.set(GetBalance(1), -1);
    let error = block_on(tx.commit_async()).unwrap_err();
    assert!(error.source().unwrap().downcast_ref::<Overdrawn>().is_some());
    assert!(cache.is_empty() && cache.revision().is_none());
}

/// Returns a cache whose hook stops at commits of `GetTotal(0)` until any thread lets it continue.
fn gated() -> (Cache<Shop>, Receiver<()>, Sender<()>) {
    let (is_waiting, waiting) = channel();
    let (go_on, may_go_on) = channel();
    let may_go_on = Mutex::new(may_go_on);
    let cache = built(|builder| {
        builder.before_commit(move |proposal| {
            if proposal.of::<GetTotal>().any(|(key, _)| key.0 == 0) {
                is_waiting.send(())?;
                may_go_on.lock().unwrap().recv()?;
            }
            Ok(())
        })
    });
    (cache, waiting, go_on)
}

#[test]
fn a_slow_hook_blocks_neither_readers_nor_other_commits() {
    let (cache, waiting, go_on) = gated();
    cache.insert(GetTotal(0), 0);
    cache.insert(GetBalance(1), 1);
    thread::scope(|scope| {
        let go_on = go_on;
        let slow = scope.spawn(|| {
            let mut tx = cache.begin();
            tx.set(GetTotal(0), 10);
            tx.set(GetBalance(1), 10);
            tx.commit()
        });
        waiting.recv().unwrap();
        assert_eq!((balance(&cache, 1), *cache.get(&GetTotal(0)).unwrap()), (1, 0));
        let mut tx = cache.begin();
        tx.set(GetBalance(1), 2);
        tx.set(GetBalance(2), 2);
        tx.commit().unwrap();
        cache.insert(GetTotal(1), 1);
        assert_eq!(cache.save_to(Vec::new()).unwrap().entries(), 4);
        assert_eq!(balance(&cache, 1), 2);
        go_on.send(()).unwrap();
        slow.join().unwrap().unwrap();
    });
    assert_eq!((balance(&cache, 1), balance(&cache, 2)), (10, 2));
}

#[test]
fn a_key_that_was_read_and_overtaken_while_a_hook_ran_is_a_conflict() {
    let (cache, waiting, go_on) = gated();
    thread::scope(|scope| {
        let go_on = go_on;
        let slow = scope.spawn(|| {
            let mut tx = cache.begin();
            tx.get(&GetBalance(1));
            tx.set(GetTotal(0), 10);
            tx.commit()
        });
        waiting.recv().unwrap();
        cache.insert(GetBalance(1), 1);
        go_on.send(()).unwrap();
        conflict(slow.join().unwrap());
    });
    assert!(cache.get(&GetTotal(0)).is_none());
}

#[test]
fn after_a_refusal_a_waiting_commit_of_the_same_keys_continues() {
    let (is_waiting, waiting) = channel();
    let (go_on, may_go_on) = channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let cache = built(|builder| {
        builder.before_commit(move |proposal| {
            if proposal.label() == Some("refused") {
                is_waiting.send(())?;
                may_go_on.lock().unwrap().recv()?;
                return Err("no".into());
            }
            Ok(())
        })
    });
    let commit = |label: &'static str| {
        let mut tx = cache.begin();
        tx.label(label).set(GetBalance(1), label.len() as i64);
        tx.commit().map(|receipt| receipt.revision().unwrap().get())
    };
    thread::scope(|scope| {
        let go_on = go_on;
        let refused = scope.spawn(|| commit("refused"));
        waiting.recv().unwrap();
        assert_eq!(commit("other").unwrap(), 1);
        go_on.send(()).unwrap();
        assert!(refused.join().unwrap().is_err());
    });
    assert_eq!(commit("last one").unwrap(), 2, "the rejected commit used no revision");
    assert_eq!(balance(&cache, 1), 8);
}

#[test]
fn a_hook_that_awaits_blocks_no_other_commit_not_even_on_its_own_thread() {
    let is_open = Arc::new(AtomicUsize::new(0));
    let gate = Arc::clone(&is_open);
    let cache = built(|builder| {
        builder.before_commit_async(move |proposal| {
            let gate = Arc::clone(&gate);
            async move {
                if proposal.of::<GetTotal>().next().is_some() {
                    poll_fn(|_| match gate.load(Ordering::Relaxed) {
                        0 => Poll::Pending,
                        _ => Poll::Ready(()),
                    })
                    .await;
                }
                Ok(())
            }
        })
    });
    let mut tx = cache.begin();
    tx.set(GetTotal(1), 1);
    let mut slow = Box::pin(tx.commit_async());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(slow.as_mut().poll(&mut cx).is_pending());
    // The same thread commits meanwhile: it is not inside the hook while the hook waits.
    let mut tx = cache.begin();
    tx.set(GetBalance(1), 1);
    block_on(tx.commit_async()).unwrap();
    cache.insert(GetBalance(2), 2);
    assert_eq!((balance(&cache, 1), balance(&cache, 2)), (1, 2));
    assert!(cache.get(&GetTotal(1)).is_none());
    // It ends on another thread.
    is_open.store(1, Ordering::Relaxed);
    thread::scope(|scope| scope.spawn(|| block_on(slow).unwrap()).join().unwrap());
    assert_eq!(*cache.get(&GetTotal(1)).unwrap(), 1);
}

#[test]
fn dropping_a_commit_that_waits_for_its_hook_is_rollback() {
    let cache = built(|builder| builder.before_commit_async(|_| std::future::pending()));
    let mut tx = cache.begin();
    let weak = Arc::downgrade(&tx.set(GetBalance(1), 1));
    let mut commit = Box::pin(tx.commit_async());
    assert!(commit.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
    drop(commit);
    assert!(cache.is_empty() && cache.revision().is_none() && weak.upgrade().is_none());
    cache.insert(GetBalance(1), 2);
}

#[test]
fn a_panic_of_a_hook_reaches_the_committer_and_applies_nothing() {
    let panics = |proposal: &Proposal| -> Result<(), BoxError> {
        assert!(proposal.label() != Some("panic"), "a hook panics");
        Ok(())
    };
    let sync = built(|builder| builder.before_commit(panics));
    let with_async = built(|builder| builder.before_commit_async(move |p| async move { panics(&p) }));
    for cache in [sync, with_async] {
        let commit = |label: &'static str| {
            let mut tx = cache.begin();
            tx.label(label).set(GetBalance(1), 1);
            block_on(tx.commit_async())
        };
        assert!(catch_unwind(AssertUnwindSafe(|| drop(commit("panic")))).is_err());
        assert!(cache.is_empty() && cache.revision().is_none());
        commit("fine").unwrap();
        assert_eq!(balance(&cache, 1), 1);
    }
}

#[test]
fn an_async_transact_runs_again_after_a_conflict() {
    let cache = built(|builder| builder.before_commit_async(|_| async { Ok(()) }));
    cache.insert(GetBalance(1), 1);
    let mut runs = 0;
    let seen = block_on(cache.transact_async(|tx| {
        runs += 1;
        let seen = tx.get(&GetBalance(1)).map_or(0, |value| *value);
        if runs == 1 {
            cache.insert(GetBalance(1), 2);
        }
        tx.set(GetBalance(2), seen);
        Ok::<_, CommitError>(seen)
    }));
    assert_eq!((seen.unwrap(), runs), (2, 2));
    assert_eq!(balance(&cache, 2), 2);
}
