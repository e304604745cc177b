//! What an answer was built from. The store of the answer compares that with what is there, in one step: no write of an
//! input comes between the look and the store.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;

use super::commit::{Commit, CommitKind, Failure, LockedPart, Part};
use super::locked::Locked;
use super::write_set::Home;
use crate::cache::Cache;
use crate::clock::Moment;
use crate::event::ChangeKind;
use crate::query::Query;
use crate::registry::{Holds, Registry};
use crate::table::shard::{Incoming, Outbox, Place, Seen, Shard};
use crate::table::tags::Tags;
use crate::table::watchers::Watcher;
use crate::table::{Table, Times};
use crate::watch::Watch;

/// Keys that are compared at most.
const MOST: usize = 64;

/// What was read to build an answer. Cheap to clone once all is noted.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct Inputs {
    tables: Vec<Arc<dyn AnyInputs>>,
    count: usize,
    /// There were too many to be compared.
    is_more: bool,
}

/// The inputs from one table, whose query the caller does not know.
trait AnyInputs: Any + Send + Sync {
    fn table_index(&self) -> usize;
    fn part(&self) -> Box<dyn Part + '_>;
}

struct InputsOf<Q: Query> {
    home: Arc<dyn Home<Q>>,
    lines: Vec<Input<Q>>,
}

struct Input<Q: Query> {
    key: Q,
    hash: u32,
    /// `None` if there was no value. Held, so that no other can come to its place in memory.
    value: Option<Arc<Q::Value>>,
    was_marked: bool,
    /// That of the load that gave the answer, if one did.
    watch: Option<Arc<Watch<Q>>>,
}

impl Inputs {
    /// Notes what a key was read to be; the first time counts. An answer that a load has given has the `watch` of that: it
    /// need not have been stored. `was_marked` says that it was known to be out of date, and read all the same.
    pub fn note<R: Registry + Holds<Q>, Q: Query>(
        &mut self,
        cache: &Cache<R>,
        key: &Q,
        value: Option<&Arc<Q::Value>>,
        was_marked: bool,
        watch: Option<&Arc<Watch<Q>>>,
    ) {
        let table = cache.table::<Q>();
        let (index, hash) = (table.index(), table.hash(key));
        let at = self.tables.iter().position(|table| table.table_index() == index);
        let lines: &[Input<Q>] = at.map_or(&[], |at| lines_of(&*self.tables[at]));
        if self.is_more || lines.iter().any(|line| line.hash == hash && line.key == *key) {
            return;
        }
        self.is_more = self.count == MOST;
        if self.is_more {
            return;
        }
        self.count += 1;
        let (value, watch) = (value.cloned(), watch.cloned());
        let line = Input { key: key.clone(), hash, value, was_marked, watch };
        let at = at.unwrap_or_else(|| {
            self.tables.push(Arc::new(InputsOf::<Q> { home: cache.home(), lines: Vec::new() }));
            self.tables.len() - 1
        });
        // Nobody has a clone while something is noted; if somebody had, the answer would be taken for out of date.
        let table = Arc::get_mut(&mut self.tables[at]).map(|table| table as &mut dyn Any);
        match table.and_then(|table| table.downcast_mut::<InputsOf<Q>>()) {
            Some(table) => table.lines.push(line),
            None => self.is_more = true,
        }
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn lines_of<Q: Query>(table: &dyn AnyInputs) -> &[Input<Q>] {
    (table as &dyn Any).downcast_ref::<InputsOf<Q>>().map_or(&[], |table| &table.lines)
}

impl<Q: Query> AnyInputs for InputsOf<Q> {
    fn table_index(&self) -> usize {
        self.home.table().index()
    }

    fn part(&self) -> Box<dyn Part + '_> {
        Box::new(BuiltPart::new(self.home.table(), &self.lines, None))
    }
}

impl<Q: Query> Input<Q> {
    /// Whether it would be read now as it was.
    fn holds(&self, shard: &Shard<Q>) -> bool {
        if self.watch.as_ref().is_some_and(|watch| !watch.is_overtaken()) {
            return true;
        }
        let slot = shard.find(self.hash, &self.key).map(|(_, slot)| slot);
        match (&self.value, slot) {
            (Some(value), Some(slot)) => slot.hold.is(value) && (self.was_marked || !slot.is_invalidated),
            (Some(_), None) => false,
            (None, slot) => self.watch.is_none() && slot.is_none_or(|slot| slot.hold.is_dead()),
        }
    }
}

/// What a store of an answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Built {
    Stored,
    /// Something newer came to the key itself.
    Overtaken,
    /// Something newer came to an input.
    OutOfDate,
}

