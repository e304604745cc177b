//! Stands in for the runtimes of the client: every caller is on another one than the load, and may take it over.

#[derive(Clone, Debug)]
pub(crate) struct TaskRuntime;

impl TaskRuntime {
    pub(crate) fn is_elsewhere(&self) -> bool {
        true
    }
}
