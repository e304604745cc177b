//! The output: runs the queries and puts the answers into tables.

use std::cmp::Reverse;
use std::time::Duration;

use cache_core::Inspection;

use crate::error::Error;
use crate::queries::{Dependency, Kind, Timing};
use crate::second_tier::Found;
use crate::session::{End, Session, Start};
use crate::table::Table;

/// Number of packages that the overview lists for their many dependents.
const MOST_USED: usize = 10;
/// Number of packages that the overview lists for each licence.
const NAMED_PER_LICENCE: usize = 6;

/// Licences, most used packages, the longest chain, names with several versions.
///
/// # Errors
/// If a query fails.
pub fn overview(session: &Session) -> Result<Vec<Table>, Error> {
    Ok(vec![licences(session)?, most_used(session)?, longest_chain(session)?, several_versions(session)?])
}

fn licences(session: &Session) -> Result<Table, Error> {
    let mut rows = Vec::new();
    for licence in session.licences()?.iter() {
        rows.push((session.by_licence(licence)?, licence.clone()));
    }
    rows.sort_by_key(|(ids, _)| Reverse(ids.len()));
    let mut table = Table::new(format!("{} packages by licence", session.all_packages()?.len())).columns([
        "licence",
        "#packages",
        "for example",
    ]);
    for (ids, licence) in rows {
        let names = ids.iter().take(NAMED_PER_LICENCE).map(|id| Ok(session.package(id)?.name.clone()));
        let names: Vec<String> = names.collect::<Result<_, Error>>()?;
        table.row([licence, ids.len().to_string(), names.join(", ")]);
    }
    Ok(table)
}

fn most_used(session: &Session) -> Result<Table, Error> {
    let mut rows = Vec::new();
    for id in session.all_packages()?.iter() {
        rows.push((session.dependents(id)?.len(), id.clone()));
    }
    rows.sort_by_key(|(dependents, _)| Reverse(*dependents));
    let mut table =
        Table::new("Most packages depend on").columns(["package", "version", "#dependents", "licence"]);
    for (dependents, id) in rows.into_iter().take(MOST_USED) {
        let package = session.package(&id)?;
        table.row([
            package.name.clone(),
            package.version.clone(),
            dependents.to_string(),
            package.licence.clone(),
        ]);
    }
    Ok(table)
}

fn longest_chain(session: &Session) -> Result<Table, Error> {
    let chain = session.longest_chain()?;
    let mut table = Table::new(format!("The longest chain of dependencies has {} packages", chain.len()))
        .columns(["#", "package", "version", "licence"]);
    for (at, id) in chain.iter().enumerate() {
        let package = session.package(id)?;
        table.row([
            (at + 1).to_string(),
            package.name.clone(),
            package.version.clone(),
            package.licence.clone(),
        ]);
    }
    Ok(table)
}

fn several_versions(session: &Session) -> Result<Table, Error> {
    let names = session.several_versions()?;
    if names.is_empty() {
        return Ok(Table::new("Every package has one version only"));
    }
    let mut table = Table::new("Packages in several versions").columns(["package", "versions"]);
    for name in names.iter() {
        let versions = session.find(name)?;
        let versions = versions.iter().map(|id| Ok(session.package(id)?.version.clone()));
        table.row([name.clone(), versions.collect::<Result<Vec<_>, Error>>()?.join(", ")]);
    }
    Ok(table)
}

/// The packages that match `spec`, each with its dependents.
///
/// # Errors
/// If none matches, or a query fails.
pub fn packages(session: &Session, spec: &str) -> Result<Vec<Table>, Error> {
    let ids = session.find(spec)?;
    if ids.is_empty() {
        return Err(Error::NoSuchPackage(spec.to_owned()));
    }
    let tables = ids.iter().map(|id| Ok([package(session, id)?, dependents(session, id)?]));
    Ok(tables.collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect())
}

