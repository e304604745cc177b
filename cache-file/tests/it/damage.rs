//! Files that are damaged, or are not cache files.

use std::fs;
use std::path::Path;

use cache_client::Provider;

use crate::{HOUR, events, get, new_file, open, set, set_aside, sized};

const ENTRIES: u8 = 60;

fn value(key: u8) -> Vec<u8> {
    vec![key; 500]
}

/// The bytes of a file with some entries.
async fn intact_file() -> Vec<u8> {
    let (_folder, path) = new_file();
    let provider = open(&path);
    for key in 0..ENTRIES {
        provider.set(&key.to_string(), value(key), HOUR).await.unwrap();
    }
    drop(provider);
    fs::read(&path).unwrap()
}

/// Opens a file, and asserts that it has nothing but what was written. Returns the number of entries.
async fn found(path: &Path) -> usize {
    let provider = open(path);
    let mut count = 0;
    for key in 0..ENTRIES {
        if let Some(found) = provider.get(&key.to_string()).await.unwrap() {
            assert_eq!(found, value(key));
            count += 1;
        }
    }
    set(&provider, "new", "1").await;
    assert_eq!(get(&provider, "new").await.as_deref(), Some("1"));
    count
}

#[tokio::test]
async fn a_file_that_is_no_cache_is_set_aside_with_an_event() {
    events::collect();
    let (folder, path) = new_file();
    fs::write(&path, "something else, which somebody may want").unwrap();
    assert_eq!(found(&path).await, 0);
    let aside = set_aside(folder.path());
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(aside[0].starts_with("answers.redb.damaged-"), "{aside:?}");
    let kept = fs::read_to_string(folder.path().join(&aside[0])).unwrap();
    assert_eq!(kept, "something else, which somebody may want");
    assert_eq!(events::count(&path, "set aside"), 1);
    assert_eq!(events::count(&path, &aside[0]), 1);
}

#[tokio::test]
async fn a_second_damaged_file_gets_a_name_of_its_own() {
    let (folder, path) = new_file();
    for round in 1..=3 {
        fs::write(&path, format!("damaged {round}")).unwrap();
        assert_eq!(found(&path).await, 0);
        assert_eq!(set_aside(folder.path()).len(), round);
    }
}

#[tokio::test]
async fn whatever_byte_is_flipped_no_wrong_value_is_found() {
    let intact = intact_file().await;
    let (folder, path) = new_file();
    let step = sized(1_999, 41);
    let mut damaged = 0;
    for position in (0..320).step_by(sized(7, 1)).chain((320..intact.len()).step_by(step)) {
        let mut bytes = intact.clone();
        bytes[position] ^= 0x55;
        fs::write(&path, &bytes).unwrap();
        let found = found(&path).await;
        let was_set_aside = set_aside(folder.path());
        damaged += was_set_aside.len();
        assert!(was_set_aside.len() == 1 || found == usize::from(ENTRIES), "byte {position}: {found}");
        was_set_aside.iter().for_each(|name| fs::remove_file(folder.path().join(name)).unwrap());
    }
    assert!(damaged > 5, "only {damaged} were noticed");
}

#[tokio::test]
async fn a_file_of_any_length_opens() {
    let intact = intact_file().await;
    let (_folder, path) = new_file();
    for length in (0..intact.len()).step_by(sized(9_973, 509)) {
        fs::write(&path, &intact[..length]).unwrap();
        found(&path).await;
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_an_error_that_names_it() {
    let (folder, _) = new_file();
    let path = folder.path().join("no folder").join("answers.redb");
    let error = cache_file::FileProvider::open(&path).unwrap_err();
    assert_eq!(error.path, path);
    assert!(error.to_string().contains("no folder"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    assert!(cache_file::FileProvider::open(folder.path()).is_err());
}
