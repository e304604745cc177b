//! The internals of a context: what it shares with its tree, and what belongs to it and its children.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use cache_core::client_support::{AnyKey, AnyTableRef, AnyWatch, ValueHandle};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep};

use super::memo::Memo;
use super::shared_load::SharedLoad;
use crate::app::App;
use crate::batch::queue::BatchQueues;
use crate::client::Client;
use crate::concurrency::LoadSlot;
use crate::erased::{AnyValue, Outcome};
use crate::flight::wait_graph::FlightId;
use crate::flight::waiter::CallOrigin;
use crate::notes::LoadNotes;
use crate::token::Token;

/// One context.
pub(crate) struct Node<A: App> {
    pub(crate) client: Client<A>,
    pub(crate) name: ContextName,
    /// Created at the first use, since most loads and some requests do not need it.
    tree: OnceLock<Arc<Tree>>,
    parent: Parent<A>,
    /// Cancelled with the tree. If it is not the token of the whole tree, it is also cancelled by whatever notices that
    /// the deadline has passed.
    pub(crate) token: Token,
    deadline: Option<Deadline>,
    /// Whether the context, together with its children, bypasses the cache.
    is_disabled: AtomicBool,
    /// Whether the context, together with its children, hides optimistic layers.
    pub(crate) hides_layers: bool,
    /// The flight whose load the context is a part of.
    pub(crate) flight: Option<FlightId>,
    /// The slot of that load, if it needs one.
    pub(crate) slot: Option<Arc<LoadSlot>>,
    replacements: Replacements,
}

/// The name of a context.
#[derive(Clone, Debug)]
pub(crate) enum ContextName {
    Given(Arc<str>),
    /// The name of the query that it loads.
    Query(&'static str),
}

impl Deref for ContextName {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Given(name) => name,
            Self::Query(name) => name,
        }
    }
}

/// When a context ends, and the runtime that measures this for callers outside of one.
#[derive(Clone, Debug)]
struct Deadline {
    at: Instant,
    runtime: Handle,
}

impl Deadline {
    /// Of a caller in a runtime. Panics outside of one.
    fn new(at: Instant) -> Self {
        Self { at, runtime: Handle::current() }
    }

    fn has_passed(&self) -> bool {
        self.at <= Instant::now()
    }

    /// Waits on the runtime of the caller, since that of the deadline may not run.
    fn sleep(&self) -> Sleep {
        let _entered = Handle::try_current().is_err().then(|| self.runtime.enter());
        tokio::time::sleep_until(self.at)
    }
}

/// When a context ends, apart from the context.
#[derive(Clone, Debug)]
pub(crate) struct ContextEnd {
    token: Token,
    deadline: Option<Deadline>,
    /// Whether the token is that of the whole tree, which a deadline does not cancel.
    is_of_tree: bool,
}

impl ContextEnd {
    fn note_deadline(&self) {
        if !self.is_of_tree {
            self.token.cancel();
        }
    }

    /// Waits until the context is cancelled or its deadline has passed.
    pub(crate) async fn reached(&self) {
        let Some(deadline) = &self.deadline else { return self.token.cancelled().await };
        tokio::select! {
            () = self.token.cancelled() => {}
            () = deadline.sleep() => self.note_deadline(),
        }
    }
}

/// What the contexts of a tree share.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) memo: Memo,
    /// Keys that the tree is about to load for itself alone.
    pub(crate) batch_queues: BatchQueues,
    /// Cancels the whole request.
    pub(crate) token: Token,
    presets: Presets,
    /// The tree whose presets this one shares, if its answers differ.
    of: Option<Arc<Self>>,
}

impl Tree {
    /// The tree of a request, or of a shared load, which has a flight.
    fn of(token: Token, flight: Option<FlightId>) -> Self {
        let load = flight.map(SharedLoad::new);
        Self { token, presets: Presets { load, ..Presets::default() }, ..Self::default() }
    }

    /// Whether answers of the tree or a child were preset or replaced, so that its answers must not be stored.
    fn has_own_answers(&self) -> bool {
        let Presets { any_exist, is_replaced, .. } = self.presets();
        any_exist.load(Ordering::Acquire) || is_replaced.load(Ordering::Acquire)
    }

