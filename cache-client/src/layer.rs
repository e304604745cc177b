//! Optimistic changes: shown on top of committed values until the server has answered. Commits through [`Changes`].

pub(crate) mod registry;
pub(crate) mod stack;

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cache_core::{CommitError, Holds, Receipt};

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::erased::AnyValue;
use crate::fetch::Fetch;
use crate::mutate::changes::{Changes, Commit};
use crate::mutate::order::KeyHash;
use crate::mutate::running::RunningMutation;
use crate::store_step::AnswerKey;
use registry::{ActiveLayer, LayeredKey};
use stack::{LayerId, LayerStep};

/// Optimistic changes, shown until they are confirmed or rolled back. Dropping the layer rolls it back.
///
/// The client reads and observes committed values with the layers of the key folded over them, in the order in which
/// the layers were created. After a commit beneath them, they are folded again. Removing one layer leaves the others.
/// The cache itself, its snapshots, and the loads of other queries never see a layer.
#[must_use = "dropping a layer rolls it back"]
pub struct Layer<A: App> {
    client: Client<A>,
    active: Arc<ActiveLayer>,
    /// Orders the layer among mutations. `None` for the layer of a mutation, which is ordered itself.
    begun: Option<RunningMutation<A>>,
}

/// Collects the changes of a layer. Created by [`Client::optimistic`].
pub struct LayerEdit<A: App> {
    client: Client<A>,
    id: LayerId,
    is_off: Arc<AtomicBool>,
    keys: Vec<LayeredKey>,
}

impl<A: App> LayerEdit<A> {
    /// Changes a key. `change` receives the value without this layer, or `None` if the key has no value, and returns
    /// the value to show. Returning `None` leaves the key unchanged.
    ///
    /// `change` must be pure. It is called again after each commit of the key, at any time and by any thread, unless
    /// its last result still applies. If it panics, the key is unchanged.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// let layer = client.optimistic(|layer| {
    ///     layer.update(&GetTitle { id: 1 }, |title| Some(format!("{} (draft)", title?)));
    /// });
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One (draft)");
    ///
    /// // The layer is shown over the committed value.
    /// client.cache().insert(GetTitle { id: 1 }, "Uno".to_owned());
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno (draft)");
    /// # drop(layer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn update<Q: Fetch<A>>(
        &mut self,
        query: &Q,
        change: impl Fn(Option<&Q::Value>) -> Option<Q::Value> + Send + Sync + 'static,
    ) where
        A::Registry: Holds<Q>,
    {
        let change = move |present: Option<&(dyn Any + Send + Sync)>| -> Option<AnyValue> {
            match change(present.and_then(<dyn Any + Send + Sync>::downcast_ref)) {
                Some(value) => Some(Arc::new(value)),
                None => None,
            }
        };
        self.push(query, Arc::new(change));
    }

    /// Changes an answer of a query of unknown type, as [`update`](Self::update) does. Does nothing if the query is never
    /// loaded, so that no client reads it.
    #[doc(hidden)]
    pub fn update_answer<V: Send + Sync + 'static>(
        &mut self,
        key: &AnswerKey<A>,
        change: impl Fn(&V) -> Option<V> + Send + Sync + 'static,
    ) {
        let change = move |present: Option<&(dyn Any + Send + Sync)>| -> Option<AnyValue> {
            change(present?.downcast_ref()?).map(|value| Arc::new(value) as _)
        };
        if let Some(query) = key.query() {
            self.push(query, Arc::new(change));
        }
    }

    /// Returns the client.
    #[doc(hidden)]
    #[must_use]
    pub fn client(&self) -> &Client<A> {
        &self.client
    }

    fn push(&mut self, query: &dyn AnyQuery<A>, change: Arc<stack::LayerChange>) {
        let (query_state, key) = (Arc::clone(self.client.state_of(query)), query.to_query());
        let step = LayerStep { layer: self.id, is_off: Arc::clone(&self.is_off), change };
        // Before the step is added, so that no reader misses the step.
        self.client.layers().expect_change();
        query_state.stacks.push(key.clone(), step);
        self.keys.push(LayeredKey { query_state, key });
    }
}

impl<A: App> AnswerKey<A> {
    /// Erases the query of a key that loads may write too, so that layers can change its answer.
    #[doc(hidden)]
    #[must_use]
    pub fn of_fetched<Q: Fetch<A>>(query: Q) -> Self
    where
        A::Registry: Holds<Q>,
    {
        Self::of_answer(query)
    }
}

