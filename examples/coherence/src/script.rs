//! A fixed sequence of what can go wrong. Prints a timeline, and judges what the machines have answered.

use std::io::{self, Write};
use std::time::Duration;

use crate::act::{Act, name};
use crate::explain::explain;
use crate::lab::{Lab, LabError, Settings};
use crate::record::Counts;
use crate::timeline::Timeline;
use crate::{KEYS, NODES, builds, clock};

/// How many keys are changed each second, besides those that the script tells of.
const PACE: u32 = 4;

/// How long a machine may take to use the tier again.
const RECOVERY: Duration = Duration::from_secs(15);

/// What has come of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All guarantees held.
    Held,
    /// A guarantee is broken, or something did not recover. The timeline says what.
    Broken,
}

/// Why a script was not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are self-explanatory")]
pub enum ScriptError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("the script cannot go on")]
    Io(#[from] io::Error),
}

struct Script<W> {
    lab: Lab,
    timeline: Timeline<W>,
    has_failed: bool,
}

/// Runs the script.
///
/// # Errors
/// If the lab cannot be started, or something of it has ended by itself.
pub async fn run(settings: Settings, out: impl Write) -> Result<Outcome, ScriptError> {
    let lab = Lab::start(settings).await?;
    let timeline = Timeline::new(out, lab.began);
    let mut script = Script { lab, timeline, has_failed: false };
    script.begin().await?;
    script.network().await?;
    script.machines().await?;
    script.server().await?;
    script.end().await?;
    Ok(script.judge()?)
}

impl<W: Write> Script<W> {
    async fn begin(&mut self) -> io::Result<()> {
        let Settings { max_lag, lease, .. } = self.lab.settings().clone();
        let text = format!(
            "A, B, C and D read {KEYS} keys through {} on port {}. Fresh answers lag by {max_lag:?} at most; a lease \
             lasts {lease:?}.",
            self.lab.server_name(),
            self.lab.server_port(),
        );
        self.say(&text)?;
        let loads = self.lab.record.history.loads.len();
        self.say(&format!("all have read all keys at once, with {loads} loads from the origin"))?;
        self.write(0, 0, &[1, 2, 3]).await?;
        self.lab.pace(PACE)
    }

    async fn network(&mut self) -> io::Result<()> {
        self.act(Act::Cut(1))?;
        self.write(0, 1, &[1, 2, 3]).await?;
        self.write(1, 2, &[0, 2, 3]).await?;
        self.act_and_recover(Act::Mend(1)).await?;
        self.sees(2).await?;

        for act in [Act::SwallowRequests(2), Act::SwallowAnswers(2), Act::Delay(2)] {
            self.act(act)?;
            self.write(0, 3, &[1, 2, 3]).await?;
            self.act_and_recover(Act::Mend(2)).await?;
        }
        self.act(Act::HalfOpen(3))?;
        self.write(0, 4, &[1, 2, 3]).await?;
        self.recovers().await
    }

    async fn machines(&mut self) -> io::Result<()> {
        let Settings { max_lag, lease, .. } = self.lab.settings().clone();
        for time in [max_lag.mul_f64(1.5), lease.mul_f64(1.5)] {
            self.act(Act::Stop(3))?;
            self.write(0, 5, &[1, 2]).await?;
            self.lab.listen(time).await;
            self.act_and_recover(Act::Continue(3)).await?;
            self.sees(5).await?;
        }
        self.act(Act::Kill(1))?;
        self.write(2, 0, &[0, 3]).await?;
        self.act_and_recover(Act::Start(1)).await?;
        self.sees(0).await?;

        // A rolling deploy that has come half way.
        self.act_and_recover(Act::Replace { node: 2, build: builds::Name::Newer }).await?;
        self.write(0, 1, &[1, 2, 3]).await?;
        self.write(2, 2, &[0, 1, 3]).await
    }

    async fn server(&mut self) -> io::Result<()> {
        for act in [Act::Flush, Act::KillClients, Act::LoseState] {
            self.act(act)?;
            self.write(0, 1, &[1, 2, 3]).await?;
            self.recovers().await?;
        }
        self.act(Act::Cut(1))?;
        self.write(0, 2, &[2, 3]).await?;
        self.act(Act::Trim)?;
        self.act_and_recover(Act::Mend(1)).await?;
        self.sees(2).await?;

        for act in [Act::Fill, Act::Evict] {
            self.act(act)?;
            self.write(0, 3, &[1, 2, 3]).await?;
            self.act_and_recover(Act::Free).await?;
        }
        self.act(Act::StopServer)?;
        self.write(0, 4, &[1, 2, 3]).await?;
        self.act_and_recover(Act::ContinueServer).await?;
        self.act(Act::KillServer)?;
        self.write(1, 5, &[0, 2, 3]).await?;
        self.act_and_recover(Act::StartServer).await?;
        self.sees(5).await
    }

    /// Some time without changes, in which machines must share loads, and an orderly end.
    async fn end(&mut self) -> io::Result<()> {
        self.lab.pace(0)?;
        self.lab.listen(self.lab.settings().lease + Duration::from_secs(2)).await;
        for key in 0..KEYS {
            self.write(key % NODES, key, &[0, 1, 2, 3]).await?;
        }
        self.lab.listen(self.lab.settings().lease).await;
        self.lab.leave(3)?;
        let has_left = self.lab.wait_until(RECOVERY, |lab| lab.record.nodes[3].left.is_some()).await;
        match self.lab.record.nodes[3].left {
            Some(0) => self.say("D shuts down: its leases are given up, its drops are sent"),
            left => {
                self.has_failed = true;
                self.say(&format!("D {} not finish {left:?}", if has_left { "did" } else { "does" }))
            }
        }
    }

