//! One field of a record that observed documents show changes, and all of the documents are read again.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use cache_client::Observer;
use cache_documents::{Document, Field};

use super::bodies::{SHARED_CHILD, overlapping, shared_child};
use super::node::Node;
use super::{Body, ChildId, Failure, GetFamily, Parent, Program, Racer, Shape, Store, nanos, race};
use crate::options::Options;
use crate::report::Report;

/// Changes in one turn.
const TIMES: usize = 50;

/// What an observer reads.
#[derive(Clone, Copy, PartialEq)]
pub enum Reads {
    /// All records of the document.
    Records,
    /// The field that has changed.
    Field,
}

pub fn run(options: &Options, report: &mut Report, folder: &Path, node: &Node) -> Result<(), Failure> {
    for documents in [1, 25, 125] {
        let whole = format!("documents-change/{documents}");
        if options.wants(&whole) {
            let peers = [("warp-drive", "records"), ("warp-drive-cache", "cache")];
            run_reading((options, report), (&whole, Reads::Records), (folder, node), documents, &peers)?;
        }
        let field = format!("documents-change-field/{documents}");
        if options.wants(&field) {
            let peers = [("warp-drive", "field")];
            run_reading((options, report), (&field, Reads::Field), (folder, node), documents, &peers)?;
        }
    }
    Ok(())
}

fn run_reading(
    (options, report): (&Options, &mut Report),
    (workload, reads): (&str, Reads),
    (folder, node): (&Path, &Node),
    documents: usize,
    peers: &[(&'static str, &'static str)],
) -> Result<(), Failure> {
    let body = |number: usize| {
        Body::generated(folder, &format!("overlapping-{number}.json"), Shape::Family, overlapping(number))
    };
    let bodies = (0..documents).map(body).collect::<Result<Vec<_>, _>>()?;
    let observed = |documents: usize| {
        Observed::new(bodies[..documents].iter().map(|body| (body.shape, &body.text)), reads)
    };
    let [mut ours, mut of_one] = [observed(documents)?, observed(1)?];
    let mut racers = vec![Racer::new("ours", || ours.time()), Racer::new("ours-1", || of_one.time())];
    if node.is_there() {
        for &(name, reads) in peers {
            node.observe(&bodies, reads)?;
            racers.push(Racer::new(name, move || node.change(reads, TIMES)));
        }
    }
    race((options, report), workload, 1, racers)
}

/// Observed documents.
pub struct Observed {
    store: Store,
    observers: Vec<Observer<Program, GetFamily>>,
    reads: Reads,
    changes: usize,
}

impl Observed {
    pub fn new(
        bodies: impl IntoIterator<Item = (Shape, impl AsRef<[u8]>)>,
        reads: Reads,
    ) -> Result<Self, Failure> {
        let (store, mut documents) = (Store::new(), 0);
        for (shape, text) in bodies {
            store.put(documents, shape, text.as_ref())?;
            documents += 1;
        }
        let observers = {
            let _entered = store.runtime.enter();
            (0..documents).map(|number| store.client.observe(&GetFamily(number))).collect()
        };
        let mut observed = Self { store, observers, reads, changes: 0 };
        observed.read(None);
        Ok(observed)
    }

    /// The mean time of some changes.
    fn time(&mut self) -> Result<f64, Failure> {
        let time = nanos(|| {
            for _ in 0..TIMES {
                self.change()?;
            }
            Ok(())
        })?;
        Ok(time / TIMES as f64)
    }

    /// Changes the shared child, and reads the documents.
    pub fn change(&mut self) -> Result<(), Failure> {
        self.changes += 1;
        let name = format!("name {}", self.changes);
        self.store.put(0, Shape::Child, shared_child(&name).as_bytes())?;
        self.read(Some(&name));
        Ok(())
    }

    /// Reads the next state of each document.
    fn read(&mut self, name: Option<&str>) {
        let Self { store, observers, reads, .. } = self;
        let shared = ChildId(SHARED_CHILD.into());
        store.runtime.block_on(async {
            for observer in observers {
                let state = observer.next().await;
                let document = state.as_ref().and_then(|state| state.value()).expect("there is a document");
                if *reads == Reads::Records {
                    black_box(text_of(document));
                }
                let shown = document.get(&shared).and_then(|child| child.child_name.value());
                assert!(name.is_none_or(|name| shown.is_some_and(|shown| **shown == *name)));
            }
        });
    }
}

/// The length of all texts of a document.
fn text_of(document: &Document<Parent>) -> usize {
    let Some(parent) = document.data() else { return 0 };
    let length = |name: &Field<Arc<str>>| name.value().map_or(0, |name| name.len());
    let children = document.many(&parent.children).map(|child| length(&child.child_name));
    length(&parent.parent_name) + children.sum::<usize>()
}
