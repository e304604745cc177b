//! The words of the sport pages.

use super::Desk;

pub(super) const DESK: Desk = Desk {
    titles: &[
        "{town} {team} win in the last minute",
        "The {team} of {town} are going up",
        "{person}, {n}, and the joy of {sport}",
        "{sport}: how {town} beat {town2} at home",
        "A draw in {town} that felt like a victory",
        "The oldest {sport} club of {town} turns {years}",
        "No referee, no trouble: {sport} in {town}",
        "{person} runs, and {town} runs along",
        "The {team} lose again, and {town} sings",
    ],
    standfirsts: &[
        "It took {n} attempts, a borrowed goalkeeper and a change of wind. Then the {team} had what {town} had waited {years} years for.",
        "Nobody comes to {town} for the {sport}. On {day}, {n} hundred did.",
        "A season with the {team}, who train between the night shift and breakfast.",
        "At {n}, {person} wanted to stop. Then the telephone rang.",
    ],
    leads: &[
        "It is two degrees above zero, the pitch is a lake, and {person} is laughing.",
        "When the whistle blew on {day}, nobody in {town} went home.",
        "{sport} looks simple until one tries it in the wind of {town}.",
        "The {team} of {town} own one cup, {n} bibs, and a kettle.",
    ],
    details: &[
        "{n} minutes before the end, {town2} were still ahead, and their supporters had begun to sing.",
        "The trainer, who drives a bus by day, changed the formation twice.",
        "Membership has grown by {much} since the club lent out its boats and boots for nothing.",
        "It was the first victory over {town2} since {month}, and only the second ever.",
        "The youngest of the {team} is fifteen, the oldest remembers the old stand.",
        "A doctor from {town3} stitched the forehead of {person} at half-time; she went on.",
        "The winning move, says the trainer, was practised on a car park.",
    ],
    words: &[
        (
            "team",
            &["Rovers", "Ladies", "Harbour Eleven", "Night Owls", "Juniors", "Dockers", "Veterans", "Swifts"],
        ),
        (
            "sport",
            &[
                "rowing",
                "fell running",
                "water polo",
                "handball",
                "cycling",
                "bowls",
                "sea swimming",
                "chess boxing",
                "women's football",
                "canoe slalom",
                "table tennis",
                "long jump",
            ],
        ),
    ],
};
