//! Replacement on a real folder, and on a simulated disk that loses power after every step.

mod power_failure;

use super::*;

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
    let error = read(folder.path()).expect_err("a folder is no file").to_string();
    assert!(error.contains(&folder.path().display().to_string()), "{error}");
}

#[test]
fn a_failing_write_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    replace(&path, content("old")).expect("it can be written");
    let error = replace(&path, |out| {
        content("half of the n")(out)?;
        Err::<(), _>(SnapshotError::Stream(io::Error::other("no more ink")))
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
fn files_of_killed_processes_are_removed_and_those_of_living_ones_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    for name in [".app.snapshot.1-0.tmp", ".app.snapshot.x-0.tmp", ".app.snapshot.tmp", ".other.1-0.tmp"] {
        fs::write(file(name), "left behind").expect("it can be written");
    }
    let living = File::create(file(".app.snapshot.2-0.tmp")).expect("it can be created");
    living.lock().expect("it can be locked");
    replace(&file("app.snapshot"), content("new")).expect("it can be written");
    let expected = [
        ".app.snapshot.2-0.tmp",
        ".app.snapshot.tmp",
        ".app.snapshot.x-0.tmp",
        ".other.1-0.tmp",
        "app.snapshot",
    ];
    assert_eq!(names(folder.path()), expected);
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
#[test]
fn permissions_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.snapshot");
    replace(&path, content("old")).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("they can be set");
    replace(&path, content("new")).expect("it can be written");
    assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("data")).expect("a folder");
    // Relative links, through one another, to a file that is not there at first.
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
    assert!(matches!(
        replace(&path("first"), content("new")),
        Err(SnapshotError::File { action: "follow the link", .. })
    ));
}
