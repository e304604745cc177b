//! A cache whose every snapshot belongs to one generation, so that a file mixed from two would be detected.

use std::path::Path;

use cache_core::{Cache, Query, Shape, registry};
use serde::{Deserialize, Serialize};

/// Page of a book of one generation.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Page, capacity = 10_000, persist)]
struct GetPage(u64);

#[derive(Shape, Clone, Debug, Serialize, Deserialize)]
struct Page {
    text: String,
    generation: u64,
}

registry! {
    struct Book {
        GetPage,
    }
}

/// Returns the number of pages of the book of a generation.
fn size(generation: u64) -> u64 {
    500 + generation % 500
}

/// Saves the book of a generation to `path`, over any file there.
///
/// # Panics
/// If it cannot be saved.
pub fn save(path: &Path, generation: u64) {
    let cache = Cache::<Book>::new();
    for number in 0..size(generation) {
        cache.insert(GetPage(number), Page { text: format!("page {number}"), generation });
    }
    cache.save(path).expect("the book can be saved");
}

/// Returns the generation of the book at `path`, after checking every page.
///
/// # Panics
/// If the file is not exactly one book.
#[must_use]
#[track_caller]
pub fn restore(path: &Path) -> u64 {
    let cache = Cache::<Book>::new();
    cache.restore(path).expect("the snapshot is whole");
    let pages = cache.values::<GetPage>();
    let generation = pages.first().expect("a book has pages").generation;
    assert_eq!(pages.len() as u64, size(generation));
    assert!(pages.iter().all(|page| page.generation == generation));
    generation
}
