//! What a run has shown, and the judgement of it. Knows nothing of how it came about.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use highest::Highest;

mod highest;

/// A point in a run: the number of a step, or nanoseconds of a clock that all machines share. Later ones are higher.
pub type Step = u64;

/// A fresh answer to a read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Answer {
    pub node: usize,
    pub key: usize,
    pub version: u64,
    /// When the load began that the answer comes from.
    pub load_began: Step,
    /// When the read began, and its time.
    pub read_began: Step,
    pub read_time: Duration,
    pub answered: Step,
}

/// A drop that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Dropped {
    pub node: usize,
    pub keys: Vec<usize>,
    /// The server has carried it out between these two, perhaps more than once. Without an acknowledgement, perhaps never.
    pub earliest: Step,
    pub latest: Step,
    /// When it was acknowledged, by the time that all machines share. `None` if it was not.
    pub acknowledged: Option<Duration>,
}

/// A change that has returned to its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Change {
    pub node: usize,
    pub key: usize,
    pub version: u64,
    pub returned: Step,
    /// When its process has ended, if its drop was not acknowledged before: then nobody has to know of it any more.
    pub forgotten: Option<Step>,
}

/// A load that the origin has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Load {
    pub node: usize,
    /// Loads of builds whose values have different shapes are not shared.
    pub build: usize,
    pub key: usize,
    /// Its lease was not asked for before the first, and it began at the second.
    pub asked: Step,
    pub began: Step,
}

/// Everything that a run has shown.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct History {
    pub answers: Vec<Answer>,
    pub drops: Vec<Dropped>,
    pub changes: Vec<Change>,
    /// Loads of keys that nothing but drops makes load again.
    pub loads: Vec<Load>,
    /// When the tier was up for all machines: only then they share loads.
    pub calm: Vec<RangeInclusive<Step>>,
}

/// What breaks a guarantee.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum Objection {
    /// The read began more than `max_lag` after the drop, and the load before it.
    NotBounded { drop: Dropped, answer: Answer },
    /// The load of the earlier answer began after the drop, that of the later one before it.
    NotMonotonic { earlier: Answer, drop: Dropped, answer: Answer },
    /// The read began after the change, and shows less.
    OwnWriteMissed { change: Change, answer: Answer },
    /// Nothing was dropped between the loads, and the lease of the first was not over.
    SecondLoad { first: Load, second: Load },
}

impl History {
    /// Checks all guarantees. Returns, of all that breaks one, what took the shortest time.
    #[must_use]
    pub fn judge(&self, max_lag: Duration, lease: Duration) -> Option<Objection> {
        let mut objections = Vec::new();
        let count = |keys: &mut dyn Iterator<Item = usize>| keys.max().map_or(0, |key| key + 1);
        let keys = count(&mut self.answers.iter().map(|answer| answer.key));
        for key in 0..keys.max(count(&mut self.loads.iter().map(|load| load.key))) {
            let drops: Vec<_> = self.drops.iter().filter(|drop| drop.keys.contains(&key)).collect();
            let answers: Vec<_> = self.answers.iter().filter(|answer| answer.key == key).collect();
            objections.extend(not_bounded(&answers, &drops, max_lag));
            objections.extend(self.second_loads(key, &drops, lease));
            for node in 0..count(&mut answers.iter().map(|answer| answer.node)) {
                let own: Vec<_> = answers.iter().copied().filter(|answer| answer.node == node).collect();
                objections.extend(not_monotonic(&own, &drops));
                let changes = self.changes.iter().filter(|change| (change.node, change.key) == (node, key));
                objections.extend(own_writes_missed(&own, changes));
            }
        }
        objections.into_iter().min_by_key(Objection::time)
    }

    /// One load per key, drop and lease time over all machines while the tier is up.
    fn second_loads(&self, key: usize, drops: &[&Dropped], lease: Duration) -> Vec<Objection> {
        let mut loads: Vec<_> = self.loads.iter().filter(|load| load.key == key).collect();
        loads.sort_by_key(|load| (load.build, load.began));
        let is_second = |pair: &&[&Load]| {
            // Each had its lease in between. The one that began later may have had it first.
            let (start, end) = (pair[0].asked.min(pair[1].asked), pair[1].began);
            let is_calm = |calm: &RangeInclusive<Step>| calm.contains(&start) && calm.contains(&end);
            pair[0].build == pair[1].build
                && end - start < nanoseconds(lease)
                && self.calm.iter().any(is_calm)
                && !drops.iter().any(|drop| drop.earliest <= end && drop.latest >= start)
        };
        let second =
            |pair: &[&Load]| Objection::SecondLoad { first: pair[0].clone(), second: pair[1].clone() };
        loads.windows(2).filter(is_second).map(second).collect()
    }
}

