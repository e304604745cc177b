//! The words of the business pages.

use super::Desk;

pub(super) const DESK: Desk = Desk {
    titles: &[
        "How a {firm} in {town} outlived its competitors",
        "The {firm} that pays its {staff} first",
        "{staff} in {town} buy the {firm} they work for",
        "A {firm} from {town} learns to say no",
        "{product}: the unlikely export of {town}",
        "Four days a week: what a {firm} found out",
        "The price of {product} falls, and {town} shrugs",
        "After {years} years, a {firm} opens its books",
        "{product} by bicycle, and at a profit",
    ],
    standfirsts: &[
        "It makes {product}, it is {years} years old, and it has never borrowed anything. A visit to a {firm} in {town}.",
        "When the owner retired, {n} {staff} took over. They have doubled the turnover, and abolished the meeting on {day}.",
        "The market for {product} is small and crowded. A {firm} from {town} has found the gap.",
        "Everybody advised against it. Then the orders came in.",
    ],
    leads: &[
        "The first order came by post, the second by telephone, and the third was left under the door.",
        "In the yard of the {firm} stand {n} crates of {product}, and all of them are sold.",
        "{person} founded the {firm} at a kitchen table in {town}, with {n} notes in the till and a borrowed scale.",
        "There is no reception. Who comes in at the {firm} is asked to hold something.",
    ],
    details: &[
        "Wages at the {firm} differ by no more than a factor of three, and are pinned to the wall.",
        "{much} of the {product} stays within a day's drive.",
        "The bank in {town2} declined; a savings club in {town3} did not.",
        "New {staff} spend their first month in repairs, so that they know what comes back, and why.",
        "Energy for the ovens comes from the roof on {n} days of the month.",
        "Last year the {firm} turned down {n} customers who wanted {product} faster than it could be made.",
        "Its margins would make an investor weep, and its accountant sleeps well.",
    ],
    words: &[
        (
            "firm",
            &[
                "bakery",
                "shipyard",
                "printing house",
                "repair shop",
                "dairy",
                "rope works",
                "seed merchant",
                "bicycle maker",
                "brush factory",
                "pottery",
                "clock workshop",
                "sail loft",
                "bookbinder",
                "small foundry",
            ],
        ),
        (
            "product",
            &[
                "rye bread",
                "wooden toys",
                "sea salt",
                "brushes",
                "waxed jackets",
                "hand tools",
                "paper",
                "church bells",
                "cheese in ash",
                "bicycle lamps",
                "linen",
                "instruments for weather stations",
                "honey",
            ],
        ),
        (
            "staff",
            &["apprentices", "workers", "bakers", "fitters", "drivers", "weavers", "night-shift workers"],
        ),
    ],
};
