//! The charts and what they show. `charts/draw.rs` decides how they look.

mod draw;
mod panel;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::row::Row;
use panel::panels;

/// One file.
struct Subject {
    file: &'static str,
    title: &'static str,
    /// What the bars mean, and which of them are good.
    note: &'static str,
    /// The prefixes of the workloads' names, in their order.
    workloads: &'static [&'static str],
}

const SUBJECTS: [Subject; 6] = [
    Subject {
        file: "hits.svg",
        title: "Hits",
        note: "million reads per second, longer is better",
        workloads: &["hits/"],
    },
    Subject {
        file: "hot-keys.svg",
        title: "Hits of a few keys",
        note: "million reads per second, longer is better",
        workloads: &["hot-key/"],
    },
    Subject {
        file: "get-or-insert.svg",
        title: "Read, and insert on a miss",
        note: "million operations per second, longer is better",
        workloads: &["get-or-insert/"],
    },
    Subject {
        file: "inserts.svg",
        title: "Inserts",
        note: "million inserts per second, longer is better",
        workloads: &["plain-insert/", "replace/", "ttl-insert/", "lru-insert/"],
    },
    Subject {
        file: "hit-ratios.svg",
        title: "Share of hits in recorded traces",
        note: "percent, longer is better",
        workloads: &["trace/"],
    },
    Subject {
        file: "memory.svg",
        title: "Memory of an entry without its value",
        note: "bytes, shorter is better",
        workloads: &["memory/10k", "memory/1m", "memory-churn/"],
    },
];

/// Draws each subject that has rows.
pub fn draw_all(rows: &[Row], folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for subject in &SUBJECTS {
        let panels = panels(rows, subject.workloads);
        let path = folder.join(subject.file);
        if panels.is_empty() {
            eprintln!("cache-bench: {} is skipped: the results have no row for it", subject.file);
            continue;
        }
        let svg = draw::svg(subject.title, subject.note, &panels)?;
        fs::write(&path, svg).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
