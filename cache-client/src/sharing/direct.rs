//! Tells other machines what the program changes in the store itself, after the change can be seen.

use cache_core::client_support::AnyKey;

use crate::app::App;
use crate::client::Client;

impl<A: App> Client<A> {
    /// From now on, what is written to shared tables without this client is dropped on all machines. Does not keep the
    /// client alive.
    pub(crate) fn tell_direct_changes(&self) {
        self.each_shared_table(|table| {
            let (client, index) = (self.downgrade(), table.index());
            table.on_change(move |keys| {
                let client = client.upgrade();
                if let Some(client) = &client {
                    client.drop_changed(index, keys);
                }
                client.is_some()
            });
        });
    }

    fn drop_changed(&self, index: usize, keys: &[Box<dyn AnyKey>]) {
        let Some(tier) = self.shared_tier() else { return };
        self.each_shared_table(|table| {
            if table.index() == index {
                let marks = keys.iter().filter_map(|key| super::mark_of(table, &**key)).collect();
                // Nobody waits for it, and it is not given up: the change can be seen.
                drop(tier.begin_drop(marks, true));
            }
        });
    }
}