/// How an answer is stored.
pub(crate) enum Store<V: ?Sized> {
    Write(Option<Incoming<V>>),
    /// An equal value that was seen there is dated anew.
    Keep(Seen),
}

/// The store of an answer, of the table that it belongs to.
struct Answer<'a, Q: Query> {
    watcher: &'a Watcher<Q>,
    value: &'a Arc<Q::Value>,
    as_of: Option<Moment>,
    store: Store<Q::Value>,
    /// Of the key, made before anything is locked.
    tags: Tags,
    place: Place,
    is_overtaken: &'a mut bool,
}

/// What the store of an answer does in one table: compares inputs, and stores the answer if it belongs there.
struct BuiltPart<'a, Q: Query> {
    table: &'a Table<Q>,
    inputs: &'a [Input<Q>],
    answer: Option<Answer<'a, Q>>,
    /// Those to be told, found before nothing can fail any more.
    told: Vec<Arc<Watcher<Q>>>,
    out: Outbox<Q>,
    now: Moment,
    revision: u64,
}

struct LockedBuilt<'p, 'a, Q: Query> {
    part: &'p mut BuiltPart<'a, Q>,
    locked: Locked<'a, Q>,
}

impl<'a, Q: Query> BuiltPart<'a, Q> {
    fn new(table: &'a Table<Q>, inputs: &'a [Input<Q>], answer: Option<Answer<'a, Q>>) -> Self {
        let (told, out) = (Vec::new(), Outbox::new());
        Self { table, inputs, answer, told, out, now: Moment::ORIGIN, revision: 0 }
    }

    fn out_of_date(&self) -> Failure {
        Failure::StaleRead(self.table.name(), Box::new(()))
    }

    fn lock_keys(&mut self, commit: &mut Commit<'_>) -> Result<Locked<'a, Q>, Failure> {
        let table = self.table;
        let inputs = self.inputs.iter().map(|input| (input.hash, false));
        let answer = self.answer.as_ref().map(|answer| (answer.watcher.hash(), true));
        let locked = Locked::lock(table, inputs.chain(answer));
        if !self.inputs.iter().all(|input| input.holds(locked.shard(table.place_of(input.hash)))) {
            return Err(self.out_of_date());
        }
        let failure = self.out_of_date();
        let Some(Answer { watcher, value, store, place, is_overtaken, .. }) = &mut self.answer else {
            return Ok(locked);
        };
        let (key, hash) = (watcher.key(), watcher.hash());
        let shard = locked.shard(table.place_of(hash));
        *place = shard.locate(hash, key);
        let may_store = match store {
            Store::Write(_) => true,
            Store::Keep(seen) => place.number.is_some() && shard.seen(place.number) == *seen,
        };
        if watcher.is_overtaken() || !may_store {
            **is_overtaken = true;
            return Err(failure);
        }
        self.told.clear();
        table.watchers.find(hash, key, |watcher| self.told.push(Arc::clone(watcher)));
        if matches!(store, Store::Write(_)) {
            commit.changes.append(&mut table.change(key, ChangeKind::Set, Some(value)));
        }
        Ok(locked)
    }
}

impl<Q: Query> Part for BuiltPart<'_, Q> {
    fn table_index(&self) -> usize {
        self.table.index()
    }

