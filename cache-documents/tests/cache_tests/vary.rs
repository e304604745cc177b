//! Which requests a response is for.

use crate::case::{
    Cached, Case, Expect, Field, Optimal, Required, Sent, case, cc, date, get, now, text, then,
};

const NO_NORMALISING: &str =
    "the values of fields are compared as they are: only their own syntax says what may be equal";

fn varies_by(names: &str) -> Vec<Field> {
    vec![cc("max-age=5000"), date("last-modified", -3000), now(), text("vary", names)]
}

/// A response that varies by `names`, to a request with the first fields, and a request with the other ones.
fn two(id: &str, kind: crate::case::Kind, names: &str, fields: [&[Field]; 2], expect: Expect) -> Case {
    case(id, kind, &[get(&varies_by(names)).asks(fields[0]), then(expect).asks(fields[1])])
}

pub fn cases() -> Vec<Case> {
    let color = |value: &str| text("color", value);
    let (size, shape) = (|value: &str| text("size", value), || text("shape", "789"));
    let language = |value: &str| text("accept-language", value);
    let all = [color("1"), size("abc"), shape()];
    let third = case(
        "vary-invalidate",
        Optimal,
        &[
            get(&varies_by("Color")).asks(&[color("1")]),
            get(&varies_by("Color")).asks(&[color("2")]).expects(Sent),
            then(Cached).asks(&[color("1")]),
        ],
    );
    vec![
        two("vary-match", Optimal, "Color", [&[color("1")], &[color("1")]], Cached),
        two("vary-no-match", Required, "Color", [&[color("1")], &[color("2")]], Sent),
        two("vary-omit-stored", Required, "Color", [&[], &[color("1")]], Sent),
        two("vary-omit", Required, "Color", [&[color("1")], &[]], Sent),
        third.but("a key has one response: the last"),
        two(
            "vary-cache-key",
            Optimal,
            "Color",
            [&[color("1"), text("other", "2")], &[color("1"), text("other", "3")]],
            Cached,
        ),
        two("vary-2-match", Optimal, "Color, Size", [&all[..2], &all[..2]], Cached),
        two("vary-2-no-match", Required, "Color, Size", [&all[..2], &[color("2"), size("abc")]], Sent),
        two("vary-2-match-omit", Required, "Color, Size", [&all[..2], &[]], Sent),
        two("vary-3-match", Optimal, "Color, Size, Shape", [&all, &all], Cached),
        two(
            "vary-3-no-match",
            Required,
            "Color, Size, Shape",
            [&all, &[color("2"), size("abc"), shape()]],
            Sent,
        ),
        two(
            "vary-3-order",
            Required,
            "Color, Size, Shape",
            [&all, &[color("1"), shape(), size("abcde")]],
            Sent,
        ),
        two(
            "vary-3-omit",
            Optimal,
            "Color, Size, Shape",
            [&[color("1"), shape()], &[color("1"), shape()]],
            Cached,
        ),
        two("vary-star", Required, "*", [&[color("1"), shape()], &[color("1"), shape()]], Sent),
        two(
            "vary-normalise-combine",
            Optimal,
            "Color",
            [&[color("1, 2")], &[color("1"), color("2")]],
            Cached,
        ),
        two(
            "vary-normalise-lang-order",
            Optimal,
            "Accept-Language",
            [&[language("en, de")], &[language("de, en")]],
            Cached,
        )
        .but(NO_NORMALISING),
        two(
            "vary-normalise-lang-case",
            Optimal,
            "Accept-Language",
            [&[language("en, de")], &[language("eN, De")]],
            Cached,
        )
        .but(NO_NORMALISING),
        two(
            "vary-normalise-lang-space",
            Optimal,
            "Accept-Language",
            [&[language("en, de")], &[language(" en ,   de")]],
            Cached,
        )
        .but(NO_NORMALISING),
        case(
            "vary-normalise-lang-select",
            Optimal,
            &[
                get(&[&varies_by("Accept-Language")[..], &[text("content-language", "de")]].concat())
                    .asks(&[language("en, de")]),
                then(Cached).asks(&[language("fr;q=0.5, de;q=1.0")]),
            ],
        )
        .but(NO_NORMALISING),
        two("vary-normalise-space", Optimal, "Color", [&[color("1,2")], &[color(" 1, 2 ")]], Cached)
            .but(NO_NORMALISING),
    ]
}
