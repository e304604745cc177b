//! One run of the program: the cache is restored, read, filled by transactions, and saved.
//!
//! Each query has a method, and all methods do the same: the answer is in the cache, or it is computed from the graph
//! of packages and stored by a transaction. The first miss runs cargo to get that graph; a run whose answers are all in
//! the snapshot never does.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::{Cache, Holds, Inspection, Lookup, OpenError, Query, RestoreReport, SaveReport};

use crate::CacheRegistry;
use crate::answers;
use crate::error::Error;
use crate::graph::Graph;
use crate::project::Place;
use crate::queries::{
    AllPackages, ChainFrom, ChainFromRef, ColdTiming, CurrentProject, Dependency, DependentsRef,
    FindPackagesRef, Licences, Link, LongestChain, Package, PackageByIdRef, PackagesByLicence,
    PackagesByLicenceRef, SeveralVersions, Timing,
};

/// Number of commits that `--inspect` shows.
const COMMITS_SHOWN: usize = 20;

/// A run of the program on one project.
#[derive(Debug)]
pub struct Session {
    place: Place,
    snapshot: Option<PathBuf>,
    cache: Cache<CacheRegistry>,
    start: Start,
    /// Created at the first miss, with the time that this took.
    graph: OnceCell<(Graph, Duration)>,
    find: Duration,
    restore: Duration,
    opened: Instant,
}

/// How a run began.
#[derive(Debug)]
#[non_exhaustive]
pub enum Start {
    /// The user wants no snapshot.
    WithoutSnapshot,
    /// There is no snapshot yet.
    First,
    /// The snapshot could not be read, for this reason.
    Damaged(String),
    /// The restored answers are not about this project as it is now, and were dropped.
    Outdated {
        /// Number of dropped entries.
        entries: u64,
        /// The reason.
        reason: String,
    },
    /// Answers were restored.
    Restored(RestoreReport),
}

/// How a run ended.
#[derive(Debug)]
pub struct End {
    /// The times of this run.
    pub timing: Timing,
    /// The times of the last cold run.
    pub cold: Option<Arc<Timing>>,
    /// What was saved, and where (a relative path is within the project), or why nothing was; `None` if the user wants
    /// no snapshot.
    pub saved: Option<Result<(SaveReport, PathBuf), String>>,
}

impl Session {
    /// Begins a run: restores the snapshot if it is about the project as it is now.
    ///
    /// A damaged snapshot is no error; [`start`](Self::start) reports it.
    ///
    /// # Errors
    /// If the cache cannot be built.
    pub fn open(place: Place, snapshot: Option<PathBuf>, find: Duration) -> Result<Self, Error> {
        let before = Instant::now();
        let (cache, start) = match &snapshot {
            None => (Cache::new(), Start::WithoutSnapshot),
            Some(path) => match Cache::restore_or_new(path) {
                Ok((cache, report)) if report.is_first_start => (cache, Start::First),
                Ok((cache, report)) => {
                    let start = throw_away_if_outdated(&cache, &place, report);
                    (cache, start)
                }
                Err(OpenError::Snapshot { source, .. }) => {
                    (Cache::new(), Start::Damaged(with_causes(&source)))
                }
                Err(error) => return Err(error.into()),
            },
        };
        let opened = Instant::now();
        let restore = opened - before;
        cache.commit_log().keep(COMMITS_SHOWN);
        Ok(Self { place, snapshot, cache, start, graph: OnceCell::new(), find, restore, opened })
    }

    /// How the run began.
    #[must_use]
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// The content of the cache, and its statistics.
    #[must_use]
    pub fn inspect(&self) -> Inspection {
        self.cache.inspect()
    }

    /// Ids of all packages.
    ///
    /// # Errors
    /// As for all queries: if cargo has to run, and fails.
    pub fn all_packages(&self) -> Result<Arc<Vec<String>>, Error> {
        self.answer(&AllPackages, answers::all)
    }

