//! What records there are, and which answers show them. For people who look at a running program.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use cache_client::{Client, Rows, Section};
use cache_core::client_support::key_text;
use serde::Serialize;

use crate::documents::DocumentsOf;
use crate::id::Id;
use crate::resources::Resources;

/// The records that documents show, at about one moment: changes that are made meanwhile may be seen in part.
///
/// # Examples
/// ```
/// # use cache_client::Client;
/// # use cache_documents::{ClientDocuments, Resources};
/// fn print<A: Resources>(client: &Client<A>) {
///     // articles
///     //   1: title, author; shown by GetArticle { id: 1 }
///     println!("{}", client.documents().inspect());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DocumentsReport {
    /// The record types that have records, by name.
    pub types: Vec<RecordTypeReport>,
}

/// The records of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordTypeReport {
    /// The name of the type in responses.
    pub name: &'static str,
    /// The records, by id.
    pub records: Vec<RecordReport>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecordReport {
    /// The id.
    pub id: Id,
    /// The fields of which something is known.
    pub fields: Vec<&'static str>,
    /// The keys of the documents that show the record, as `Debug` prints them, or `(secret)`. A document counts as long
    /// as the cache or the program has it.
    pub shown_by: Vec<String>,
}

impl<A: Resources> DocumentsOf<'_, A> {
    /// Lists the records that documents show, and these documents. Visits all records, so it takes time and memory
    /// linear in their number.
    #[must_use]
    pub fn inspect(&self) -> DocumentsReport {
        let documents = self.state();
        let mut types: BTreeMap<&'static str, Vec<RecordReport>> = BTreeMap::new();
        for name in documents.index.names(usize::MAX) {
            let Some(record_type) = documents.list.types.by_type(name.resource) else { continue };
            let Some(record) = documents.list.peek(self.client().cache(), name.resource, &name.id) else {
                continue;
            };
            let numbers = 0..record.names().len();
            let known = numbers.filter(|&number| record.any_field(number).known() != 0);
            let owners = documents.index.owners(&name);
            let mut shown_by: Vec<_> = owners.iter().map(|owner| format!("{:?}", owner.key())).collect();
            shown_by.sort_unstable();
            shown_by.dedup();
            types.entry(record_type.name()).or_default().push(RecordReport {
                fields: known.map(|number| record.names()[number]).collect(),
                id: name.id,
                shown_by,
            });
        }
        let types = types.into_iter().map(|(name, mut records)| {
            records.sort_unstable_by(|one, other| one.id.cmp(&other.id));
            RecordTypeReport { name, records }
        });
        DocumentsReport { types: types.collect() }
    }
}

/// How many of the documents that show a record are named in the section.
const NAMED: usize = 3;

/// Returns the section of a client's report that lists records. Visits no more of them than it lists.
pub(crate) fn section<A: Resources>(client: &Client<A>, rows: usize) -> Section {
    let documents = DocumentsOf::of(client).state();
    let list = &documents.list;
    let mut records: Vec<_> = documents
        .index
        .names(rows)
        .into_iter()
        .filter_map(|name| {
            let record_type = list.types.by_type(name.resource)?.name();
            let record = list.peek(client.cache(), name.resource, &name.id)?;
            let known = (0..record.names().len()).filter(|&number| record.any_field(number).known() != 0);
            let fields: Vec<_> = known.map(|number| record.names()[number]).collect();
            let (total, owners) = documents.index.some_owners(name.resource, name.id.as_str(), NAMED);
            let mut shown_by: Vec<_> = owners.iter().map(|owner| key_text(owner.key())).collect();
            if total > shown_by.len() {
                shown_by.push(format!("{} more", total - shown_by.len()));
            }
            Some(vec![record_type.to_owned(), name.id.to_string(), fields.join(", "), shown_by.join(", ")])
        })
        .collect();
    records.sort_unstable();
    Section {
        name: "records",
        columns: &["type", "id", "fields", "shown by"],
        rows: Rows::new(documents.index.len(), records),
    }
}

impl Display for DocumentsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for RecordTypeReport { name, records } in &self.types {
            writeln!(f, "{name}")?;
            for RecordReport { id, fields, shown_by } in records {
                writeln!(f, "  {id}: {}; shown by {}", fields.join(", "), shown_by.join(", "))?;
            }
        }
        Ok(())
    }
}
