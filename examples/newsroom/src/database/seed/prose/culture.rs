//! The words of the culture pages.

use super::Desk;

pub(super) const DESK: Desk = Desk {
    titles: &[
        "{person} and the art of {art}",
        "A {work} for {town}, by everybody in it",
        "The {work} that was lost for {years} years",
        "Review: {art}, late at night, in a {venue}",
        "In a {venue}, {town} discovers {art}",
        "Why {person} gave away a {work}",
        "{art} needs no stage, says {person}",
        "The {venue} with the best sound in {town}",
        "Twelve scenes from the making of a {work}",
    ],
    standfirsts: &[
        "It opened to {n} people and a leaking roof. On {day} the queue went around the {venue} twice.",
        "{person} speaks of {art}, of money, and of the one {work} that nobody was allowed to see.",
        "An evening in {town} that begins as a rehearsal, and ends as something for which there is no word yet.",
        "The {work} was believed lost. It lay in {town2}, under a pile of curtains.",
    ],
    leads: &[
        "The lights go down, somebody coughs, and then for {n} seconds nothing happens at all. It is the best moment of the evening.",
        "{person} comes in with wet hair, apologises, and talks for two hours without a pause.",
        "One has to know where the {venue} is: there is no sign, only a lamp above the door.",
        "On the table lies the {work}, wrapped in a towel.",
    ],
    details: &[
        "The {work} was made in {years} weeks, between {month} and the first heating bill.",
        "There are no tickets; who comes brings a chair.",
        "It owes something to {art}, and more to the weather.",
        "The second half is shorter, louder, and has a part for the caretaker.",
        "Critics in {town2} called it unfinished, which was meant unkindly and is quite right.",
        "{much} of those who take part have never stood in front of others before.",
        "The {venue} seats {n} hundred; on {day} it held rather more.",
    ],
    words: &[
        (
            "art",
            &[
                "shadow theatre",
                "the slow film",
                "choral singing",
                "letterpress",
                "puppetry",
                "the short story",
                "street organ",
                "radio drama",
                "quilting",
                "the pencil portrait",
                "brass music",
                "translation",
            ],
        ),
        (
            "work",
            &[
                "song cycle",
                "mural",
                "radio play",
                "picture book",
                "opera",
                "silent film",
                "play for two voices",
                "tapestry",
                "photograph album",
                "march for brass",
                "novel in letters",
            ],
        ),
        (
            "venue",
            &[
                "boiler house",
                "disused chapel",
                "rope factory",
                "swimming hall",
                "ballroom above the bakery",
                "grain store",
                "ferry terminal",
                "school gymnasium",
                "greenhouse",
                "courtroom",
            ],
        ),
    ],
};
