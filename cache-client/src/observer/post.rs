//! The observed keys of one query: how many observe each, and what its keeper is told to do. Starts no task.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cache_core::Query;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::notice::Notice;
use super::snapshot::Snapshot;
use crate::plan::Plan;
use crate::runtime::{ClientRuntime, EndableTask, TaskRuntime};

/// The observed keys of one query.
pub(crate) struct Posts<Q: Query, E>(Mutex<HashMap<Q, Manned<Q, E>, RandomState>>);

struct Manned<Q: Query, E> {
    post: Arc<Post<Q, E>>,
    /// How many observe the key.
    claims: usize,
}

/// One observed key.
pub(crate) struct Post<Q: Query, E> {
    pub(crate) key: Q,
    pub(crate) notice: Notice<Arc<Snapshot<Q::Value, E>>>,
    /// Wakes the newest keeper, whose number stands with it. Each has one of its own: one that is idle would take the
    /// wake-ups of the next.
    bell: Mutex<(u64, Arc<Doorbell>)>,
    plans: Mutex<Plans>,
    reloads: Mutex<Reloads>,
    /// The last keeper.
    keeper: Mutex<Option<KeeperTask>>,
    /// Nobody observes the key any more.
    is_left: AtomicBool,
}

/// The options of those who observe a key.
#[derive(Default)]
struct Plans {
    /// Each with how many have it.
    present: Vec<(Plan, usize)>,
    /// Of those who have begun since the keeper has looked, in their order.
    arrived: Vec<Plan>,
}

/// Who wants to know when the key has been loaded again. Each is dropped when it has.
#[derive(Default)]
struct Reloads {
    /// The keeper has not heard of them.
    asked: Vec<oneshot::Sender<()>>,
    begun: Vec<oneshot::Sender<()>>,
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

/// How one keeper is woken. Shared with the cache, which must not keep the post.
#[derive(Debug, Default)]
pub(crate) struct Doorbell {
    is_changed: AtomicBool,
    rung: Notify,
}

impl Doorbell {
    /// Something has happened to the key.
    pub(crate) fn change(&self) {
        self.is_changed.store(true, Ordering::Release);
        self.ring();
    }

    pub(crate) fn ring(&self) {
        self.rung.notify_one();
    }

    /// Whether something has happened to the key since the last call.
    pub(crate) fn take_change(&self) -> bool {
        self.is_changed.swap(false, Ordering::AcqRel)
    }

    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }
}

impl<Q: Query, E> Post<Q, E> {
    fn new(key: Q) -> Self {
        let (notice, bell) = (Notice::new(Arc::new(Snapshot::empty())), Mutex::default());
        let (plans, reloads, keeper) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { key, notice, bell, plans, reloads, keeper, is_left: AtomicBool::new(false) }
    }

    /// The bell of a keeper, which is rung from now on unless a newer keeper has one.
    pub(super) fn bell_of(&self, keeper: u64) -> Arc<Doorbell> {
        let made = Arc::new(Doorbell::default());
        let mut newest = self.bell.lock();
        if newest.0 < keeper {
            *newest = (keeper, Arc::clone(&made));
        }
        made
    }

    /// Has the keeper look.
    fn ring(&self) {
        let bell = Arc::clone(&self.bell.lock().1);
        bell.ring();
    }

    /// Tells the keeper that somebody has begun to observe the key.
    pub(super) fn start(&self, plan: Plan) {
        let mut plans = self.plans.lock();
        match plans.present.iter_mut().find(|(present, _)| *present == plan) {
            Some((_, count)) => *count += 1,
            None => plans.present.push((plan, 1)),
        }
        plans.arrived.push(plan);
        drop(plans);
        self.ring();
    }

    /// Tells the keeper that somebody observes the key no more.
    pub(super) fn end(&self, plan: &Plan) {
        let mut plans = self.plans.lock();
        if let Some(at) = plans.present.iter().position(|(present, _)| present == plan) {
            plans.present[at].1 -= 1;
            if plans.present[at].1 == 0 {
                plans.present.swap_remove(at);
            }
        }
        drop(plans);
        self.ring();
    }

