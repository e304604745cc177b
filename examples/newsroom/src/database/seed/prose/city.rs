//! The words of the city pages.

use super::Desk;

pub(super) const DESK: Desk = Desk {
    titles: &[
        "{town} gets its {thing} back",
        "Council says yes to {project} in {town}",
        "Why the {thing} in {town} stays open all night",
        "{project} for {town}, after {years} years of waiting",
        "The {thing} that {town} refused to lose",
        "Neighbours in {town} build {project} by themselves",
        "A quiet vote brings {project} to {town}",
        "Who owns the {thing}? In {town}, everybody",
        "The last night of the old {thing} in {town}",
    ],
    standfirsts: &[
        "After {years} years behind a fence, the {thing} is used again, and {town} cannot agree on who deserves the thanks.",
        "It was meant to be a formality. Then {n} residents of {town} turned up with their own drawings.",
        "The plan is small, the budget smaller. What it changes in {town} is neither.",
        "A walk through {town} with those who fought for the {thing}, and with one who fought against it.",
    ],
    leads: &[
        "At six in the morning, when {town} is still grey, somebody unlocks the {thing} and switches on the light.",
        "The vote took less than four minutes; what led to it took {years} years.",
        "On {day} the fence around the {thing} came down, and half of {town} stood by to watch.",
        "{person} has counted: {n} letters, {n2} meetings, one ribbon.",
    ],
    details: &[
        "The council will pay {much} of the cost; the rest comes from a fund that residents of {town} set up in {month}.",
        "The {thing} dates from a time when {town} had a station of its own, and trains that stopped there.",
        "Under the plan, {project} is to be finished before the first frost.",
        "Where cars were parked until last {season}, there are benches now, and a table for chess.",
        "The architects left the old brick as it was, and put the new parts beside it, in timber.",
        "A survey found {n} cracks, none of them serious, and a family of swifts that will be given a home of their own.",
        "Buses are to stop at the {thing} every twelve minutes, and every twenty on Sundays.",
    ],
    words: &[
        (
            "thing",
            &[
                "swimming bath",
                "covered market",
                "branch library",
                "footbridge",
                "ferry landing",
                "clock tower",
                "old fire station",
                "bandstand",
                "night tram",
                "allotment garden",
                "boathouse",
                "town oven",
                "public workshop",
                "school kitchen",
                "water tower",
            ],
        ),
        (
            "project",
            &[
                "a car-free square",
                "forty new homes",
                "a street of trees",
                "a bridge for bicycles",
                "a house for apprentices",
                "a playground designed by children",
                "a bus that comes when it is called",
                "a library of tools",
                "free water fountains",
                "a park on the old railway",
                "warm rooms for the winter",
            ],
        ),
    ],
};
