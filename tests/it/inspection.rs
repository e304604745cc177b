//! Reports of a cache about itself.

use std::sync::Arc;
use std::thread;

use cache_core::{Bound, Cache, Freshness, Inspection, Residency, TableReport};

use crate::shop::*;

#[track_caller]
fn table<'a>(inspection: &'a Inspection, name: &str) -> &'a TableReport {
    inspection.tables.iter().find(|table| table.name == name).expect("the table exists")
}

/// Returns revision, label and tables of each logged commit.
fn log(cache: &Cache<Shop>) -> Vec<(u64, Option<String>, Vec<&'static str>)> {
    let recent = cache.commit_log().recent();
    assert_eq!(recent, cache.inspect().commits);
    recent.into_iter().map(|record| (record.revision, record.label, record.tables)).collect()
}

#[test]
fn tables_are_listed_in_the_order_of_the_registry_with_their_bounds() {
    let inspection = shop().inspect();
    let names: Vec<_> = inspection.tables.iter().map(|table| table.name).collect();
    assert_eq!(
        names,
        ["get_person", "get_balance", "get_total", "get_note", "get_recent", "get_quote", "dynamic"]
    );
    assert_eq!(table(&inspection, "get_recent").bound, Some(Bound::Lru(2)));
    assert_eq!(table(&inspection, "get_note").bound, None);
    assert_eq!((inspection.revision, inspection.listener_panics), (0, 0));
    assert!(inspection.tables.iter().all(|table| table.live() == 0 && table.hit_ratio().is_none()));
}

#[test]
fn hits_and_misses_are_counted_and_peeks_are_not() {
    let cache = shop();
    assert!(cache.get(&GetBalance(1)).is_none(), "before the first write");
    cache.insert(GetBalance(1), 1);
    for id in [1, 1, 1, 2] {
        let _ = cache.get(&GetBalance(id));
        let _ = cache.peek(&GetBalance(id));
    }
    drop(cache.entries::<GetBalance>());
    let inspection = cache.inspect();
    let balances = table(&inspection, "get_balance");
    assert_eq!((balances.hits, balances.misses, balances.hit_ratio()), (3, 2, Some(0.6)));
    assert_eq!(table(&inspection, "get_total").hits, 0);
}

#[test]
fn removals_are_counted_by_cause() {
    let (cache, clock) = timed(|builder| builder);
    (1..=4).for_each(|id| drop(cache.insert(GetRecent(id), "text")));
    cache.insert(GetRecent(4), "other");
    cache.remove(&GetRecent(3));
    cache.insert(GetQuote(1), "quote");
    clock.advance(10 * SECOND);
    assert!(cache.get(&GetQuote(1)).is_none());
    cache.clear();
    let inspection = cache.inspect();
    let recent = table(&inspection, "get_recent").removals;
    assert_eq!(
        (recent.evicted, recent.replaced, recent.removed, recent.cleared, recent.expired),
        (2, 1, 1, 1, 0)
    );
    let quotes = table(&inspection, "get_quote").removals;
    assert_eq!((quotes.expired, quotes.evicted, quotes.cleared), (1, 0, 0));
}

#[test]
fn entries_are_counted_by_what_keeps_them() {
    let cache = shop();
    let _held = cache.insert(GetRecent(1), "held");
    (2..=3).for_each(|id| drop(cache.insert(GetRecent(id), "text")));
    let _pin = cache.pin(&GetRecent(9));
    let _again = cache.pin(&GetRecent(9));
    let _missing = cache.pin(&GetRecent(10));
    cache.insert(GetRecent(9), "pinned");
    let note = cache.insert(GetNote(1), "dies soon");
    drop(note);
    let inspection = cache.inspect();
    let recent = table(&inspection, "get_recent");
    assert_eq!((recent.residents, recent.pinned, recent.survivors, recent.dead), (2, 1, 1, 0));
    assert_eq!((recent.pins, recent.weight, recent.live()), (2, 2, 4));
    assert_eq!((table(&inspection, "get_note").dead, table(&inspection, "get_note").live()), (1, 0));
}