    /// Ids of the packages with a name, `name@version` or id.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn find(&self, spec: &str) -> Result<Arc<Vec<String>>, Error> {
        self.answer(&FindPackagesRef { spec }, |graph| answers::find(graph, spec))
    }

    /// The package with this id.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages), and if the package is absent.
    pub fn package(&self, id: &str) -> Result<Arc<Package>, Error> {
        self.try_answer(&PackageByIdRef { id }, |graph| {
            graph.packages.get(id).cloned().ok_or_else(|| Error::NoSuchPackage(id.to_owned()))
        })
    }

    /// The packages that depend on the one with this id.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn dependents(&self, id: &str) -> Result<Arc<Vec<Dependency>>, Error> {
        self.answer(&DependentsRef { id }, |graph| graph.dependents.get(id).cloned().unwrap_or_default())
    }

    /// Names with several versions.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn several_versions(&self) -> Result<Arc<Vec<String>>, Error> {
        self.answer(&SeveralVersions, answers::several_versions)
    }

    /// Ids of the packages with this licence.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn by_licence(&self, licence: &str) -> Result<Arc<Vec<String>>, Error> {
        self.answer(&PackagesByLicenceRef { licence }, |graph| {
            answers::by_licence(graph).remove(licence).unwrap_or_default()
        })
    }

    /// All licences. One commit stores this answer and, for each licence, the packages that have it.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn licences(&self) -> Result<Arc<Vec<String>>, Error> {
        if let Some(licences) = self.cache.get(&Licences) {
            return Ok(licences);
        }
        let groups = answers::by_licence(self.graph()?);
        let mut tx = self.cache.begin();
        tx.label("licences");
        let licences = tx.set(Licences, groups.keys().cloned().collect::<Vec<_>>());
        for (licence, ids) in groups {
            tx.set(PackagesByLicence { licence }, ids);
        }
        tx.commit()?;
        Ok(licences)
    }

    /// Ids along the longest chain of the project.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn longest_chain(&self) -> Result<Arc<Vec<String>>, Error> {
        self.try_answer(&LongestChain, |graph| {
            let mut longest = None;
            for member in &graph.members {
                let length = self.link(member)?.length;
                longest = longest.max(Some((length, Reverse(member))));
            }
            longest.map_or(Ok(Vec::new()), |(_, Reverse(member))| self.chain_from(member))
        })
    }

    /// Ids along the longest chain that begins with this package.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn chain_from(&self, id: &str) -> Result<Vec<String>, Error> {
        let mut chain = vec![id.to_owned()];
        let mut link = self.link(id)?;
        while let Some(next) = &link.next {
            chain.push(next.clone());
            link = self.link(next)?;
        }
        Ok(chain)
    }

    fn link(&self, id: &str) -> Result<Arc<Link>, Error> {
        match self.cache.get(&ChainFromRef { id }) {
            Some(link) => Ok(link),
            None => link_chain(&self.cache, self.graph()?, id),
        }
    }

    /// The answer to a query: from the cache, or else computed by `find`.
    fn answer<L, V>(&self, question: &L, find: impl FnOnce(&Graph) -> V) -> Result<Arc<V>, Error>
    where
        L: Lookup<Query: Query<Value = V>>,
        V: Send + Sync + 'static,
        CacheRegistry: Holds<L::Query>,
    {
        self.try_answer(question, |graph| Ok(find(graph)))
    }

    fn try_answer<L, V>(
        &self,
        question: &L,
        find: impl FnOnce(&Graph) -> Result<V, Error>,
    ) -> Result<Arc<V>, Error>
    where
        L: Lookup<Query: Query<Value = V>>,
        V: Send + Sync + 'static,
        CacheRegistry: Holds<L::Query>,
    {
        if let Some(answer) = self.cache.get(question) {
            return Ok(answer);
        }
        let answer = find(self.graph()?)?;
        let mut tx = self.cache.begin();
        let answer = tx.set(question.to_key(), answer);
        tx.commit()?;
        Ok(answer)
    }

    fn graph(&self) -> Result<&Graph, Error> {
        if let Some((graph, _)) = self.graph.get() {
            return Ok(graph);
        }
        let before = Instant::now();
        let graph = self.place.graph()?;
        // Only now, because cargo may have written the lock file.
        let project = self.place.describe(&graph);
        let mut tx = self.cache.begin();
        tx.label("cargo metadata").set(CurrentProject, project);
        tx.commit()?;
        let (graph, _) = self.graph.get_or_init(|| (graph, before.elapsed()));
        Ok(graph)
    }

    /// Ends the run: saves the cache.
    ///
    /// # Errors
    /// If a commit fails. A snapshot that cannot be written is no error; the result reports it.
    pub fn end(&self) -> Result<End, Error> {
        let metadata = self.graph.get().map(|(_, took)| *took);
        let is_restored = matches!(self.start, Start::Restored(_));
        let timing = Timing {
            find: self.find,
            restore: is_restored.then_some(self.restore),
            metadata,
            answer: self.opened.elapsed().saturating_sub(metadata.unwrap_or_default()),
        };
        if !is_restored {
            let mut tx = self.cache.begin();
            tx.label("end of a cold run").set(ColdTiming, timing.clone());
            tx.commit()?;
        }
        let saved = self.snapshot.as_ref().map(|path| {
            // If the folder cannot be made, the save reports it.
            let _ = path.parent().map(std::fs::create_dir_all);
            let report = self.cache.save(path).map_err(|error| with_causes(&error))?;
            Ok((report, path.strip_prefix(&self.place.root).unwrap_or(path).to_owned()))
        });
        Ok(End { timing, cold: self.cache.peek(&ColdTiming), saved })
    }
}

