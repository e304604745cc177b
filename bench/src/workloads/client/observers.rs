//! Commits to a cache that is observed: the cost for writers of other keys, and how long it takes until all observers
//! have seen it.
//!
//! Compared with what a program would write by hand: a cache, and a channel of the newest value for each observed key.

use std::collections::HashMap;
use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_client::{Client, Observer};
use parking_lot::RwLock;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};

use super::{GetLoaded, NoWork, client, report_times, runtime};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::peers::{Hasher, Peer, QuickCache, Value, value_of};
use crate::report::Report;

const HELD: u32 = 50_000;
/// Keys from here on are observed and not written.
const OBSERVED: u32 = 40_000;
const READERS: usize = 1_000;

pub fn run(options: &Options, report: &mut Report) {
    let workload = "client-observers/10k-others";
    if options.wants(workload) {
        let keys = Keys::uniform(OBSERVED, options.effort.sequence());
        let contestants =
            [commits_beside(OBSERVED..HELD), commits_beside(0..0).named("ours-unobserved"), by_hand_beside()];
        run_with(options, report, workload, &contestants, &keys);
    }
    let workload = "client-observers/1k-same";
    if options.wants(workload) {
        let keys = Keys::uniform(1, options.effort.sequence());
        let contestants = [commits_to_all(), by_hand_to_all()];
        run_with(options, report, workload, &contestants, &keys);
    }
}

fn run_with(options: &Options, report: &mut Report, workload: &str, contestants: &[Contestant], keys: &Keys) {
    let samples = race(contestants, keys, 1, options.effort);
    report_times(report, workload, 1, contestants, &samples);
}

/// A commit for each key, while other ones are observed.
fn commits_beside(observed: Range<u32>) -> Contestant {
    let (client, runtime) = (client(HELD), runtime());
    let observers: Vec<Observer<_, _>> = {
        let _entered = runtime.enter();
        observed.map(|id| client.observe(&GetLoaded { id: id.into() })).collect()
    };
    settle(&runtime);
    Contestant::new("ours", move |keys| {
        runtime.block_on(async {
            for &id in keys {
                commit(&client, id.into());
            }
            // Wake-ups of observers count as part of the commits.
            tokio::task::yield_now().await;
        });
        // The observers live until here.
        black_box(&observers);
        0
    })
}

fn by_hand_beside() -> Contestant {
    let by_hand = ByHand::new();
    let receivers: Vec<_> = (OBSERVED..HELD).map(|id| by_hand.observe(id.into())).collect();
    Contestant::new("watch-by-hand", move |keys| {
        for &id in keys {
            by_hand.write(id.into(), value_of(id.into()));
        }
        black_box(&receivers);
        0
    })
}

/// One commit per thousand keys of the sequence, which as many observers must see.
fn commits_to_all() -> Contestant {
    let (client, runtime, seen) = (client(1), runtime(), Arc::new(Seen::default()));
    for _ in 0..READERS {
        let (client, seen) = (client.clone(), Arc::clone(&seen));
        runtime.spawn(async move {
            let mut observer = client.observe(&GetLoaded { id: 0 });
            while let Some(state) = observer.next().await {
                drop(state);
                seen.count();
            }
        });
    }
    // Each sees the current state when it starts.
    runtime.block_on(seen.by_all.notified());
    Contestant::new("ours", move |keys| {
        runtime.block_on(async {
            for _ in keys.chunks(READERS) {
                seen.all_after(|| commit(&client, 0)).await;
            }
        });
        0
    })
}

fn by_hand_to_all() -> Contestant {
    let (by_hand, runtime, seen) = (ByHand::new(), runtime(), Arc::new(Seen::default()));
    for _ in 0..READERS {
        let (mut receiver, seen) = (by_hand.observe(0), Arc::clone(&seen));
        runtime.spawn(async move {
            while receiver.changed().await.is_ok() {
                let value = receiver.borrow_and_update().clone();
                drop(value);
                seen.count();
            }
        });
    }
    Contestant::new("watch-by-hand", move |keys| {
        runtime.block_on(async {
            for _ in keys.chunks(READERS) {
                seen.all_after(|| by_hand.write(0, value_of(0))).await;
            }
        });
        0
    })
}

pub(super) fn commit(client: &Client<NoWork>, id: u64) {
    let mut transaction = client.cache().begin();
    transaction.set(GetLoaded { id }, value_of(id));
    // Without other writers and hooks a commit cannot fail.
    transaction.commit().expect("a commit without conflicts or hooks succeeds");
}

/// Yields until all tasks wait. The runtime polls a few dozen of them per yield.
fn settle(runtime: &Runtime) {
    runtime.block_on(async {
        for _ in OBSERVED..HELD {
            tokio::task::yield_now().await;
        }
    });
}

/// The number of observers that have seen the current value.
#[derive(Default)]
struct Seen {
    count: AtomicUsize,
    by_all: Notify,
}

impl Seen {
    fn count(&self) {
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == READERS {
            self.by_all.notify_one();
        }
    }

    /// Writes, and waits until all observers have seen the value.
    async fn all_after(&self, write: impl FnOnce()) {
        self.count.store(0, Ordering::Relaxed);
        write();
        self.by_all.notified().await;
    }
}

/// A cache, and a channel for each observed key.
struct ByHand {
    cache: QuickCache,
    channels: RwLock<HashMap<u64, watch::Sender<Value>, Hasher>>,
}

impl ByHand {
    fn new() -> Self {
        let cache = QuickCache::with_capacity(u64::from(HELD) * 4);
        (0..u64::from(HELD)).for_each(|id| cache.insert(id, value_of(id)));
        Self { cache, channels: RwLock::default() }
    }

    fn observe(&self, id: u64) -> watch::Receiver<Value> {
        self.channels.write().entry(id).or_insert_with(|| watch::channel(value_of(id)).0).subscribe()
    }

    fn write(&self, id: u64, value: Value) {
        self.cache.insert(id, Arc::clone(&value));
        if let Some(channel) = self.channels.read().get(&id) {
            channel.send_replace(value);
        }
    }
}
