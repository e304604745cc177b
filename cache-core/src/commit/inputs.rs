//! The inputs that an answer was built from. The store of the answer compares them with the present entries
//! in one step: no write of an input comes between the check and the store.

use std::fmt::{self, Debug};
use std::sync::Arc;

use super::affected::Affected;
use super::locked_shards::LockedShards;
use super::{Commit, CommitKind, Failure, Part, Steps, dynamic};
use crate::clock::Moment;
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::event::ChangeKind;
use crate::shard::erased::AnyPair;
use crate::shard::key::AnyKey;
use crate::shard::pairs::ValueHandle;
use crate::shard::{Incoming, Location, ReadVersion, ShardRef};
use crate::table::handle::AnyTableRef;
use crate::table::tags::Tags;
use crate::table::watchers::{AnyWatcher, KeyEvent};
use crate::watch::any::AnyWatch;

/// Maximum number of keys that are compared.
const MAX_COMPARED: usize = 64;

/// The entries that were read to build an answer. Cheap to clone once all are noted.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct Inputs {
    tables: Vec<Arc<InputsOfTable>>,
    count: usize,
    /// Whether there were more than [`MAX_COMPARED`].
    exceeds_limit: bool,
}

/// The inputs from one table.
struct InputsOfTable {
    table_ref: AnyTableRef,
    lines: Vec<Input>,
}

struct Input {
    key: Box<dyn AnyKey>,
    hash: u32,
    /// `None` if there was no value. Held, so that no other value can take its address.
    value: Option<ValueHandle>,
    was_marked: bool,
    /// The watch of the load that gave the answer, if one did.
    watch: Option<Arc<AnyWatch>>,
}

impl Inputs {
    /// Records the value that was read under a key; the first read counts. An answer from a load comes with
    /// the `watch` of that load, since it may not have been stored. `was_marked` says that the value was
    /// known to be out of date when it was read.
    pub fn note_any(
        &mut self,
        table_ref: AnyTableRef,
        key: &dyn AnyKey,
        value: Option<ValueHandle>,
        was_marked: bool,
        watch: Option<&Arc<AnyWatch>>,
    ) {
        let head = table_ref.table().head();
        let (index, hash) = (head.index, head.hash_of(key));
        let at = self.tables.iter().position(|table| table.index() == index);
        let lines = at.map_or(&[][..], |at| &self.tables[at].lines);
        if self.exceeds_limit || lines.iter().any(|line| line.hash == hash && line.key.equals(key)) {
            return;
        }
        self.exceeds_limit = self.count == MAX_COMPARED;
        if self.exceeds_limit {
            return;
        }
        self.count += 1;
        let line = Input { key: key.to_box(), hash, value, was_marked, watch: watch.cloned() };
        let at = at.unwrap_or_else(|| {
            self.tables.push(Arc::new(InputsOfTable { table_ref, lines: Vec::new() }));
            self.tables.len() - 1
        });
        // No clone exists while inputs are recorded. If one did, the answer would count as out of date.
        match Arc::get_mut(&mut self.tables[at]) {
            Some(table) => table.lines.push(line),
            None => self.exceeds_limit = true,
        }
    }

    /// Returns whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl InputsOfTable {
    fn table(&self) -> &dyn UsedTable {
        self.table_ref.table()
    }

    fn index(&self) -> usize {
        self.table().head().index
    }

    /// Returns whether a read of an input would give the same now.
    fn holds(&self, input: &Input, shard: ShardRef<'_>) -> bool {
        if input.watch.as_ref().is_some_and(|watch| !watch.is_overtaken()) {
            return true;
        }
        let number = shard.find(input.hash, &|key| input.key.equals(key));
        match (&input.value, number) {
            (Some(value), Some(number)) => {
                (self.table_ref.has_value)(shard.lines, number, &*value.0)
                    && (input.was_marked || !shard.is_invalidated(number))
            }
            (Some(_), None) => false,
            (None, number) => {
                input.watch.is_none() && number.is_none_or(|number| shard.lines.is_dead(number))
            }
        }
    }
}

/// The outcome of storing an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Built {
    Stored,
    /// The key itself has changed.
    Overtaken,
    /// An input has changed.
    OutOfDate,
}

/// How an answer is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Write,
    /// Renews the times of an equal value that has this version.
    Keep(ReadVersion),
}

/// The store of an answer in its own table.
struct Answer<'a> {
    watcher: &'a AnyWatcher,
    pair: &'a mut dyn AnyPair,
    /// Present if the answer is to be written.
    incoming: Option<Incoming>,
    as_of: Option<Moment>,
    store: Store,
    /// The tags of the key, computed before anything is locked.
    tags: Tags,
    at: Location,
    is_overtaken: &'a mut bool,
    /// The loads and watches to notify, collected while the commit can still fail.
    affected: Affected,
}

/// The part of the store in one table: compares inputs, and stores the answer if it belongs there.
struct BuiltPart<'a> {
    table: &'a dyn UsedTable,
    steps: BuiltSteps<'a>,
}

struct BuiltSteps<'a> {
    inputs: Option<&'a InputsOfTable>,
    answer: Option<Answer<'a>>,
    now: Moment,
    revision: u64,
}

impl<'a> BuiltPart<'a> {
    fn new(table: &'a dyn UsedTable, inputs: Option<&'a InputsOfTable>, answer: Option<Answer<'a>>) -> Self {
        Self { table, steps: BuiltSteps { inputs, answer, now: Moment::ORIGIN, revision: 0 } }
    }
}

