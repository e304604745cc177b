//! The steps of a save in one shard: its start, its end, and the copies of entries and orders in between.

use std::any::Any;
use std::hint::black_box;
use std::ops::Range;

use super::metadata::Metadata;
use super::saved_entries::Entries;
use super::saves::{QueuesCopy, RunningSave, SaveId, Standing};
use super::state::View;
use super::{ShardMut, ShardRef};
use crate::clock::Moment;
use crate::retention::Rules;
use crate::sync::atomic::Ordering;

impl ShardRef<'_> {
    /// Makes room for one more save.
    pub(crate) fn expect_save(self) {
        if let Some(metadata) = self.metadata {
            metadata.saves.running.lock().reserve(1);
        }
    }

    /// Begins a save of the entries that are present and not expired. Copies survivors at once if the save
    /// includes them.
    pub(crate) fn begin_save(self, mut save: RunningSave, rules: &Rules, now: Moment, with_survivors: bool) {
        let Some(metadata) = self.metadata else { return };
        save.now = now;
        save.done.begin(self.numbers().end);
        for number in self.expired(rules, now) {
            save.done.add(number);
        }
        let mut running = metadata.saves.running.lock();
        running.push(save);
        metadata.saves.count.store(running.len(), Ordering::Relaxed);
        // Pushed before any key is cloned, so that the end of the save finds it.
        if let Some(save) = running.last_mut().filter(|_| with_survivors) {
            for number in metadata.survivors.iter(|number| metadata.records[number].link) {
                if let Some(view) = self.view(number)
                    && !view.is_expired(rules, now)
                {
                    save.done.add(number);
                    save.copy_aside(number, self.lines, &view);
                }
            }
        }
    }

    /// Ends a save. The caller drops the result without locks.
    pub(crate) fn end_save(self, id: SaveId) -> Option<RunningSave> {
        let saves = &self.metadata?.saves;
        let mut running = saves.running.lock();
        let at = running.iter().position(|save| save.id == id)?;
        let ended = running.swap_remove(at);
        saves.count.store(running.len(), Ordering::Relaxed);
        Some(ended)
    }

    /// Copies entries as they were when a save began, skipping those that the save did not include. If a
    /// key's `Clone` panics, the copies made so far stay in `copies`. It must outlive the lock, since it may
    /// hold the last handle of a value.
    ///
    /// # Errors
    /// The panic of a key that could not be put aside for the save.
    pub(crate) fn copy_for_save(
        self,
        id: SaveId,
        numbers: &[u32],
        copies: &mut Entries,
    ) -> Result<(), Box<dyn Any + Send>> {
        let Some(metadata) = self.metadata else { return Ok(()) };
        let mut running = metadata.saves.running.lock();
        let Some(save) = intact(&mut running, id)? else { return Ok(()) };
        // Without this, the locked increments wait for one count after the other.
        for numbers in numbers.chunks(64) {
            black_box(self.lines.dead_among(numbers));
        }
        metadata.records.fetch(numbers);
        for &number in numbers {
            if save.done.add(number) {
                if let Some(view) = self.view(number)
                    && copies.pairs.copy(self.lines, number)
                {
                    copies.metas.push(view.meta(save.now));
                }
            } else if let Some(place) = save.place(number) {
                copies.move_from(&mut save.aside, place);
            }
        }
        Ok(())
    }

    /// Reports where each of these entries stood when a save began, if the save includes it and it was in no
    /// queue of the default policy.
    ///
    /// # Errors
    /// The panic of a key that could not be put aside for the save.
    pub(crate) fn standings(
        self,
        id: SaveId,
        numbers: Range<u32>,
        visit: &mut dyn FnMut(u32, Standing),
    ) -> Result<(), Box<dyn Any + Send>> {
        let Some(metadata) = self.metadata else { return Ok(()) };
        let mut running = metadata.saves.running.lock();
        let Some(save) = intact(&mut running, id)? else { return Ok(()) };
        for number in numbers {
            let standing = match save.done.has(number) {
                true => save.place(number).map(|place| save.standings[place]),
                false => self.view(number).filter(View::is_resident).map(|view| Standing::of(&view)),
            };
            if let Some(standing) = standing
                && standing.membership.queue().is_none()
            {
                visit(number, standing);
            }
        }
        Ok(())
    }

    /// Copies the queues of the default policy into `copy`, which is empty and should have room for all
    /// lines. Reads the records from first to last, which is much faster than following the lists.
    pub(crate) fn copy_queues(self, rules: &Rules, now: Moment, with_revisions: bool, copy: &mut QueuesCopy) {
        let Some(metadata) = self.metadata else { return };
        copy.lists = metadata.policy.lists();
        if copy.len() == 0 {
            return;
        }
        copy.next.extend(metadata.records.iter().map(|record| record.link.next()));
        if with_revisions {
            copy.revisions.extend(metadata.records.iter().map(|record| record.revision));
        }
        copy.expired.extend(self.expired(rules, now));
        copy.expired.sort_unstable();
    }

    /// Returns the expired residents; some may appear more than once.
    fn expired(self, rules: &Rules, now: Moment) -> impl Iterator<Item = u32> {
        let due = self.metadata.into_iter().flat_map(move |metadata| metadata.deadlines.due(now));
        due.filter(move |&number| self.must_be_released(number, rules, now))
    }
}

impl ShardMut<'_> {
    /// Puts an entry aside for the saves that still have to copy it. Must be called before any saved part of
    /// the entry changes.
    #[inline]
    pub(super) fn keep_for_saves(&mut self, number: u32) {
        let Self { lines, metadata, .. } = self;
        let Metadata { saves, records, extras, .. } = &mut **metadata;
        if saves.are_running()
            && let Some(state) = lines.state(number)
        {
            let view = View { state, record: &records[number], extra: extras.get(number) };
            saves.put_aside(number, &**lines, &view);
        }
    }
}

/// Returns the save with this id, if it is running.
///
/// # Errors
/// The panic of a key that could not be put aside for it.
fn intact(running: &mut [RunningSave], id: SaveId) -> Result<Option<&mut RunningSave>, Box<dyn Any + Send>> {
    let Some(save) = running.iter_mut().find(|save| save.id == id) else { return Ok(None) };
    match save.failure.take() {
        Some(panic) => Err(panic),
        None => Ok(Some(save)),
    }
}
