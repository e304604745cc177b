//! The content of the cache, and the loads.

use cache_core::{Inspection, TableReport};
use maud::{Markup, html};

use super::Content;
use crate::database::LedgerReport;

/// The page of the inspector.
pub(crate) fn page(inspection: &Inspection, ledger: &LedgerReport) -> Content {
    let main = html! {
        h1.section-title { "What is in the cache" }
        div.figures {
            (figure(inspection.hits(), "hits"))
            (figure(inspection.misses(), "misses"))
            (figure(ledger.loads, "keys loaded"))
            (figure(ledger.trips, "trips to the database"))
            (figure(inspection.revision, "commits"))
        }
        (tables(inspection, ledger))
        @if !inspection.commits.is_empty() { (commits(inspection)) }
        p.meta { "The same " a href="/inspect.json" { "as JSON" } "." }
    };
    Content {
        title: "Cache · The Lantern".to_owned(),
        section: None,
        search: String::new(),
        outdated: None,
        main,
    }
}

fn figure(number: u64, what: &str) -> Markup {
    html! { p.figure { strong { (number) } span { (what) } } }
}

fn tables(inspection: &Inspection, ledger: &LedgerReport) -> Markup {
    html! {
        div.wide {
            table {
                thead {
                    tr {
                        th { "Query" }
                        @for name in ["Kept", "Pinned", "Hits", "Misses", "Ratio", "Evicted", "Loads", "Keys"] {
                            th.number { (name) }
                        }
                    }
                }
                tbody {
                    @for table in inspection.tables.iter().filter(|table| table.live() > 0 || table.hits + table.misses > 0) {
                        (row(table, ledger))
                    }
                }
            }
        }
    }
}

fn row(table: &TableReport, ledger: &LedgerReport) -> Markup {
    let loads = ledger.queries.get(table.name).copied().unwrap_or_default();
    let ratio = table.hit_ratio().map_or_else(|| "-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0));
    html! {
        tr {
            td { code { (table.name) } }
            td.number { (table.residents) }
            td.number { (table.pinned) }
            td.number { (table.hits) }
            td.number { (table.misses) }
            td.number { (ratio) }
            td.number { (table.removals.evicted) }
            td.number { (loads.loads) }
            td.number { (loads.keys) }
        }
    }
}

fn commits(inspection: &Inspection) -> Markup {
    html! {
        h2 { "The last commits" }
        ol.commits {
            @for commit in inspection.commits.iter().rev() {
                li {
                    span.meta { (commit.revision) }
                    @for table in &commit.tables { " " code { (table) } }
                    @if let Some(label) = &commit.label { " " (label) }
                }
            }
        }
    }
}
