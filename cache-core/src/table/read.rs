//! Reads entries under the shared lock of a shard.

use std::sync::Arc;

use super::Table;
use super::entry::{Entry, EntryState};
use super::head::Head;
use crate::clock::{Moment, Revision};
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::query::{Lookup, Query};
use crate::retention::Rules;
use crate::shard::erased::{AnyHandle, AnyLines, AnyPair};
use crate::shard::key::{IsKey, names};
use crate::shard::state::{AnyHistoryEntry, HistoryEntry};
use crate::shard::{LineState, Membership, ReadVersion, ShardRef, View};
use crate::sync::atomic::Ordering;
use crate::typed::{Line, Lines, Pair, ValueRef};

/// Whether a read of an entry counts as a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Counted,
    Uncounted,
}

/// Gets a locked shard and the line number of the key, if it has one. Takes what it needs, and returns
/// whether the value is alive. Runs under the lock, so it must call no foreign code.
type Show<'a> = &'a mut dyn FnMut(ShardRef<'_>, Option<u32>) -> bool;

impl dyn UsedTable + '_ {
    /// Reads a key under the shared lock of its shard. Releases an expired resident first, and then treats it
    /// as a survivor.
    fn read_with(&self, hash: u32, is_key: IsKey<'_>, use_: Use, show: Show<'_>) {
        let head = self.head();
        let (rules, place) = (&head.rules, head.place_of(hash));
        // The clock may be foreign code, so it is read before the lock is taken.
        let mut now = match rules {
            Rules { is_timed: false, .. } => None,
            // An idle time begins with the read, if there is one.
            Rules { tti: Some(_), .. } => Some(head.shared.precise_now()),
            _ => Some(head.shared.now()),
        };
        loop {
            let next = read_locked(self.shard(place).read().any(), hash, is_key, head, use_, now, show);
            match (next, now) {
                (Next::Release(number), Some(now)) => {
                    self.release_expired(place, now, &mut |shard, context| {
                        shard.expire(number, context);
                    });
                }
                (Next::ReadClock | Next::Release(_), _) => now = Some(head.shared.now()),
                (Next::Done, _) => return,
            }
        }
    }
}

impl dyn UsedTable + '_ {
    /// Reads a key: sets the value of a pair if there is one, and calls `show` for the rest.
    fn read(
        &self,
        hash: u32,
        is_key: IsKey<'_>,
        use_: Use,
        value: &mut dyn AnyPair,
        show: &mut dyn FnMut(ShardRef<'_>, Option<u32>),
    ) {
        self.read_with(hash, is_key, use_, &mut |shard, number| {
            let is_alive = number.is_some_and(|number| shard.lines.read(number, value));
            show(shard, number);
            is_alive
        });
    }

    /// Returns a handle of the value, and its version, which shows later whether the key was written. Does
    /// not count as a use.
    pub(crate) fn read_handle(&self, hash: u32, is_key: IsKey<'_>) -> (Option<AnyHandle>, ReadVersion) {
        let (mut handle, mut version) = (None, ReadVersion::Absent { forgotten: 0 });
        self.read_with(hash, is_key, Use::Uncounted, &mut |shard, number| {
            handle = number.and_then(|number| shard.lines.handle(number, false));
            version = shard.version(number);
            handle.is_some()
        });
        (handle, version)
    }

    /// Returns the value of a key and the version of its entry, if `is_it` accepts the line. Does not count as a use.
    /// `is_it` runs under the lock.
    pub(crate) fn read_handle_if(
        &self,
        hash: u32,
        is_key: IsKey<'_>,
        is_it: &dyn Fn(&dyn AnyLines, u32) -> bool,
    ) -> Option<(AnyHandle, ReadVersion)> {
        let mut found = None;
        self.read_with(hash, is_key, Use::Uncounted, &mut |shard, number| {
            let handle = number.filter(|&number| is_it(shard.lines, number));
            let handle = handle.and_then(|number| shard.lines.handle(number, false));
            found = handle.map(|handle| (handle, shard.version(number)));
            found.is_some()
        });
        found
    }

    /// Returns whether there is a value. Does not count as a use.
    pub(crate) fn is_readable(&self, hash: u32, is_key: IsKey<'_>) -> bool {
        let mut is_readable = false;
        self.read_with(hash, is_key, Use::Uncounted, &mut |shard, number| {
            is_readable = number.is_some_and(|number| !shard.lines.is_dead(number));
            is_readable
        });
        is_readable
    }
}

