//! The order in which commits that change records are planned: one after another.

use std::sync::Arc;

use cache_core::CommitError;

use crate::sync::{SharedMutex, SharedMutexGuard};

/// Keeps commits that change records apart. A plan reads records and the answers that show them; no other commit may
/// change these until the plan is installed.
///
/// It is locked before the locks of tables, and never while foreign code other than `Clone`, `PartialEq` and
/// `Deserialize` of fields runs.
#[derive(Clone, Default)]
pub(crate) struct Lane(Arc<SharedMutex<Generation>>);

/// The number of commits that have changed records.
type Generation = u64;

/// The right to plan.
pub(crate) type LaneGuard = SharedMutexGuard<Generation>;

impl Lane {
    /// Waits for the plans of others.
    pub(crate) fn enter(&self) -> LaneGuard {
        self.0.lock_arc()
    }

    /// Returns what guards the commit of a plan that was made at a generation: it waits for the others, and checks that
    /// none has changed what the plan was made from. `entered` is the guard of the planner, if it was kept. `install`, if
    /// there is anything to do, is called in the lane when the commit is installed, and leaves it.
    pub(crate) fn guard(
        &self,
        planned: Generation,
        mut entered: Option<LaneGuard>,
        install: Option<Arc<dyn Fn(LaneGuard) + Send + Sync>>,
    ) -> impl FnMut() -> Result<Box<dyn FnOnce()>, CommitError> + Send + 'static {
        let lane = self.clone();
        move || {
            let mut guard = entered.take().unwrap_or_else(|| lane.enter());
            if *guard != planned {
                let key = "that the changes were made from".to_owned();
                return Err(CommitError::Conflict { table: "records", key });
            }
            let install = install.clone();
            Ok(Box::new(move || {
                *guard += 1;
                if let Some(install) = install {
                    install(guard);
                }
            }))
        }
    }
}
