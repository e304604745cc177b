//! The loop: keys and reports come in, pictures go out.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use crossterm::event::EventStream;
use dashboard::newsroom::in_short;
use dashboard::stop;
use dashboard::terminal::{Screen, TerminalError};
use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::act::Act;
use crate::clock::{self, nanoseconds};
use crate::explain::explain;
use crate::input::{self, Command};
use crate::lab::{Lab, LabError, Settings};
use crate::picture::Picture;
use crate::{KEYS, NODES, view};

/// The time between two pictures.
const FRAME: Duration = Duration::from_millis(100);

/// The time between two judgements.
const JUDGEMENT: Duration = Duration::from_secs(1);

/// How long answers are remembered.
const MEMORY: Duration = Duration::from_secs(60);

/// How many keys are changed at random each second.
const PACE: u32 = 2;

/// How much of what happened is shown at most.
const LINES: usize = 50;

/// Why the machines cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are self-explanatory")]
pub enum SessionError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    #[error("the program cannot go on")]
    Io(#[from] io::Error),
}

/// What the user sees.
#[derive(Debug)]
pub struct Session {
    /// What runs.
    pub lab: Lab,
    /// The selected machine.
    pub machine: usize,
    /// The selected key.
    pub key: usize,
    /// Whether keys are not changed at random.
    pub is_paused: bool,
    /// What happened, the latest last.
    pub happened: VecDeque<(u64, String)>,
    /// What is broken, if anything is.
    pub broken: Option<&'static str>,
    /// How many answers were judged and forgotten since.
    pub forgotten: usize,
}

/// Shows the machines until the user leaves.
///
/// # Errors
/// [`SessionError`].
pub async fn run(settings: Settings) -> Result<(), SessionError> {
    let mut stop = stop::signals()?;
    let lab = Lab::start(settings).await?;
    let mut session = Session {
        lab,
        machine: 0,
        key: 0,
        is_paused: false,
        happened: VecDeque::new(),
        broken: None,
        forgotten: 0,
    };
    session.lab.pace(PACE)?;
    let mut screen = Screen::open()?;
    let mut keys = EventStream::new();
    let (mut frames, mut judgements) = (interval(FRAME), interval(JUDGEMENT));
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    judgements.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|is_stopping| *is_stopping) => return Ok(()),
            event = keys.next() => match event.transpose()?.as_ref().map(input::command) {
                None | Some(Some(Command::Quit)) => return Ok(()),
                Some(Some(command)) => session.obey(command),
                Some(None) => {}
            },
            _ = frames.tick() => {
                let picture = Picture::of(&session);
                screen.draw(|frame| view::draw(frame, &picture))?;
            }
            _ = judgements.tick() => session.judge(),
            _ = session.lab.listen_until(Instant::now() + FRAME) => {}
        }
    }
}

impl Session {
    fn obey(&mut self, command: Command) {
        let node = self.machine;
        let machine = &self.lab.machines()[node];
        let is_cut = machine.network.is_some();
        let or_mend = |act| if is_cut { Act::Mend(node) } else { act };
        let act = match command {
            Command::Quit => return,
            Command::Machine(steps) => return self.machine = moved(self.machine, steps, NODES),
            Command::Key(steps) => return self.key = moved(self.key, steps, KEYS),
            Command::Pause => {
                self.is_paused = !self.is_paused;
                let paced = self.lab.pace(if self.is_paused { 0 } else { PACE });
                return self.note_error(paced);
            }
            Command::Write => Act::Write { node, key: self.key },
            Command::Cut => or_mend(Act::Cut(node)),
            Command::HalfOpen => Act::HalfOpen(node),
            Command::Swallow => or_mend(Act::SwallowRequests(node)),
            Command::Stop if machine.is_stopped => Act::Continue(node),
            Command::Stop => Act::Stop(node),
            Command::Kill if machine.is_running() => Act::Kill(node),
            Command::Kill => Act::Start(node),
            Command::Flush => Act::Flush,
            Command::StopServer if self.lab.server_trouble() == Some(Act::StopServer) => Act::ContinueServer,
            Command::StopServer => Act::StopServer,
            Command::KillServer if self.lab.server_trouble() == Some(Act::KillServer) => Act::StartServer,
            Command::KillServer => Act::KillServer,
        };
        let done = self.lab.act(act);
        match done {
            Ok(()) => self.note(clock::now(), act.to_string()),
            Err(_) => self.note_error(done),
        }
    }

    fn note_error(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.note(clock::now(), in_short(&error));
        }
    }

    fn note(&mut self, at: u64, what: String) {
        if self.happened.len() == LINES {
            self.happened.pop_front();
        }
        self.happened.push_back((at, what));
    }

    fn judge(&mut self) {
        let &Settings { max_lag, lease, .. } = self.lab.settings();
        if self.broken.is_none()
            && let Some(objection) = self.lab.record.judge(max_lag, lease)
        {
            let (headline, story) = explain(&objection, max_lag);
            self.broken = Some(headline);
            story.into_iter().for_each(|(at, what)| self.note(at, what));
        }
        let answers = self.lab.record.history.answers.len();
        self.lab.record.forget(clock::now().saturating_sub(nanoseconds(MEMORY)));
        self.forgotten += answers - self.lab.record.history.answers.len();
    }
}

fn moved(at: usize, steps: isize, count: usize) -> usize {
    at.saturating_add_signed(steps).min(count - 1)
}