impl<A: App> Client<A> {
    /// Shows changes before they are confirmed. `edit` defines them. They all appear at once, when it returns.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// let layer = client.optimistic(|layer| {
    ///     layer.update(&GetTitle { id: 1 }, |_| Some("uno".to_owned()));
    /// });
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "uno");
    ///
    /// // The server answers.
    /// layer.confirm(|changes| {
    ///     changes.set(GetTitle { id: 1 }, "Uno".to_owned());
    /// }).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub fn optimistic(&self, edit: impl FnOnce(&mut LayerEdit<A>)) -> Layer<A> {
        let mut layer = self.add_layer(edit);
        layer.begun = Some(RunningMutation::new(self, None, Vec::new()));
        layer
    }

    /// [`optimistic`](Self::optimistic) for a mutation.
    pub(crate) fn add_layer(&self, edit: impl FnOnce(&mut LayerEdit<A>)) -> Layer<A> {
        let layers = self.layers();
        let (id, is_off) = (layers.next_id(), Arc::new(AtomicBool::new(true)));
        let mut new = LayerEdit { client: self.clone(), id, is_off: Arc::clone(&is_off), keys: Vec::new() };
        edit(&mut new);
        let keys = std::mem::take(&mut new.keys);
        let active = layers.add(ActiveLayer { id, is_off, keys });
        Layer { client: self.clone(), active, begun: None }
    }

    /// Folds the layers over an answer again, and shows its observers the result: something has changed that the
    /// changes of a layer depend on, besides the value beneath them.
    #[doc(hidden)]
    pub fn fold_again(&self, key: &AnswerKey<A>) {
        if let Some(query) = key.query()
            && let Some(query_state) = self.existing_query_state(query)
        {
            query_state.stacks.fold_again(query);
            query_state.observed.notify(query);
        }
    }

    /// Rolls back all layers. Returns how many there were.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// let layer = client.optimistic(|layer| {
    ///     layer.update(&GetTitle { id: 1 }, |_| Some("Uno".to_owned()));
    /// });
    /// assert_eq!(client.rollback_all(), 1);
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// # drop(layer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rollback_all(&self) -> usize {
        self.layers().remove_all()
    }

    /// Returns how many layers are neither confirmed nor rolled back.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let layer = client.optimistic(|layer| {
    ///     layer.update(&GetTitle { id: 1 }, |_| Some("Uno".to_owned()));
    /// });
    /// assert_eq!(client.pending(), 1);
    /// layer.rollback();
    /// assert_eq!(client.pending(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn pending(&self) -> usize {
        self.layers().pending()
    }
}

impl<A: App> Layer<A> {
    /// Commits confirmed changes and removes the layer in one step: no observer of a written key sees both, or neither.
    /// The layer is also removed if the commit fails, or the future is dropped.
    ///
    /// `change` runs again if another commit has changed what it has read. The `before_commit` hooks run. A key that
    /// `change` only marks is shown as it was before the layer, until it has been loaded.
    ///
    /// A layer counts as a [mutation](crate::Mutate) that begins when the layer is created. If a mutation that began
    /// later has already committed a key, the key is marked and loaded, so that the state of the server is shown.
    ///
    /// # Errors
    /// Same as [`Transaction::commit_async`](cache_core::Transaction::commit_async). On an error nothing is committed.
    ///
    /// # Cancellation
    /// Dropping the future before it is done commits nothing, and removes the layer.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let layer = client.optimistic(|layer| {
    ///     layer.update(&GetTitle { id: 1 }, |_| Some("uno".to_owned()));
    /// });
    /// layer.confirm(|changes| {
    ///     changes.set(GetTitle { id: 1 }, "Uno".to_owned());
    /// }).await?;
    /// assert_eq!(client.pending(), 0);
    /// assert_eq!(*client.cache().get(&GetTitle { id: 1 }).unwrap(), "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn confirm(
        self,
        change: impl Fn(&mut Changes<A>) + Send,
    ) -> Result<Receipt<A::Registry>, CommitError> {
        let begun = self.begun.as_ref();
        let commit = Commit { layer: Some(self.off_flag()), begun, ..Commit::of(&self.client) };
        commit.run(change).await
    }

    /// The flag that is set by the commit that replaces the layer.
    pub(crate) fn off_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.active.is_off)
    }

    /// The keys that the layer changes.
    pub(crate) fn keys(&self) -> Vec<KeyHash> {
        self.active.keys.iter().map(|key| key.key.wide_hash()).collect()
    }

    /// Removes the layer. The others stay, on the committed values.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// let layer = client.optimistic(|layer| {
    ///     layer.update(&GetTitle { id: 1 }, |_| Some("Uno".to_owned()));
    /// });
    /// layer.rollback();
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "One");
    /// # Ok(())
    /// # }
    /// ```
    pub fn rollback(self) {}
}

impl<A: App> Drop for Layer<A> {
    fn drop(&mut self) {
        self.client.layers().remove(self.active.id);
    }
}

impl<A: App> Drop for LayerEdit<A> {
    /// Removes changes that were made before a panic.
    fn drop(&mut self) {
        self.client.layers().forget(self.id, &self.keys);
    }
}

impl<A: App> Debug for Layer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ActiveLayer { id, keys, .. } = &*self.active;
        f.debug_struct("Layer").field("id", &id.0).field("keys", &keys.len()).finish_non_exhaustive()
    }
}

impl<A: App> Debug for LayerEdit<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerEdit").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
