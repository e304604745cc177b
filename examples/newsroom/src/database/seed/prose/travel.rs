//! The words of the travel pages.

use super::Desk;

pub(super) const DESK: Desk = Desk {
    titles: &[
        "By {vehicle} from {town} to {town2}",
        "A weekend in {town}, without a plan",
        "{town}: where to eat, sleep and get lost",
        "The {sight} of {town}, early in the morning",
        "Three days on foot to the {sight}",
        "In {season}, {town} belongs to those who stay",
        "The slow way to {town}: {n} hours by {vehicle}",
        "The {sight} that no map shows",
        "What {town2} has that {town} has lost",
    ],
    standfirsts: &[
        "There is a faster way. It would have missed the {sight}, the soup, and the man with the geese.",
        "{n} hours by {vehicle}, one night in {town2}, and a {sight} that is nobody's secret and still empty.",
        "Out of season, {town} shows what it is: small, windy, and kind.",
        "We set out for the {sight}, and were held up in {town} for {n} hours. We recommend it.",
    ],
    leads: &[
        "The {vehicle} leaves at {n} minutes past six, or when everybody is there.",
        "One smells {town} before one sees it: salt, bread, and a little diesel.",
        "The best view of the {sight} is from behind the school, and one has to ask.",
        "It rained, of course, and of course that was when we found the {sight}.",
    ],
    details: &[
        "Sleep above the post office: {n} rooms, one bath, and a breakfast that lasts until noon.",
        "The path to the {sight} is marked in blue, except where somebody has painted the gate.",
        "Order whatever {person} has on the stove; there is only one thing, and it is right.",
        "In {month} the {vehicle} goes on {day} only, and is full of bicycles.",
        "The museum has {n} objects, and a guide who loves each of them.",
        "Swim before nine, when the tide fills the old dock.",
        "From {town2} it is another {n} kilometres along the dyke, with the wind behind you if you are lucky.",
    ],
    words: &[
        (
            "vehicle",
            &[
                "night train",
                "post boat",
                "tandem",
                "ferry",
                "slow train",
                "canoe",
                "mail bus",
                "sailing barge",
            ],
        ),
        (
            "sight",
            &[
                "lighthouse",
                "salt pans",
                "sunken forest",
                "hanging bridge",
                "bird cliff",
                "hermit's garden",
                "tidal mill",
                "stone circle",
                "glass house",
                "old observatory",
                "singing sands",
            ],
        ),
    ],
};
