//! Operations on one key of a cache.

use super::*;

impl<Q: Numbered> At<'_, Q>
where
    Registry: Holds<Q>,
{
    pub(super) fn key(&self) -> u16 {
        self.query.number()
    }

    pub(super) fn store(&self) -> &Store {
        &self.side.store
    }

    pub(super) fn table(&mut self) -> &mut Table {
        &mut self.side.tables[Q::TABLE]
    }

    pub(super) fn number(&mut self, entry: Option<Entry>) -> Option<u64> {
        entry.map(|entry| entry.number)
    }

    pub(super) fn sweep(&mut self) {
        let _ = self.store().count::<Q>();
        self.table().sweep();
    }

    // Reading

    pub(super) fn get(&mut self, is_held: bool) {
        let (key, found) = (self.key(), self.store().get(&self.query));
        let entry = self.table().get(key);
        assert_eq!(found.as_ref().map(|value| value.number), entry.as_ref().map(|entry| entry.number));
        let (Some(found), Some(entry)) = (found, entry) else { return };
        assert!(Arc::ptr_eq(&found, &self.store().peek(&self.query).unwrap()));
        if is_held {
            self.side.hold(Q::TABLE, key, entry.allocation, found);
        }
    }

    pub(super) fn peek(&mut self) {
        let (key, found) = (self.key(), self.store().peek(&self.query));
        assert_eq!(found.map(|value| value.number), self.table().peek(key));
    }

    pub(super) fn get_fresh(&mut self) {
        let (key, found) = (self.key(), self.store().get_fresh(&self.query));
        let table = self.table();
        let entry = table.get(key);
        let is_fresh = |entry: &Entry| table.freshness(entry) == Freshness::Fresh && !table.is_expired(entry);
        assert_eq!(found.map(|value| value.number), entry.filter(is_fresh).map(|entry| entry.number));
    }

    // Writing

    /// Returns a write in the form of the store and in that of the model.
    pub(super) fn write_of(&mut self, given: &Given, label: Option<&String>) -> (Value, EntryTimes, Write) {
        let number = next(&self.side.numbers);
        let now = self.table().now;
        let as_of = now - seconds(given.since);
        let (ttl, fresh) = (given.ttl.map(seconds), given.fresh.map(seconds));
        let mut times = EntryTimes::new().as_of(Moment::ORIGIN + as_of);
        times = ttl.map_or(times, |ttl| times.ttl(ttl));
        times = fresh.map_or(times, |fresh| times.fresh(fresh));
        let write = Write {
            number,
            allocation: number,
            given_weight: given.weight,
            as_of,
            used_at: now,
            ttl,
            fresh,
            is_invalidated: false,
            label: label.cloned(),
            standing: None,
        };
        (Value { number, weight: given.weight }, times, write)
    }

    pub(super) fn plain() -> Given {
        Given { weight: 3, since: 0, ttl: None, fresh: None }
    }

    pub(super) fn insert(&mut self, given: &Given, is_held: bool) {
        self.side.sweep();
        let (value, times, write) = self.write_of(given, None);
        let handle = self.store().insert_timed(self.query, value, times);
        self.inserted(write, handle, is_held);
    }

    /// The writer's handle lives until the write is over.
    pub(super) fn inserted(&mut self, write: Write, handle: Arc<Value>, is_held: bool) {
        let (key, allocation, number) = (self.key(), write.allocation, write.number);
        let revision = self.side.next_revision();
        self.side.tell(Q::TABLE, key, ChangeKind::Set, Some(revision), Some(number));
        self.table().hold(allocation);
        self.table().insert(key, write, revision);
        self.table().release(allocation);
        if is_held {
            self.side.hold(Q::TABLE, key, allocation, handle);
        }
    }

    pub(super) fn load(&mut self) {
        self.side.sweep();
        let (value, _, write) = self.write_of(&Self::plain(), None);
        let key = self.key();
        let expected = self.table().get(key);
        let mut is_loaded = false;
        let handle = self.store().get_or_insert_with(&self.query, || {
            is_loaded = true;
            value
        });
        assert_eq!(is_loaded, expected.is_none());
        match expected {
            Some(entry) => assert_eq!(handle.number, entry.number),
            None => self.inserted(write, handle, false),
        }
    }

    pub(super) fn remove(&mut self) {
        self.side.sweep_all();
        let key = self.key();
        let was_readable = self.table().alive(key).is_some();
        assert_eq!(self.store().remove(&self.query), was_readable);
        if !was_readable {
            return;
        }
        let revision = self.side.next_revision();
        self.side.tell(Q::TABLE, key, ChangeKind::Removed, Some(revision), None);
        self.table().begin();
        self.table().take(key);
        self.table().finish(Some(revision));
    }

    pub(super) fn touch(&mut self) {
        self.side.sweep();
        let key = self.key();
        self.table().begin();
        assert_eq!(self.store().touch(&self.query), self.table().touch(key));
        self.table().finish(None);
    }

    pub(super) fn invalidate(&mut self) {
        self.side.sweep();
        let key = self.key();
        self.table().begin();
        let is_there = self.table().invalidate(key);
        assert_eq!(self.store().invalidate(&self.query), is_there);
        if is_there {
            self.side.tell(Q::TABLE, key, ChangeKind::Invalidated, None, None);
        }
        self.table().finish(None);
    }

    pub(super) fn pin(&mut self) {
        self.side.sweep();
        let (key, pin) = (self.key(), self.store().pin(&self.query));
        self.side.pins.entry((Q::TABLE, key)).or_default().push(Box::new(pin));
        self.table().begin();
        self.table().pin(key);
        self.table().finish(None);
    }

    pub(super) fn unpin(&mut self) {
        self.side.sweep();
        let key = self.key();
        if let Some(pin) = self.side.pins.get_mut(&(Q::TABLE, key)).and_then(Vec::pop) {
            drop(pin);
            self.table().begin();
            self.table().unpin(key);
            self.table().finish(None);
        }
    }

    /// One line of a transaction.
    pub(super) fn line(
        &mut self,
        tx: &mut Transaction<Registry>,
        change: &Change,
        label: Option<&String>,
        open: &mut Open,
    ) {
        let (query, key) = (self.query, self.key());
        let kind = match change {
            Change::Set(given) => {
                let (value, times, write) = self.write_of(given, label);
                let handle = tx.set_timed(query, value, times);
                self.table().hold(write.allocation);
                open.handles.push((Q::TABLE, key, write.allocation, handle));
                Kind::Set(write)
            }
            Change::Merge => self.merge(tx, label),
            Change::Remove => {
                assert_eq!(tx.remove(&query), self.table().peek(key).is_some());
                assert_eq!(tx.get(&query), None);
                Kind::Remove
            }
            Change::Touch => {
                let is_there = tx.touch(&query);
                assert_eq!(is_there, self.table().peek(key).is_some());
                if !is_there {
                    return;
                }
                Kind::Touch
            }
            // A mark on an absent key overtakes its running loads.
            Change::Invalidate => {
                assert_eq!(tx.invalidate(&query), self.table().peek(key).is_some());
                Kind::Invalidate
            }
            Change::Read => {
                let found = tx.get(&query).map(|value| value.number);
                let entry = self.table().get(key);
                let revision = entry.as_ref().map(|entry| entry.revision);
                assert_eq!(found, self.number(entry));
                let table = self.table();
                let writes = table.writes.get(&key).copied().unwrap_or_default();
                let disturbances = table.disturbances;
                open.reads.push(Read { table: Q::TABLE, key, revision, writes, disturbances });
                return;
            }
        };
        open.writes.push(Line { table: Q::TABLE, key, kind });
    }

    pub(super) fn merge(&mut self, tx: &mut Transaction<Registry>, label: Option<&String>) -> Kind {
        let (query, key) = (self.query, self.key());
        let (value, _, write) = self.write_of(&Self::plain(), label);
        let entry = self.table().get(key);
        let first = self.number(entry);
        let base = Arc::new(Mutex::new(None));
        let last = Arc::clone(&base);
        tx.merge_with(query, move |found: Option<&Value>| {
            *last.lock().unwrap() = found.map(|value| value.number);
            value.clone()
        });
        assert_eq!(*base.lock().unwrap(), first);
        let writes = self.table().writes.get(&key).copied().unwrap_or_default();
        Kind::Merge { write, base, first, writes }
    }

    pub(super) fn merged(&mut self, receipt: &Receipt<Registry>) -> Arc<Value> {
        Arc::clone(receipt.get(&self.query).unwrap())
    }

    pub(super) fn kept(&mut self, report: &cache_core::RestoreReport) -> Vec<(u16, Arc<Value>)> {
        report.kept::<Q>().map(|(key, value)| (key.number(), Arc::clone(value))).collect()
    }

    // Comparing

    /// Compares all of a table.
    #[track_caller]
    pub(super) fn check_table(&mut self) {
        let mut listed = self.store().entries::<Q>();
        listed.sort_by_key(|entry| entry.key().number());
        self.table().sweep();
        let keys: Vec<u16> = listed.iter().map(|entry| entry.key().number()).collect();
        let readable: Vec<u16> = (0..KEYS).filter(|&key| self.table().alive(key).is_some()).collect();
        assert_eq!(keys, readable, "listed, and readable");
        for entry in &listed {
            let (key, query) = (entry.key().number(), *entry.key());
            assert!(Arc::ptr_eq(entry.value(), &self.store().peek(&query).unwrap()));
            let history: Vec<HistoryEntry> =
                self.store().history(&query).into_iter().map(history_entry).collect();
            let table = self.table();
            let expected = table.alive(key).unwrap();
            assert_eq!(entry.value().number, expected.number);
            assert_eq!(entry.residency(), expected.residency(), "{key}");
            assert_eq!(entry.revision(), expected.revision, "{key}");
            assert_eq!(entry.freshness(), table.freshness(expected), "{key}");
            assert_eq!(entry.is_expired(), table.is_expired(expected), "{key}");
            assert_eq!(u64::from(entry.state().weight), expected.weight);
            assert_eq!(entry.age(), table.now - expected.as_of);
            assert_eq!(entry.remaining(), table.remaining(expected), "{key}");
            assert_eq!(history, expected.history, "{key}");
        }
        for key in (0..KEYS).filter(|key| !readable.contains(key)) {
            assert_eq!(self.store().peek(&Q::new(key)), None);
        }
        assert_eq!(self.store().count::<Q>(), readable.len());
        let report = self.store().inspect().tables.remove(Q::TABLE);
        assert_eq!((report.name, report.live()), (Q::NAME, readable.len()));
        assert_eq!(report.pins, self.table().pins.len());
        if self.table().rules.bound != Bound::None {
            assert_eq!(report.weight, self.table().used());
        }
        self.side.compare_heard();
        assert_eq!(report.removals, self.side.removals[Q::TABLE]);
    }

    /// Fills the table completely with new entries, when nothing is held.
    pub(super) fn fill(&mut self) {
        let report = self.store().inspect().tables.remove(Q::TABLE);
        let limit = self.table().limit();
        if limit == u64::MAX {
            return;
        }
        // One shard: each write visits eight of those that may be dead.
        for _ in 0..(report.dead + report.survivors).div_ceil(8) {
            self.store().insert(self.query, Value { number: 0, weight: 1 });
        }
        let report = || self.side.store.inspect().tables.remove(Q::TABLE);
        assert_eq!(report().dead, 0);
        // A heavy entry that one of the first ones evicts leaves room, which the others fill.
        let light = |key| drop(self.side.store.insert(Q::new(100 + key), Value { number: 0, weight: 1 }));
        let first = u16::try_from(limit).unwrap();
        (0..=first).for_each(light);
        let room = u16::try_from(limit - report().weight).unwrap();
        (first + 1..=first + room).for_each(light);
        assert_eq!(report().weight, limit, "the sum of weights has drifted");
    }
}

fn history_entry(entry: cache_core::HistoryEntry<Value>) -> HistoryEntry {
    let label = entry.label.map(|label| label.to_string());
    HistoryEntry { number: entry.value.number, revision: entry.revision, label }
}