    fn judge(&mut self) -> io::Result<Outcome> {
        let Settings { max_lag, lease, .. } = self.lab.settings().clone();
        let record = &self.lab.record;
        let Counts { hits, refused, gaps, replays, expired, queued, failed } = record.counts;
        let (answers, changes) = (record.history.answers.len(), record.history.changes.len());
        let (loads, calm) = (record.history.loads.len(), record.calm());
        let objection = record.judge(max_lag, lease);
        self.say(&format!(
            "{answers} fresh answers, {changes} changes ({queued} queued), {loads} loads, {hits} hits of the tier, \
             {refused} refused fills, {gaps} new epochs, {replays} replays, {expired} expired bounds, {failed} \
             failed reads or changes, {:.1} s calm",
            calm.as_secs_f64(),
        ))?;
        let Some(objection) = objection else {
            self.timeline.print("", "\nbounded, monotonic, own writes, one load: all held")?;
            return Ok(if self.has_failed { Outcome::Broken } else { Outcome::Held });
        };
        let (headline, story) = explain(&objection, max_lag);
        self.timeline.print("", &format!("\n{headline}"))?;
        for (at, what) in story {
            self.timeline.say(at, 4, &what)?;
        }
        Ok(Outcome::Broken)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.timeline.say(clock::now(), 1, text)
    }

    fn act(&mut self, act: Act) -> io::Result<()> {
        self.say(&act.to_string())?;
        self.lab.act(act)
    }

    /// Does what ends a trouble, and waits until all machines that run use the tier.
    async fn act_and_recover(&mut self, act: Act) -> io::Result<()> {
        self.act(act)?;
        self.recovers().await
    }

    async fn recovers(&mut self) -> io::Result<()> {
        let began = clock::now();
        // States from before do not count.
        let is_well = |lab: &Lab| {
            let is_new =
                |node: &usize| lab.record.nodes[*node].state.as_ref().is_some_and(|state| state.at > began);
            let runs = |node: &usize| lab.machines()[*node].is_running();
            (0..NODES).filter(runs).all(|node| is_new(&node) && lab.is_following(node))
        };
        let is_back = self.lab.wait_until(RECOVERY, is_well).await;
        let time = clock::now() - began;
        self.has_failed |= !is_back;
        match is_back {
            true => self.say(&format!("all machines use the tier, {} later", in_words(time))),
            false => self.say(&format!("NOT all machines use the tier within {RECOVERY:?}")),
        }
    }

    /// Lets a machine change a key, and tells when others see it.
    async fn write(&mut self, node: usize, key: usize, others: &[usize]) -> io::Result<()> {
        let before = self.lab.record.history.changes.len();
        self.lab.act(Act::Write { node, key })?;
        let changed = move |lab: &Lab| {
            let changes = &lab.record.history.changes[before..];
            changes.iter().find(|change| (change.node, change.key) == (node, key)).cloned()
        };
        self.lab.wait_until(RECOVERY, |lab| changed(lab).is_some()).await;
        let Some(change) = changed(&self.lab) else {
            self.has_failed = true;
            return self.say(&format!("{} does NOT change key {key} within {RECOVERY:?}", name(node)));
        };
        let seen = move |lab: &Lab, other: usize| {
            let answers = lab.record.history.answers.iter().rev();
            let answers = answers.take_while(|answer| answer.answered + 60_000_000_000 > change.returned);
            let of_other = answers.filter(|answer| {
                (answer.node, answer.key) == (other, key) && answer.version >= change.version
            });
            of_other.map(|answer| answer.answered).min()
        };
        let limit = self.lab.settings().max_lag + Duration::from_secs(2);
        self.lab.wait_until(limit, |lab| others.iter().all(|other| seen(lab, *other).is_some())).await;
        let others: Vec<_> = others
            .iter()
            .map(|&other| match seen(&self.lab, other) {
                Some(at) => format!("{} {}", name(other), in_words(at.saturating_sub(change.returned))),
                None => format!("{} not yet", name(other)),
            })
            .collect();
        let text = format!("{} changes key {key} to {}. Seen by", name(node), change.version);
        self.timeline.say(change.returned, 1, &format!("{text} {}", others.join(", ")))
    }

    /// Waits until all machines answer the newest version of a key.
    async fn sees(&mut self, key: usize) -> io::Result<()> {
        let newest = self.lab.record.newest(key);
        let sees = |lab: &Lab, node: usize| {
            lab.record.nodes[node].seen[key].is_some_and(|seen| seen.version >= newest)
        };
        let limit = self.lab.settings().max_lag + RECOVERY;
        let all = self.lab.wait_until(limit, |lab| (0..NODES).all(|node| sees(lab, node))).await;
        self.has_failed |= !all;
        match all {
            true => self.say(&format!("all answer key {key} with version {newest} or later")),
            false => self.say(&format!("NOT all answer key {key} with version {newest}")),
        }
    }
}

/// A time with three digits.
fn in_words(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds as f64 / 1e6;
    match milliseconds {
        0.0 => "at once".to_owned(),
        ..10.0 => format!("{milliseconds:.1} ms"),
        ..1000.0 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.2} s", milliseconds / 1e3),
    }
}
