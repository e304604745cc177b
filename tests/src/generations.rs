//! A cache whose every snapshot belongs to one generation, so that a file made of two would show.

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

/// Pages of the book of generation `n`.
fn size(generation: u64) -> u64 {
    500 + generation % 500
}

/// Saves the book of a generation over whatever is at `path`.
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

/// Generation of the book at `path`, every page of which is looked at.
///
/// # Panics
/// If what is there is not the whole of one book.
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
