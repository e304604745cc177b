//! A crate held in memory, for tests.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::Model;
use crate::package::CrateNames;
use crate::scan::{Scan, scan_with};

/// Scans a crate made of these files; the first is the root.
#[track_caller]
pub(crate) fn scan_files(files: &[(&str, &str)]) -> Scan {
    let texts: BTreeMap<PathBuf, &str> =
        files.iter().map(|(path, text)| (PathBuf::from(path), *text)).collect();
    let read = |path: &Path| {
        let path = lexically_normal(path);
        let text = texts.get(&path).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(text.as_bytes().to_vec())
    };
    scan_with(Path::new(files[0].0), read).expect("the first file exists")
}

/// The model of a crate of one file that depends on `cache-core`.
#[track_caller]
pub(crate) fn model_of(source: &str) -> Model {
    model_of_files(&[("src/lib.rs", source)])
}

/// The model of a crate of these files that depends on `cache-core`.
#[track_caller]
pub(crate) fn model_of_files(files: &[(&str, &str)]) -> Model {
    let scan = scan_files(files);
    assert!(scan.faults.is_empty(), "{:?}", scan.faults);
    Model::build(&scan, &dependency())
}

/// The names that a package that depends on `cache-core` has for it.
pub(crate) fn dependency() -> CrateNames {
    CrateNames { is_dependency: true, ..CrateNames::default() }
}

fn lexically_normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