/// A drop is acknowledged at t. A fresh answer on any machine to a read that began after t + `max_lag` comes from a
/// load that began after the drop.
fn not_bounded(answers: &[&Answer], drops: &[&Dropped], max_lag: Duration) -> Vec<Objection> {
    let acknowledged = |drop: &&'_ Dropped| Some(nanoseconds(drop.acknowledged? + max_lag));
    let last = Highest::of(drops.iter().filter_map(|drop| Some((acknowledged(drop)?, drop.earliest, *drop))));
    let objection = |answer: &&Answer| {
        let (earliest, drop) = last.below(nanoseconds(answer.read_time))?;
        let (drop, answer) = (drop.clone(), (*answer).clone());
        (earliest > answer.load_began).then_some(Objection::NotBounded { drop, answer })
    };
    answers.iter().filter_map(objection).collect()
}

/// On one machine, after a fresh answer from a load begun after a drop there is none from one begun before it. Drops that
/// were perhaps never carried out do not count.
fn not_monotonic(answers: &[&Answer], drops: &[&Dropped]) -> Vec<Objection> {
    let newest = Highest::of(answers.iter().map(|answer| (answer.answered, answer.load_began, *answer)));
    let carried_out = drops.iter().filter(|drop| drop.acknowledged.is_some());
    let last = Highest::of(carried_out.map(|drop| (drop.latest, drop.earliest, *drop)));
    let objection = |answer: &&Answer| {
        let (newest, earlier) = newest.below(answer.read_began)?;
        let (earliest, drop) = last.below(newest)?;
        let (earlier, drop, answer) = (earlier.clone(), drop.clone(), (*answer).clone());
        (earliest > answer.load_began).then_some(Objection::NotMonotonic { earlier, drop, answer })
    };
    answers.iter().filter_map(objection).collect()
}

/// After a change returns on a machine no read there sees less than its answer, unless the change is forgotten.
fn own_writes_missed<'a>(answers: &[&Answer], changes: impl Iterator<Item = &'a Change>) -> Vec<Objection> {
    let (forgotten, kept): (Vec<_>, Vec<_>) = changes.partition(|change| change.forgotten.is_some());
    let last = Highest::of(kept.iter().map(|change| (change.returned, change.version, *change)));
    let objection = |answer: &&Answer| {
        let is_known = |change: &&&Change| {
            change.returned < answer.read_began && change.forgotten.is_some_and(|at| answer.read_began < at)
        };
        let kept = last.below(answer.read_began).map(|(_, change)| change);
        let known = forgotten.iter().filter(is_known).copied().chain(kept);
        let change = known.max_by_key(|change| change.version)?;
        let is_missed = change.version > answer.version;
        let (change, answer) = (change.clone(), (*answer).clone());
        is_missed.then_some(Objection::OwnWriteMissed { change, answer })
    };
    answers.iter().filter_map(objection).collect()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Objection {
    /// From the first thing that it names to the last.
    fn time(&self) -> Step {
        match self {
            Self::NotBounded { drop, answer } => answer.answered - drop.earliest.min(answer.load_began),
            Self::NotMonotonic { earlier, drop, answer } => {
                answer.answered - drop.earliest.min(answer.load_began).min(earlier.load_began)
            }
            Self::OwnWriteMissed { change, answer } => {
                answer.answered - change.returned.min(answer.load_began)
            }
            Self::SecondLoad { first, second } => second.began - first.began,
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBounded { drop, answer } => write!(f, "not bounded: {drop:?} comes before {answer:?}"),
            Self::NotMonotonic { earlier, drop, answer } => {
                write!(f, "not monotonic: {earlier:?}, {drop:?}, {answer:?}")
            }
            Self::OwnWriteMissed { change, answer } => write!(f, "own write missed: {change:?}, {answer:?}"),
            Self::SecondLoad { first, second } => write!(f, "a second load: {first:?}, {second:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