    /// Notes what a shared load has read of a key, to be compared when its answer is stored. `watch` is that of the
    /// load that gave the answer. `was_marked` says whether the answer was known to be out of date.
    pub(crate) fn note_read(
        &self,
        home: AnyTableRef,
        key: &dyn AnyKey,
        value: Option<ValueHandle>,
        was_marked: bool,
        watch: Option<&AnyWatch>,
    ) {
        if let Some(load) = self.load() {
            load.note(|notes| notes.inputs.note_any(home, key, value, was_marked, watch));
        }
    }

    /// Whether this is the tree of a shared load.
    pub(crate) fn notes_reads(&self) -> bool {
        self.load().is_some()
    }

    /// Replaces the notes of the load.
    pub(crate) fn put_notes(&self, new: LoadNotes) {
        if let Some(load) = self.load() {
            drop(load.replace(new));
        }
    }

    /// The shared load that the tree belongs to.
    pub(super) fn load(&self) -> Option<&SharedLoad> {
        self.presets().load.as_ref()
    }

    /// The same request, for contexts with other answers.
    fn with_own_memo(self: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self { token: self.token.clone(), of: Some(self.owner()), ..Self::default() })
    }

    /// The tree that owns the presets of this one.
    fn owner(self: &Arc<Self>) -> Arc<Self> {
        Arc::clone(self.of.as_ref().unwrap_or(self))
    }

    /// The preset answers of the tree, and what it has read if it belongs to a load.
    fn presets(&self) -> &Presets {
        match &self.of {
            Some(of) => &of.presets,
            None => &self.presets,
        }
    }
}

#[derive(Default)]
struct Presets {
    memo: Memo,
    /// Set with the first preset, so that trees without presets need not look for one.
    any_exist: AtomicBool,
    /// Whether something is replaced in any of the trees that share these presets.
    is_replaced: AtomicBool,
    /// `None` if the tree is not that of a shared load. Its answers are not stored then.
    load: Option<SharedLoad>,
}

/// Answers a query in place of its load.
pub(crate) type Replacement = dyn Fn(&dyn AnyKey) -> Outcome + Send + Sync;

/// The replacements by the type of the query; `None` if nothing is replaced.
pub(crate) type Replacements = Option<Arc<HashMap<TypeId, Arc<Replacement>>>>;

/// What a context may do with the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) reads: bool,
    /// Loads belong to the tree alone: they are neither shared nor stored.
    pub(crate) is_private: bool,
    pub(crate) checks_options: bool,
    /// Stale values are not returned, since an answer is being built.
    pub(crate) fresh_only: bool,
}

impl Access {
    /// The access of a caller without a context.
    pub(crate) const PLAIN: Self =
        Self { reads: true, is_private: false, checks_options: true, fresh_only: false };
}

impl<A: App> Node<A> {
    /// Creates the root of a tree that ends with `token`. `flight` is its flight, if it belongs to one.
    pub(crate) fn root(
        client: Client<A>,
        name: ContextName,
        token: Token,
        flight: Option<FlightId>,
    ) -> Arc<Self> {
        let tree = Arc::new(Tree { token: token.clone(), ..Tree::default() });
        Arc::new(Self { tree: OnceLock::from(tree), ..Self::top(client, name, token, flight, None) })
    }

    /// Creates the first context of a request, which may have a deadline.
    pub(crate) fn of_request(client: Client<A>, name: Arc<str>, deadline: Option<Instant>) -> Arc<Self> {
        let deadline = deadline.map(Deadline::new);
        let top = Self::top(client, ContextName::Given(name), Token::default(), None, None);
        Arc::new(Self { deadline, ..top })
    }

    /// Creates the context of a shared load, which ends with `token`.
    pub(crate) fn of_load(
        client: Client<A>,
        query: &'static str,
        token: Token,
        flight: FlightId,
        slot: Option<Arc<LoadSlot>>,
    ) -> Arc<Self> {
        Arc::new(Self::top(client, ContextName::Query(query), token, Some(flight), slot))
    }

    fn top(
        client: Client<A>,
        name: ContextName,
        token: Token,
        flight: Option<FlightId>,
        slot: Option<Arc<LoadSlot>>,
    ) -> Self {
        Self {
            client,
            name,
            tree: OnceLock::new(),
            parent: Parent(None),
            token,
            deadline: None,
            is_disabled: AtomicBool::new(false),
            hides_layers: false,
            flight,
            slot,
            replacements: None,
        }
    }

