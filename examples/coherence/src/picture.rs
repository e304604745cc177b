//! What is shown: plain data, made of what the machines have told.

use std::time::Duration;

use crate::act::{Act, name};
use crate::clock::{self, nanoseconds};
use crate::record::{Counts, Known};
use crate::session::Session;
use crate::{KEYS, NODES};

/// An answer that is older is not what the machine would answer now.
const RECENT: Duration = Duration::from_millis(500);

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Picture {
    pub server: String,
    pub server_state: (Mark, String),
    pub max_lag: String,
    pub is_paused: bool,
    pub machines: [Shown; NODES],
    /// The newest version of each key.
    pub newest: [u64; KEYS],
    /// The selected machine and key.
    pub selected: (usize, usize),
    /// When it happened, in seconds since the start, and what. The latest last.
    pub happened: Vec<(String, String)>,
    /// What is broken.
    pub broken: Option<&'static str>,
    pub answers: usize,
    pub changes: usize,
    pub counts: Counts,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub struct Shown {
    pub name: char,
    pub state: (Mark, &'static str),
    /// The version that it answers of each key.
    pub keys: [Cell; KEYS],
    pub lag: String,
    pub outbox: usize,
}

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Not as it should be, but nothing is lost.
    Limited,
    /// Away.
    Bad,
}

/// What a machine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The newest version.
    Newest(u64),
    /// An older one, as fresh.
    Behind(u64),
    /// It has not answered lately.
    Old(u64),
    /// It has not answered yet.
    Nothing,
}

impl Picture {
    /// Makes a picture.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let lab = &session.lab;
        let newest = std::array::from_fn(|key| lab.record.newest(key));
        Self {
            server: format!("{} on port {}", lab.server_name(), lab.server_port()),
            server_state: server_state(lab.server_trouble()),
            max_lag: format!("{:?}", lab.settings().max_lag),
            is_paused: session.is_paused,
            machines: std::array::from_fn(|node| shown(session, node, &newest)),
            newest,
            selected: (session.machine, session.key),
            happened: session
                .happened
                .iter()
                .map(|(at, what)| {
                    let seconds = at.saturating_sub(lab.began) as f64 / 1e9;
                    (format!("{seconds:.1}"), what.clone())
                })
                .collect(),
            broken: session.broken,
            answers: session.forgotten + lab.record.history.answers.len(),
            changes: lab.record.history.changes.len(),
            counts: lab.record.counts,
        }
    }
}

fn server_state(trouble: Option<Act>) -> (Mark, String) {
    match trouble {
        None => (Mark::Good, "the server is up".to_owned()),
        Some(trouble) => (Mark::Bad, trouble.to_string()),
    }
}

fn shown(session: &Session, node: usize, newest: &[u64; KEYS]) -> Shown {
    let (machine, known) = (&session.lab.machines()[node], &session.lab.record.nodes[node]);
    let state = known.state.as_ref();
    Shown {
        name: name(node),
        state: match (machine.network, state) {
            _ if !machine.is_running() => (Mark::Bad, "killed"),
            _ if machine.is_stopped => (Mark::Bad, "stopped"),
            (Some(Act::Cut(_)), _) => (Mark::Bad, "cut off"),
            (Some(_), _) => (Mark::Bad, "cut one way"),
            (None, Some(state)) if state.is_usable => (Mark::Good, "follows"),
            (None, Some(_)) => (Mark::Limited, "alone"),
            (None, None) => (Mark::Limited, "starts"),
        },
        keys: std::array::from_fn(|key| cell(known, key, newest[key])),
        lag: match state.and_then(|state| state.lag) {
            Some(lag @ ..1000) => format!("{lag} ms"),
            Some(lag @ ..100_000) => format!("{:.1} s", lag as f64 / 1000.0),
            Some(lag) => format!("{} s", lag / 1000),
            None => "-".to_owned(),
        },
        outbox: state.map_or(0, |state| state.outbox),
    }
}

fn cell(known: &Known, key: usize, newest: u64) -> Cell {
    match known.seen[key] {
        None => Cell::Nothing,
        Some(seen) if clock::now().saturating_sub(seen.at) > nanoseconds(RECENT) => Cell::Old(seen.version),
        Some(seen) if seen.version < newest => Cell::Behind(seen.version),
        Some(seen) => Cell::Newest(seen.version),
    }
}
