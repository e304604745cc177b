//! What a run has shown, and the judgement of it. Knows nothing of how it came about.

use std::fmt::Write;
use std::time::Duration;

/// A point in a run. Later steps have higher numbers.
pub type Step = u64;

/// A fresh answer to a read.
#[derive(Clone, Debug)]
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

/// A drop that was acknowledged.
#[derive(Clone, Debug)]
pub struct DropRecord {
    pub keys: Vec<usize>,
    /// When the server has carried it out.
    pub executed: Step,
    /// When it was acknowledged, by the time that all machines share.
    pub acknowledged: Duration,
}

/// A change that has returned to its caller.
#[derive(Clone, Debug)]
pub struct Change {
    pub node: usize,
    pub key: usize,
    pub version: u64,
    pub returned: Step,
}

/// Everything that a run has shown.
#[derive(Debug, Default)]
pub struct History {
    pub answers: Vec<Answer>,
    pub drops: Vec<DropRecord>,
    pub changes: Vec<Change>,
    /// Each step, for the message of a failed run.
    pub log: String,
}

impl History {
    pub fn note(&mut self, step: Step, what: std::fmt::Arguments<'_>) {
        writeln!(self.log, "{step:4} {what}").expect("a string takes all");
    }

    /// Returns the first guarantee that does not hold.
    pub fn judge(&self, max_lag: Duration) -> Result<(), String> {
        for answer in &self.answers {
            self.bounded(answer, max_lag)?;
            self.monotonic(answer)?;
            self.own_writes(answer)?;
        }
        Ok(())
    }

    /// A drop is acknowledged at t. A fresh answer on any machine to a read that began after t + `max_lag` comes from a
    /// load that began after the drop.
    fn bounded(&self, answer: &Answer, max_lag: Duration) -> Result<(), String> {
        let over = |drop: &&DropRecord| answer.read_time > drop.acknowledged + max_lag;
        match self.drops.iter().filter(over).find(|drop| drop.overtakes(answer.key, answer.load_began)) {
            Some(drop) => Err(format!("not bounded: {drop:?} comes before {answer:?}\n{}", self.log)),
            None => Ok(()),
        }
    }

    /// On one machine, after a fresh answer from a load begun after a drop there is none from one begun before it.
    fn monotonic(&self, answer: &Answer) -> Result<(), String> {
        let earlier = self.answers.iter().filter(|earlier| {
            earlier.node == answer.node && earlier.key == answer.key && earlier.answered < answer.read_began
        });
        for earlier in earlier {
            let between = |drop: &&DropRecord| {
                drop.executed < earlier.load_began && drop.overtakes(answer.key, answer.load_began)
            };
            if let Some(drop) = self.drops.iter().find(between) {
                return Err(format!("not monotonic: {earlier:?}, {drop:?}, {answer:?}\n{}", self.log));
            }
        }
        Ok(())
    }

    /// After a change returns on a machine no read there sees less than its answer.
    fn own_writes(&self, answer: &Answer) -> Result<(), String> {
        let missed = self.changes.iter().find(|change| {
            change.node == answer.node
                && change.key == answer.key
                && change.returned < answer.read_began
                && change.version > answer.version
        });
        match missed {
            Some(change) => Err(format!("own write missed: {change:?}, {answer:?}\n{}", self.log)),
            None => Ok(()),
        }
    }
}

impl DropRecord {
    fn overtakes(&self, key: usize, load_began: Step) -> bool {
        self.keys.contains(&key) && load_began < self.executed
    }
}

#[test]
fn the_judge_objects_to_each_broken_guarantee() {
    let second = Duration::from_secs(1);
    let drop = DropRecord { keys: vec![1], executed: 10, acknowledged: second };
    let old = Answer {
        node: 0,
        key: 1,
        version: 1,
        load_began: 5,
        read_began: 30,
        read_time: 4 * second,
        answered: 31,
    };
    let new = Answer { version: 2, load_began: 11, read_began: 20, answered: 21, ..old.clone() };
    let change = Change { node: 0, key: 1, version: 2, returned: 12 };
    let judge = |answers: &[&Answer], changes: &[&Change], max_lag| {
        let answers = answers.iter().map(|&answer| answer.clone()).collect();
        let changes = changes.iter().map(|&change| change.clone()).collect();
        History { answers, changes, drops: vec![drop.clone()], log: String::new() }.judge(max_lag)
    };
    let broken = |result: Result<(), String>| result.expect_err("the history is broken");

    assert!(broken(judge(&[&old], &[], second)).starts_with("not bounded"));
    assert!(judge(&[&old], &[], 3 * second).is_ok());
    assert!(broken(judge(&[&new, &old], &[], 3 * second)).starts_with("not monotonic"));
    assert!(judge(&[&new, &Answer { node: 1, ..old.clone() }], &[], 3 * second).is_ok());
    assert!(broken(judge(&[&old], &[&change], 3 * second)).starts_with("own write missed"));
    assert!(judge(&[&new], &[&change], 3 * second).is_ok());
}