fn package(session: &Session, id: &str) -> Result<Table, Error> {
    let package = session.package(id)?;
    let mut dependencies = Vec::new();
    for dependency in &package.dependencies {
        dependencies.push(named(session, dependency)?);
    }
    let mut chain = Vec::new();
    for id in session.chain_from(id)? {
        chain.push(session.package(&id)?.name.clone());
    }
    let mut table = Table::new(format!("{} {}", package.name, package.version));
    let mut fact = |name: &str, text: String| table.row([name.to_owned(), or_none(text)]);
    fact("id", id.to_owned());
    fact("about", package.description.clone().unwrap_or_default());
    fact("licence", package.licence.clone());
    fact("source", package.source.clone().unwrap_or_else(|| "this machine".to_owned()));
    fact("features", package.features.join(", "));
    fact("depends on", dependencies.join(", "));
    fact("longest chain", format!("{}: {}", chain.len(), chain.join(" > ")));
    Ok(table)
}

fn dependents(session: &Session, id: &str) -> Result<Table, Error> {
    let dependents = session.dependents(id)?;
    let name = &session.package(id)?.name;
    if dependents.is_empty() {
        return Ok(Table::new(format!("No package depends on {name}")));
    }
    let mut table = Table::new(format!("{} packages depend on {name}", dependents.len()))
        .columns(["package", "version", "for"]);
    for dependent in dependents.iter() {
        let package = session.package(&dependent.id)?;
        table.row([package.name.clone(), package.version.clone(), kinds(dependent)]);
    }
    Ok(table)
}

/// The packages with a licence.
///
/// # Errors
/// If none matches, or a query fails.
pub fn licence(session: &Session, licence: &str) -> Result<Table, Error> {
    let licence = crate::answers::licence(Some(licence));
    let ids = session.by_licence(&licence)?;
    if ids.is_empty() {
        return Err(Error::NoSuchLicence(licence));
    }
    let mut table = Table::new(format!("{} packages with licence {licence}", ids.len()))
        .columns(["package", "version", "about"]);
    for id in ids.iter() {
        let package = session.package(id)?;
        let about = package.description.clone().unwrap_or_default();
        table.row([package.name.clone(), package.version.clone(), about]);
    }
    Ok(table)
}

/// The work of the cache, and the time that it saved.
#[must_use]
pub fn cache(start: &Start, end: &End, inspection: &Inspection) -> String {
    let mut text = format!("Cache: {start}\n");
    text += &format!("{} hits, {} misses\n", inspection.hits(), inspection.misses());
    if let Some(Ok((saved, path))) = &end.saved {
        text += &format!("saved {} entries, {} bytes in {}\n", saved.entries(), saved.bytes, path.display());
    }
    if let Some(Found { path, found, computed }) = &end.found {
        text += &format!("{found} answers found in {}, {computed} computed\n", path.display());
    }
    let cold = end.cold.as_deref().filter(|_| matches!(start, Start::Restored(_)));
    let now_is = match (cold, &end.found) {
        (Some(_), _) => "#restored",
        (None, Some(_)) => "#time",
        (None, None) => "#cold",
    };
    text += &format!("\n{}", times(&end.timing, now_is, cold));
    text
}

fn times(now: &Timing, now_is: &str, cold: Option<&Timing>) -> Table {
    let title = if cold.is_some() { "Times, restored against cold" } else { "Times" };
    let cold_is = if cold.is_some() { "#cold" } else { "" };
    let mut table = Table::new(title).columns(["", now_is, cold_is]);
    let mut row = |what: &str, time: fn(&Timing) -> Option<Duration>| {
        let cold = cold.map_or(String::new(), |cold| milliseconds(time(cold)));
        table.row([what.to_owned(), milliseconds(time(now)), cold]);
    };
    row("find the project", |timing| Some(timing.find));
    row("restore the snapshot", |timing| timing.restore);
    row("cargo metadata", |timing| timing.metadata);
    row("answer", |timing| Some(timing.answer));
    row("together", |timing| Some(timing.total()));
    table
}

fn milliseconds(time: Option<Duration>) -> String {
    time.map_or("-".to_owned(), |time| format!("{:.2} ms", time.as_secs_f64() * 1e3))
}

fn named(session: &Session, dependency: &Dependency) -> Result<String, Error> {
    let package = session.package(&dependency.id)?;
    Ok(match kinds(dependency).as_str() {
        "normal" => package.name.clone(),
        kinds => format!("{} ({kinds})", package.name),
    })
}

fn kinds(dependency: &Dependency) -> String {
    let names = dependency.kinds.iter().map(|kind| match kind {
        Kind::Normal => "normal",
        Kind::Build => "build",
        Kind::Dev => "dev",
    });
    names.collect::<Vec<_>>().join(", ")
}

fn or_none(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}
