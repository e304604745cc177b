//! Replacement on a real folder, and on a simulated disk that loses power after every step.

mod power_failure;

use super::*;
use crate::snapshot::error::PathProblem;

fn content(text: &str) -> impl FnOnce(&mut dyn Write) -> Result<(), SnapshotError> {
    move |out| out.write_all(text.as_bytes()).map_err(SnapshotError::Stream)
}

#[track_caller]
fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).expect("the folder is readable");
    let mut names: Vec<_> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_created_and_replaced_and_nothing_else_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    for text in ["old", "new"] {
        replace(&path, content(text)).expect("it can be written");
        assert_eq!(read(&path).expect("it can be read").as_deref(), Some(text.as_bytes()));
    }
    assert_eq!(names(folder.path()), ["app.snapshot"]);
}

#[test]
fn a_missing_file_reads_as_none_and_a_folder_as_an_error_with_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(read(&folder.path().join("none")).expect("no error").is_none());
    let error = read(folder.path()).expect_err("a folder is not a file").to_string();
    assert!(error.contains(&folder.path().display().to_string()), "{error}");
}

#[test]
fn a_failing_write_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    replace(&path, content("old")).expect("it can be written");
    let error = replace(&path, |out| {
        content("half of the n")(out)?;
        Err::<(), _>(SnapshotError::Stream(io::Error::other("disk full")))
    });
    assert!(matches!(error, Err(SnapshotError::File { action: "write", .. })));
    assert_eq!(read(&path).expect("it can be read").as_deref(), Some(&b"old"[..]));
    assert_eq!(names(folder.path()), ["app.snapshot"]);
}

#[test]
fn a_panicking_write_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    replace(&path, content("old")).expect("it can be written");
    let panic = std::panic::catch_unwind(|| replace::<()>(&path, |_| panic!("in a Serialize")));
    assert!(panic.is_err());
    assert_eq!(names(folder.path()), ["app.snapshot"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("missing").join("app.snapshot");
    let error = replace(&path, content("new")).expect_err("no folder").to_string();
    assert!(error.contains("missing"), "{error}");
}

#[test]
fn files_of_killed_processes_are_removed_and_those_of_living_ones_and_of_users_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    let stale = [".cache-core-snapshot-0123456789abcdef.tmp", ".cache-core-snapshot-0000000000000000.tmp"];
    let of_users = [
        ".app.snapshot.1-0.tmp",
        ".cache-core-snapshot-.tmp",
        ".cache-core-snapshot-0123456789ABCDEF.tmp",
        ".cache-core-snapshot-0123456789abcde.tmp",
        ".cache-core-snapshot-0123456789abcdef",
        ".cache-core-snapshot-0123456789abcdef.tmp.gz",
        ".cache-core-snapshot-0123456789abcdef0.tmp",
        ".cache-core-snapshot-0123456789abcdeg.tmp",
        "cache-core-snapshot-0123456789abcdef.tmp",
    ];
    for name in stale.iter().chain(&of_users) {
        fs::write(file(name), "left behind").expect("it can be written");
    }
    let living = ".cache-core-snapshot-fedcba9876543210.tmp";
    let living_file = File::create(file(living)).expect("it can be created");
    living_file.lock().expect("it can be locked");
    replace(&file("app.snapshot"), content("new")).expect("it can be written");
    let mut expected = [of_users.as_slice(), &[living, "app.snapshot"]].concat();
    expected.sort_unstable();
    assert_eq!(names(folder.path()), expected);
}

/// The next save must find them.
#[test]
fn temporary_names_are_those_that_are_swept_and_never_the_same() {
    let names: std::collections::BTreeSet<_> = (0..1_000).map(|_| temporary_name()).collect();
    assert_eq!(names.len(), 1_000);
    assert!(names.iter().all(|name| is_temporary_name(OsStr::new(name))));
}

#[test]
fn a_temporary_file_is_there_as_such_while_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    let other = folder.path().join("other.snapshot");
    replace(&path, |out| {
        content("new")(out)?;
        let [temporary] = names(folder.path()).try_into().expect("one file");
        assert!(is_temporary_name(OsStr::new(&temporary)), "{temporary}");
        #[cfg(unix)]
        assert_eq!(mode(&folder.path().join(&temporary)), 0o600, "while it is written");
        // A concurrent save does not take it for a stale one.
        replace(&other, content("other"))?;
        assert_eq!(names(folder.path()), [temporary, "other.snapshot".to_owned()]);
        Ok(())
    })
    .expect("it can be written");
    assert_eq!(names(folder.path()), ["app.snapshot", "other.snapshot"]);
}