    /// Whether it has no parent.
    pub(crate) fn is_root(&self) -> bool {
        self.parent.0.is_none()
    }

    /// Creates a child of `parent`.
    fn child_of(parent: &Arc<Self>, name: ContextName) -> Self {
        Self {
            client: parent.client.clone(),
            name,
            tree: OnceLock::from(Arc::clone(parent.tree())),
            parent: Parent(Some(Arc::clone(parent))),
            token: parent.token.clone(),
            deadline: parent.deadline.clone(),
            is_disabled: AtomicBool::new(false),
            hides_layers: parent.hides_layers,
            flight: parent.flight,
            slot: parent.slot.clone(),
            replacements: parent.replacements.clone(),
        }
    }

    pub(crate) fn below(parent: &Arc<Self>, name: ContextName) -> Arc<Self> {
        Arc::new(Self::child_of(parent, name))
    }

    /// Creates the context of a load that belongs to the tree of `parent` alone.
    pub(crate) fn of_flight(
        parent: &Arc<Self>,
        token: Token,
        flight: FlightId,
        slot: Option<Arc<LoadSlot>>,
    ) -> Arc<Self> {
        let name = parent.name.clone();
        Arc::new(Self { token, flight: Some(flight), slot, ..Self::child_of(parent, name) })
    }

    /// Creates the context of a mutation. It shares the presets of its request, but neither its memo nor its
    /// cancellation.
    pub(crate) fn of_mutation(parent: &Arc<Self>, token: Token, flight: FlightId) -> Arc<Self> {
        let of = Some(parent.tree().owner());
        let tree = Tree { token: token.clone(), of, ..Tree::default() };
        let name = parent.name.clone();
        Arc::new(Self {
            tree: OnceLock::from(Arc::new(tree)),
            token,
            deadline: None,
            flight: Some(flight),
            slot: None,
            ..Self::child_of(parent, name)
        })
    }

    pub(crate) fn until(parent: &Arc<Self>, deadline: Instant) -> Arc<Self> {
        let (token, own) = (parent.token.child(), Deadline::new(deadline));
        if own.has_passed() {
            token.cancel();
        }
        let earlier = parent.deadline.clone().filter(|earlier| earlier.at <= deadline);
        let (deadline, name) = (Some(earlier.unwrap_or(own)), parent.name.clone());
        Arc::new(Self { token, deadline, ..Self::child_of(parent, name) })
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.as_ref().map(|deadline| deadline.at)
    }

    /// Whether the context was cancelled, or its deadline has passed.
    pub(crate) fn has_ended(&self) -> bool {
        if self.token.is_cancelled() {
            return true;
        }
        let is_late = self.deadline.as_ref().is_some_and(Deadline::has_passed);
        if is_late {
            self.end().note_deadline();
        }
        is_late
    }

    /// Waits until the context is cancelled or its deadline has passed.
    pub(crate) async fn ended(&self) {
        self.end().reached().await;
    }

    /// When the context ends, for code that does not keep it.
    pub(crate) fn end(&self) -> ContextEnd {
        let is_of_tree = self.token.is(self.request());
        ContextEnd { token: self.token.clone(), deadline: self.deadline.clone(), is_of_tree }
    }

    /// Creates a child of `parent` with replacements for the queries of a type.
    pub(crate) fn replacing(parent: &Arc<Self>, query: TypeId, replacement: Arc<Replacement>) -> Arc<Self> {
        let mut replacements = parent.replacements.as_deref().cloned().unwrap_or_default();
        replacements.insert(query, replacement);
        parent.tree().presets().is_replaced.store(true, Ordering::Release);
        let (tree, replacements) = (parent.tree().with_own_memo(), Some(Arc::new(replacements)));
        let name = parent.name.clone();
        Arc::new(Self { tree: OnceLock::from(tree), replacements, ..Self::child_of(parent, name) })
    }

    pub(crate) fn without_layers(parent: &Arc<Self>) -> Arc<Self> {
        let (tree, name) = (parent.tree().with_own_memo(), parent.name.clone());
        Arc::new(Self { tree: OnceLock::from(tree), hides_layers: true, ..Self::child_of(parent, name) })
    }

