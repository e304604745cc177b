//! Which flight waits for which, so that a cycle is found before it closes. Knows nothing of what is loaded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::sync::Mutex;

/// Number of a flight, unique in its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FlightId(pub(crate) u64);

/// Each waiting flight, with the flights it waits for. A flight that it waits for twice is listed twice.
#[derive(Debug, Default)]
pub(crate) struct WaitGraph(Mutex<HashMap<FlightId, Vec<FlightId>>>);

impl WaitGraph {
    /// Notes that `from` waits for `to`, unless `to` waits for `from`, directly or through others. Returns whether it
    /// was noted.
    fn enter(&self, from: FlightId, to: FlightId) -> bool {
        let mut graph = self.0.lock();
        if reaches(&graph, to, from) {
            return false;
        }
        graph.entry(from).or_default().push(to);
        true
    }

    /// Whether `from` waits for `to`, directly or through others.
    pub(crate) fn waits_for(&self, from: FlightId, to: FlightId) -> bool {
        reaches(&self.0.lock(), from, to)
    }

    fn leave(&self, from: FlightId, to: FlightId) {
        let mut graph = self.0.lock();
        let Some(all) = graph.get_mut(&from) else { return };
        if let Some(at) = all.iter().position(|&other| other == to) {
            all.swap_remove(at);
        }
        if all.is_empty() {
            graph.remove(&from);
        }
    }
}

/// A wait of one flight for another. Dropping it ends the wait.
#[derive(Debug)]
pub(crate) struct WaitEdge {
    graph: Arc<WaitGraph>,
    from: FlightId,
    to: FlightId,
}

impl WaitEdge {
    /// `None` if `to` waits for `from`, directly or through others.
    pub(crate) fn begin(graph: &Arc<WaitGraph>, from: FlightId, to: FlightId) -> Option<Self> {
        graph.enter(from, to).then(|| Self { graph: Arc::clone(graph), from, to })
    }
}

impl Drop for WaitEdge {
    fn drop(&mut self) {
        self.graph.leave(self.from, self.to);
    }
}

/// Whether `from` is `to`, or waits for it, directly or through others.
fn reaches(graph: &HashMap<FlightId, Vec<FlightId>>, from: FlightId, to: FlightId) -> bool {
    let (mut seen, mut next) = (HashSet::<_, RandomState>::default(), vec![from]);
    while let Some(flight) = next.pop() {
        if flight == to {
            return true;
        }
        let others = graph.get(&flight).into_iter().flatten();
        next.extend(others.filter(|other| seen.insert(**other)));
    }
    false
}

#[cfg(all(test, not(cache_model)))]
mod tests {
    use super::*;

    const FLIGHTS: [FlightId; 4] = [FlightId(1), FlightId(2), FlightId(3), FlightId(4)];

    #[test]
    fn a_cycle_of_any_length_is_refused() {
        let [a, b, c, d] = FLIGHTS;
        let graph = WaitGraph::default();
        assert!(!graph.enter(a, a));
        assert!(graph.enter(a, b) && graph.enter(b, c) && graph.enter(a, c) && graph.enter(c, d));
        assert!(!graph.enter(d, a) && !graph.enter(c, b) && !graph.enter(b, a));
        assert!(graph.enter(a, d));
    }

    #[test]
    fn two_equal_waits_end_separately() {
        let [a, b, ..] = FLIGHTS;
        let graph = WaitGraph::default();
        assert!(graph.enter(a, b) && graph.enter(a, b));
        graph.leave(a, b);
        assert!(!graph.enter(b, a));
        graph.leave(a, b);
        assert!(graph.enter(b, a));
        graph.leave(b, a);
        assert!(graph.0.lock().is_empty());
    }

    /// A hundred thousand of each: comparing all pairs would take far too long.
    #[test]
    fn a_flight_may_wait_for_many_and_be_waited_for_by_many() {
        let (many, graph) = (100_000, WaitGraph::default());
        let last = FlightId(many + 1);
        for number in 1..=many {
            assert!(graph.enter(FlightId(0), FlightId(number)) && graph.enter(FlightId(number), last));
        }
        assert!(graph.enter(FlightId(many + 2), FlightId(0)) && !graph.enter(last, FlightId(many + 2)));
    }
}
