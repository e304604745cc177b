//! The words of the newspaper: lists and sentences. Those for all sections are here; each section has a file.

mod business;
mod city;
mod culture;
mod science;
mod sport;
mod travel;

use crate::model::Section;

/// The parts of the articles of one section.
pub(super) struct Desk {
    pub(super) titles: &'static [&'static str],
    pub(super) standfirsts: &'static [&'static str],
    /// Sentences that an article may begin with.
    pub(super) leads: &'static [&'static str],
    /// Sentences that tell more.
    pub(super) details: &'static [&'static str],
    /// The lists for slots; they take precedence over the lists that all sections share.
    pub(super) words: &'static [(&'static str, &'static [&'static str])],
}

pub(super) fn desk(section: Section) -> &'static Desk {
    match section {
        Section::City => &city::DESK,
        Section::Science => &science::DESK,
        Section::Culture => &culture::DESK,
        Section::Business => &business::DESK,
        Section::Sport => &sport::DESK,
        Section::Travel => &travel::DESK,
    }
}

pub(super) const TOWNS: &[&str] = &[
    "Alderney Cross",
    "Birch Harbour",
    "Carrow",
    "Dunmarsh",
    "Eastwick",
    "Fenholm",
    "Gallows Point",
    "Haverley",
    "Inchmoor",
    "Kestrel Bay",
    "Lantern Hill",
    "Marlow Sands",
    "Netherby",
    "Oxley",
    "Penhallow",
    "Quarry Hill",
    "Ravensford",
    "Saltmarket",
    "Tidewell",
    "Upper Wharf",
    "Vesper Lane",
    "Westering",
    "Yarrow Mills",
];

pub(super) const WORDS: &[(&str, &[&str])] = &[
    ("town", TOWNS),
    (
        "first",
        &[
            "Ada", "Bruno", "Clara", "Emil", "Freya", "Hana", "Ines", "Leif", "Noor", "Oskar", "Rosa",
            "Samir", "Vera",
        ],
    ),
    (
        "last",
        &[
            "Ashdown",
            "Bergström",
            "Corrigan",
            "Demir",
            "Farrow",
            "Haddad",
            "Jelinek",
            "Keating",
            "Marchetti",
            "Okafor",
            "Redfern",
            "Solberg",
            "Trevelyan",
            "Whitlock",
        ],
    ),
    ("person", &["{first} {last}", "{first2} {last2}", "{first3} {last}"]),
    ("day", &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]),
    ("month", &["January", "March", "April", "May", "September", "October", "November"]),
    ("season", &["spring", "summer", "autumn", "winter"]),
    ("years", &["three", "seven", "eleven", "twelve", "nineteen", "twenty", "thirty", "forty"]),
    ("much", &["a third", "a quarter", "nearly half", "a tenth", "more than half", "two thirds"]),
    (
        "role",
        &[
            "who has followed the matter from the start",
            "who chairs the residents' forum",
            "a retired engineer",
            "who keeps the minutes",
            "who was there on the first day",
            "a teacher in {town}",
            "who runs the corner shop",
        ],
    ),
];

pub(super) const CONTEXT: &[&str] = &[
    "It has been a long time coming: the first talk of it was {years} years ago, in a room above a bakery in {town2}.",
    "Nobody we spoke to had expected it this {season}.",
    "The news travelled quickly, and by {day} evening there was hardly anybody in {town} who had not heard it.",
    "Similar attempts in {town2} and {town3} came to little, which makes the patience shown here the more remarkable.",
    "A first version was turned down in {month}, by a single vote.",
    "What looks like a small step is the end of an argument that has divided families at the dinner table.",
    "Papers seen by this newspaper show how close it came to failing.",
    "Much of the work was done by people whose names appear nowhere.",
];

pub(super) const QUOTES: &[&str] = &[
    "\u{201c}We were told it could not be done, and then it was done on a {day},\u{201d} says {person}, {role}.",
    "\u{201c}Ask me again in a year,\u{201d} says {person}. \u{201c}Today I am simply glad.\u{201d}",
    "\u{201c}The numbers are good, but it is the faces that tell you,\u{201d} says {person}, {role}.",
    "\u{201c}I have kept every letter,\u{201d} says {person}, and opens a cupboard to prove it.",
    "\u{201c}There were {n} of us in the beginning, and one of those was a dog,\u{201d} recalls {person}.",
    "\u{201c}It is not perfect. Nothing that people have to agree on ever is,\u{201d} says {person}, {role}.",
    "\u{201c}My grandmother would have laughed, and then she would have joined in,\u{201d} says {person}.",
    "\u{201c}You learn to listen first,\u{201d} says {person}. \u{201c}The rest is carpentry.\u{201d}",
    "\u{201c}Somebody had to write it down, so I did,\u{201d} says {person}, {role}.",
];

pub(super) const AFTER_QUOTES: &[&str] = &[
    "Outside, it has begun to rain, and nobody seems to mind.",
    "The others around the table nod.",
    "Asked what comes next, there is a shrug, and then a list of eleven items.",
    "It is a sentence one hears often in {town} these days.",
    "The kettle is put on for the third time this afternoon.",
    "That is putting it mildly.",
    "Behind the desk hangs a photograph from {years} years ago, in which almost everything is different.",
];

pub(super) const NUMBERS: &[&str] = &[
    "Of those asked, {much} were in favour, {n} more than last year.",
    "The accounts, published on {day}, show that {n} volunteers gave more than {n2} hundred hours.",
    "It has cost {n} thousand so far, {much} of it from small gifts.",
    "In {month} alone, {n} hundred people came to look.",
    "For comparison: in {town2} the same took {years} years.",
];

pub(super) const DOUBTS: &[&str] = &[
    "Not everybody is convinced.",
    "There are critics, and they are not all on one side.",
    "A question remains, and it is who will look after all this in ten years.",
    "Some had hoped for more.",
    "The objections fill a folder {n} pages thick.",
    "In {town3} they watch with interest, and with some envy.",
];

pub(super) const ENDS: &[&str] = &[
    "The next meeting is on {day}, at seven. There will be soup.",
    "For the time being, the sign on the door says \u{201c}open\u{201d}.",
    "Whoever wants to help is asked to bring gloves.",
    "{town}, in any case, has something to talk about again.",
    "A decision is expected before the end of {month}.",
    "And the dog? The dog is {n} by now in the years of dogs, and sleeps through it all.",
    "On the way out, {person2} turns around once more. \u{201c}Do write that it was fun,\u{201d} she says.",
    "The lights stay on until ten.",
];

pub(super) const REMARKS: &[&str] = &[
    "I was there on {day}, and it was exactly like this.",
    "Thank you for writing about something that works, for once.",
    "My neighbour in {town} has been saying so for {years} years.",
    "With respect, the figure of {n} thousand cannot be right. Where is it from?",
    "Lovely piece. More of {person}, please!",
    "I disagree. It was better before, and cheaper.",
    "Could somebody explain to a newcomer why {town2} was left out?",
    "Read it aloud at breakfast. The children want to go on {day}.",
    "This made my morning.",
    "Nobody ever asks those who live in {town3}.",
    "A small correction: that was in {month}, not later. I have the ticket stub.",
    "Who is paying for it in the end?",
    "The soup, I can confirm, is excellent.",
    "Count me in. I have gloves.",
    "I remember the first attempt, {years} years ago. It rained then, too.",
    "The photograph behind the desk shows my aunt!",
    "Half of this is true, and the other half I would like to be.",
    "Good to see {town} in the paper for something other than the parking.",
    "It is easy to be against things. Well done to all who were for it.",
    "What became of the dog?",
];
