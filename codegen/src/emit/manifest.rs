//! The manifest: the same lines as JSON, for tools. It does not know the options of a query;
//! `CacheRegistry::describe()` gives them at run time.

use std::path::Path;

use super::{FORMAT, Json, Style};
use crate::cfg::Cfg;
use crate::check::Line;
use crate::report::shown;

/// The text of the manifest. Paths of files are relative to `folder`, the folder of the package.
#[must_use]
pub fn manifest(lines: &[Line], style: &Style, folder: &Path) -> String {
    let queries = lines.iter().map(|line| query(line, folder)).collect();
    Json::Object(vec![
        ("format", Json::Number(FORMAT as usize)),
        ("registry", Json::text(&style.name)),
        ("queries", Json::List(queries)),
    ])
    .to_string()
}

fn query(line: &Line, folder: &Path) -> Json {
    let location = line.location.as_ref();
    let file = location.map_or(Json::Null, |location| Json::text(shown(location.path(), folder)));
    Json::Object(vec![
        ("query", Json::text(last_name(&line.type_path))),
        ("type", Json::text(&line.type_path)),
        ("table", line.name.as_ref().map_or(Json::Null, Json::text)),
        ("doc", Json::text(doc_text(&line.docs))),
        ("file", file),
        ("line", location.map_or(Json::Null, |location| Json::Number(location.line()))),
        ("cfgs", cfgs(&line.cfgs)),
    ])
}

/// The conditions as a list of texts.
pub(crate) fn cfgs(cfgs: &[Cfg]) -> Json {
    Json::List(cfgs.iter().map(|cfg| Json::text(cfg.to_string())).collect())
}

/// The doc comment as one text, without the space that follows `///`.
pub(crate) fn doc_text(docs: &[String]) -> String {
    let lines = docs.iter().flat_map(|doc| doc.split('\n'));
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

/// `Page<crate::User>` of `crate::posts::Page<crate::User>`.
fn last_name(type_path: &str) -> &str {
    let head = type_path.find('<').unwrap_or(type_path.len());
    let start = type_path[..head].trim_end_matches("::").rfind("::").map_or(0, |at| at + 2);
    &type_path[start..]
}
