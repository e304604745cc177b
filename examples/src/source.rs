//! Where answers come from: the graph of packages, which cargo is asked for once, when something first needs it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::graph::Graph;
use crate::project::Place;

/// The project of a run.
#[derive(Debug)]
pub struct Source {
    /// Where the project is.
    pub place: Place,
    /// Created at the first miss, with the time that this took.
    graph: OnceLock<(Graph, Duration)>,
}

impl Source {
    /// A project whose graph is not known yet.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self { place, graph: OnceLock::new() }
    }

    /// The graph. Runs cargo at the first call.
    ///
    /// # Errors
    /// If cargo fails.
    pub fn graph(&self) -> Result<&Graph, Error> {
        if let Some((graph, _)) = self.graph.get() {
            return Ok(graph);
        }
        let before = Instant::now();
        let graph = self.place.graph()?;
        Ok(&self.graph.get_or_init(|| (graph, before.elapsed())).0)
    }

    /// Whether cargo has been asked.
    #[must_use]
    pub fn has_graph(&self) -> bool {
        self.graph.get().is_some()
    }

    /// How long cargo took; `None` if it was not asked.
    #[must_use]
    pub fn took(&self) -> Option<Duration> {
        self.graph.get().map(|(_, took)| *took)
    }
}