/// The system refuses to sync a file without a disk. So an error shows that the sync reached the system.
#[test]
fn a_sync_asks_the_system() {
    let (_reader, writer) = std::io::pipe().expect("a pipe");
    #[cfg(unix)]
    let pipe = File::from(std::os::fd::OwnedFd::from(writer));
    #[cfg(windows)]
    let pipe = File::from(std::os::windows::io::OwnedHandle::from(writer));
    RealDisk.sync(&pipe).expect_err("a pipe cannot be synced");
    let folder = tempfile::tempdir().expect("a folder");
    let file = File::create(folder.path().join("file")).expect("a file");
    RealDisk.sync(&file).expect("a file can be synced");
}

#[cfg(target_os = "linux")]
#[test]
fn a_sync_of_a_folder_asks_the_system() {
    let folder = tempfile::tempdir().expect("a folder");
    RealDisk.sync_folder(folder.path()).expect("a folder can be synced");
    let without_disk = Path::new("/proc/self");
    File::open(without_disk).expect("it can be opened");
    RealDisk.sync_folder(without_disk).expect_err("a folder of the kernel's cannot be synced");
}

#[test]
fn a_name_that_is_taken_costs_another_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let is_refused = |name| matches!(RealDisk.create(&path(name)), Ok(None));
    fs::write(path("file"), "of the user").expect("it can be written");
    fs::create_dir(path("folder")).expect("a folder");
    assert!(is_refused("file") && is_refused("folder"));
    #[cfg(unix)]
    for (link, target) in [("to_file", "file"), ("to_nothing", "nothing"), ("to_itself", "to_itself")] {
        std::os::unix::fs::symlink(target, path(link)).expect("a link");
        assert!(is_refused(link), "{link}");
    }
    assert!(!path("nothing").exists());
    assert_eq!(fs::read(path("file")).expect("it is there"), b"of the user");
}

#[test]
fn threads_that_save_to_one_path_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    let texts = ["a".repeat(100_000), "b".repeat(50_000)];
    std::thread::scope(|scope| {
        for text in &texts {
            scope.spawn(|| (0..50).for_each(|_| replace(&path, content(text)).expect("it can be written")));
        }
    });
    let last = read(&path).expect("it can be read").expect("it is there");
    assert!(texts.iter().any(|text| text.as_bytes() == last));
    assert_eq!(names(folder.path()), ["app.snapshot"]);
}

#[cfg(unix)]
#[track_caller]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

#[cfg(unix)]
#[test]
fn permissions_are_those_that_the_old_file_has_at_the_end() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("they can be set");
    replace(&path, content("old")).expect("it can be written");
    assert_eq!(mode(&path), 0o600);
    set(0o644);
    replace(&path, |out| {
        set(0o640);
        content("new")(out)
    })
    .expect("it can be written");
    assert_eq!(mode(&path), 0o640);
}

#[test]
fn what_takes_the_place_of_the_old_file_during_the_write_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    let error = replace(&path, |out| {
        fs::create_dir(&path).expect("a folder");
        content("new")(out)
    });
    assert!(matches!(error, Err(SnapshotError::Path { problem: PathProblem::Folder, .. })), "{error:?}");
    assert_eq!(names(folder.path()), ["app.snapshot"]);
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("data")).expect("a folder");
    // Relative links, through one another, to a file that does not exist at first.
    std::os::unix::fs::symlink("data/second", path("first")).expect("a link");
    std::os::unix::fs::symlink("app.snapshot", path("data/second")).expect("a link");
    for text in ["old", "new"] {
        replace(&path("first"), content(text)).expect("it can be written");
        assert_eq!(fs::read_to_string(path("data/app.snapshot")).expect("it is there"), text);
    }
    assert!(fs::symlink_metadata(path("first")).expect("it is there").is_symlink());
    assert_eq!(names(&path("data")), ["app.snapshot", "second"]);
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_are_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink("second", path("first")).expect("a link");
    std::os::unix::fs::symlink("first", path("second")).expect("a link");
    let error = replace(&path("first"), content("new"));
    assert!(matches!(error, Err(SnapshotError::File { action: "save to", .. })), "{error:?}");
    let error = read(&path("first"));
    assert!(matches!(error, Err(SnapshotError::File { action: "read", .. })), "{error:?}");
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_that_can_only_be_a_folder_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("link");
    std::os::unix::fs::symlink("missing/", &path).expect("a link");
    let error = replace(&path, |_| -> Result<(), _> { panic!("it is known before the write") });
    assert!(matches!(error, Err(SnapshotError::Path { problem: PathProblem::Folder, .. })), "{error:?}");
}