    fn lock<'p>(&'p mut self, commit: &mut Commit<'_>) -> Result<Box<dyn LockedPart + 'p>, Failure> {
        let locked = self.lock_keys(commit)?;
        Ok(Box::new(LockedBuilt { part: self, locked }))
    }

    fn unlocked(&mut self) {
        self.table.settle(&self.table.env(self.now, self.revision));
        self.out.clear();
        self.told.clear();
    }

    fn kind(&self) -> CommitKind {
        match &self.answer {
            Some(Answer { store: Store::Write(_), .. }) => CommitKind::Write,
            Some(_) => CommitKind::Mark,
            None => CommitKind::Read,
        }
    }
}

impl<Q: Query> LockedPart for LockedBuilt<'_, '_, Q> {
    fn install(&mut self, commit: &Commit<'_>) {
        let Self { part, locked } = self;
        let BuiltPart { table, answer, told, out, now, revision, .. } = &mut **part;
        (*now, *revision) = (commit.now, commit.revision());
        let Some(Answer { watcher, as_of, store, tags, place, .. }) = answer else { return };
        let (key, hash) = (watcher.key(), watcher.hash());
        let env = table.env(*now, *revision);
        let Some(shard) = locked.shard_mut(table.place_of(hash)) else { return };
        shard.begin(&env, out);
        let place = shard.meet(*place, &env, out);
        // An equal answer is newer than what is being loaded, too.
        told.iter().for_each(|watcher| watcher.overtake());
        match store {
            Store::Write(incoming) => {
                if let Some(mut incoming) = incoming.take() {
                    incoming.begin(*now, *as_of);
                    let number = shard.write(key.clone(), hash, place, incoming, &env, out);
                    shard.tag(number, tags);
                }
            }
            Store::Keep(_) => {
                if let Some(number) = place.number {
                    shard.touch_as_of(number, as_of.unwrap_or(*now), &env, out);
                }
            }
        }
        shard.finish(&env, out);
        table.publish(out);
    }
}

impl<Q: Query> Table<Q> {
    /// Stores an answer, unless its watch was overtaken or an input has changed. The `value` is the one to be stored, or the
    /// one that is kept.
    pub(crate) fn store_if_inputs_hold(
        &self,
        watcher: &Watcher<Q>,
        value: &Arc<Q::Value>,
        times: &Times,
        store: Store<Q::Value>,
        inputs: &Inputs,
    ) -> Built {
        let (mut is_overtaken, index) = (false, self.index());
        let own = inputs.tables.iter().find(|table| table.table_index() == index);
        let own = own.map_or(&[][..], |table| lines_of(&**table));
        let (place, as_of, tags) = (Place::default(), times.as_of, self.tags(watcher.key()));
        let answer = Answer { watcher, value, as_of, store, tags, place, is_overtaken: &mut is_overtaken };
        let part = BuiltPart::new(self, own, Some(answer));
        let kind = part.kind();
        let others = inputs.tables.iter().filter(|table| table.table_index() != index);
        let mut parts: Vec<Box<dyn Part + '_>> = others.map(|table| table.part()).collect();
        parts.push(Box::new(part));
        parts.sort_unstable_by_key(|part| part.table_index());
        let stored = Commit::new(self.core(), kind).run(&mut parts);
        drop(parts);
        self.core().log.note_single(self.name(), *stored.as_ref().unwrap_or(&0));
        self.core().events.drain();
        match stored {
            Ok(_) => Built::Stored,
            Err(_) if is_overtaken => Built::Overtaken,
            Err(_) => Built::OutOfDate,
        }
    }
}

impl Inputs {
    /// Whether they can be compared.
    pub(crate) fn are_few(&self) -> bool {
        !self.is_more
    }
}

impl Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs").field("count", &self.count).field("is_more", &self.is_more).finish()
    }
}