impl Part for BuiltPart<'_> {
    fn table_index(&self) -> usize {
        self.table.head().index
    }

    fn open(&mut self) -> Option<(&dyn UsedTable, &mut dyn Steps)> {
        Some((self.table, &mut self.steps))
    }

    fn unlocked(&mut self) {
        let Self { table, steps } = self;
        table.enforce_bound(&table.head().context(steps.now, steps.revision));
        if let Some(answer) = &mut steps.answer {
            answer.affected.clear();
        }
    }

    fn kind(&self) -> CommitKind {
        match &self.steps.answer {
            Some(Answer { store: Store::Write, .. }) => CommitKind::Write,
            Some(_) => CommitKind::Mark,
            None => CommitKind::Read,
        }
    }
}

impl Steps for BuiltSteps<'_> {
    fn lock(&self, locked: &mut LockedShards<'_>) {
        let lines = self.inputs.map_or(&[][..], |inputs| &inputs.lines);
        let inputs = lines.iter().map(|input| (input.hash, false));
        let answer = self.answer.as_ref().map(|answer| (answer.watcher.hash(), true));
        locked.lock(inputs.chain(answer));
    }

    fn validate(&mut self, locked: &LockedShards<'_>, commit: &mut Commit<'_>) -> Result<(), Failure> {
        if let Some(inputs) = self.inputs
            && !inputs.lines.iter().all(|input| inputs.holds(input, locked.shard(input.hash)))
        {
            return Err(Failure::StaleAnswer);
        }
        let Some(Answer { watcher, pair, store, at, is_overtaken, affected, .. }) = &mut self.answer else {
            return Ok(());
        };
        let (head, hash) = (locked.table().head(), watcher.hash());
        let is_key = |other: &dyn AnyKey| watcher.key().equals(other);
        let shard = locked.shard(hash);
        *at = shard.locate(hash, &is_key);
        let may_store = match store {
            Store::Write => true,
            Store::Keep(seen) => at.number.is_some() && shard.version(at.number) == *seen,
        };
        if watcher.is_overtaken() || !may_store {
            **is_overtaken = true;
            return Err(Failure::StaleAnswer);
        }
        affected.find(KeyEvent::Replaced, head, shard, (hash, &is_key));
        if *store == Store::Write {
            head.add_change(&mut commit.changes, ChangeKind::Set, &|| pair.entry());
        }
        Ok(())
    }

    fn install(&mut self, locked: &mut LockedShards<'_>, commit: &Commit<'_>) {
        (self.now, self.revision) = (commit.now, commit.revision());
        let Some(Answer { watcher, pair, incoming, as_of, store, tags, at, affected, .. }) = &mut self.answer
        else {
            return;
        };
        let (head, hash) = (locked.table().head(), watcher.hash());
        let context = head.context(commit.now, commit.revision());
        let mut shards = locked.open();
        // An equal answer is also newer than a running load.
        affected.notify(&mut shards);
        let Some(shard) = shards.of(hash) else { return };
        shard.begin(&context);
        let at = shard.expire_at(*at, &context);
        match (store, incoming.take(), at.number) {
            (Store::Write, Some(mut incoming), _) => {
                incoming.begin(commit.now, *as_of);
                let number = shard.write(&mut **pair, hash, at, incoming, &context);
                shard.tag(number, tags);
            }
            (Store::Keep(_), _, Some(number)) => {
                shard.touch_as_of(number, as_of.unwrap_or(commit.now), &context);
            }
            _ => {}
        }
        shard.finish(&context);
        head.publish(shard);
    }
}

/// Stores an answer, unless its watch was overtaken or an input has changed.
pub(crate) fn store_if_inputs_hold(
    table: &dyn UsedTable,
    watcher: &AnyWatcher,
    pair: &mut dyn AnyPair,
    times: &EntryTimes,
    store: Store,
    inputs: &Inputs,
) -> Built {
    let head = table.head();
    let mut is_overtaken = false;
    let answer = Answer {
        watcher,
        // Its times begin when the answer is installed.
        incoming: (store == Store::Write).then(|| head.incoming(pair, times, None, Moment::ORIGIN)),
        pair,
        as_of: times.as_of,
        store,
        tags: head.tags_of(watcher.key()),
        at: Location::default(),
        is_overtaken: &mut is_overtaken,
        affected: Affected::default(),
    };
    let own = inputs.tables.iter().find(|inputs| inputs.index() == head.index);
    let part = BuiltPart::new(table, own.map(|own| &**own), Some(answer));
    let kind = part.kind();
    let mut parts = vec![part];
    for inputs in inputs.tables.iter().filter(|inputs| inputs.index() != head.index) {
        parts.push(BuiltPart::new(inputs.table(), Some(inputs), None));
    }
    parts.sort_unstable_by_key(|part| part.table_index());
    let stored = Commit::new(&head.shared, kind).run(&mut dynamic(&mut parts));
    drop(parts);
    head.shared.log.note_single(head.name, *stored.as_ref().unwrap_or(&0));
    head.shared.events.drain();
    match stored {
        Ok(_) => Built::Stored,
        Err(_) if is_overtaken => Built::Overtaken,
        Err(_) => Built::OutOfDate,
    }
}

impl Inputs {
    /// Returns whether the inputs are few enough to be compared.
    pub(crate) fn are_few(&self) -> bool {
        !self.exceeds_limit
    }
}

impl Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("count", &self.count)
            .field("exceeds_limit", &self.exceeds_limit)
            .finish()
    }
}