#[test]
fn entries_are_listed_on_request_with_their_state() {
    let (cache, clock) = timed(|builder| builder);
    cache.insert(GetQuote(1), "one");
    cache.insert(GetQuote(2), "two");
    cache.invalidate(&GetQuote(2));
    clock.advance(6 * SECOND);
    assert!(cache.inspect().tables.iter().all(|table| table.entries.is_empty()));
    let inspection = cache.inspect_entries();
    let mut entries = table(&inspection, "get_quote").entries.clone();
    entries.sort_by_key(|entry| entry.key.clone());
    assert_eq!(
        entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(),
        ["GetQuote(1)", "GetQuote(2)"]
    );
    let state = entries[0].state;
    assert_eq!(
        (state.freshness, state.residency, state.is_expired),
        (Freshness::Stale, Residency::Resident, false)
    );
    assert_eq!((state.age, state.remaining, state.revision.get()), (6 * SECOND, Some(4 * SECOND), 1));
    assert_eq!(entries[1].state.freshness, Freshness::Invalidated);
}

#[test]
fn commits_are_logged_only_while_that_is_switched_on() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    assert_eq!(log(&cache), []);
    cache.commit_log().keep(2);
    let mut tx = cache.begin();
    tx.label("pay").set(GetTotal(1), 1);
    tx.merge_with(GetBalance(1), |_: Option<&i64>| 2);
    tx.set(GetTotal(2), 1);
    tx.commit().unwrap();
    assert_eq!(log(&cache), [(2, Some("pay".to_owned()), vec!["get_total", "get_balance"])]);
    cache.insert(GetNote(1), "note");
    cache.clear();
    assert_eq!(log(&cache), [(3, None, vec!["get_note"]), (4, None, vec!["*"])], "the last two");
    let revisions =
        |count| -> Vec<_> { cache.commit_log().last(count).iter().map(|record| record.revision).collect() };
    assert_eq!((revisions(0), revisions(1), revisions(9)), (vec![], vec![4], vec![3, 4]));
    assert_eq!(cache.commit_log().limit(), 2);
    cache.commit_log().keep(1);
    assert_eq!(log(&cache).len(), 1);
    cache.commit_log().keep(0);
    cache.insert(GetNote(1), "note");
    assert_eq!(log(&cache), []);
}

#[test]
fn what_has_no_revision_is_not_logged() {
    let cache = shop();
    cache.commit_log().keep(10);
    cache.begin().commit().unwrap();
    cache.insert(GetBalance(1), 1);
    let mut tx = cache.begin();
    tx.touch(&GetBalance(1));
    tx.invalidate(&GetBalance(1));
    tx.commit().unwrap();
    let mut tx = cache.begin();
    tx.get(&GetBalance(1));
    tx.set(GetTotal(1), 1);
    cache.remove(&GetBalance(1));
    conflict(tx.commit());
    assert_eq!(log(&cache), [(1, None, vec!["get_balance"]), (2, None, vec!["get_balance"])]);
}

#[test]
fn a_restore_is_logged_as_one_commit() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    cache.insert(GetTotal(1), 1);
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();
    let restored = shop();
    restored.commit_log().keep(10);
    restored.restore_from(&bytes[..]).unwrap();
    assert_eq!(log(&restored), [(3, Some("restore".to_owned()), vec!["get_balance", "get_total"])]);
}

#[test]
fn commits_of_many_threads_are_logged_in_the_order_of_their_revisions() {
    let cache = shop();
    cache.commit_log().keep(50);
    thread::scope(|scope| {
        for thread in 0..4 {
            let cache = &cache;
            scope
                .spawn(move || (0..200).for_each(|id| drop(cache.insert(GetBalance(thread * 1000 + id), 1))));
        }
        (0..100).for_each(|_| assert!(cache.commit_log().recent().len() <= 50));
    });
    let revisions: Vec<_> = log(&cache).into_iter().map(|record| record.0).collect();
    assert!(revisions.is_sorted() && revisions.len() == 50, "{revisions:?}");
    assert_eq!(revisions.last(), Some(&800));
}

#[test]
fn an_inspection_is_serialised_for_tools() {
    let (cache, _) = timed(|builder| builder);
    cache.commit_log().keep(5);
    cache.insert(GetRecent(1), "text");
    let mut tx = cache.begin();
    tx.label("why").set(GetQuote(7), "quote");
    tx.commit().unwrap();
    let _ = cache.get(&GetRecent(1));
    let json = serde_json::to_value(cache.inspect_entries()).unwrap();
    assert_eq!(json["revision"], 2);
    assert_eq!(json["commits"][1]["label"], "why");
    assert_eq!(json["commits"][1]["tables"][0], "get_quote");
    let recent = &json["tables"][4];
    assert_eq!((&recent["name"], &recent["bound"]), (&"get_recent".into(), &"lru 2".into()));
    assert_eq!((recent["hits"].as_u64(), recent["removals"]["evicted"].as_u64()), (Some(1), Some(0)));
    let entry = &recent["entries"][0];
    assert_eq!((&entry["key"], &entry["freshness"]), (&"GetRecent(1)".into(), &"fresh".into()));
    assert_eq!((&entry["residency"], &entry["revision"]), (&"resident".into(), &1.into()));
    assert_eq!(json["tables"][5]["entries"][0]["remaining"]["secs"], 10);
}

