//! Counts of tables, and reading their entries in bounded steps.

use std::collections::HashMap;
use std::ops::ControlFlow;

use cache_core::{Cache, Residency, ScanCursor, TableCounts};

use crate::shop::*;

#[track_caller]
fn counts_of(cache: &Cache<Shop>, name: &str) -> TableCounts {
    cache.counts().into_iter().find(|counts| counts.name == name).expect("the table exists")
}

/// Reads everything in steps of `visits` lines. Returns the keys by how often they were visited, and the lines of the
/// longest step.
fn all_keys(cache: &Cache<Shop>, table: Option<&str>, visits: usize) -> (HashMap<String, usize>, usize) {
    let (mut keys, mut from, mut most) = (HashMap::new(), ScanCursor::default(), 0);
    loop {
        let scan = cache.scan_entries(table, from, visits, |name, entry| {
            assert!(table.is_none_or(|table| table == name));
            *keys.entry(entry.key).or_default() += 1;
            ControlFlow::Continue(())
        });
        most = most.max(scan.visited);
        let Some(next) = scan.next else { return (keys, most) };
        assert_ne!(next, from, "each step goes on");
        from = next.to_string().parse().unwrap();
    }
}

#[test]
fn each_entry_is_visited_once_in_steps_of_bounded_length() {
    let cache = shop();
    (0..5_000).for_each(|id| drop(cache.insert(GetBalance(id), 1)));
    (0..100).for_each(|id| drop(cache.insert(GetTotal(id), 1)));
    for visits in [1, 63, 64, 1_000] {
        let (keys, most) = all_keys(&cache, None, visits);
        assert_eq!((keys.len(), keys.values().max()), (5_100, Some(&1)), "{visits}");
        assert!(most <= visits, "{most} lines in a step of {visits}");
    }
    let (keys, _) = all_keys(&cache, Some("get_total"), 50);
    assert_eq!(keys.len(), 100);
    assert!(keys.keys().all(|key| key.starts_with("GetTotal(")));
    assert_eq!(all_keys(&cache, Some("unknown"), 50), (HashMap::new(), 0));
}

#[test]
fn a_scan_that_is_ended_goes_on_after_the_last_entry() {
    let cache = shop();
    (0..300).for_each(|id| drop(cache.insert(GetTotal(id), 1)));
    let (mut keys, mut from) = (Vec::new(), ScanCursor::default());
    loop {
        let begun = keys.len();
        let scan = cache.scan_entries(None, from, usize::MAX, |_, entry| {
            keys.push(entry.key);
            if keys.len() == begun + 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let Some(next) = scan.next else { break };
        assert_eq!(keys.len(), begun + 7);
        from = next;
    }
    assert_eq!(keys.len(), 300);
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 300, "none is visited twice");
}

#[test]
fn the_cache_can_be_used_while_an_entry_is_visited_and_a_visit_is_no_use() {
    let cache = shop();
    (0..10).for_each(|id| drop(cache.insert(GetBalance(id), 1)));
    let before = cache.inspect();
    let mut visited = 0;
    let scan = cache.scan_entries(None, ScanCursor::default(), usize::MAX, |_, _| {
        visited += 1;
        cache.insert(GetBalance(visited), 2);
        ControlFlow::Continue(())
    });
    assert_eq!((visited, scan.next), (10, None));
    let after = cache.inspect();
    assert_eq!((before.hits(), before.misses()), (after.hits(), after.misses()));
}

#[test]
fn an_entry_is_reported_with_its_holders() {
    let cache = shop();
    let held = cache.insert(GetRecent(1), "held");
    let again = held.clone();
    drop(cache.insert(GetRecent(2), "resident"));
    (3..=4).for_each(|id| drop(cache.insert(GetRecent(id), "text")));
    drop(cache.insert(GetNote(1), "dies at once"));
    let mut seen = HashMap::new();
    cache.scan_entries(None, ScanCursor::default(), usize::MAX, |_, entry| {
        seen.insert(entry.key, (entry.holders, entry.state.residency));
        ControlFlow::Continue(())
    });
    assert_eq!(seen["GetRecent(1)"], (2, Residency::Survivor));
    assert_eq!(seen["GetRecent(4)"], (0, Residency::Resident));
    assert_eq!(seen.len(), 3, "a dead value is no entry: {seen:?}");
    let listed = cache.inspect_entries();
    let listed = listed.tables.iter().flat_map(|table| &table.entries);
    assert!(listed.clone().any(|entry| entry.key == "GetRecent(1)" && entry.holders == 2));
    drop((held, again));
}

#[test]
fn counts_are_those_of_the_full_report() {
    let (cache, clock) = timed(|builder| builder);
    let _held = cache.insert(GetRecent(1), "held");
    (2..=4).for_each(|id| drop(cache.insert(GetRecent(id), "text")));
    let _pin = cache.pin(&GetRecent(9));
    drop(cache.insert(GetRecent(9), "pinned"));
    cache.insert(GetRecent(4), "other");
    cache.remove(&GetRecent(3));
    let _ = (cache.get(&GetRecent(4)), cache.get(&GetRecent(5)), cache.get(&GetTotal(1)));
    drop(cache.insert(GetQuote(1), "quote"));
    let report = cache.inspect();
    for (counts, table) in cache.counts().iter().zip(&report.tables) {
        assert_eq!((counts.name, counts.bound), (table.name, table.bound));
        assert_eq!(counts.kept, table.residents + table.pinned, "{}", table.name);
        assert_eq!(counts.survivors, table.survivors + table.dead, "{}", table.name);
        assert_eq!((counts.pins, counts.hits, counts.misses), (table.pins, table.hits, table.misses));
        assert_eq!((counts.removals, counts.hit_ratio()), (table.removals, table.hit_ratio()));
    }
    let recent = counts_of(&cache, "get_recent");
    assert_eq!((recent.kept, recent.weight, recent.survivors, recent.pins), (2, 1, 1, 1));
    assert_eq!(recent.removals.total(), 4, "one replaced, one removed, two evicted");
    // Counting releases nothing, so it shows expired entries until something else releases them.
    clock.advance(20 * SECOND);
    assert_eq!(counts_of(&cache, "get_quote").kept, 1);
    assert_eq!(cache.len(), 3);
    assert_eq!(counts_of(&cache, "get_quote").kept, 0);
}

#[test]
fn a_text_that_is_no_cursor_is_an_error() {
    for text in ["", "1", "1.2", "1.2.3.4", "a.0.0", "0.-1.0", "0.0.4294967296"] {
        let error = text.parse::<ScanCursor>().unwrap_err();
        assert!(error.to_string().contains("0.12.64"), "{error}");
    }
    let cache = shop();
    drop(cache.insert(GetTotal(1), 1));
    for text in ["0.0.4294967295", "2.18446744073709551615.0", "18446744073709551615.0.0"] {
        let mut visited = 0;
        let scan = cache.scan_entries(None, text.parse().unwrap(), 1_000, |_, _| {
            visited += 1;
            ControlFlow::Continue(())
        });
        assert!(scan.next.is_none() && visited <= 1, "{text}");
    }
}
