//! Emptying a table, as a part of a commit.

use super::commit::{Commit, Failure, Part};
use crate::query::Query;
use crate::table::shard::Outbox;
use crate::table::{Guard, Table};

pub(crate) struct Clearing<'a, Q: Query> {
    table: &'a Table<Q>,
    out: Outbox<Q>,
}

impl<'a, Q: Query> Clearing<'a, Q> {
    pub(crate) fn new(table: &'a Table<Q>) -> Self {
        Self { table, out: Outbox::new() }
    }
}

impl<Q: Query> Part for Clearing<'_, Q> {
    fn table_index(&self) -> usize {
        self.table.index()
    }

    fn apply(&mut self, commit: &mut Commit<'_>, rest: &mut [Box<dyn Part + '_>]) -> Result<(), Failure> {
        let mut guards: Vec<Guard<'_, Q>> = self.table.shards().map(|shard| shard.write()).collect();
        commit.go_on(rest)?;
        let env = self.table.env(commit.now, commit.revision());
        self.table.flights.overtake_all();
        for shard in &mut guards {
            shard.clear(&env, &mut self.out);
            shard.finish(&env, &mut self.out);
            self.table.publish(&mut self.out);
        }
        if let Some(recency) = self.table.recency() {
            recency.clear();
        }
        Ok(())
    }

    fn unlocked(&mut self) {
        self.out.clear();
    }
}
