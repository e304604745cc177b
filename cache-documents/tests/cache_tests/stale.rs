//! What a stale response is good for.

use crate::case::{
    Case, Fails, Lacks, Older, Optimal, Question, Required, Sent, Status, case, cc, date, get, now,
    soon_stale, text, then,
};

pub fn cases() -> Vec<Case> {
    let etag = || text("etag", "\"abc\"");
    let closed = |expect| then(expect).closes();
    let unavailable = |expect| then(expect).status(503);
    let forbids = |directives: &str| {
        let first = get(&[cc(&format!("max-age=2, {directives}"))]).pause(3);
        case(format!("stale-close-{directives}"), Required, &[first, closed(Fails)])
    };
    let warned = |id, first| case(id, Question, &[first, closed(Fails)]);
    vec![
        // Only a window allows so.
        case("stale-close", Question, &[soon_stale(&[]), closed(Fails)]),
        case("stale-503", Question, &[soon_stale(&[]), unavailable(Sent).expects(Status(503))]),
        case(
            "stale-while-revalidate",
            Optimal,
            &[get(&[cc("max-age=1, stale-while-revalidate=3600"), etag()]).pause(3), then(Older)],
        ),
        case(
            "stale-while-revalidate-window",
            Required,
            &[
                get(&[cc("max-age=1, stale-while-revalidate=4"), etag()]).pause(3),
                get(&[cc("no-cache"), text("etag", "\"def\"")]).expects(Older).pause(3),
                then(Sent).expects(Lacks("etag")),
            ],
        ),
        case(
            "stale-sie-close",
            Question,
            &[get(&[cc("max-age=2, stale-if-error=60")]).pause(3), closed(Older).expects(Status(200))],
        ),
        case(
            "stale-sie-503",
            Question,
            &[get(&[cc("max-age=2, stale-if-error=60")]).pause(3), unavailable(Older).expects(Status(200))],
        ),
        forbids("must-revalidate"),
        forbids("no-cache"),
        warned(
            "stale-warning-stored",
            get(&[date("expires", -5000), date("last-modified", -100_000), now()]).pause(3),
        ),
        warned("stale-warning-become", soon_stale(&[])),
    ]
}
