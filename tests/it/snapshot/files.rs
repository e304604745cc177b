//! Snapshots as files.

use cache_core::{OpenError, SnapshotError};

use super::*;

#[test]
fn a_first_start_is_empty_and_says_so_and_the_second_is_warm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    let (cache, report) = Cache::<Library>::restore_or_new(&path).unwrap();
    assert!(report.is_first_start && cache.is_empty());
    assert_eq!(report.to_string(), "no snapshot yet, starting empty");
    cache.insert(GetBook { id: 1 }, book(1));
    cache.save(&path).unwrap();
    let (cache, report) = Cache::<Library>::restore_or_new(&path).unwrap();
    assert!(!report.is_first_start && report.restored() == 1);
    assert_eq!(*cache.get(&GetBook { id: 1 }).unwrap(), book(1));
    // With options.
    let restored = Cache::<Library>::new();
    let read = |path: &std::path::Path| restored.restore_options().invalidate_all().read_file_or_new(path);
    assert!(read(&folder.path().join("none")).unwrap().is_first_start && restored.is_empty());
    assert!(!read(&path).unwrap().is_first_start && restored.get_fresh(&GetBook { id: 1 }).is_none());
    assert!(restored.get(&GetBook { id: 1 }).is_some());
}

#[test]
fn a_missing_file_is_an_error_of_a_plain_restore_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    let error = Cache::<Library>::new().restore(&path).unwrap_err();
    assert!(
        matches!(error, SnapshotError::File { .. }) && error.to_string().contains("app.snapshot"),
        "{error}"
    );
}

#[test]
fn a_damaged_file_is_not_a_first_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    std::fs::write(&path, b"").unwrap();
    let error = Cache::<Library>::restore_or_new(&path).unwrap_err();
    assert!(matches!(error, OpenError::Snapshot { source: SnapshotError::NotASnapshot, .. }), "{error}");
    // A program may continue without the snapshot; the next save replaces it.
    Cache::<Library>::new().save(&path).unwrap();
    Cache::<Library>::restore_or_new(&path).unwrap();
}

#[test]
fn a_save_replaces_the_file_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    let cache = Cache::<Library>::new();
    for id in 0..3 {
        cache.insert(GetBook { id }, book(id));
        let report = cache.save(&path).unwrap();
        assert_eq!(report.bytes, std::fs::metadata(&path).unwrap().len());
        assert_eq!(report.entries(), id + 1);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = Cache::<Library>::new().save("no/such/folder/app.snapshot").unwrap_err();
    assert!(error.to_string().contains("no/such/folder"), "{error}");
}

#[test]
fn a_stream_that_fails_is_an_error_of_the_stream() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert!(matches!(Cache::<Library>::new().save_to(Full), Err(SnapshotError::Stream(_))));
}
