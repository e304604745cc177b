//! Documents: responses of JSON:API whose answers share records, compared with a cache of the same format in Node.js.
//! This file has the records, the queries and the program; the modules below measure.

mod bodies;
mod changes;
pub(super) mod counted;
mod hits;
mod node;
mod puts;
mod releases;
mod requests;
mod showing;
#[cfg(test)]
mod tests;

pub use bodies::{Shape, family};

use bodies::Body;

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Holds, Query};
use cache_documents::{
    ClientDocuments, Content, Document, DocumentError, DocumentsBuilder, Field, Id, Many, One, ReadDocument,
    Resource, ResourceList, Resources,
};
use tokio::runtime::{Builder, Runtime};

use self::node::Node;
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

macro_rules! records {
    ($($(#[$meta:meta])* $key:ident $record:ident $kind:literal { $($field:tt)* })*) => { $(
        #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
        #[query(value = $record, record)]
        pub struct $key(Id);

        #[derive(Resource, Clone, Debug, PartialEq)]
        #[resource(type = $kind, key = $key, rename_all = "camelCase")]
        pub struct $record { $($field)* }
    )* };
}

records! {
    ParentId Parent "parent" { parent_name: Field<Arc<str>>, children: Many<ChildId>, }
    ChildId Child "child" {
        child_name: Field<Arc<str>>,
        parent: One<ParentId>,
        best_friend: One<ChildId>,
        second_best_friend: One<ChildId>,
        friends: Many<ChildId>,
    }
    CarId Car "car" { make: One<MakeId>, size: One<SizeId>, colors: Many<ColorId>, }
    MakeId Make "make" { name: Field<Arc<str>>, cars: Many<CarId>, }
    SizeId Size "size" { name: Field<Arc<str>>, cars: Many<CarId>, }
    ColorId Color "color" { name: Field<Arc<str>>, cars: Many<CarId>, }
}

/// A parent and its children.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Parent>, capacity = 20_000, fresh = "1h")]
pub struct GetFamily(u32);

/// One child.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Child>, capacity = 20_000, fresh = "1h")]
pub struct GetChild(u32);

/// A list of cars.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<[Car]>, capacity = 20_000, fresh = "1h")]
pub struct GetCars(u32);

/// A value that shows no records.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 20_000, fresh = "1h")]
pub struct GetPlain(u32);

cache_core::registry! {
    pub struct DocumentRegistry {
        ParentId,
        ChildId,
        CarId,
        MakeId,
        SizeId,
        ColorId,
        GetFamily,
        GetChild,
        GetCars,
        GetPlain,
    }
}

/// Its answers are written by the workloads.
#[derive(Debug)]
pub struct Program;

impl App for Program {
    type Registry = DocumentRegistry;
}

impl Resources for Program {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Parent>();
        list.add::<Child>();
        list.add::<Car>();
        list.add::<Make>();
        list.add::<Size>();
        list.add::<Color>();
    }
}

macro_rules! never_loaded {
    ($($query:ty => $value:ty),*) => { $(
        impl Fetch<Program> for $query {
            type Error = DocumentError;

            async fn fetch(&self, cx: &Context<Program>) -> Result<$value, DocumentError> {
                cx.document(br#"{"meta": {}}"#)
            }
        }
    )* };
}

never_loaded!(GetFamily => Document<Parent>, GetChild => Document<Child>, GetCars => Document<[Car]>);

impl Fetch<Program> for GetPlain {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<Program>) -> Result<[u64; 8], Infallible> {
        Ok([self.0.into(); 8])
    }
}

/// A client that keeps documents, with a runtime of this thread.
pub struct Store {
    pub client: Client<Program>,
    runtime: Runtime,
}

type Failure = Box<dyn Error>;

impl Store {
    pub fn new() -> Self {
        let client = Client::builder(Cache::new(), Program).documents().build();
        Self { client, runtime: runtime() }
    }

    /// Reads a body, and stores it as the answer with this number.
    pub fn put(&self, number: u32, shape: Shape, text: &[u8]) -> Result<(), Failure> {
        match shape {
            Shape::Family => self.write(&GetFamily(number), self.client.document(text)?),
            Shape::Child => self.write(&GetChild(number), self.client.document(text)?),
            Shape::Cars => self.write(&GetCars(number), self.client.document(text)?),
        }
    }

    /// [`put`](Self::put), whose time begins when the body has been read. Returns nanoseconds.
    fn put_parsed(&self, number: u32, shape: Shape, text: &[u8]) -> Result<f64, Failure> {
        match shape {
            Shape::Family => self.timed_write(&GetFamily(number), self.client.document(text)?),
            Shape::Child => self.timed_write(&GetChild(number), self.client.document(text)?),
            Shape::Cars => self.timed_write(&GetCars(number), self.client.document(text)?),
        }
    }

    fn timed_write<Q, T>(&self, query: &Q, document: Document<T>) -> Result<f64, Failure>
    where
        Q: Fetch<Program, Value = Document<T>>,
        T: Content + ?Sized,
        DocumentRegistry: Holds<Q>,
    {
        nanos(|| self.write(query, document))
    }

    fn write<Q, T>(&self, query: &Q, document: Document<T>) -> Result<(), Failure>
    where
        Q: Fetch<Program, Value = Document<T>>,
        T: Content + ?Sized,
        DocumentRegistry: Holds<Q>,
    {
        Ok(self.runtime.block_on(self.client.documents().write(query, document))?)
    }

    /// Renames a child that documents show.
    fn rename(&self, id: &str, name: &Arc<str>) -> Result<(), Failure> {
        let documents = self.client.documents();
        let change = |child: &mut Child| child.child_name = Field::Value(Arc::clone(name));
        let key = ChildId(id.into());
        assert!(self.runtime.block_on(documents.patch(&key, change))?, "documents show the child");
        Ok(())
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a single-threaded runtime can be built")
}

pub fn run(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let node = Node::if_wanted(options)?;
    puts::run(options, report, folder.path(), &node)?;
    changes::run(options, report, folder.path(), &node)?;
    showing::run(options, report)?;
    hits::run(options, report)?;
    requests::run(options, report)?;
    releases::run(options, report)
}

/// A contestant whose turn gives one time, in nanoseconds.
struct Racer<'a> {
    name: &'static str,
    turn: Box<dyn FnMut() -> Result<f64, Failure> + 'a>,
}

impl<'a> Racer<'a> {
    fn new(name: &'static str, turn: impl FnMut() -> Result<f64, Failure> + 'a) -> Self {
        Self { name, turn: Box::new(turn) }
    }
}

/// Gives each contestant its turn in each round, after one round that does not count. Adds one row per peer: times
/// divided by the number of `operations`.
fn race(
    (options, report): (&Options, &mut Report),
    workload: &str,
    operations: usize,
    mut racers: Vec<Racer<'_>>,
) -> Result<(), Failure> {
    let mut times = vec![Vec::new(); racers.len()];
    for round in 0..=options.effort.rounds {
        for turn in 0..racers.len() {
            let index = (turn + round) % racers.len();
            let time = (racers[index].turn)()?;
            if round > 0 {
                times[index].push(time / operations as f64);
            }
        }
    }
    let figures: Vec<_> = times.iter().map(|times| Figure::of(times)).collect();
    for (racer, &theirs) in racers.iter().zip(&figures).skip(1) {
        report.add(&Row::new(workload, racer.name, 1, figures[0], theirs, Unit::NanosPerOperation));
    }
    Ok(())
}

/// Wall-clock nanoseconds.
fn nanos(work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_nanos() as f64)
}
