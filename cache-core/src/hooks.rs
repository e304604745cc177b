//! Hooks that run before a commit, and the proposal that they get.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::event::Change;
use crate::query::Query;
use crate::reentrancy::inside;

/// The error of a hook.
pub type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) enum Hook {
    Sync(SyncHook),
    Async(AsyncHook),
}

type SyncHook = Box<dyn Fn(&Proposal) -> Result<(), BoxError> + Send + Sync>;
type AsyncHook = Box<dyn Fn(Proposal) -> HookFuture + Send + Sync>;
type HookFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// The changes that a commit is about to make. Cheap to clone.
#[derive(Clone)]
pub struct Proposal(Arc<ProposalInner>);

struct ProposalInner {
    changes: Vec<Change>,
    label: Option<Arc<str>>,
    context: Option<Arc<dyn Any + Send + Sync>>,
}

impl Proposal {
    pub(crate) fn new(
        changes: Vec<Change>,
        label: Option<Arc<str>>,
        context: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(ProposalInner { changes, label, context }))
    }

    /// Returns all changes, in the order in which the transaction first wrote their keys.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.0.changes
    }

    /// Returns the changes to the table of `Q`: key, and value unless the key is removed, touched or marked.
    pub fn of<Q: Query>(&self) -> impl Iterator<Item = (&Q, Option<&Arc<Q::Value>>)> {
        self.0.changes.iter().filter_map(Change::of::<Q>)
    }

    /// Returns the label of the transaction.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.0.label.as_deref()
    }

    /// Returns the value that the transaction was given for its hooks, if it is a `T`.
    #[must_use]
    pub fn context<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.context.as_deref()?.downcast_ref()
    }
}

impl Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proposal").field("label", &self.0.label).field("changes", &self.0.changes).finish()
    }
}

impl Hook {
    pub(crate) fn is_async(&self) -> bool {
        matches!(self, Self::Async(_))
    }
}

/// Runs the hooks in order, up to the first refusal. Waits only for async hooks.
pub(crate) async fn run(hooks: &[Hook], cache: u64, proposal: &Proposal) -> Result<(), BoxError> {
    for hook in hooks {
        match hook {
            Hook::Sync(hook) => inside(cache, || hook(proposal))?,
            Hook::Async(hook) => {
                let future = inside(cache, || hook(proposal.clone()));
                Inside { cache, future }.await?;
            }
        }
    }
    Ok(())
}

/// A hook's future that is registered as such while it is polled.
struct Inside {
    cache: u64,
    future: HookFuture,
}

impl Future for Inside {
    type Output = Result<(), BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let cache = self.cache;
        inside(cache, || self.future.as_mut().poll(cx))
    }
}
