//! A naive store: plain maps and full copies.

mod layers;
mod local_names;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::layers::NaiveLayer;
use super::records::{Fields, Key, Name, Said, Shown, id_of};

/// A naive store.
#[derive(Default)]
pub struct Naive {
    pub requests: u64,
    pub version: u64,
    /// The loads that run. Each holds the answer that was there when it began.
    pub running: BTreeMap<u64, (Key, Said, Option<Shown>)>,
    /// The load of each key whose answer will be stored.
    pub current: BTreeMap<Key, u64>,
    pub answers: BTreeMap<Key, Shown>,
    pub held: Vec<(Key, Shown)>,
    pub records: BTreeMap<Name, (u64, Fields)>,
    /// When each field was written, by requests. Never forgotten.
    pub written: BTreeMap<Name, BTreeMap<&'static str, u64>>,
    pub deleted: BTreeMap<Name, u64>,
    /// How many local ids were used.
    pub locals: u8,
    /// The local names of records that documents show by their ids.
    pub renamed: BTreeMap<Name, Name>,
    /// The local names that no record has any more.
    pub forgotten: BTreeSet<Name>,
    /// In the order in which they were made.
    pub layers: Vec<NaiveLayer>,
}

impl Naive {
    pub fn next(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    pub fn start(&mut self, key: Key, said: Said) {
        let request = self.next();
        self.running.insert(request, (key, said, self.answers.get(&key).cloned()));
        self.current.insert(key, request);
    }

    pub fn finish(&mut self, request: u64) {
        let (key, said, _) = self.running[&request].clone();
        // The load has ended, and holds no answer any more.
        self.running.insert(request, (key, said.clone(), None));
        self.settle();
        let is_gone = |store: &Self, name: Name| store.deleted.get(&name).is_some_and(|&at| at > request);
        let mut shown = Shown::default();
        shown.primary.extend(
            said.primary
                .iter()
                .filter(|&&id| matches!(key, Key::Article(_)) || !is_gone(self, ("articles", id))),
        );
        for (name, mut fields) in said.records {
            if is_gone(self, name) {
                continue;
            }
            let gone: Vec<_> =
                self.deleted.iter().filter(|(_, at)| **at > request).map(|(name, _)| *name).collect();
            gone.into_iter().for_each(|gone| unlink(name.0, &mut fields, gone));
            self.relink(&mut fields);
            self.write(request, name, fields);
            shown.records.insert(name, self.records[&name].clone());
        }
        if let Key::Article(id) = key {
            shown.is_marked = !shown.records.contains_key(&("articles", id));
        }
        self.running.remove(&request);
        if self.current.get(&key) == Some(&request) {
            self.current.remove(&key);
            self.answers.insert(key, shown);
        }
        self.settle();
    }

    /// Writes the fields that no later request has written.
    pub fn write(&mut self, request: u64, name: Name, fields: Fields) {
        let present = self.records.get(&name).cloned();
        let written = self.written.entry(name).or_default();
        let (version, mut next) = present.clone().unwrap_or_default();
        for (field, value) in fields {
            if present.is_none() || written.get(field).is_none_or(|&by| by < request) {
                written.insert(field, request);
                next.insert(field, value);
            }
        }
        match present {
            Some((_, fields)) if fields == next => {}
            _ => {
                self.version = self.version.max(version) + 1;
                self.records.insert(name, (self.version, next));
            }
        }
    }

    pub fn patch(&mut self, changes: &[(Name, Fields)]) {
        let mut request = None;
        for (name, fields) in changes {
            let (name, mut fields) = (&self.shown_name(*name), fields.clone());
            self.relink(&mut fields);
            let present = self.records.get(name).map(|(_, fields)| fields.clone());
            let is_kept = present.is_some() || !self.running.is_empty();
            let present = present.unwrap_or_default();
            let differing: Fields = fields
                .iter()
                .filter(|(field, value)| present.get(*field) != Some(*value))
                .map(|(field, value)| (*field, value.clone()))
                .collect();
            if is_kept && !differing.is_empty() {
                let request = *request.get_or_insert_with(|| self.requests + 1);
                self.requests = request;
                self.write(request, *name, differing);
            }
        }
        self.settle();
    }

    pub fn delete(&mut self, name: Name) {
        let (request, name) = (self.next(), self.shown_name(name));
        self.records.remove(&name);
        self.deleted.insert(name, request);
        self.written.remove(&name);
        let others: Vec<_> = self.records.keys().copied().collect();
        for other in others {
            let Some((_, fields)) = self.records.get(&other) else { continue };
            let mut next = fields.clone();
            unlink(other.0, &mut next, name);
            let changed: Fields = next.into_iter().filter(|(field, value)| fields[field] != *value).collect();
            if !changed.is_empty() {
                self.write(request, other, changed);
            }
        }
        for (key, shown) in self.answers.iter_mut().filter(|(_, shown)| !shown.is_apart) {
            let is_about = matches!(key, Key::Article(_)) && name.0 == "articles";
            if is_about && shown.primary == [name.1] && shown.records.contains_key(&name) {
                shown.is_marked = true;
                self.current.remove(key);
            } else if shown.records.remove(&name).is_some() && name.0 == "articles" {
                shown.primary.retain(|id| *id != name.1);
            }
        }
        self.settle();
    }

    /// Forgets everything but the answers. Marked ones keep records of their own.
    pub fn restart(&mut self) {
        let answers = std::mem::take(&mut self.answers);
        let forgotten = std::mem::take(&mut self.forgotten);
        let forgotten = forgotten.into_iter().chain(self.renamed.keys().copied()).collect();
        let (requests, version, locals) = (self.requests, self.version, self.locals);
        *self = Self { requests, version, locals, answers, forgotten, ..Self::default() };
        for shown in self.answers.values_mut() {
            shown.is_apart = shown.is_marked;
        }
        let adopted = self.answers.values().filter(|shown| !shown.is_apart);
        self.records = adopted.flat_map(|shown| shown.records.clone()).collect();
        self.settle();
    }

    /// Makes all answers show the present records, and drops the records that nothing shows.
    pub fn settle(&mut self) {
        for shown in self.answers.values_mut().filter(|shown| !shown.is_apart) {
            for (name, record) in &mut shown.records {
                if let Some(present) = self.records.get(name) {
                    *record = present.clone();
                }
            }
        }
        let first = self.running.keys().next().copied().unwrap_or(u64::MAX);
        // A record that has got another name is still the same version.
        let owned: BTreeSet<u64> = self
            .shared()
            .flat_map(|(_, shown)| shown.records.values().map(|(version, _)| *version))
            .collect();
        let written = &self.written;
        self.records.retain(|name, (version, _)| {
            let is_remembered = written.get(name).is_some_and(|fields| fields.values().any(|&by| by > first));
            is_remembered || owned.contains(version)
        });
        self.forget_names(None);
    }

    /// The documents that share their records: those that the cache has, that the program holds, and that running loads
    /// hold.
    pub fn shared(&self) -> impl Iterator<Item = (Key, &Shown)> {
        let present = self.running.values().filter_map(|(key, _, shown)| Some((*key, shown.as_ref()?)));
        let held = self.held.iter().map(|(key, shown)| (*key, shown));
        let all = self.answers.iter().map(|(key, shown)| (*key, shown)).chain(held).chain(present);
        all.filter(|(_, shown)| !shown.is_apart)
    }
}

pub fn unlink(kind: &str, fields: &mut Fields, (gone, id): Name) {
    if gone != "people" {
        return;
    }
    let id = json!(id_of(id));
    let one = if kind == "articles" { "author" } else { "friend" };
    if fields.get(one) == Some(&id) {
        fields.insert(one, Value::Null);
    }
    if let Some(Value::Array(ids)) = fields.get_mut("editors") {
        ids.retain(|editor| *editor != id);
    }
}
