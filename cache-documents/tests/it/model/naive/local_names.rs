//! Local names in the naive store, and what the server answers about them.

use std::collections::BTreeSet;

use proptest::sample::Index;
use serde_json::json;

use super::Naive;
use crate::model::records::{Fields, Key, LOCAL, Name, Records, Shown, id_of, own_fields};

impl Naive {
    /// The name by which documents show a record.
    pub fn shown_name(&self, name: Name) -> Name {
        self.renamed.get(&name).copied().unwrap_or(name)
    }

    /// Replaces the local ids of links by those that they have become.
    pub fn relink(&self, fields: &mut Fields) {
        for (local, name) in self.renamed.iter().filter(|(local, _)| local.0 == "people") {
            let (local, id) = (json!(id_of(local.1)), json!(id_of(name.1)));
            for link in ["author", "friend"] {
                if fields.get(link) == Some(&local) {
                    fields.insert(link, id.clone());
                }
            }
        }
    }

    /// Stores an answer of the program as one to a request that begins and ends now.
    pub fn answer(&mut self, key: Key, primary: Vec<u8>, records: Vec<(Name, Fields)>) {
        let request = self.next();
        let mut shown = Shown { primary, ..Shown::default() };
        for (name, mut fields) in records {
            self.relink(&mut fields);
            self.write(request, name, fields);
            shown.records.insert(name, self.records[&name].clone());
        }
        self.current.remove(&key);
        self.answers.insert(key, shown);
        self.settle();
    }

    /// Returns whether the server's answer is accepted.
    pub fn save(&mut self, local: Name, id: u8, fields: &Fields) -> bool {
        match self.renamed.get(&local) {
            Some(known) if *known != (local.0, id) => return false,
            Some(_) => {}
            None => self.rename(local, (local.0, id)),
        }
        self.merge((local.0, id), fields);
        self.settle();
        true
    }

    /// Merges a record of an answer without a key.
    pub fn merge(&mut self, name: Name, fields: &Fields) {
        let (request, mut fields) = (self.next(), own_fields(name.0, fields));
        self.relink(&mut fields);
        self.write(request, name, fields);
        // The caller has the answer for a moment, which shows the record.
        self.forget_names(Some(name));
    }

    /// Shows a person in the documents that show another record. It may have a local name, which is used nowhere else.
    pub fn show(&mut self, beside: Name, id: u8, fields: &Fields, local: Option<Name>) {
        let (beside, name) = (self.shown_name(beside), ("people", id));
        if let Some(local) = local {
            self.forgotten.remove(&local);
            self.rename(local, name);
        }
        self.merge(name, fields);
        let record = &self.records[&name];
        let showing = self.answers.values_mut().filter(|shown| !shown.is_apart);
        for shown in showing.filter(|shown| shown.records.contains_key(&beside)) {
            shown.records.entry(name).or_insert_with(|| record.clone());
        }
        self.settle();
    }

    /// Makes a local record one with an id. What the record with the id has already is stronger.
    pub fn rename(&mut self, local: Name, name: Name) {
        let request = self.next();
        self.renamed.insert(local, name);
        self.layers.iter_mut().filter(|layer| layer.name == local).for_each(|layer| layer.saved = Some(name));
        // A deleted record is still shown by documents about it, which are marked and follow nothing.
        let is_there = self.records.contains_key(&local);
        if let Some((version, own)) = self.records.remove(&local) {
            let other = self.records.get(&name).map(|(_, fields)| fields.clone());
            let written = self.written.entry(name).or_default();
            own.keys().for_each(|field| _ = written.insert(field, request));
            let joined: Fields = own.into_iter().chain(other.clone().unwrap_or_default()).collect();
            match other {
                None => _ = self.records.insert(name, (version, joined)),
                Some(other) if other == joined => {}
                Some(_) => {
                    self.version += 1;
                    self.records.insert(name, (self.version, joined));
                }
            }
        }
        for shown in self.answers.values_mut().filter(|shown| is_there && !shown.is_apart) {
            if let Some(record) = shown.records.remove(&local) {
                shown.records.insert(name, record);
            }
            if local.0 == "articles" && shown.primary.contains(&local.1) {
                let has_it = shown.primary.contains(&name.1);
                shown.primary.retain(|id| *id != local.1 || !has_it);
                shown.primary.iter_mut().filter(|id| **id == local.1).for_each(|id| *id = name.1);
            }
        }
        let names: Vec<_> = self.records.keys().copied().collect();
        for other in names {
            let present = &self.records[&other].1;
            let mut fields = present.clone();
            self.relink(&mut fields);
            fields.retain(|field, value| present[field] != *value);
            if !fields.is_empty() {
                self.write(request, other, fields);
            }
        }
    }

    /// Forgets the local names of records that no document shows.
    pub fn forget_names(&mut self, kept: Option<Name>) {
        let shown: BTreeSet<Name> =
            self.shared().flat_map(|(_, shown)| shown.records.keys().copied()).chain(kept).collect();
        let forgotten = self.renamed.extract_if(.., |_, name| !shown.contains(name));
        self.forgotten.extend(forgotten.map(|(local, _)| local));
    }

    /// The local names that have a meaning.
    pub fn local_names(&self) -> Vec<Name> {
        let all = (LOCAL..LOCAL + self.locals).flat_map(|number| [("articles", number), ("people", number)]);
        all.filter(|name| !self.forgotten.contains(name)).collect()
    }

    /// One of them.
    pub fn local_name(&self, index: &Index) -> Option<Name> {
        let names = self.local_names();
        (!names.is_empty()).then(|| *index.get(&names))
    }

    /// What a list shows when one of the local articles is added to it: this article, the list, and all records.
    pub fn pushed(&self, index: &Index, feed: u8) -> Option<(Name, Vec<u8>, Records)> {
        let is_there =
            |name: &Name| name.0 == "articles" && self.records.contains_key(&self.shown_name(*name));
        let articles: Vec<_> = self.local_names().into_iter().filter(is_there).collect();
        let shown = self.answers.get(&Key::Feed(feed)).filter(|shown| !shown.is_marked)?;
        let local = *(!articles.is_empty()).then(|| index.get(&articles))?;
        let name = self.shown_name(local);
        let (mut primary, mut records) = (shown.primary.clone(), shown.records.clone());
        if !primary.contains(&name.1) {
            primary.push(name.1);
        }
        records.insert(name, self.records[&name].clone());
        Some((local, primary, records.into_iter().map(|(name, (_, fields))| (name, fields)).collect()))
    }
}
