//! Layers over the naive store.

use std::collections::BTreeSet;

use proptest::sample::Index;

use super::Naive;
use crate::model::records::{Fields, IDS, Key, LOCAL, Name, Shown};

/// What a layer shows, in the answers of these keys.
pub struct NaiveLayer {
    pub keys: BTreeSet<Key>,
    pub name: Name,
    /// The name that its local one has become.
    pub saved: Option<Name>,
    pub fields: Fields,
    pub change: NaiveChange,
}

/// What a layer does with its record.
#[derive(Clone, Copy, PartialEq)]
pub enum NaiveChange {
    Patch,
    /// Adds it to the end of a list.
    Push,
    /// Shows it beside another one.
    ShowBeside(Name),
}

impl Naive {
    /// Changes a record in the documents that show it now.
    pub fn layer(&mut self, name: Name, fields: Fields) {
        let showing = self.shared().filter(|(_, shown)| shown.records.contains_key(&name));
        let keys = showing.map(|(key, _)| key).collect();
        self.layers.push(NaiveLayer { keys, name, saved: None, fields, change: NaiveChange::Patch });
    }

    /// The number of a local id that only a layer uses.
    pub fn layered_id(&mut self) -> u8 {
        let local = LOCAL + self.locals;
        self.locals += 1;
        self.forgotten.extend([("articles", local), ("people", local)]);
        local
    }

    /// A name with an id, or a local one that a record with an id has too.
    pub fn beside(&self, index: &Index) -> Name {
        let with_ids = (0..IDS).flat_map(|id| [("articles", id), ("people", id)]);
        *index.get(&with_ids.chain(self.renamed.keys().copied()).collect::<Vec<_>>())
    }

    /// Shows a person in the documents that show another record now. Returns the number of its local id.
    pub fn show_layer(&mut self, beside: Name, fields: Fields) -> u8 {
        let (local, shown_name) = (self.layered_id(), self.shown_name(beside));
        let showing = self.shared().filter(|(_, shown)| shown.records.contains_key(&shown_name));
        let keys = showing.map(|(key, _)| key).collect();
        let (name, change) = (("people", local), NaiveChange::ShowBeside(beside));
        self.layers.push(NaiveLayer { keys, name, saved: None, fields, change });
        local
    }

    /// Takes one of the local names that layers use, and that no answer has given an id.
    pub fn layered_name(&self, index: &Index) -> Option<Name> {
        let is_made = |layer: &&NaiveLayer| layer.change != NaiveChange::Patch && layer.saved.is_none();
        let made = self.layers.iter().filter(is_made);
        let names: Vec<_> = made.map(|layer| layer.name).collect();
        (!names.is_empty()).then(|| *index.get(&names))
    }

    /// Takes one of the layers that show a record without an id beside another one.
    pub fn confirmed(&self, index: &Index) -> Option<(usize, Name)> {
        let shows =
            |layer: &NaiveLayer| matches!(layer.change, NaiveChange::ShowBeside(_)) && layer.saved.is_none();
        let all = self.layers.iter().enumerate().filter(|(_, layer)| shows(layer));
        let all: Vec<_> = all.map(|(at, layer)| (at, layer.name)).collect();
        (!all.is_empty()).then(|| *index.get(&all))
    }

    /// Adds a record, which is never stored, to the end of a list. Returns the number of its local id.
    pub fn push_layer(&mut self, feed: u8, fields: Fields) -> u8 {
        let local = self.layered_id();
        let (keys, name) = ([Key::Feed(feed)].into(), ("articles", local));
        self.layers.push(NaiveLayer { keys, name, saved: None, fields, change: NaiveChange::Push });
        local
    }

    /// What a client shows for a key.
    pub fn with_layers(&self, key: Key) -> Option<Shown> {
        let mut shown = Shown { is_marked: false, ..self.answers.get(&key)?.clone() };
        for layer in self.layers.iter().filter(|layer| layer.keys.contains(&key)) {
            let (fields, name) = (layer.fields.clone(), layer.saved.unwrap_or(layer.name));
            match layer.change {
                NaiveChange::Patch => {
                    if let Some((_, present)) = shown.records.get_mut(&layer.name) {
                        present.extend(fields);
                    }
                }
                NaiveChange::Push => {
                    if shown.records.contains_key(&name) {
                        continue;
                    }
                    shown.records.insert(name, (0, fields));
                    shown.primary.push(name.1);
                }
                NaiveChange::ShowBeside(other) => {
                    if shown.records.contains_key(&self.shown_name(other)) {
                        shown.records.entry(name).or_insert((0, fields));
                    }
                }
            }
        }
        Some(shown)
    }
}
