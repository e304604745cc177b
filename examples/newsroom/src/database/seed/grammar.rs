//! Makes sentences from templates. A slot such as `{place}` is filled from the list of that name, with the same words
//! throughout one story; `{place2}` is another choice from the same list.

use std::collections::HashMap;

use fastrand::Rng;

use super::prose::{self, Desk};
use crate::model::Section;

/// One article that is being written.
pub(super) struct Story {
    desk: &'static Desk,
    rng: Rng,
    /// The words in the slots.
    facts: HashMap<&'static str, String>,
    /// Sentences that were used: none is used twice.
    used: Vec<&'static str>,
}

impl Story {
    pub(super) fn new(section: Section, rng: Rng) -> Self {
        Self { desk: prose::desk(section), rng, facts: HashMap::new(), used: Vec::new() }
    }

    pub(super) fn title(&mut self) -> String {
        self.sentence(self.desk.titles)
    }

    pub(super) fn standfirst(&mut self) -> String {
        self.sentence(self.desk.standfirsts)
    }

    /// A beginning, a middle of three to five paragraphs, and an end.
    pub(super) fn paragraphs(&mut self) -> Vec<String> {
        let desk = self.desk;
        let mut paragraphs = vec![self.paragraph(&[desk.leads, prose::CONTEXT])];
        paragraphs.push(self.paragraph(&[desk.details, desk.details]));
        paragraphs.push(self.paragraph(&[prose::QUOTES, prose::AFTER_QUOTES]));
        if self.rng.bool() {
            paragraphs.push(self.paragraph(&[desk.details, prose::CONTEXT, prose::NUMBERS]));
        }
        if self.rng.bool() {
            paragraphs.push(self.paragraph(&[prose::DOUBTS, prose::QUOTES]));
        }
        paragraphs.push(self.paragraph(&[prose::ENDS]));
        paragraphs
    }

    pub(super) fn comment(&mut self) -> String {
        self.used.clear();
        match self.rng.u32(..3) {
            0 => self.paragraph(&[prose::REMARKS, prose::REMARKS]),
            _ => self.sentence(prose::REMARKS),
        }
    }

    fn paragraph(&mut self, parts: &[&'static [&'static str]]) -> String {
        parts.iter().map(|part| self.sentence(part)).collect::<Vec<_>>().join(" ")
    }

    fn sentence(&mut self, templates: &'static [&'static str]) -> String {
        let unused: Vec<_> = templates.iter().filter(|template| !self.used.contains(template)).collect();
        let template = match unused.is_empty() {
            true => templates[self.rng.usize(..templates.len())],
            false => unused[self.rng.usize(..unused.len())],
        };
        self.used.push(template);
        capitalised(&self.fill(template))
    }

    fn fill(&mut self, template: &'static str) -> String {
        let mut text = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            // A template with half a slot is a mistake that the test of the templates finds.
            let (slot, after) = after.split_once('}').unwrap_or((after, ""));
            text += before;
            text += &self.fact(slot);
            rest = after;
        }
        text + rest
    }

    fn fact(&mut self, slot: &'static str) -> String {
        if let Some(known) = self.facts.get(slot) {
            return known.clone();
        }
        let list = slot.trim_end_matches(|c: char| c.is_ascii_digit());
        let words = match list {
            "n" => &[],
            _ => self
                .desk
                .words
                .iter()
                .chain(prose::WORDS)
                .find(|(name, _)| *name == list)
                .map_or(&[][..], |(_, words)| *words),
        };
        let fact = match words {
            [] => self.rng.u32(3..48).to_string(),
            words => self.other_than_known(list, words),
        };
        self.facts.insert(slot, fact.clone());
        fact
    }

    /// One of the words that no other slot of the same list has.
    fn other_than_known(&mut self, list: &str, words: &'static [&'static str]) -> String {
        for _ in 0..8 {
            let template = words[self.rng.usize(..words.len())];
            let word = self.fill(template);
            if !self.facts.iter().any(|(slot, known)| slot.starts_with(list) && *known == word) {
                return word;
            }
        }
        self.fill(words[0])
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_a_list() {
        for section in Section::ALL {
            let desk = prose::desk(section);
            let own = [desk.titles, desk.standfirsts, desk.leads, desk.details];
            let common = [
                prose::CONTEXT,
                prose::QUOTES,
                prose::AFTER_QUOTES,
                prose::NUMBERS,
                prose::DOUBTS,
                prose::ENDS,
                prose::REMARKS,
            ];
            for template in own.into_iter().chain(common).flatten() {
                for slot in template.split('{').skip(1) {
                    let (slot, _) = slot.split_once('}').unwrap();
                    let list = slot.trim_end_matches(|c: char| c.is_ascii_digit());
                    let is_known = desk.words.iter().chain(prose::WORDS).any(|(name, _)| *name == list);
                    assert!(list == "n" || is_known, "{section:?} has no list for `{slot}` in: {template}");
                }
            }
        }
    }
}
