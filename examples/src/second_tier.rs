//! Answers in a file, one by one: a client over the cache of the run, with the file as its provider.
//!
//! A snapshot is read and written as a whole, at the start and at the end. Of the file, a run reads only the answers that
//! it needs, and several projects can share it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch, Provider, QueryError, Strategy};
use cache_core::{BoxError, Cache, Holds, Query};
use cache_file::FileProvider;
use tokio::runtime::{Builder, Runtime};

use crate::CacheRegistry;
use crate::answers;
use crate::error::Error;
use crate::finding::FromGraph;
use crate::queries::{
    AllPackages, ChainFrom, CurrentProject, Dependents, FindPackages, Licences, Link, LongestChain,
    PackageById, PackagesByLicence, Project, SeveralVersions,
};
use crate::source::Source;

/// How long answers are kept in the file. They are read only while the files that they depend on are the same.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long the disk may take for a write. Otherwise the answer is not kept.
const LONGEST_WRITE: Duration = Duration::from_secs(10);

/// The client and its file.
pub struct SecondTier {
    path: PathBuf,
    runtime: Runtime,
    client: Client<Packages>,
    provider: Arc<ProjectProvider>,
}

/// What the loads of the client need.
#[derive(Debug)]
pub struct Packages {
    source: Arc<Source>,
    /// Number of answers that were computed.
    computed: AtomicU64,
}

impl App for Packages {
    type Registry = CacheRegistry;
}

/// The numbers of answers of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Answers that were in the file.
    pub found: u64,
    /// Answers that were computed.
    pub computed: u64,
}

impl SecondTier {
    /// Opens the file, or creates it. Asks cargo if the file has no answers about the project as it is now.
    ///
    /// # Errors
    /// If the file cannot be used, or cargo fails.
    pub fn open(path: &Path, cache: &Cache<CacheRegistry>, source: Arc<Source>) -> Result<Self, Error> {
        let file = FileProvider::open(path)?;
        let runtime = Builder::new_current_thread().enable_time().build().map_err(Error::Runtime)?;
        let provider = Arc::new(ProjectProvider::new(file, &source.place.root));
        let app = Packages { source, computed: AtomicU64::new(0) };
        let client = {
            let _entered = runtime.enter();
            let builder = Client::builder(cache.clone(), app).provider(Arc::clone(&provider));
            let builder = builder.defaults(|all| all.fresh(KEPT).keep_prefetched(Duration::ZERO));
            builder.provider_timeout(LONGEST_WRITE).build()
        };
        let tier = Self { path: path.to_owned(), runtime, client, provider };
        let known = tier.query_by(&CurrentProject, Strategy::CacheOnly).ok();
        let known = known.filter(|known| tier.client.app().source.place.difference(known).is_none());
        let project = known.map_or_else(|| tier.query_by(&CurrentProject, Strategy::Refresh), Ok)?;
        tier.provider.begin(&project);
        Ok(tier)
    }

    /// The answer to a query: from the cache, from the file, or computed.
    ///
    /// # Errors
    /// If cargo has to be asked and fails, or the query names something that is not there.
    pub fn query<Q: Fetch<Packages, Error = Error>>(&self, query: &Q) -> Result<Arc<Q::Value>, Error>
    where
        CacheRegistry: Holds<Q>,
    {
        Ok(self.runtime.block_on(self.client.query(query))?)
    }

    fn query_by<Q: Fetch<Packages, Error = Error>>(
        &self,
        query: &Q,
        strategy: Strategy,
    ) -> Result<Arc<Q::Value>, Error>
    where
        CacheRegistry: Holds<Q>,
    {
        Ok(self.runtime.block_on(self.client.query_with(query, |options| options.strategy(strategy)))?)
    }

