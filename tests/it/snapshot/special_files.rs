//! Files at the path of a snapshot, or beside it, that are not regular files.

use std::fs::{self, FileType};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;

use cache_core::OpenError;
use rustix::fs::{CWD, FileType as NodeType, Mode};

use super::*;
use crate::store::in_time;

/// A temporary file as a killed process leaves it behind.
const STALE: &str = ".cache-core-snapshot-0123456789abcdef.tmp";

fn full_cache() -> Cache<Library> {
    let cache = Cache::new();
    cache.insert(GetBook { id: 1 }, book(1));
    cache
}

fn save(path: &Path) -> Result<(), String> {
    let path = path.to_owned();
    in_time(move || full_cache().save(path).map(|_| ()).map_err(|error| error.to_string()))
}

fn restore(path: &Path) -> Result<u64, String> {
    let path = path.to_owned();
    in_time(move || Cache::<Library>::new().restore(path))
        .map(|report| report.restored())
        .map_err(|error| error.to_string())
}

fn file_type(path: &Path) -> FileType {
    fs::symlink_metadata(path).unwrap().file_type()
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn make_fifo(path: &Path) {
    rustix::fs::mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

/// Creates one of each kind that can be created here, with its name in messages. Only root can create
/// devices.
fn special_files(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let path = |name: &str| folder.join(name);
    make_fifo(&path("fifo"));
    drop(UnixListener::bind(path("socket")).unwrap());
    fs::create_dir(path("folder")).unwrap();
    let mut all = vec![(path("fifo"), "a FIFO"), (path("socket"), "a socket"), (path("folder"), "a folder")];
    let mode = Mode::RUSR | Mode::WUSR;
    // The numbers of `/dev/null` and of the first loop device.
    let null =
        rustix::fs::mknodat(CWD, path("null"), NodeType::CharacterDevice, mode, rustix::fs::makedev(1, 3));
    let block =
        rustix::fs::mknodat(CWD, path("block"), NodeType::BlockDevice, mode, rustix::fs::makedev(7, 0));
    if null.is_ok() && block.is_ok() {
        all.push((path("null"), "a character device"));
        all.push((path("block"), "a block device"));
    }
    all
}

/// Returns the special files again, each through two links.
fn linked(folder: &Path, files: &[(PathBuf, &'static str)]) -> Vec<(PathBuf, &'static str)> {
    let link = |(path, kind): &(PathBuf, &'static str)| {
        let name = path.file_name().unwrap().to_str().unwrap();
        symlink(name, folder.join(format!("{name}-near"))).unwrap();
        symlink(format!("{name}-near"), folder.join(format!("{name}-far"))).unwrap();
        (folder.join(format!("{name}-far")), *kind)
    };
    files.iter().map(link).collect()
}

#[test]
fn a_save_rejects_a_path_that_is_not_a_regular_file_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let direct = special_files(folder.path());
    let linked = linked(folder.path(), &direct);
    let before = names(folder.path());
    for (path, kind) in direct.iter().chain(&linked) {
        let old = file_type(path);
        let error = save(path).unwrap_err();
        assert!(error.contains(path.to_str().unwrap()) && error.contains(kind), "{error}");
        assert!(error.contains("save_to") || *kind == "a folder", "{error}");
        assert_eq!(file_type(path), old, "{kind} is left as it was");
        assert_eq!(names(folder.path()), before);
    }
}

#[test]
fn a_restore_rejects_a_path_that_is_not_a_regular_file_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let direct = special_files(folder.path());
    let linked = linked(folder.path(), &direct);
    for (path, kind) in direct.iter().chain(&linked) {
        let error = restore(path).unwrap_err();
        assert!(error.contains(path.to_str().unwrap()) && error.contains(kind), "{error}");
        assert!(error.contains("restore_from") || *kind == "a folder", "{error}");
        let path = path.clone();
        let opened = in_time(move || Cache::<Library>::restore_or_new(path));
        assert!(matches!(opened, Err(OpenError::Snapshot { .. })), "{kind} is no first start");
    }
}

#[test]
fn a_writer_that_waits_at_a_fifo_is_not_woken_by_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    make_fifo(&fifo);
    let writer = {
        let fifo = fifo.clone();
        thread::spawn(move || fs::OpenOptions::new().write(true).open(fifo).map(drop))
    };
    for _ in 0..100 {
        restore(&fifo).unwrap_err();
        assert!(!writer.is_finished(), "the other end is not open yet");
    }
    // Now the other end is opened.
    in_time(move || fs::File::open(fifo).map(drop)).unwrap();
    in_time(move || writer.join()).unwrap().unwrap();
}

#[test]
fn what_is_planted_where_temporary_files_are_does_not_stop_a_save_and_is_left() {
    type Plant = fn(&Path);
    let plants: [(&str, Plant); 6] = [
        ("a FIFO", make_fifo),
        ("a socket", |path| drop(UnixListener::bind(path).unwrap())),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a link to a FIFO", |path| {
            let fifo = path.with_file_name("fifo");
            make_fifo(&fifo);
            symlink(fifo, path).unwrap();
        }),
        ("a link to a file", |path| {
            fs::write(path.with_file_name("notes"), "text of the user").unwrap();
            symlink("notes", path).unwrap();
        }),
        ("a link to itself", |path| symlink(path, path).unwrap()),
    ];
    for (what, plant) in plants {
        let folder = tempfile::tempdir().unwrap();
        let planted = folder.path().join(STALE);
        plant(&planted);
        let before = fs::symlink_metadata(&planted).unwrap();
        save(&folder.path().join("app.snapshot")).unwrap_or_else(|error| panic!("{what}: {error}"));
        let after = fs::symlink_metadata(&planted).unwrap();
        assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()), "{what} is left as it was");
        if let Ok(notes) = fs::read_to_string(folder.path().join("notes")) {
            assert_eq!(notes, "text of the user");
        }
        assert_eq!(restore(&folder.path().join("app.snapshot")), Ok(1));
    }
}

