//! Simulates a disk that keeps what was synced and may lose the rest, and checks after every step what a
//! restart would find.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::*;

/// What was done to the disk, in order. Files are numbered, since a name may be lost or moved.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Create(PathBuf, usize),
    Write(usize, Vec<u8>),
    KeepPermissions(usize),
    Sync(usize),
    Rename(PathBuf, PathBuf),
    SyncFolder,
    Remove(PathBuf),
}

#[derive(Default)]
struct RecordingDisk {
    steps: Rc<RefCell<Vec<Step>>>,
    files: RefCell<usize>,
    /// Names that were requested, of which the first `taken` were taken.
    names: RefCell<Vec<PathBuf>>,
    taken: usize,
}

struct RecordedFile {
    number: usize,
    steps: Rc<RefCell<Vec<Step>>>,
}

impl Write for RecordedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.steps.borrow_mut().push(Step::Write(self.number, bytes.to_vec()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl RecordingDisk {
    fn record(&self, step: Step) -> io::Result<()> {
        self.steps.borrow_mut().push(step);
        Ok(())
    }
}

impl Disk for RecordingDisk {
    type File = RecordedFile;

    fn create(&self, path: &Path) -> io::Result<Option<RecordedFile>> {
        self.names.borrow_mut().push(path.to_owned());
        if self.names.borrow().len() <= self.taken {
            return Ok(None);
        }
        let number = self.files.replace_with(|files| *files + 1);
        self.record(Step::Create(path.to_owned(), number))?;
        Ok(Some(RecordedFile { number, steps: self.steps.clone() }))
    }

    fn keep_permissions(&self, file: &RecordedFile, _old: &Metadata) -> io::Result<()> {
        self.record(Step::KeepPermissions(file.number))
    }

    fn sync(&self, file: &RecordedFile) -> io::Result<()> {
        self.record(Step::Sync(file.number))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record(Step::Rename(from.to_owned(), to.to_owned()))
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        self.record(Step::SyncFolder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.record(Step::Remove(path.to_owned()))
    }

    fn sweep(&self, _folder: &Path) {}
}

/// The possible content of one file on disk.
#[derive(Clone, Default)]
struct Content {
    synced: Vec<u8>,
    unsynced: Vec<u8>,
}

impl Content {
    /// Returns what a restart may find: the synced part, and of the rest nothing, some, all, or zeros in its
    /// place.
    fn outcomes(&self) -> Vec<Vec<u8>> {
        let with = |rest: &[u8]| [&self.synced, rest].concat();
        let rest = &self.unsynced;
        vec![with(&[]), with(&rest[..rest.len() / 2]), with(rest), with(&vec![0; rest.len()])]
    }
}

/// Returns everything that a restart may find under `target` if the power fails after `steps`. Each unsynced
/// change of names may be on disk or not, independently of the others.
fn outcomes(old: &[u8], steps: &[Step], target: &Path) -> Vec<Option<Vec<u8>>> {
    const OLD: usize = usize::MAX;
    let mut contents = BTreeMap::from([(OLD, Content { synced: old.to_vec(), unsynced: Vec::new() })]);
    let mut synced_names = BTreeMap::from([(target.to_owned(), OLD)]);
    // Where names point for the running system, and what of that is not on disk yet.
    let mut names = synced_names.clone();
    let mut pending = Vec::<(Option<PathBuf>, Option<(PathBuf, usize)>)>::new();
    for step in steps {
        match step {
            Step::Create(path, file) => {
                contents.insert(*file, Content::default());
                names.insert(path.clone(), *file);
                pending.push((None, Some((path.clone(), *file))));
            }
            Step::Write(file, bytes) => contents.entry(*file).or_default().unsynced.extend(bytes),
            Step::KeepPermissions(_) => {}
            Step::Sync(file) => {
                let content = contents.entry(*file).or_default();
                let unsynced = std::mem::take(&mut content.unsynced);
                content.synced.extend(unsynced);
            }
            Step::Rename(from, to) => {
                let file = names.remove(from).expect("a file that exists is renamed");
                names.insert(to.clone(), file);
                pending.push((Some(from.clone()), Some((to.clone(), file))));
            }
            Step::Remove(path) => {
                names.remove(path).expect("a file that exists is removed");
                pending.push((Some(path.clone()), None));
            }
            Step::SyncFolder => {
                synced_names = names.clone();
                pending.clear();
            }
        }
    }
    let mut found = Vec::new();
    for lost in 0..1u32 << pending.len() {
        let mut names = synced_names.clone();
        let kept = pending.iter().enumerate().filter(|(index, _)| lost & (1 << index) == 0);
        for (_, (removed, added)) in kept {
            if let Some(path) = removed {
                names.remove(path);
            }
            names.extend(added.clone());
        }
        match names.get(target) {
            Some(file) => found.extend(contents[file].outcomes().into_iter().map(Some)),
            None => found.push(None),
        }
    }
    found
}

#[test]
fn at_every_moment_a_restart_finds_the_old_or_the_new_file() {
    let (old, new) = ("the old content", "what is to replace it");
    let target = Path::new("folder/app.snapshot");
    let disk = RecordingDisk::default();
    replace_on(&disk, target, content(new)).expect("nothing fails here");
    let steps = disk.steps.take();
    assert!(steps.len() >= 5, "{steps:?}");
    for prefix in 0..=steps.len() {
        for found in outcomes(old.as_bytes(), &steps[..prefix], target) {
            let found = found.expect("there is a file");
            let is_new = found == new.as_bytes();
            let is_old = found == old.as_bytes();
            assert!(is_new || is_old, "after {:?}: {found:?}", &steps[..prefix]);
            assert!(is_new || prefix < steps.len(), "the new one, once the save has returned");
        }
    }
}

/// Tests the simulation itself: it must catch each step that is left out.
#[test]
fn leaving_out_a_step_would_be_noticed() {
    let target = Path::new("folder/app.snapshot");
    let disk = RecordingDisk::default();
    replace_on(&disk, target, content("new")).expect("nothing fails here");
    let steps = disk.steps.take();
    let is_safe = |steps: &[Step]| {
        let all = (0..=steps.len()).flat_map(|prefix| outcomes(b"old", &steps[..prefix], target));
        let whole = all.flatten().all(|found| found == b"old" || found == b"new");
        whole && outcomes(b"old", steps, target).iter().flatten().all(|found| found == b"new")
    };
    assert!(is_safe(&steps));
    for left_out in [|step: &Step| matches!(step, Step::Sync(_)), |step: &Step| *step == Step::SyncFolder] {
        let shorter: Vec<_> = steps.iter().filter(|step| !left_out(step)).cloned().collect();
        assert!(!is_safe(&shorter), "{shorter:?}");
    }
}

/// The mode goes to disk with the content. Until then only the owner can read the file.
#[test]
fn permissions_are_given_after_the_write_and_before_the_sync() {
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("app.snapshot");
    let steps = |target: &Path| {
        let disk = RecordingDisk::default();
        replace_on(&disk, target, content("new")).expect("nothing fails here");
        disk.steps.take()
    };
    assert!(
        !steps(&target).iter().any(|step| matches!(step, Step::KeepPermissions(_))),
        "there is no old file"
    );
    fs::write(&target, "old").expect("it can be written");
    let steps = steps(&target);
    let [Step::Create(temporary, file), Step::Write(..), rest @ ..] = &steps[..] else { panic!("{steps:?}") };
    let rename = Step::Rename(temporary.clone(), target);
    assert_eq!(rest, [Step::KeepPermissions(*file), Step::Sync(*file), rename, Step::SyncFolder]);
}

#[test]
fn another_name_is_tried_when_one_is_taken_and_at_last_it_is_an_error() {
    let target = Path::new("folder/app.snapshot");
    let disk = RecordingDisk { taken: MAX_NAMES - 1, ..RecordingDisk::default() };
    replace_on(&disk, target, content("new")).expect("the last name is free");
    let names: std::collections::BTreeSet<_> = disk.names.take().into_iter().collect();
    assert_eq!(names.len(), MAX_NAMES, "no name is tried twice");
    let disk = RecordingDisk { taken: usize::MAX, ..RecordingDisk::default() };
    let error = replace_on(&disk, target, content("new")).expect_err("no name is free");
    assert!(matches!(error, SnapshotError::File { .. }), "{error}");
    assert_eq!(disk.steps.take(), []);
}
