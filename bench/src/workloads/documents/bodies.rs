//! The bodies of responses: generated, always the same, or read from recorded files. Both have the shape of the
//! documents that WarpDrive measures itself with.

use std::fmt::Write;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::Failure;
use super::node::Node;

const SEED: u64 = 0xD0C5;
const NAMES: [&str; 8] = ["Ann", "Björn", "Chloé", "Dmitri", "Emma \\\"E\\\"", "Fatima", "George", "Hana"];

/// The child that the documents of [`overlapping`] share.
pub const SHARED_CHILD: &str = "shared";
/// Records of a document of [`overlapping`].
pub const RECORDS_OF_OVERLAPPING: usize = 110;

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Family,
    Child,
    Cars,
}

/// A response, in memory and in a file for the peer.
pub struct Body {
    pub shape: Shape,
    pub text: Vec<u8>,
    pub path: PathBuf,
}

impl Body {
    /// Writes a generated body into a file of this name.
    pub fn generated(folder: &Path, name: &str, shape: Shape, text: String) -> io::Result<Self> {
        let path = folder.join(name);
        fs::write(&path, &text)?;
        Ok(Self { shape, text: text.into(), path })
    }

    /// Reads a recorded body, which is compressed by Brotli.
    pub fn recorded(
        folder: &Path,
        recordings: &Path,
        name: &str,
        shape: Shape,
        node: &Node,
    ) -> Result<Self, Failure> {
        let (from, path) = (recordings.join(format!("{name}.json.br")), folder.join(format!("{name}.json")));
        node.unpack(&from, &path).map_err(|error| format!("{}: {error}", from.display()))?;
        Ok(Self { shape, text: fs::read(&path)?, path })
    }
}

/// One parent with children of these numbers.
pub fn family(children: Range<usize>) -> String {
    let mut random = Rng::with_seed(SEED);
    let ids = || children.clone().map(|child| child.to_string());
    let included = ids().map(|id| child(&id, Some("1"), &mut random));
    document_of_parent("1", ids(), included.collect())
}

/// A parent with children of its own, and with the one child that all these documents show.
pub fn overlapping(number: usize) -> String {
    overlapping_of(number, RECORDS_OF_OVERLAPPING)
}

/// [`overlapping`] with so many records. All documents say the same of the shared child.
pub fn overlapping_of(number: usize, records: usize) -> String {
    let mut random = Rng::with_seed(SEED + number as u64);
    let parent = format!("p{number}");
    let own = (0..records - 2).map(|child| format!("{number}-{child}"));
    let ids = || own.clone().chain([SHARED_CHILD.to_owned()]);
    let included = ids().map(|id| match &*id {
        SHARED_CHILD => child(&id, None, &mut Rng::with_seed(SEED)),
        _ => child(&id, Some(&parent), &mut random),
    });
    document_of_parent(&parent, ids(), included.collect())
}

/// A document about the shared child.
pub fn shared_child(name: &str) -> String {
    format!(r#"{{"data":{{"type":"child","id":"{SHARED_CHILD}","attributes":{{"childName":"{name}"}}}}}}"#)
}

/// Cars that all have the same number of colors. Each color lists the cars that have it.
pub fn cars(cars: usize, colors: usize, colors_of_car: Range<usize>) -> String {
    let mut random = Rng::with_seed(SEED);
    let (mut data, mut included) = (Vec::new(), Vec::new());
    let makes: Vec<usize> = (0..cars).map(|_| random.usize(0..7)).collect();
    let all_colors = list("color", colors_of_car.clone().map(|color| color.to_string()));
    for (car, make) in makes.iter().enumerate() {
        let size = car % 9;
        data.push(format!(
            r#"{{"id":"{car}","type":"car","attributes":{{}},"relationships":{{"make":{{"data":{{"id":"{make}","type":"make"}}}},"size":{{"data":{{"id":"{size}","type":"size"}}}},"colors":{{"data":{all_colors}}}}}}}"#
        ));
    }
    let mut add = |kind: &str, id: usize, cars: String| {
        included.push(format!(
            r#"{{"type":"{kind}","id":"{id}","attributes":{{"name":"{kind} {id}"}},"relationships":{{"cars":{{"data":{cars}}}}}}}"#
        ));
    };
    let of = |has: &dyn Fn(usize) -> bool| {
        list("car", (0..cars).filter(|car| has(*car)).map(|car| car.to_string()))
    };
    for color in 0..colors {
        add("color", color, of(&|_| colors_of_car.contains(&color)));
    }
    for make in 0..7 {
        add("make", make, of(&|car| makes[car] == make));
    }
    for size in 0..9 {
        add("size", size, of(&|car| car % 9 == size));
    }
    format!(r#"{{"data":[{}],"included":[{}]}}"#, data.join(","), included.join(","))
}

fn child(id: &str, parent: Option<&str>, random: &mut Rng) -> String {
    let name = NAMES[random.usize(0..NAMES.len())];
    let mut text =
        format!(r#"{{"type":"child","id":"{id}","attributes":{{"childName":"{name}'s child {id}"}}"#);
    if let Some(parent) = parent {
        // Writing to a string cannot fail.
        let _ =
            write!(text, r#","relationships":{{"parent":{{"data":{{"type":"parent","id":"{parent}"}}}}}}"#);
    }
    text.push('}');
    text
}

fn document_of_parent(id: &str, children: impl Iterator<Item = String>, included: Vec<String>) -> String {
    let children = list("child", children);
    format!(
        r#"{{"data":{{"type":"parent","id":"{id}","attributes":{{"parentName":"Parent {id}"}},"relationships":{{"children":{{"data":{children}}}}}}},"included":[{}]}}"#,
        included.join(",")
    )
}

/// A list of identifiers.
fn list(kind: &str, ids: impl Iterator<Item = String>) -> String {
    let identifiers: Vec<_> = ids.map(|id| format!(r#"{{"id":"{id}","type":"{kind}"}}"#)).collect();
    format!("[{}]", identifiers.join(","))
}