#[test]
fn a_path_that_names_no_file_is_an_error_of_save_and_restore() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name);
    let cases = [
        (PathBuf::new(), "the path is empty"),
        (PathBuf::from("."), "a folder"),
        (PathBuf::from(".."), "a folder"),
        (PathBuf::from("/"), "a folder"),
        (inside("missing/"), "a folder"),
        (inside("missing/."), "a folder"),
        (inside("missing/.."), "a folder"),
    ];
    for (path, problem) in cases {
        let error = save(&path).unwrap_err();
        assert!(error.contains(problem), "save({path:?}): {error}");
        let error = restore(&path).unwrap_err();
        assert!(error.contains(problem), "restore({path:?}): {error}");
        let opened = Cache::<Library>::restore_or_new(&path);
        assert!(
            matches!(opened, Err(OpenError::Snapshot { .. })),
            "restore_or_new({path:?}) is no first start"
        );
    }
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_link_to_nothing_is_a_first_start_and_is_saved_through() {
    let folder = tempfile::tempdir().unwrap();
    let (link, target) = (folder.path().join("link"), folder.path().join("app.snapshot"));
    symlink("app.snapshot", &link).unwrap();
    let (_, report) = Cache::<Library>::restore_or_new(&link).unwrap();
    assert!(report.is_first_start);
    save(&link).unwrap();
    assert!(file_type(&link).is_symlink() && file_type(&target).is_file());
    assert_eq!(restore(&link), Ok(1));
}

#[test]
fn names_of_the_greatest_length_can_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let name = "n".repeat(255);
    let path = folder.path().join(&name);
    for _ in 0..2 {
        save(&path).unwrap();
        assert_eq!(restore(&path), Ok(1));
        assert_eq!(names(folder.path()), std::slice::from_ref(&name));
    }
    let error = save(&folder.path().join("n".repeat(256))).unwrap_err();
    assert!(error.contains(&"n".repeat(256)), "{error}");
}

#[test]
fn only_its_owner_can_read_a_snapshot_unless_others_could_read_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.snapshot");
    let mode = || fs::metadata(&path).unwrap().mode() & 0o7777;
    save(&path).unwrap();
    assert_eq!(mode(), 0o600);
    for (old, new) in [(0o640, 0o640), (0o666, 0o666), (0o400, 0o400), (0o6755, 0o755)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(old)).unwrap();
        save(&path).unwrap();
        assert_eq!(mode(), new, "{old:o}");
    }
}
