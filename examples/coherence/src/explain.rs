//! What breaks a guarantee, told in the order in which it happened, with nothing else.

use std::time::Duration;

use cache_redis_test_server::{Answer, Dropped, Load, Objection};

use crate::act::name;
use crate::clock::nanoseconds;

/// A line of a story: when, and what.
pub type Moment = (u64, String);

/// Says in a sentence what is broken, and tells the shortest story that shows it.
#[must_use]
pub fn explain(objection: &Objection, max_lag: Duration) -> (&'static str, Vec<Moment>) {
    let (headline, mut story) = match objection {
        Objection::NotBounded { drop, answer } => {
            let mut story = [told(drop), answered(answer)].concat();
            let bound = drop.acknowledged.map(|at| nanoseconds(at + max_lag));
            story.extend(
                bound.map(|at| (at, "from now on every fresh answer must be from a later load".to_owned())),
            );
            ("NOT BOUNDED: a fresh answer is too old", story)
        }
        Objection::NotMonotonic { earlier, drop, answer } => {
            let story = [told(drop), answered(earlier), answered(answer)].concat();
            ("NOT MONOTONIC: a machine has answered something older again", story)
        }
        Objection::OwnWriteMissed { change, answer } => {
            let returned = format!(
                "{}'s change of {} to {} returns",
                name(change.node),
                key(change.key),
                change.version
            );
            let story = [vec![(change.returned, returned)], answered(answer)].concat();
            ("OWN WRITE MISSED: a machine does not see what it has written", story)
        }
        Objection::SecondLoad { first, second } => (
            "A SECOND LOAD: nothing has changed, and the tier was up",
            [loaded(first), loaded(second)].concat(),
        ),
        other => ("A GUARANTEE IS BROKEN", vec![(0, other.to_string())]),
    };
    story.sort_by_key(|(at, _)| *at);
    (headline, story)
}

fn told(drop: &Dropped) -> Vec<Moment> {
    let keys: Vec<_> = drop.keys.iter().map(|at| key(*at)).collect();
    let keys = keys.join(", ");
    let changed = format!("the origin has a change of {keys} by {}", name(drop.node));
    let end = match drop.acknowledged {
        Some(_) => format!("its drop is acknowledged to {}", name(drop.node)),
        None => "its drop was carried out by now, or never".to_owned(),
    };
    vec![(drop.earliest, changed), (drop.latest, end)]
}

fn answered(answer: &Answer) -> Vec<Moment> {
    let &Answer { node, key: at, version, load_began, read_began, answered, .. } = answer;
    let (machine, key) = (name(node), key(at));
    let mut story = vec![
        (load_began, format!("the load of {key} begins that finds version {version}")),
        (answered, format!("{machine} answers the read of {key} with version {version}, as fresh")),
    ];
    // A read that loads begins with its load.
    if read_began != load_began {
        story.push((read_began, format!("{machine} begins to read {key}")));
    }
    story
}

fn loaded(load: &Load) -> Vec<Moment> {
    let (node, key) = (name(load.node), key(load.key));
    vec![
        (load.asked, format!("{node} begins to read {key}")),
        (load.began, format!("{node} loads {key} from the origin")),
    ]
}

fn key(key: usize) -> String {
    format!("key {key}")
}