    /// Waits until all answers are in the file, and returns their numbers.
    #[must_use]
    pub fn end(&self) -> Found {
        // The tasks of loads write them.
        let tasks = self.runtime.metrics();
        self.runtime.block_on(async {
            while tasks.num_alive_tasks() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let found = self.provider.found.load(Ordering::Relaxed);
        let computed = self.client.app().computed.load(Ordering::Relaxed);
        Found { path: self.path.clone(), found, computed }
    }
}

impl std::fmt::Debug for SecondTier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondTier").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The part of a file that belongs to one project. Keys begin with a hash of its folder and, except that of
/// [`CurrentProject`], with one of the files that its answers depend on: what was answered before one of these changed
/// is not found any more.
#[derive(Debug)]
struct ProjectProvider {
    file: FileProvider,
    folder: u64,
    inputs: OnceLock<u64>,
    /// Number of answers that were found.
    found: AtomicU64,
}

impl ProjectProvider {
    fn new(file: FileProvider, root: &Path) -> Self {
        Self { file, folder: hash(root), inputs: OnceLock::new(), found: AtomicU64::new(0) }
    }

    /// Sets the project that all further keys are about.
    fn begin(&self, project: &Project) {
        self.inputs.get_or_init(|| hash(&project.inputs));
    }

    fn key(&self, key: &str) -> String {
        match self.inputs.get().filter(|_| !key.starts_with(CurrentProject::NAME)) {
            Some(inputs) => format!("{:016x};{inputs:016x};{key}", self.folder),
            None => format!("{:016x};{key}", self.folder),
        }
    }
}

impl Provider for ProjectProvider {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        let answer = self.file.get(&self.key(key)).await?;
        self.found.fetch_add(answer.is_some().into(), Ordering::Relaxed);
        Ok(answer)
    }

    async fn set(&self, key: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
        self.file.set(&self.key(key), value, ttl).await
    }

    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        self.file.remove(&self.key(key)).await
    }
}

/// Another Rust release may hash differently. The worst consequence is one cold start.
fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl From<QueryError<Error>> for Error {
    fn from(error: QueryError<Error>) -> Self {
        match error {
            QueryError::Failed { source, .. } => Self::Load(source),
            error => Self::Client(error.to_string()),
        }
    }
}

macro_rules! fetched_from_graph {
    ($($query:ty),+) => {$(
        impl Fetch<Packages> for $query {
            type Error = Error;

            async fn fetch(&self, cx: &Context<Packages>) -> Result<Self::Value, Error> {
                cx.app().computed.fetch_add(1, Ordering::Relaxed);
                self.find(cx.app().source.graph()?)
            }
        }
    )+};
}

fetched_from_graph!(AllPackages, FindPackages, PackageById, Dependents, SeveralVersions, PackagesByLicence);

impl Fetch<Packages> for CurrentProject {
    type Error = Error;

    async fn fetch(&self, cx: &Context<Packages>) -> Result<Project, Error> {
        let Source { place, .. } = &*cx.app().source;
        let graph = cx.app().source.graph()?;
        // Only now, because cargo may have written the lock file.
        Ok(place.describe(graph))
    }
}

/// Brings the packages of each licence.
impl Fetch<Packages> for Licences {
    type Error = Error;

    async fn fetch(&self, cx: &Context<Packages>) -> Result<Vec<String>, Error> {
        cx.app().computed.fetch_add(1, Ordering::Relaxed);
        let groups = answers::by_licence(cx.app().source.graph()?);
        let licences = groups.keys().cloned().collect();
        for (licence, ids) in groups {
            cx.bring(PackagesByLicence { licence }, ids);
        }
        Ok(licences)
    }
}

/// Brings the links of all packages that this one is built with.
impl Fetch<Packages> for ChainFrom {
    type Error = Error;

    async fn fetch(&self, cx: &Context<Packages>) -> Result<Link, Error> {
        cx.app().computed.fetch_add(1, Ordering::Relaxed);
        let graph = cx.app().source.graph()?;
        let mut links: HashMap<&str, Link> = HashMap::new();
        for id in answers::dependencies_first(graph, &self.id) {
            let lengths = graph.built_with(id).filter_map(|id| Some((id, links.get(id)?.length)));
            let link = answers::link(lengths);
            links.insert(id, link);
        }
        let own = links.remove(&*self.id).ok_or_else(|| Error::NoSuchPackage(self.id.clone()))?;
        for (id, link) in links {
            cx.bring(ChainFrom { id: id.to_owned() }, link);
        }
        Ok(own)
    }
}

impl Fetch<Packages> for LongestChain {
    type Error = Error;

    async fn fetch(&self, cx: &Context<Packages>) -> Result<Vec<String>, Error> {
        cx.app().computed.fetch_add(1, Ordering::Relaxed);
        let mut longest = None;
        for id in &cx.app().source.graph()?.members {
            let link = cx.query(&ChainFrom { id: id.clone() }).await?;
            longest = longest.max(Some((link.length, std::cmp::Reverse(id))));
        }
        let mut chain = Vec::new();
        let mut next = longest.map(|(_, std::cmp::Reverse(id))| id.clone());
        while let Some(id) = next {
            next = cx.query(&ChainFrom { id: id.clone() }).await?.next.clone();
            chain.push(id);
        }
        Ok(chain)
    }
}
