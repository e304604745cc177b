//! The authors: reporters, each for one section, and readers who comment.

use std::collections::HashSet;

use fastrand::Rng;

use crate::model::Section;

/// The share of reporters among the authors.
const ONE_REPORTER_IN: u32 = 60;

pub(super) struct Person {
    pub(super) name: String,
    pub(super) about: String,
}

/// In the order of their numbers, reporters first. The number of the first is 1.
pub(super) struct People {
    pub(super) all: Vec<Person>,
    reporters: usize,
}

impl People {
    pub(super) fn name(&self, id: u64) -> &str {
        &self.all[id as usize - 1].name
    }

    /// A reporter of the section: every sixth reporter writes for it.
    pub(super) fn reporter(&self, rng: &mut Rng, section: Section) -> u64 {
        let sections = Section::ALL.len();
        let chosen = rng.usize(..self.reporters / sections) * sections + section as usize;
        chosen as u64 + 1
    }

    pub(super) fn reader(&self, rng: &mut Rng) -> u64 {
        rng.usize(self.reporters..self.all.len()) as u64 + 1
    }
}

/// Draws this many people, or a few more if they are too few for all sections. No two have the same name.
pub(super) fn draw(rng: &mut Rng, count: u32) -> People {
    let sections = Section::ALL.len();
    let reporters = (count / ONE_REPORTER_IN) as usize / sections * sections;
    let reporters = reporters.max(sections);
    let mut taken = HashSet::new();
    let all = (0..(count as usize).max(2 * reporters)).map(|at| {
        let is_reporter = at < reporters;
        let name = name(rng, is_reporter, &mut taken);
        let about = match is_reporter {
            true => format!("Writes for the {} pages", Section::ALL[at % sections].title()),
            false => format!("A reader from {}", pick(rng, super::prose::TOWNS)),
        };
        Person { name, about }
    });
    People { all: all.collect(), reporters }
}

/// A name that is not taken yet. Readers may have a middle letter, so that there are enough.
fn name(rng: &mut Rng, is_plain: bool, taken: &mut HashSet<String>) -> String {
    loop {
        let (first, last) = (pick(rng, FIRST), pick(rng, LAST));
        let name = match is_plain || rng.bool() {
            true => format!("{first} {last}"),
            false => format!("{first} {}. {last}", rng.uppercase()),
        };
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

fn pick<'a>(rng: &mut Rng, list: &[&'a str]) -> &'a str {
    list[rng.usize(..list.len())]
}

const FIRST: &[&str] = &[
    "Ada", "Amara", "Anton", "Beatrix", "Bela", "Bruno", "Camille", "Chidi", "Clara", "Dagny", "Dario",
    "Deniz", "Edith", "Elif", "Emil", "Esra", "Fatima", "Felix", "Freya", "Gideon", "Greta", "Hana",
    "Henrik", "Ida", "Imran", "Ines", "Iris", "Jonas", "Joost", "Jun", "Kamala", "Kasper", "Laila", "Leif",
    "Lena", "Liv", "Malik", "Marta", "Matteo", "Mei", "Mirja", "Nadia", "Nico", "Noor", "Olga", "Oskar",
    "Paloma", "Petra", "Quentin", "Rafael", "Rosa", "Runa", "Samir", "Sanna", "Selma", "Silas", "Tamsin",
    "Theo", "Tilda", "Uma", "Vera", "Viggo", "Wanda", "Yara", "Yusuf", "Zelda",
];

const LAST: &[&str] = &[
    "Abernathy",
    "Achterberg",
    "Adeyemi",
    "Almquist",
    "Amado",
    "Ashdown",
    "Baptiste",
    "Barros",
    "Bergström",
    "Blackwood",
    "Brandt",
    "Castellan",
    "Chaudhry",
    "Corrigan",
    "Dahl",
    "Delacroix",
    "Demir",
    "Drummond",
    "Eklund",
    "Falk",
    "Farrow",
    "Fontaine",
    "Gallagher",
    "Grönholm",
    "Haddad",
    "Hartley",
    "Hollis",
    "Ibarra",
    "Ishikawa",
    "Jansen",
    "Jelinek",
    "Kaplan",
    "Keating",
    "Kowalski",
    "Lacroix",
    "Larkin",
    "Lindqvist",
    "Lovelace",
    "Marchetti",
    "Mbeki",
    "Merriweather",
    "Moreau",
    "Nakamura",
    "Novak",
    "Obi",
    "Okafor",
    "Oriel",
    "Pascoe",
    "Pellegrini",
    "Petrov",
    "Quill",
    "Rahman",
    "Redfern",
    "Rosenthal",
    "Sandoval",
    "Sinclair",
    "Solberg",
    "Somerset",
    "Tanaka",
    "Thackeray",
    "Trevelyan",
    "Vance",
    "Varga",
    "Verhoeven",
    "Wetherby",
    "Whitlock",
    "Yilmaz",
    "Zamora",
    "Zetterlund",
];
