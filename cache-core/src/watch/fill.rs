//! Writes a copy from elsewhere for a missing key, while the key is loaded. Does not retire the load.

use super::any::AnyWatch;
use crate::entry_times::EntryTimes;
use crate::erased::UsedTable;
use crate::shard::erased::AnyPair;
use crate::shard::key::AnyKey;
use crate::shard::pairs::ValueHandle;
use crate::snapshot::EntryCodec;
use crate::table::watchers::AnyWatcher;
use crate::table::write::PairWrite;

impl AnyWatch {
    /// Writes a value, which need not be fresh, if the key has no entry and has not changed since the watch
    /// began. Overtakes no watch. Returns whether it wrote.
    pub fn fill(&self, codec: EntryCodec, key: &dyn AnyKey, value: &ValueHandle, times: &EntryTimes) -> bool {
        let Some(mut pairs) = codec.pair(key, value) else { return false };
        self.table_ref.table().fill_watched(&self.watcher, pairs.pair_mut(0), times)
    }
}

impl dyn UsedTable + '_ {
    fn fill_watched(&self, watcher: &AnyWatcher, pair: &mut dyn AnyPair, times: &EntryTimes) -> bool {
        self.write(watcher.hash(), pair, &PairWrite::of_copy(times), &mut |shard, number| {
            !watcher.is_overtaken() && number.is_none_or(|number| shard.lines.is_dead(number))
        })
    }
}