/// What must be done before a read of a key is complete.
enum Next {
    Done,
    ReadClock,
    /// Release an expired resident.
    Release(u32),
}

fn read_locked(
    shard: ShardRef<'_>,
    hash: u32,
    is_key: IsKey<'_>,
    head: &Head,
    use_: Use,
    now: Option<Moment>,
    show: Show<'_>,
) -> Next {
    let found = shard.find(hash, is_key);
    let state = found.and_then(|number| shard.lines.state(number));
    if let (Some(number), Some(state)) = (found, state)
        && state.membership.is_resident()
        && state.may_expire(&head.rules)
    {
        let Some(now) = now else { return Next::ReadClock };
        if shard.has_due(now) && shard.must_be_released(number, &head.rules, now) {
            return Next::Release(number);
        }
    }
    // Before `show`, since the state depends on it. An expired entry stays expired.
    if let (Use::Counted, Some(now), Some(number), Some(state)) = (use_, now, found, state)
        && !shard.lines.is_dead(number)
        && (state.membership.is_resident() || !shard.is_expired(number, &head.rules, now))
    {
        shard.renew_idle(number, now);
    }
    let is_alive = show(shard, found);
    if use_ == Use::Uncounted {
        return Next::Done;
    }
    shard.count_read(is_alive);
    if let (true, Some(number), Some(state)) = (is_alive, found, state) {
        match state.membership.is_resident() {
            true => head.note_use(state),
            false => shard.mark_survivor(number),
        }
    }
    Next::Done
}

impl Head {
    #[inline]
    fn note_use(&self, state: &LineState) {
        match state.membership {
            Membership::Ordered => self.mark_use(state.aside),
            _ => state.count_use(),
        }
    }

    fn mark_use(&self, node: u32) {
        if let Some(recency) = self.recency() {
            recency.mark(node);
        }
    }
}

