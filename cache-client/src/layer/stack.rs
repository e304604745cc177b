//! The optimistic changes of one query, key by key, and the values that result. Knows nothing of caches.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use cache_core::client_support::AnyKey;

use crate::erased::{AnyValue, KeyMap};
use crate::sync::Mutex;

/// The change of one key by one layer. `None` leaves the key unchanged.
pub(crate) type LayerChange = dyn Fn(Option<&(dyn Any + Send + Sync)>) -> Option<AnyValue> + Send + Sync;

/// Number of a layer, unique in its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LayerId(pub(crate) u64);

/// What one layer does to one key.
#[derive(Clone)]
pub(crate) struct LayerStep {
    pub(crate) layer: LayerId,
    /// Whether the layer is removed, or not added yet. Set by the commit that replaces the layer, while it holds its
    /// locks.
    pub(crate) is_off: Arc<AtomicBool>,
    pub(crate) change: Arc<LayerChange>,
}

impl LayerStep {
    fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Acquire)
    }
}

/// The optimistic changes of one query.
#[derive(Default)]
pub(crate) struct LayerStacks(Mutex<KeyMap<LayerStack>>);

struct LayerStack {
    /// In the order in which they were added. Never empty.
    steps: Vec<LayerStep>,
    /// The last result of the steps.
    folded: Option<FoldedValue>,
    /// How often something else has changed that the result depends on.
    generation: u64,
}

/// The result of some steps over a base value.
struct FoldedValue {
    steps: Vec<LayerId>,
    /// Identifies the base value without keeping it alive. While this exists, its address is not reused.
    base: Option<Weak<dyn Any + Send + Sync>>,
    result: Option<AnyValue>,
}

/// The steps of a key at one moment.
pub(crate) struct LayerSteps {
    steps: Box<[LayerStep]>,
    generation: u64,
}

impl LayerSteps {
    /// Whether one of the layers was removed since then, so that a value read meanwhile may be from before or after the
    /// removal.
    fn is_outdated(&self) -> bool {
        self.steps.iter().any(LayerStep::is_off)
    }

    fn layers(&self) -> Vec<LayerId> {
        self.steps.iter().map(|step| step.layer).collect()
    }

    /// The result of the steps; `None` if all leave the value unchanged. Foreign code: no lock may be held. A step that
    /// panics leaves the value unchanged.
    fn fold(&self, base: Option<&(dyn Any + Send + Sync)>) -> Option<AnyValue> {
        let mut result: Option<AnyValue> = None;
        for step in &self.steps {
            let present = result.as_deref().or(base);
            let made = catch_unwind(AssertUnwindSafe(|| (step.change)(present)));
            if let Ok(Some(made)) = made {
                result = Some(made);
            }
        }
        result
    }
}

/// A committed value, and the result of the layers over it.
pub(crate) struct Layered<T> {
    pub(crate) base: Option<T>,
    /// `None` if the layers leave the value unchanged.
    pub(crate) folded: Option<AnyValue>,
}

impl LayerStacks {
    /// The current steps of a key.
    pub(crate) fn steps(&self, key: &dyn AnyKey) -> Option<LayerSteps> {
        let stacks = self.0.lock();
        let stack = stacks.get(key)?;
        let steps: Box<[_]> = stack.steps.iter().filter(|step| !step.is_off()).cloned().collect();
        let generation = stack.generation;
        drop(stacks);
        (!steps.is_empty()).then_some(LayerSteps { steps, generation })
    }

    /// The committed value of a key, which `read` returns, and the result of its steps over it. Both are of the same
    /// moment: the result never contains both a layer and the commit that replaces it, nor neither of them.
    pub(crate) fn read<T>(
        &self,
        key: &dyn AnyKey,
        read: impl Fn() -> Option<T>,
        value: impl Fn(&T) -> &AnyValue,
    ) -> Layered<T> {
        loop {
            let steps = self.steps(key);
            let base = read();
            let Some(steps) = steps else { return Layered { base, folded: None } };
            if steps.is_outdated() {
                continue;
            }
            let folded = self.fold(key, &steps, base.as_ref().map(value));
            return Layered { base, folded };
        }
    }

    /// Applies the steps to a value that was read after `seen`. `again` reads the value again if a layer was removed
    /// meanwhile.
    pub(crate) fn apply(
        &self,
        key: &dyn AnyKey,
        seen: Option<&LayerSteps>,
        value: AnyValue,
        again: impl Fn() -> Option<AnyValue>,
    ) -> AnyValue {
        let current = || {
            let newer = if seen.is_some_and(LayerSteps::is_outdated) { again() } else { None };
            newer.or_else(|| Some(Arc::clone(&value)))
        };
        let Layered { base, folded } = self.read(key, current, |base| base);
        folded.or(base).unwrap_or(value)
    }

    fn fold(&self, key: &dyn AnyKey, steps: &LayerSteps, base: Option<&AnyValue>) -> Option<AnyValue> {
        let layers = steps.layers();
        if let Some(folded) = self.0.lock().get(key).and_then(|stack| stack.folded.as_ref())
            && folded.is_of(&layers, base)
        {
            return folded.result.clone();
        }
        let result = steps.fold(base.map(|base| &**base));
        let folded = FoldedValue { steps: layers, base: base.map(Arc::downgrade), result: result.clone() };
        // Declared before the guard, so that it is dropped after it.
        let _replaced;
        let mut stacks = self.0.lock();
        _replaced = match stacks.get_mut(key) {
            Some(stack) if stack.generation == steps.generation => stack.folded.replace(folded),
            _ => Some(folded),
        };
        drop(stacks);
        result
    }

    pub(crate) fn push(&self, key: Arc<dyn AnyKey>, step: LayerStep) {
        let mut stacks = self.0.lock();
        let stack = stacks.entry(key).or_insert_with(|| LayerStack {
            steps: Vec::new(),
            folded: None,
            generation: 0,
        });
        stack.steps.push(step);
    }

    /// Makes the next read of a key fold its steps again, since something else has changed that they depend on. A
    /// result that is being made meanwhile is not kept.
    pub(crate) fn fold_again(&self, key: &dyn AnyKey) {
        // Declared before the guard, so that it is dropped after it.
        let _folded;
        let mut stacks = self.0.lock();
        let Some(stack) = stacks.get_mut(key) else { return };
        stack.generation += 1;
        _folded = stack.folded.take();
    }

    /// Removes the steps of a layer from a key.
    pub(crate) fn remove(&self, key: &dyn AnyKey, layer: LayerId) {
        // Declared before the guard, so that they are dropped after it.
        let (mut _steps, mut _stack) = (Vec::new(), None);
        let mut stacks = self.0.lock();
        let Some(stack) = stacks.get_mut(key) else { return };
        _steps = stack.steps.extract_if(.., |step| step.layer == layer).collect();
        if stack.steps.is_empty() {
            _stack = stacks.remove_entry(key);
        }
    }
}

impl FoldedValue {
    fn is_of(&self, layers: &[LayerId], base: Option<&AnyValue>) -> bool {
        let is_same_base = match (&self.base, base) {
            (None, None) => true,
            (Some(known), Some(base)) => std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(base)),
            _ => false,
        };
        is_same_base && self.steps == layers
    }
}