#[test]
fn an_inspection_is_printed_as_a_table() {
    let (cache, _) = timed(|builder| builder);
    cache.commit_log().keep(5);
    cache.insert(GetRecent(1), "text");
    let mut tx = cache.begin();
    tx.label("why").set(GetQuote(7), "quote");
    tx.set(GetTotal(1), 1);
    tx.commit().unwrap();
    let _ = cache.get(&GetRecent(1));
    let text = cache.inspect_entries().to_string();
    let line =
        |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{text}"));
    assert!(line("table").contains("resident") && line("table").contains("hits"));
    assert!(line("get_recent").contains("lru 2") && line("get_recent").contains("100.0%"), "{text}");
    assert!(
        line("  GetQuote(7)").contains("revision 2") && line("  GetQuote(7)").contains("Fresh"),
        "{text}"
    );
    assert_eq!(line("commit 2"), "commit 2  why  get_quote, get_total");
    assert_eq!(text.lines().last(), Some("revision 2"));
    let widths: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("get_") || line.starts_with("table"))
        .map(str::len)
        .collect();
    assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
}

#[test]
fn an_inspection_keeps_no_value_alive() {
    let cache = shop();
    let value = cache.insert(GetNote(1), "note");
    let weak = Arc::downgrade(&value);
    let inspection = cache.inspect_entries();
    drop(value);
    assert!(weak.upgrade().is_none());
    assert_eq!(table(&inspection, "get_note").entries.len(), 1);
}

#[test]
fn all_readable_entries_of_all_tables_are_shown_with_key_value_and_state() {
    let (cache, clock) = timed(|builder| builder);
    cache.insert(GetBalance(1), 10);
    cache.insert(GetBalance(2), 20);
    let note = cache.insert(GetNote(1), "held");
    drop(cache.insert(GetNote(2), "dropped"));
    cache.insert(GetQuote(1), "stale");
    clock.advance(6 * SECOND);
    cache.invalidate(&GetBalance(2));
    let mut shown = Vec::new();
    cache.for_each(|entry| {
        let balance = entry.of::<GetBalance>().map(|(_, value)| value.to_string());
        let text =
            entry.of::<GetNote>().map(|(_, value)| value).or(entry.of::<GetQuote>().map(|(_, value)| value));
        let value = balance.or(text.map(ToString::to_string)).unwrap();
        shown.push((entry.table(), format!("{:?}", entry.key()), value, entry.state().freshness));
    });
    shown.sort_by_key(|(_, key, ..)| key.clone());
    let line =
        |table, key: &str, value: &str, freshness| (table, key.to_owned(), value.to_owned(), freshness);
    assert_eq!(
        shown,
        [
            line("get_balance", "GetBalance(1)", "10", Freshness::Fresh),
            line("get_balance", "GetBalance(2)", "20", Freshness::Invalidated),
            line("get_note", "GetNote(1)", "held", Freshness::Fresh),
            line("get_quote", "GetQuote(1)", "stale", Freshness::Stale),
        ]
    );
    drop(note);
    clock.advance(5 * SECOND);
    let mut tables = Vec::new();
    cache.for_each(|entry| tables.push(entry.table()));
    assert_eq!(tables, ["get_balance", "get_balance"], "the note was dropped, and the quote has expired");
}

#[test]
fn the_cache_may_be_changed_while_its_entries_are_shown() {
    let cache = shop();
    (0..1_000).for_each(|id| drop(cache.insert(GetBalance(id), 1)));
    let mut shown = 0;
    cache.for_each(|entry| {
        let (key, _) = entry.of::<GetBalance>().unwrap();
        assert!(cache.remove(key));
        shown += 1;
    });
    assert_eq!((shown, cache.inspect().tables.iter().map(TableReport::live).sum::<usize>()), (1_000, 0));
}
