//! Carries out drops of other machines in the cache: marks what is stored and what is loading, and has what is observed
//! loaded again.

use cache_core::Tag;
use cache_core::client_support::{AnyKey, AnyTable};

use super::entry::catch_codec;
use crate::app::App;
use crate::client::Client;
use crate::shared::Dropped;
use crate::shared::protocol::Mark;

impl<A: App> Client<A> {
    /// Prepares the cache for a shared tier: what it has from before, and what is restored later, is not known to be up to
    /// date.
    pub(crate) fn begin_sharing(&self) {
        self.each_shared_table(|table| {
            table.mark_restored();
            table.invalidate_entries();
        });
    }

    /// Marks what was dropped.
    pub(crate) fn mark_dropped(&self, dropped: Dropped<'_>) {
        self.each_shared_table(|table| match dropped {
            Dropped::All => self.mark_table(table),
            Dropped::Marks(marks) => marks.iter().for_each(|mark| self.mark_in(table, mark)),
        });
    }

    pub(crate) fn each_shared_table(&self, mut visit: impl FnMut(AnyTable<'_>)) {
        self.cache().each_table(&mut |table| {
            if table.is_shared() {
                visit(table);
            }
        });
    }

    fn mark_in(&self, table: AnyTable<'_>, mark: &Mark) {
        match mark {
            Mark::Key(key) if key.table() == table.name() => {
                let decoded =
                    table.sharing().and_then(|codec| catch_codec(|| codec.decode_key(key.bytes())).ok());
                match decoded {
                    Some(key) => self.mark_key(table, &*key),
                    // It is a key of another build: which one it is here is unknown.
                    None => self.mark_table(table),
                }
            }
            Mark::Table(name) if **name == *table.name() => self.mark_table(table),
            Mark::Tag(tag) => self.mark_tag(table, &Tag::from_bytes(tag)),
            Mark::All => self.mark_table(table),
            Mark::Key(_) | Mark::Table(_) => {}
        }
    }

    // Marks first: an observer task that receives the request to load again looks for the mark.

    pub(crate) fn mark_key(&self, table: AnyTable<'_>, key: &dyn AnyKey) {
        table.invalidate(key);
        if let Some(query_state) = self.query_states().existing(table.index()) {
            query_state.observed.reload(key);
        }
    }

    fn mark_tag(&self, table: AnyTable<'_>, tag: &Tag) {
        if table.may_have_tag(tag) {
            table.invalidate_tag(tag);
            self.reload_in(table, &|key| key.has_tag(tag));
        }
    }

    fn mark_table(&self, table: AnyTable<'_>) {
        table.invalidate_entries();
        self.reload_in(table, &|_| true);
    }

    fn reload_in(&self, table: AnyTable<'_>, is_selected: &dyn Fn(&dyn AnyKey) -> bool) {
        if let Some(query_state) = self.query_states().existing(table.index()) {
            query_state.observed.reload_where(is_selected);
        }
    }

    /// What marks the cache for the tier. Does not keep the client alive.
    pub(crate) fn mark_sink(&self) -> Box<dyn Fn(Dropped<'_>) + Send + Sync> {
        let client = self.downgrade();
        Box::new(move |dropped| {
            if let Some(client) = client.upgrade() {
                client.mark_dropped(dropped);
            }
        })
    }
}