/// Answers [`ChainFrom`] for a package from the answers for its dependencies, and those from the answers for theirs.
///
/// The transaction reads its own writes and everything committed before, so that nothing is computed twice.
fn link_chain(cache: &Cache<CacheRegistry>, graph: &Graph, id: &str) -> Result<Arc<Link>, Error> {
    let mut tx = cache.begin();
    tx.label(format!("chain from {id}"));
    for id in answers::dependencies_first(graph, id) {
        if tx.get(&ChainFromRef { id }).is_none() {
            let lengths =
                graph.built_with(id).filter_map(|id| Some((id, tx.get(&ChainFromRef { id })?.length)));
            let link = answers::link(lengths);
            tx.set(ChainFrom { id: id.to_owned() }, link);
        }
    }
    let link = tx.get(&ChainFromRef { id });
    tx.commit()?;
    link.ok_or_else(|| Error::NoSuchPackage(id.to_owned()))
}

/// Empties the cache unless it is about the project as it is now.
fn throw_away_if_outdated(cache: &Cache<CacheRegistry>, place: &Place, report: RestoreReport) -> Start {
    let reason = match cache.peek(&CurrentProject) {
        Some(known) => place.difference(&known),
        None => Some(match report.skipped().find(|(table, _)| *table == CurrentProject::NAME) {
            Some((table, skipped)) => format!("`{table}` was not restored: {}", skipped.reason),
            None => "they do not name their project".to_owned(),
        }),
    };
    match reason {
        None => Start::Restored(report),
        Some(reason) => {
            cache.clear();
            Start::Outdated { entries: report.restored(), reason }
        }
    }
}

/// An error and its causes on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Timing {
    /// The sum of all times.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.find + self.restore.unwrap_or_default() + self.metadata.unwrap_or_default() + self.answer
    }
}

impl Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithoutSnapshot => f.write_str("cold start, without a snapshot"),
            Self::First => f.write_str("cold start, there is no snapshot yet"),
            Self::Damaged(_) => f.write_str("cold start, the snapshot could not be read"),
            Self::Outdated { entries, reason } => {
                write!(f, "cold start, {entries} saved answers discarded: {reason}")
            }
            Self::Restored(report) => {
                write!(f, "restored {} entries, saved {:.1?} ago", report.restored(), report.elapsed)?;
                report.skipped().try_for_each(|(table, skipped)| {
                    write!(f, "; skipped {} of `{table}`: {}", skipped.entries, skipped.reason)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests;
