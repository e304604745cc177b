//! How each query is answered from the graph.

use cache_core::Query;

use crate::answers;
use crate::error::Error;
use crate::graph::Graph;
use crate::queries::{
    AllPackages, Dependency, Dependents, FindPackages, Package, PackageById, PackagesByLicence,
    SeveralVersions,
};

/// A query whose answer depends on the graph alone.
pub trait FromGraph: Query<Value: Sized> {
    /// The answer.
    ///
    /// # Errors
    /// If the query names something that the graph does not have.
    fn find(&self, graph: &Graph) -> Result<Self::Value, Error>;
}

impl FromGraph for AllPackages {
    fn find(&self, graph: &Graph) -> Result<Vec<String>, Error> {
        Ok(answers::all(graph))
    }
}

impl FromGraph for FindPackages {
    fn find(&self, graph: &Graph) -> Result<Vec<String>, Error> {
        Ok(answers::find(graph, &self.spec))
    }
}

impl FromGraph for PackageById {
    fn find(&self, graph: &Graph) -> Result<Package, Error> {
        graph.packages.get(&self.id).cloned().ok_or_else(|| Error::NoSuchPackage(self.id.clone()))
    }
}

impl FromGraph for Dependents {
    fn find(&self, graph: &Graph) -> Result<Vec<Dependency>, Error> {
        Ok(graph.dependents.get(&self.id).cloned().unwrap_or_default())
    }
}

impl FromGraph for SeveralVersions {
    fn find(&self, graph: &Graph) -> Result<Vec<String>, Error> {
        Ok(answers::several_versions(graph))
    }
}

impl FromGraph for PackagesByLicence {
    fn find(&self, graph: &Graph) -> Result<Vec<String>, Error> {
        Ok(answers::by_licence(graph).remove(&self.licence).unwrap_or_default())
    }
}