    /// The options of those who observe the key, each once, and of those who have begun since the last call.
    pub(crate) fn plans(&self) -> (Vec<Plan>, Vec<Plan>) {
        let mut plans = self.plans.lock();
        let arrived = std::mem::take(&mut plans.arrived);
        (plans.present.iter().map(|(plan, _)| *plan).collect(), arrived)
    }

    /// Has the key loaded again, if it is marked or missing.
    fn reload(&self) -> Reload {
        let (sender, receiver) = oneshot::channel();
        self.reloads.lock().asked.push(sender);
        self.ring();
        let runtime = self.keeper.lock().as_ref().map(|keeper| keeper.runtime.clone());
        Reload { done: receiver, runtime }
    }

    /// Whether a load was asked for since the last call.
    pub(crate) fn begin_reloads(&self) -> bool {
        let mut reloads = self.reloads.lock();
        let Reloads { asked, begun } = &mut *reloads;
        let is_asked = !asked.is_empty();
        begun.append(asked);
        is_asked
    }

    /// Tells those whose loads were begun that nothing is being loaded any more.
    pub(crate) fn end_reloads(&self) {
        let begun = std::mem::take(&mut self.reloads.lock().begun);
        drop(begun);
    }

    /// Gives up all loads that were asked for.
    pub(crate) fn drop_reloads(&self) {
        let reloads = std::mem::take(&mut *self.reloads.lock());
        drop(reloads);
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

    /// Number of the last keeper, and where it runs.
    pub(crate) fn keeper(&self) -> Option<(u64, TaskRuntime)> {
        self.keeper.lock().as_ref().map(|keeper| (keeper.number, keeper.runtime.clone()))
    }

    pub(crate) fn is_left(&self) -> bool {
        self.is_left.load(Ordering::Acquire)
    }
}

impl<Q: Query, E> Posts<Q, E> {
    /// Counts one who observes a key. Returns its post, which may need a keeper.
    pub(super) fn enter(&self, key: &Q) -> Arc<Post<Q, E>> {
        let mut posts = self.0.lock();
        if let Some(manned) = posts.get_mut(key) {
            manned.claims += 1;
            return Arc::clone(&manned.post);
        }
        let post = Arc::new(Post::new(key.clone()));
        posts.insert(key.clone(), Manned { post: Arc::clone(&post), claims: 1 });
        post
    }

    /// Has a key loaded again, if it is observed.
    pub(crate) fn reload(&self, key: &Q) -> Option<Reload> {
        let post = self.0.lock().get(key).map(|manned| Arc::clone(&manned.post))?;
        Some(post.reload())
    }

    /// Has the observers of a key look again, without a load.
    pub(crate) fn ring(&self, key: &Q) {
        let post = self.0.lock().get(key).map(|manned| Arc::clone(&manned.post));
        if let Some(post) = post {
            post.ring();
        }
    }

    /// [`reload`](Self::reload) for all keys that `matches`.
    pub(crate) fn reload_where(&self, matches: impl Fn(&Q) -> bool) -> Vec<Reload> {
        let mut posts: Vec<_> = self.0.lock().values().map(|manned| Arc::clone(&manned.post)).collect();
        posts.retain(|post| matches(&post.key));
        posts.iter().map(|post| post.reload()).collect()
    }

    pub(super) fn leave(&self, post: &Arc<Post<Q, E>>) {
        let mut posts = self.0.lock();
        let Some(manned) = posts.get_mut(&post.key).filter(|manned| Arc::ptr_eq(&manned.post, post)) else {
            return;
        };
        manned.claims -= 1;
        let left = if manned.claims == 0 { posts.remove_entry(&post.key) } else { None };
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

impl<Q: Query, E> Default for Posts<Q, E> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::default()))
    }
}
