//! Which flight waits for which, so that a circle is found before it closes. Knows nothing of what is loaded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::sync::Mutex;

/// Number of a flight, unique in its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FlightId(pub(crate) u64);

/// Each flight that waits, with all it waits for; one that is waited for twice stands there twice.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<HashMap<FlightId, Vec<FlightId>>>);

impl Waits {
    /// Notes that `from` waits for `to`, unless `to` waits for `from`, by way of others perhaps. Returns whether it did.
    fn enter(&self, from: FlightId, to: FlightId) -> bool {
        let mut waits = self.0.lock();
        if leads(&waits, to, from) {
            return false;
        }
        waits.entry(from).or_default().push(to);
        true
    }

    /// Whether `from` waits for `to`, by way of others perhaps.
    pub(crate) fn waits_for(&self, from: FlightId, to: FlightId) -> bool {
        leads(&self.0.lock(), from, to)
    }

    fn leave(&self, from: FlightId, to: FlightId) {
        let mut waits = self.0.lock();
        let Some(all) = waits.get_mut(&from) else { return };
        if let Some(at) = all.iter().position(|&other| other == to) {
            all.swap_remove(at);
        }
        if all.is_empty() {
            waits.remove(&from);
        }
    }
}

/// That one flight waits for another. Over when dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    waits: Arc<Waits>,
    from: FlightId,
    to: FlightId,
}

impl Waiting {
    /// `None` if `to` waits for `from`, by way of others perhaps.
    pub(crate) fn begin(waits: &Arc<Waits>, from: FlightId, to: FlightId) -> Option<Self> {
        waits.enter(from, to).then(|| Self { waits: Arc::clone(waits), from, to })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waits.leave(self.from, self.to);
    }
}

/// Whether `from` is `to`, or waits for it by any way.
fn leads(waits: &HashMap<FlightId, Vec<FlightId>>, from: FlightId, to: FlightId) -> bool {
    let (mut seen, mut next) = (HashSet::<_, RandomState>::default(), vec![from]);
    while let Some(flight) = next.pop() {
        if flight == to {
            return true;
        }
        let others = waits.get(&flight).into_iter().flatten();
        next.extend(others.filter(|other| seen.insert(**other)));
    }
    false
}

#[cfg(all(test, not(cache_model)))]
mod tests {
    use super::*;

    const FLIGHTS: [FlightId; 4] = [FlightId(1), FlightId(2), FlightId(3), FlightId(4)];

    #[test]
    fn a_circle_of_any_length_is_refused() {
        let [a, b, c, d] = FLIGHTS;
        let waits = Waits::default();
        assert!(!waits.enter(a, a));
        assert!(waits.enter(a, b) && waits.enter(b, c) && waits.enter(a, c) && waits.enter(c, d));
        assert!(!waits.enter(d, a) && !waits.enter(c, b) && !waits.enter(b, a));
        assert!(waits.enter(a, d));
    }

    #[test]
    fn what_is_waited_for_twice_is_left_twice() {
        let [a, b, ..] = FLIGHTS;
        let waits = Waits::default();
        assert!(waits.enter(a, b) && waits.enter(a, b));
        waits.leave(a, b);
        assert!(!waits.enter(b, a));
        waits.leave(a, b);
        assert!(waits.enter(b, a));
        waits.leave(b, a);
        assert!(waits.0.lock().is_empty());
    }

    /// A hundred thousand of each: who compares all with all is not done today.
    #[test]
    fn a_flight_may_wait_for_many_and_be_waited_for_by_many() {
        let (many, waits) = (100_000, Waits::default());
        let last = FlightId(many + 1);
        for number in 1..=many {
            assert!(waits.enter(FlightId(0), FlightId(number)) && waits.enter(FlightId(number), last));
        }
        assert!(waits.enter(FlightId(many + 2), FlightId(0)) && !waits.enter(last, FlightId(many + 2)));
    }
}
