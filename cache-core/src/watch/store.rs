//! Stores a load through its watch: nothing, if its key has changed.

use super::any::AnyStoreOutcome;
use crate::commit::inputs::{Built, Inputs, Store, store_if_inputs_hold};
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::shard::ReadVersion;
use crate::shard::erased::{AnyHandle, AnyPair};
use crate::shard::pairs::ValueHandle;
use crate::table::simple_write::SimpleWrite;
use crate::table::watchers::AnyWatcher;
use crate::table::write::PairWrite;

/// Returns whether the value of a pair is the same answer as the current one.
pub(super) type IsSame = fn(&dyn AnyPair, &dyn AnyPair) -> bool;

impl dyn UsedTable + '_ {
    /// Writes a loaded value, or keeps an equal one, unless its key has changed. A value that was built from
    /// `inputs` is marked if one of these has changed.
    pub(super) fn store_watched(
        &self,
        watcher: &AnyWatcher,
        pair: &mut dyn AnyPair,
        is_same: Option<IsSame>,
        times: &EntryTimes,
        inputs: &Inputs,
    ) -> AnyStoreOutcome {
        let equal = is_same.and_then(|is_same| self.equal(watcher, pair, is_same));
        if !inputs.is_empty() {
            return self.store_built(watcher, pair, equal, times, inputs);
        }
        if let Some((equal, seen)) = equal
            && self.renew_unchanged(watcher.key(), seen, Some(watcher), times.as_of, false)
        {
            return AnyStoreOutcome::Kept(ValueHandle(equal));
        }
        match self.write_watched(watcher, pair, times, false) {
            true => AnyStoreOutcome::Written,
            false => AnyStoreOutcome::Overtaken,
        }
    }

    /// Writes a loaded value, which may be marked, unless the watcher was overtaken. Returns whether it
    /// wrote.
    fn write_watched(
        &self,
        watcher: &AnyWatcher,
        pair: &mut dyn AnyPair,
        times: &EntryTimes,
        is_invalidated: bool,
    ) -> bool {
        let how = PairWrite::of_load(times, is_invalidated);
        (!is_invalidated && self.write_simply(pair, &mut SimpleWrite::of_watched(watcher, times)))
            || self.write(watcher.hash(), pair, &how, &mut |_, _| !watcher.is_overtaken())
    }

    /// Returns the current value and the version of its entry, if the value equals that of a pair.
    fn equal(
        &self,
        watcher: &AnyWatcher,
        pair: &dyn AnyPair,
        is_same: IsSame,
    ) -> Option<(AnyHandle, ReadVersion)> {
        let (present, seen) = self.read_handle(watcher.hash(), &|key| watcher.key().equals(key));
        let present = present?;
        is_same(pair, &*present).then_some((present, seen))
    }

    fn store_built(
        &self,
        watcher: &AnyWatcher,
        pair: &mut dyn AnyPair,
        equal: Option<(AnyHandle, ReadVersion)>,
        times: &EntryTimes,
        inputs: &Inputs,
    ) -> AnyStoreOutcome {
        let mut is_up_to_date = inputs.are_few();
        if let (true, Some((_, seen))) = (is_up_to_date, &equal) {
            match store_if_inputs_hold(self, watcher, pair, times, Store::Keep(*seen), inputs) {
                Built::Stored => {
                    return equal.map_or(AnyStoreOutcome::Written, |(equal, _)| {
                        AnyStoreOutcome::Kept(ValueHandle(equal))
                    });
                }
                Built::OutOfDate => is_up_to_date = false,
                Built::Overtaken => {}
            }
        }
        if is_up_to_date {
            match store_if_inputs_hold(self, watcher, pair, times, Store::Write, inputs) {
                Built::Stored => return AnyStoreOutcome::Written,
                Built::Overtaken => return AnyStoreOutcome::Overtaken,
                Built::OutOfDate => {}
            }
        }
        self.store_marked(watcher, pair, equal, times)
    }

    /// Stores a value that is known to be out of date, or marks the current one if it is `equal`.
    fn store_marked(
        &self,
        watcher: &AnyWatcher,
        pair: &mut dyn AnyPair,
        equal: Option<(AnyHandle, ReadVersion)>,
        times: &EntryTimes,
    ) -> AnyStoreOutcome {
        if let Some((equal, seen)) = equal
            && self.renew_unchanged(watcher.key(), seen, Some(watcher), times.as_of, true)
        {
            return AnyStoreOutcome::Marked(Some(ValueHandle(equal)));
        }
        match self.write_watched(watcher, pair, times, true) {
            true => AnyStoreOutcome::Marked(None),
            false => AnyStoreOutcome::Overtaken,
        }
    }
}
