//! One run of the program: the cache is restored, read, filled by transactions, and saved.
//!
//! Each query has a method, and all methods do the same: the answer is in the cache, or it is computed from the graph
//! of packages and stored by a transaction. The first miss runs cargo to get that graph; a run whose answers are all in
//! the snapshot never does. In a run with a provider, the client gets what is not in the cache.

use std::cmp::Reverse;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_client::Fetch;
use cache_core::{Cache, Holds, Inspection, Lookup, OpenError, Query, RestoreReport, SaveReport};

use crate::CacheRegistry;
use crate::answers;
use crate::error::Error;
use crate::finding::FromGraph;
use crate::graph::Graph;
use crate::project::Place;
use crate::queries::{
    AllPackages, ChainFrom, ChainFromRef, ColdTiming, CurrentProject, Dependency, DependentsRef,
    FindPackagesRef, Licences, Link, LongestChain, Package, PackageByIdRef, PackagesByLicence,
    PackagesByLicenceRef, SeveralVersions, Timing,
};
use crate::second_tier::{Found, Packages, SecondTier};
use crate::source::Source;

/// Number of commits that `--inspect` shows.
const COMMITS_SHOWN: usize = 20;

/// A run of the program on one project.
#[derive(Debug)]
pub struct Session {
    source: Arc<Source>,
    snapshot: Option<PathBuf>,
    cache: Cache<CacheRegistry>,
    start: Start,
    /// Has the answers that are not in the cache, in a run with a provider.
    second_tier: Option<SecondTier>,
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
    /// Answers are in the file of a provider.
    WithProvider,
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
    /// How many answers the file of the provider had, in a run with a provider.
    pub found: Option<Found>,
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
        let source = Arc::new(Source::new(place));
        Ok(Self { source, snapshot, cache, start, second_tier: None, find, restore, opened })
    }

    /// Begins a run without a snapshot, whose answers are in the file of a provider.
    ///
    /// # Errors
    /// If the file cannot be used, or has no answers about the project as it is now, and cargo fails.
    pub fn open_with_provider(place: Place, file: &Path, find: Duration) -> Result<Self, Error> {
        let (before, cache, source) = (Instant::now(), Cache::new(), Arc::new(Source::new(place)));
        let second_tier = SecondTier::open(file, &cache, Arc::clone(&source))?;
        cache.commit_log().keep(COMMITS_SHOWN);
        let (start, second_tier, restore) = (Start::WithProvider, Some(second_tier), Duration::ZERO);
        Ok(Self { source, snapshot: None, cache, start, second_tier, find, restore, opened: before })
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
        self.answer(&AllPackages)
    }

    /// Ids of the packages with a name, `name@version` or id.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn find(&self, spec: &str) -> Result<Arc<Vec<String>>, Error> {
        self.answer(&FindPackagesRef { spec })
    }

    /// The package with this id.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages), and if the package is absent.
    pub fn package(&self, id: &str) -> Result<Arc<Package>, Error> {
        self.answer(&PackageByIdRef { id })
    }

    /// The packages that depend on the one with this id.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn dependents(&self, id: &str) -> Result<Arc<Vec<Dependency>>, Error> {
        self.answer(&DependentsRef { id })
    }

    /// Names with several versions.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn several_versions(&self) -> Result<Arc<Vec<String>>, Error> {
        self.answer(&SeveralVersions)
    }

    /// Ids of the packages with this licence.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn by_licence(&self, licence: &str) -> Result<Arc<Vec<String>>, Error> {
        self.answer(&PackagesByLicenceRef { licence })
    }

    /// All licences. One commit stores this answer and, for each licence, the packages that have it.
    ///
    /// # Errors
    /// As [`all_packages`](Self::all_packages).
    pub fn licences(&self) -> Result<Arc<Vec<String>>, Error> {
        if let Some(licences) = self.cache.get(&Licences) {
            return Ok(licences);
        }
        if let Some(second_tier) = &self.second_tier {
            return second_tier.query(&Licences);
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
        if let Some(chain) = self.cache.get(&LongestChain) {
            return Ok(chain);
        }
        if let Some(second_tier) = &self.second_tier {
            return second_tier.query(&LongestChain);
        }
        let mut longest = None;
        for member in &self.graph()?.members {
            let length = self.link(member)?.length;
            longest = longest.max(Some((length, Reverse(member))));
        }
        let chain = longest.map_or(Ok(Vec::new()), |(_, Reverse(member))| self.chain_from(member))?;
        self.store(LongestChain, chain)
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
        match (self.cache.get(&ChainFromRef { id }), &self.second_tier) {
            (Some(link), _) => Ok(link),
            (None, Some(second_tier)) => second_tier.query(&ChainFrom { id: id.to_owned() }),
            (None, None) => link_chain(&self.cache, self.graph()?, id),
        }
    }

    /// The answer to a query: from the cache, from the second tier, or computed.
    fn answer<L, V>(&self, question: &L) -> Result<Arc<V>, Error>
    where
        L: Lookup<Query: Query<Value = V> + FromGraph + Fetch<Packages, Error = Error>>,
        V: Send + Sync + 'static,
        CacheRegistry: Holds<L::Query>,
    {
        if let Some(answer) = self.cache.get(question) {
            return Ok(answer);
        }
        let key = question.to_key();
        if let Some(second_tier) = &self.second_tier {
            return second_tier.query(&key);
        }
        let answer = key.find(self.graph()?)?;
        self.store(key, answer)
    }

    fn store<Q: Query<Value: Sized>>(&self, query: Q, answer: Q::Value) -> Result<Arc<Q::Value>, Error>
    where
        CacheRegistry: Holds<Q>,
    {
        let mut tx = self.cache.begin();
        let answer = tx.set(query, answer);
        tx.commit()?;
        Ok(answer)
    }

    fn graph(&self) -> Result<&Graph, Error> {
        if self.source.has_graph() {
            return self.source.graph();
        }
        let graph = self.source.graph()?;
        // Only now, because cargo may have written the lock file.
        let project = self.source.place.describe(graph);
        let mut tx = self.cache.begin();
        tx.label("cargo metadata").set(CurrentProject, project);
        tx.commit()?;
        Ok(graph)
    }

    /// Ends the run: saves the cache.
    ///
    /// # Errors
    /// If a commit fails. A snapshot that cannot be written is no error; the result reports it.
    pub fn end(&self) -> Result<End, Error> {
        let found = self.second_tier.as_ref().map(SecondTier::end);
        let metadata = self.source.took();
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
            Ok((report, path.strip_prefix(&self.source.place.root).unwrap_or(path).to_owned()))
        });
        Ok(End { timing, cold: self.cache.peek(&ColdTiming), saved, found })
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
            Self::WithProvider => f.write_str("without a snapshot, with a provider"),
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