impl<Q: Query> Table<Q> {
    pub(crate) fn get<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        // The common case of a read, without the rare ones: the fewer instructions, the more reads a
        // processor can have in flight.
        if let Some(shards) = self.shards.get()
            && self.rules().has_plain_hits
        {
            // The clock may be foreign code, so it is read before the lock is taken.
            let now = if self.rules().is_timed { Some(self.shared().now()) } else { None };
            let hash = self.hash(lookup);
            let guard = shards.of(hash).read();
            let Some((number, line)) = guard.find(hash, lookup) else {
                guard.any().count_read(false);
                return None;
            };
            match &line.value {
                ValueRef::Strong(value)
                    if !line.state.has_timer || now.is_some_and(|now| !guard.any().has_due(now)) =>
                {
                    self.head.note_use(&line.state);
                    guard.any().count_read(true);
                    return Some(Arc::clone(value));
                }
                // Without times there is nothing to renew.
                ValueRef::Weak(_) if now.is_none() => {
                    let value = line.value.value();
                    if value.is_some() {
                        guard.any().mark_survivor(number);
                    }
                    guard.any().count_read(value.is_some());
                    return value;
                }
                _ => {}
            }
        }
        self.get_any(lookup)
    }

    #[inline(never)]
    fn get_any<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        self.read(lookup, Use::Counted, &mut show_nothing)
    }

    /// Returns the value, and lets `show` read more from its line and shard. `show` runs under the lock of
    /// the shard, so it must call no foreign code.
    fn read<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        use_: Use,
        show: &mut dyn FnMut(ShardRef<'_>, Option<u32>),
    ) -> Option<Arc<Q::Value>> {
        let Some(table) = self.used_table() else {
            if use_ == Use::Counted {
                self.head.early_misses.fetch_add(1, Ordering::Relaxed);
            }
            return None;
        };
        let mut pair = Pair::<Q> { key: None, value: None };
        table.read(self.hash(lookup), &|key| names(lookup, key), use_, &mut pair, show);
        pair.value
    }

    pub(crate) fn peek<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        // The common case of a value that someone else owns, which does not expire.
        if let Some(shards) = self.shards.get() {
            let hash = self.hash(lookup);
            match shards.of(hash).read().find(hash, lookup) {
                None => return None,
                Some((_, Line { value: value @ ValueRef::Weak(_), .. })) => return value.value(),
                Some(_) => {}
            }
        }
        self.read(lookup, Use::Uncounted, &mut show_nothing)
    }

    pub(crate) fn contains<L: Lookup<Query = Q>>(&self, lookup: &L) -> bool {
        self.used_table().is_some_and(|table| table.is_readable(self.hash(lookup), &|key| names(lookup, key)))
    }

    pub(crate) fn entry<L: Lookup<Query = Q>>(&self, lookup: &L, use_: Use) -> Option<Entry<Q>> {
        let (now, mut key) = (self.shared().now(), None);
        let mut state = None;
        let value = self.read(lookup, use_, &mut |shard, number| {
            state = state_of(shard, number, self.rules(), now);
            key = line_of(shard, number).map(|line: &Line<Q>| line.key.clone());
        });
        Some(Entry::new(key?, value?, state?))
    }

    /// Returns the value of a resident that is fresh by the times of the table, and counts a hit. Returns
    /// `None` and counts nothing if this quick check does not suffice.
    #[inline]
    pub(crate) fn plainly_fresh<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        self.plainly_fresh_with(lookup, |_, _| Some(())).map(|(value, ())| value)
    }

    /// Reads as [`plainly_fresh`](Self::plainly_fresh) does, and returns since when the value is true.
    #[inline]
    pub(crate) fn plainly_fresh_since<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
    ) -> Option<(Arc<Q::Value>, Moment)> {
        self.plainly_fresh_with(lookup, |shard, number| shard.as_of(number))
    }

    /// `show` takes more from the line of the hit. It runs under the lock, so it must call no foreign code.
    #[inline]
    fn plainly_fresh_with<L: Lookup<Query = Q>, T>(
        &self,
        lookup: &L,
        show: impl FnOnce(ShardRef<'_>, u32) -> Option<T>,
    ) -> Option<(Arc<Q::Value>, T)> {
        let shards = self.shards.get()?;
        let fresh = self.rules().fresh?;
        // The clock may be foreign code, so it is read before the lock is taken.
        let now = self.shared().now();
        let hash = self.hash(lookup);
        let guard = shards.of(hash).read();
        let (number, Line { state, value, .. }) = guard.find(hash, lookup)?;
        let ValueRef::Strong(value) = value else { return None };
        let rules = self.rules();
        if state.is_invalidated
            || !(state.is_surely_fresh(rules, now) || guard.any().is_plainly_fresh(number, rules, fresh, now))
        {
            return None;
        }
        let shown = show(guard.any(), number)?;
        self.head.note_use(state);
        guard.any().count_read(true);
        Some((Arc::clone(value), shown))
    }

    /// See [`Cache::plainly_unmarked`](crate::Cache::plainly_unmarked).
    #[inline]
    pub(crate) fn plainly_unmarked<L: Lookup<Query = Q>>(&self, lookup: &L) -> Option<Arc<Q::Value>> {
        let shards = self.shards.get()?;
        let rules = self.rules();
        if !rules.has_plain_hits || rules.is_timed {
            return None;
        }
        let hash = self.hash(lookup);
        let guard = shards.of(hash).read();
        let (_, Line { state, value, .. }) = guard.find(hash, lookup)?;
        let ValueRef::Strong(value) = value else { return None };
        if state.is_invalidated || state.has_timer {
            return None;
        }
        self.head.note_use(state);
        guard.any().count_read(true);
        Some(Arc::clone(value))
    }

    pub(crate) fn value_and_state<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        use_: Use,
    ) -> Option<(Arc<Q::Value>, EntryState)> {
        let (now, mut state) = (self.shared().now(), None);
        // As in `get`, the common cases come first.
        if let Some(shards) = self.shards.get()
            && self.rules().has_plain_hits
        {
            let hash = self.hash(lookup);
            let guard = shards.of(hash).read();
            let (shard, counts) = (guard.any(), use_ == Use::Counted);
            match guard.find(hash, lookup) {
                None => {
                    if counts {
                        shard.count_read(false);
                    }
                    return None;
                }
                Some((number, Line { state, value: ValueRef::Strong(value), .. }))
                    if !state.has_timer || !shard.has_due(now) =>
                {
                    if counts {
                        self.head.note_use(state);
                        shard.count_read(true);
                    }
                    return state_of(shard, Some(number), self.rules(), now)
                        .map(|state| (Arc::clone(value), state));
                }
                Some(_) => {}
            }
        }
        let value = self.read(lookup, use_, &mut |shard, number| {
            state = state_of(shard, number, self.rules(), now);
        });
        Some((value?, state?))
    }

    pub(crate) fn history<L: Lookup<Query = Q>>(&self, lookup: &L) -> Vec<HistoryEntry<Q::Value>> {
        let mut past = Vec::new();
        // The current value is moved to this stack frame and dropped here.
        let _current =
            self.read(lookup, Use::Uncounted, &mut |shard, number| past = history_of::<Q>(shard, number));
        past
    }

    /// Returns the value and its version, which shows later whether the key was written.
    pub(crate) fn read_versioned<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        use_: Use,
    ) -> (Option<Arc<Q::Value>>, ReadVersion) {
        let mut version = ReadVersion::Absent { forgotten: 0 };
        let value = self.read(lookup, use_, &mut |shard, number| version = shard.version(number));
        (value, version)
    }

    /// Reads as [`read_versioned`](Self::read_versioned) does, and returns the entry's own times too.
    pub(crate) fn read_timed<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
    ) -> (Option<Arc<Q::Value>>, EntryTimes, ReadVersion) {
        let (mut version, mut times) = (ReadVersion::Absent { forgotten: 0 }, EntryTimes::new());
        let value = self.read(lookup, Use::Counted, &mut |shard, number| {
            version = shard.version(number);
            if let Some(view) = number.and_then(|number| shard.view(number)) {
                times = view.times();
            }
        });
        (value, times, version)
    }

    /// Returns the value without releasing anything, and `false` if an expired value must be released first.
    pub(crate) fn read_unexpired<L: Lookup<Query = Q>>(
        &self,
        lookup: &L,
        now: Moment,
    ) -> (Option<Arc<Q::Value>>, bool) {
        let Some(shards) = self.shards.get() else { return (None, true) };
        let hash = self.hash(lookup);
        let shard = shards.of(hash).read();
        let Some((number, line)) = shard.find(hash, lookup) else { return (None, true) };
        (line.value.value(), !shard.any().must_be_released(number, self.rules(), now))
    }
}

/// Shows nothing, for callers that need only the value.
fn show_nothing(_: ShardRef<'_>, _: Option<u32>) {}

fn line_of<Q: Query>(shard: ShardRef<'_>, number: Option<u32>) -> Option<&Line<Q>> {
    match (Lines::of(shard.lines), number) {
        (Some(lines), Some(number)) => lines.line(number),
        _ => None,
    }
}

fn history_of<Q: Query>(shard: ShardRef<'_>, number: Option<u32>) -> Vec<HistoryEntry<Q::Value>> {
    let view = number.and_then(|number| shard.view(number)).filter(View::is_resident);
    let mut history = Vec::new();
    for AnyHistoryEntry { revision, label, value } in
        view.and_then(|view| view.extra).iter().flat_map(|extra| &extra.history)
    {
        if let Some(value) = Pair::<Q>::value_of(&**value) {
            history.push(HistoryEntry {
                revision: Revision(*revision),
                label: label.clone(),
                value: Arc::clone(value),
            });
        }
    }
    history
}

fn state_of(shard: ShardRef<'_>, number: Option<u32>, rules: &Rules, now: Moment) -> Option<EntryState> {
    Some(EntryState::of(&shard.view(number?)?, rules, now))
}
