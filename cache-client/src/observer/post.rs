//! The observed keys of one query: how many observe each, and what its keeper is told to do. Starts no task.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::client_support::AnyKey;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::demands::Demands;
use super::notice::Notice;
use super::snapshot::Snapshot;
use crate::erased::KeyMap;
use crate::plan::Plan;
use crate::runtime::{ClientRuntime, EndableTask, TaskRuntime};

/// The observed keys of one query.
#[derive(Default)]
pub(crate) struct Posts(Mutex<KeyMap<Manned>>);

struct Manned {
    post: Arc<Post>,
    /// How many observe the key.
    claims: usize,
}

/// One observed key.
pub(crate) struct Post {
    pub(crate) key: Arc<dyn AnyKey>,
    pub(crate) notice: Notice<Arc<Snapshot>>,
    pub(crate) demands: Demands<Plan>,
    /// The last keeper.
    keeper: Mutex<Option<KeeperTask>>,
    /// Nobody observes the key any more.
    is_left: AtomicBool,
}

/// The task that keeps a key.
struct KeeperTask {
    number: u64,
    task: EndableTask,
    runtime: TaskRuntime,
}

/// A load of an observed key that somebody may wait for.
pub(crate) struct Reload {
    done: oneshot::Receiver<()>,
    /// Where the keeper runs, as far as that is known.
    runtime: Option<TaskRuntime>,
}

impl Reload {
    /// Waits for the end of the load; not for a keeper whose runtime is idle, which may load it some day.
    pub(crate) async fn done(self, client: &Arc<ClientRuntime>) {
        let is_idle = async {
            match &self.runtime {
                Some(runtime) => runtime.until_idle(client).await,
                None => pending().await,
            }
        };
        tokio::select! {
            // Nothing is ever sent: the sender is dropped, when nobody observes the key too.
            _ = self.done => {}
            () = is_idle => {}
        }
    }
}

impl Post {
    fn new(key: Arc<dyn AnyKey>) -> Self {
        let (notice, demands) = (Notice::new(Arc::new(Snapshot::empty())), Demands::new());
        Self { key, notice, demands, keeper: Mutex::default(), is_left: AtomicBool::new(false) }
    }

    /// Has the key loaded again, if it is marked or missing.
    fn reload(&self) -> Reload {
        let done = self.demands.reload();
        let runtime = self.keeper.lock().as_ref().map(|keeper| keeper.runtime.clone());
        Reload { done, runtime }
    }

    /// Notes its keeper, and ends the one before.
    pub(crate) fn is_kept_by(&self, number: u64, task: EndableTask, runtime: TaskRuntime) {
        let mut keeper = self.keeper.lock();
        let ended = match &*keeper {
            Some(newer) if newer.number > number => Some(task),
            _ => keeper.replace(KeeperTask { number, task, runtime }).map(|older| older.task),
        };
        drop(keeper);
        if let Some(task) = ended {
            task.end();
        }
    }

    /// Number of the last keeper, and where it runs, if that runtime may be idle.
    pub(crate) fn keeper_that_may_be_idle(&self) -> Option<(u64, TaskRuntime)> {
        let keeper = self.keeper.lock();
        let keeper = keeper.as_ref().filter(|keeper| keeper.runtime.may_be_idle())?;
        Some((keeper.number, keeper.runtime.clone()))
    }

    pub(crate) fn is_left(&self) -> bool {
        self.is_left.load(Ordering::Acquire)
    }
}

impl Posts {
    /// Counts one who observes a key. Returns its post, which may need a keeper.
    pub(super) fn enter(&self, key: &Arc<dyn AnyKey>) -> Arc<Post> {
        let mut posts = self.0.lock();
        if let Some(manned) = posts.get_mut(&**key) {
            manned.claims += 1;
            return Arc::clone(&manned.post);
        }
        let post = Arc::new(Post::new(Arc::clone(key)));
        posts.insert(Arc::clone(key), Manned { post: Arc::clone(&post), claims: 1 });
        post
    }

    /// Has a key loaded again, if it is observed.
    pub(crate) fn reload(&self, key: &dyn AnyKey) -> Option<Reload> {
        let post = self.0.lock().get(key).map(|manned| Arc::clone(&manned.post))?;
        Some(post.reload())
    }

    /// Has the observers of a key look again, without a load.
    pub(crate) fn ring(&self, key: &dyn AnyKey) {
        let post = self.0.lock().get(key).map(|manned| Arc::clone(&manned.post));
        if let Some(post) = post {
            post.demands.ring();
        }
    }

    /// [`reload`](Self::reload) for all keys that `matches`.
    pub(crate) fn reload_where(&self, matches: &dyn Fn(&dyn AnyKey) -> bool) -> Vec<Reload> {
        let mut posts: Vec<_> = self.0.lock().values().map(|manned| Arc::clone(&manned.post)).collect();
        posts.retain(|post| matches(&*post.key));
        posts.iter().map(|post| post.reload()).collect()
    }

    pub(super) fn leave(&self, post: &Arc<Post>) {
        let mut posts = self.0.lock();
        let Some(manned) = posts.get_mut(&*post.key).filter(|manned| Arc::ptr_eq(&manned.post, post)) else {
            return;
        };
        manned.claims -= 1;
        let left = if manned.claims == 0 { posts.remove_entry(&*post.key) } else { None };
        drop(posts);
        if left.is_some() {
            post.is_left.store(true, Ordering::Release);
            let keeper = post.keeper.lock().take();
            if let Some(keeper) = keeper {
                keeper.task.end();
            }
        }
    }
}
