//! Operations on one of the caches, and the comparison with its model.

use super::*;

impl Side {
    pub(super) fn new(
        clock: &Arc<ManualClock>,
        rules: [Rules; 2],
        has_listeners: bool,
        numbers: &Rc<Cell<u64>>,
    ) -> Self {
        let options = rules.map(options);
        // A seed with which the default policy distinguishes the keys; see `policy`.
        let mut builder = Cache::builder()
            .table::<Key>(|_| options[0])
            .table::<Other>(|_| options[1])
            .clock(Arc::clone(clock))
            .hash_seed(1);
        let heard = has_listeners.then(Arc::default);
        if let Some(heard) = &heard {
            builder = listening(builder, heard);
        }
        Self {
            store: builder.build().unwrap(),
            tables: rules.map(|rules| Table::new(rules, seconds(1_000))),
            handles: BTreeMap::new(),
            pins: BTreeMap::new(),
            revision: None,
            heard,
            changes: Vec::new(),
            removals: Default::default(),
            numbers: Rc::clone(numbers),
        }
    }

    pub(super) fn run(&mut self, step: &Step) {
        let before = self.store.revision();
        match *step {
            Step::Get(table, key, is_held) => at!(self, table, key, |at| at.get(is_held)),
            Step::GetAll(one, other) => self.get_all(one, other),
            Step::Peek(table, key) => at!(self, table, key, |at| at.peek()),
            Step::GetFresh(table, key) => at!(self, table, key, |at| at.get_fresh()),
            Step::Insert(table, key, ref given, is_held) => {
                return at!(self, table, key, |at| at.insert(given, is_held));
            }
            Step::Load(table, key) => return at!(self, table, key, |at| at.load()),
            Step::Remove(table, key) => return at!(self, table, key, |at| at.remove()),
            Step::Touch(table, key) => at!(self, table, key, |at| at.touch()),
            Step::Invalidate(table, key) => at!(self, table, key, |at| at.invalidate()),
            Step::Pin(table, key) => at!(self, table, key, |at| at.pin()),
            Step::Unpin(table, key) => at!(self, table, key, |at| at.unpin()),
            Step::Clear => {
                self.sweep_all();
                self.store.clear();
                self.tables.iter_mut().for_each(Table::clear);
                self.next_revision();
                assert!(self.store.is_empty());
                return;
            }
            Step::Reap => self.reap(),
            Step::DropHandles(table, key) => self.drop_handles(table, key),
            Step::Check => self.check(),
            ref step => unreachable!("{step:?} concerns both caches"),
        }
        assert_eq!(self.store.revision(), before, "a revision without a write");
    }

    /// Releases expired entries in the tables with a bound. Without this, the store does not promise when
    /// they are released, and so which entries are evicted.
    pub(super) fn sweep(&mut self) {
        for table in [0, 1] {
            if self.tables[table].rules.bound != Bound::None {
                at!(&mut *self, table, 0, |at| at.sweep());
            }
        }
    }

    /// Does the same in all tables, if there are listeners or expiry affects the result otherwise.
    pub(super) fn sweep_all(&mut self) {
        for table in [0, 1] {
            at!(&mut *self, table, 0, |at| at.sweep());
        }
    }

    pub(super) fn get_all(&mut self, one: u16, other: u16) {
        let (found, found_other) = self.store.get_all((&Key(one), &Other(other)));
        let expected =
            [(0, one), (1, other)].map(|(table, key)| self.tables[table].get(key).map(|entry| entry.number));
        assert_eq!([found, found_other].map(|found| found.map(|value| value.number)), expected);
    }

    pub(super) fn reap(&mut self) {
        self.sweep();
        self.store.reap();
        for table in &mut self.tables {
            table.begin();
            table.finish(None);
        }
        assert!(self.store.inspect().tables.iter().all(|report| report.dead == 0));
        assert_eq!(self.store.reap(), 0);
    }

    /// Returns the revision of the last write, which is later than all before.
    #[track_caller]
    pub(super) fn next_revision(&mut self) -> Revision {
        let revision = self.store.revision().unwrap();
        assert!(self.revision.is_none_or(|last| last < revision), "a write without a revision of its own");
        self.revision = Some(revision);
        revision
    }

    pub(super) fn tell(
        &mut self,
        table: usize,
        key: u16,
        kind: ChangeKind,
        revision: Option<Revision>,
        number: Option<u64>,
    ) {
        self.changes.push(ChangeOf { table, key, kind, revision, number });
    }

    /// Compares the events that the listeners got since the last time with the expected ones.
    #[track_caller]
    pub(super) fn compare_heard(&mut self) {
        if self.heard.is_some() {
            self.sweep_all();
        }
        let changes = std::mem::take(&mut self.changes);
        let removals = [0, 1].map(|table| std::mem::take(&mut self.tables[table].removals));
        for (counts, removals) in self.removals.iter_mut().zip(&removals) {
            removals.iter().for_each(|removal| removal.count(counts));
        }
        let Some(heard) = &self.heard else { return };
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        assert_eq!(heard.changes, changes);
        for (mut heard, mut expected) in heard.removals.into_iter().zip(removals) {
            heard.sort_unstable();
            expected.sort_unstable();
            assert_eq!(heard, expected);
        }
    }

