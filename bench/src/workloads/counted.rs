//! Workloads whose instructions are counted: small caches and one thread, since counting is slow.

use super::documents::counted as documents;
use super::load::line_up as loaders;
use super::{Operation, caches, client, commit, hits, shared, web};
use crate::keys::Keys;
use crate::measure::Contestant;

const ENTRIES: u32 = 10_000;
/// Each of them takes a load to enter the cache.
const FEW: u32 = 1_000;
/// Has room for all entries, however unevenly the shards share them.
const ROOM: u64 = 2 * ENTRIES as u64;
/// Operations of each contestant.
const OPERATIONS: usize = 20_000;

/// A workload that has not been set up yet.
pub struct Counted {
    pub name: &'static str,
    line_up: fn() -> Vec<Contestant>,
    keys: fn() -> Keys,
}

impl Counted {
    /// Passes each contestant to `count` with the keys to run on.
    pub fn run(&self, mut count: impl FnMut(&Contestant, &[u32])) {
        let keys = (self.keys)();
        for contestant in (self.line_up)() {
            count(&contestant, keys.all());
        }
    }
}

pub const COUNTED: [Counted; 24] = [
    counted("hits", || caches(ROOM, ENTRIES, Operation::Get), there),
    counted("misses", || hits::line_up(ENTRIES, ROOM), || Keys::absent(ENTRIES, OPERATIONS)),
    counted("insert", || caches(ENTRIES.into(), 2 * ENTRIES, Operation::Insert), new),
    counted("replace", || caches(ROOM, ENTRIES, Operation::Insert), there),
    counted(
        "get-or-insert",
        || caches(ENTRIES.into(), 2 * ENTRIES, Operation::GetOrInsert),
        || Keys::zipf(10 * ENTRIES, OPERATIONS),
    ),
    counted("remove-insert", || caches(ROOM, ENTRIES, Operation::Renew), there),
    counted("load-hit", || loaders(ROOM, ENTRIES).into(), there),
    counted("load-miss", || loaders(ENTRIES.into(), 2 * ENTRIES).into(), new),
    counted("commit-1", || commit::line_up(1, ENTRIES).into(), there),
    counted("commit-4", || commit::line_up(4, ENTRIES).into(), there),
    counted("client-hits", || client::hits_line_up(ENTRIES).into(), there),
    counted("client-misses", client::misses_line_up, || Keys::uniform(u32::MAX, OPERATIONS)),
    counted("client-bring", client::bringing_line_up, || Keys::uniform(u32::MAX, OPERATIONS)),
    counted("client-derived", || client::derived_line_up().into(), there),
    counted("shared-hits", || shared::counted_line_up(FEW), || Keys::uniform(FEW, OPERATIONS)),
    counted("documents-new", documents::new_line_up, there),
    counted("documents-again", documents::again_line_up, there),
    counted("documents-rewrite", documents::rewrite_line_up, there),
    counted("documents-change", documents::change_line_up, there),
    counted("documents-change-1", documents::change_1_line_up, || Keys::uniform(ENTRIES, OPERATIONS / 20)),
    counted("documents-requests-hits", documents::requests_hits_line_up, pages),
    counted("documents-requests-304", documents::requests_304_line_up, pages),
    counted("web-layer", web::layer_line_up, there),
    counted("web-page", web::page_line_up, || Keys::uniform(1, OPERATIONS / 20)),
];

const fn counted(name: &'static str, line_up: fn() -> Vec<Contestant>, keys: fn() -> Keys) -> Counted {
    Counted { name, line_up, keys }
}

fn there() -> Keys {
    Keys::uniform(ENTRIES, OPERATIONS)
}

/// Pages that requests ask for.
fn pages() -> Keys {
    Keys::uniform(documents::PAGES, OPERATIONS)
}

/// Keys that are nearly all new.
fn new() -> Keys {
    Keys::uniform(100 * ENTRIES, OPERATIONS)
}