    pub(crate) fn replacement(&self, key: &dyn AnyKey) -> Option<&Arc<Replacement>> {
        self.replacements.as_ref()?.get(&key.type_id())
    }

    pub(crate) fn disable_cache(&self) {
        self.is_disabled.store(true, Ordering::Release);
    }

    pub(crate) fn is_cache_enabled(&self) -> bool {
        let mut node = Some(self);
        while let Some(here) = node {
            if here.is_disabled.load(Ordering::Acquire) {
                return false;
            }
            node = here.parent.0.as_deref();
        }
        true
    }

    /// What the context may do with the cache now.
    pub(crate) fn access(&self) -> Access {
        let is_cache_enabled = self.is_cache_enabled();
        let replaces = self.replacements.is_some();
        Access {
            reads: is_cache_enabled && !replaces,
            is_private: !is_cache_enabled || replaces || self.has_presets(),
            checks_options: is_cache_enabled,
            fresh_only: self.flight.is_some(),
        }
    }

    /// The context as the origin of a call.
    pub(crate) fn origin(&self) -> CallOrigin<'_> {
        let flight = self.flight.map(|flight| (self.client.wait_graph(), flight));
        CallOrigin { tree: self.request(), flight }
    }

    /// What the contexts of the tree share.
    pub(crate) fn tree(&self) -> &Arc<Tree> {
        self.tree.get_or_init(|| Arc::new(Tree::of(self.token.clone(), self.flight)))
    }

    /// The token of the whole request.
    pub(crate) fn request(&self) -> &Token {
        self.tree.get().map_or(&self.token, |tree| &tree.token)
    }

    /// The shared load of the tree, if there is one and its code has used its context.
    pub(super) fn used_load(&self) -> Option<&SharedLoad> {
        self.tree.get()?.load()
    }

    /// Whether answers of the context must not be stored.
    pub(crate) fn has_own_answers(&self) -> bool {
        self.tree.get().is_some_and(|tree| tree.has_own_answers())
    }

    /// Whether answers were preset in the tree.
    fn has_presets(&self) -> bool {
        self.tree.get().is_some_and(|tree| tree.presets().any_exist.load(Ordering::Acquire))
    }

    /// Whether the context may use the shared answers of the cache.
    pub(crate) fn may_answer_at_once(&self) -> bool {
        self.replacements.is_none() && !self.has_presets() && self.is_cache_enabled()
    }

    /// The answer that was preset in the tree, or that the tree has received.
    pub(crate) fn answer(&self, key: &dyn AnyKey) -> Option<AnyValue> {
        let presets = self.tree().presets();
        if presets.any_exist.load(Ordering::Acquire)
            && let Some(value) = presets.memo.answer(key)
        {
            return Some(value);
        }
        self.tree().memo.answer(key)
    }

    /// Presets an answer in the tree. Returns whether the tree had none.
    pub(crate) fn preset(&self, key: &Arc<dyn AnyKey>, value: AnyValue) -> bool {
        let is_requested = self.tree().memo.with(|entries| entries.contains_key(&**key));
        if is_requested {
            return false;
        }
        let presets = self.tree().presets();
        let is_first = presets.memo.preset(key, value);
        presets.any_exist.store(true, Ordering::Release);
        is_first
    }
}

/// The parent context.
struct Parent<A: App>(Option<Arc<Node<A>>>);

impl<A: App> Drop for Parent<A> {
    /// Drops the ancestors one by one, not recursively, since there may be any number.
    fn drop(&mut self) {
        let mut above = self.0.take();
        while let Some(mut node) = above.and_then(Arc::into_inner) {
            above = node.parent.0.take();
        }
    }
}

tokio::task_local! {
    /// The current context: a `Node` of any app.
    static CURRENT: Arc<dyn Any + Send + Sync>;
}

/// Runs a future in a context.
pub(crate) fn scoped<A: App, F: Future + Send>(
    node: Arc<Node<A>>,
    future: F,
) -> impl Future<Output = F::Output> + Send {
    CURRENT.scope(node, future)
}

/// Calls a function in a context.
pub(crate) fn entered<A: App, T>(node: Arc<Node<A>>, call: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(node, call)
}

/// The current context.
pub(crate) fn current<A: App>() -> Option<Arc<Node<A>>> {
    CURRENT.try_with(Arc::clone).ok()?.downcast().ok()
}