    pub(super) fn keeps_nothing(&self, table: usize) -> bool {
        let Rules { bound, ttl, tti, .. } = self.tables[table].rules;
        bound == Bound::None && ttl.is_none() && tti.is_none()
    }

    /// Keeps a handle for the program.
    pub(super) fn hold(&mut self, table: usize, key: u16, allocation: u64, handle: Arc<Value>) {
        self.tables[table].hold(allocation);
        self.handles.entry((table, key)).or_default().push((allocation, handle));
    }

    pub(super) fn drop_handles(&mut self, table: usize, key: u16) {
        for (allocation, handle) in self.handles.remove(&(table, key)).unwrap_or_default() {
            drop(handle);
            self.tables[table].release(allocation);
        }
    }

    /// Commits, and applies the same changes to the model.
    pub(super) fn finish_commit(&mut self, tx: Transaction<Registry>, open: Open, is_held: bool) {
        self.sweep_all();
        let Open { mut writes, reads, mut handles, .. } = open;
        let receipt = match tx.commit() {
            Ok(receipt) => {
                let is_missed = reads.iter().find(|read| read.is_overwritten(&self.tables[read.table]));
                assert!(
                    is_missed.is_none_or(|read| panic!("{} of table {} was written", read.key, read.table))
                );
                receipt
            }
            Err(CommitError::Conflict { key, .. }) => {
                let doubted = reads.iter().filter(|read| read.may_conflict(&self.tables[read.table]));
                let doubted: Vec<String> = doubted.map(Read::key).collect();
                assert!(doubted.contains(&key), "{key} conflicts, and only {doubted:?} may");
                for (table, _, allocation, handle) in handles {
                    drop(handle);
                    self.tables[table].release(allocation);
                }
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let has_revision = |line: &Line| !matches!(line.kind, Kind::Touch | Kind::Invalidate);
        let revision = writes.iter().any(has_revision).then(|| self.next_revision());
        assert_eq!(receipt.revision(), revision);
        writes.sort_by_key(|line| line.table);
        for line in &writes {
            line.check_base(&self.tables[line.table]);
            self.record_line(line, revision);
            if let Kind::Merge { write, .. } = &line.kind {
                let handle = at!(&mut *self, line.table, line.key, |at| at.merged(&receipt));
                self.tables[line.table].hold(write.allocation);
                handles.push((line.table, line.key, write.allocation, handle));
            }
        }
        for (at, table) in self.tables.iter_mut().enumerate() {
            let lines: Vec<&Line> = writes.iter().filter(|line| line.table == at).collect();
            if !lines.is_empty() {
                table.begin();
                lines.iter().for_each(|line| line.apply(table, revision));
                table.finish(revision);
            }
        }
        drop(receipt);
        for (table, key, allocation, handle) in handles {
            self.tables[table].release(allocation);
            if is_held {
                self.hold(table, key, allocation, handle);
            }
        }
    }

    pub(super) fn record_line(&mut self, line: &Line, revision: Option<Revision>) {
        let Line { table, key, kind } = line;
        match kind {
            Kind::Set(write) => self.tell(*table, *key, ChangeKind::Set, revision, Some(write.number)),
            Kind::Merge { write, .. } => {
                self.tell(*table, *key, ChangeKind::Merged, revision, Some(write.number));
            }
            Kind::Remove => self.tell(*table, *key, ChangeKind::Removed, revision, None),
            Kind::Invalidate if self.tables[*table].alive(*key).is_some() => {
                self.tell(*table, *key, ChangeKind::Invalidated, None, None);
            }
            Kind::Invalidate | Kind::Touch => {}
        }
    }

    /// Compares the whole state.
    #[track_caller]
    pub(super) fn check(&mut self) {
        self.sweep_all();
        for table in [0, 1] {
            at!(&mut *self, table, 0, |at| at.check_table());
        }
        let readable: usize =
            self.tables.iter().map(|table| (0..KEYS).filter_map(|key| table.alive(key)).count()).sum();
        assert_eq!(self.store.len(), readable);
        let pins = std::mem::take(&mut self.pins);
        for (&(table, key), pins) in &pins {
            for pin in pins {
                assert_eq!(pin.get(), self.tables[table].get(key).map(|entry| entry.number));
            }
        }
        self.pins = pins;
    }

    /// Checks that with nothing held, a few writes leave no dead key, and that the tables still keep exactly
    /// what they may.
    pub(super) fn finish(&mut self) {
        self.handles.clear();
        self.pins.clear();
        for table in [0, 1] {
            at!(&mut *self, table, KEYS, |at| at.fill());
        }
    }
}

fn options(rules: Rules) -> TableOptions {
    let mut options = match rules.bound {
        Bound::None => TableOptions::new(),
        Bound::Lru(limit) => TableOptions::new().lru(limit),
        Bound::Capacity(limit) => TableOptions::new().capacity(limit),
        Bound::Weight(limit) => TableOptions::new().max_weight(limit),
    };
    options = options.history(rules.history.try_into().unwrap());
    options = rules.ttl.map_or(options, |time| options.ttl(time));
    options = rules.tti.map_or(options, |time| options.tti(time));
    rules.fresh.map_or(options, |time| options.fresh(time))
}
