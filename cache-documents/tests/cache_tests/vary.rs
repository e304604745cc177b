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
    let foo = |value: &str| text("foo", value);
    let (bar, baz) = (|value: &str| text("bar", value), || text("baz", "789"));
    let language = |value: &str| text("accept-language", value);
    let all = [foo("1"), bar("abc"), baz()];
    let third = case(
        "vary-invalidate",
        Optimal,
        &[
            get(&varies_by("Foo")).asks(&[foo("1")]),
            get(&varies_by("Foo")).asks(&[foo("2")]).expects(Sent),
            then(Cached).asks(&[foo("1")]),
        ],
    );
    vec![
        two("vary-match", Optimal, "Foo", [&[foo("1")], &[foo("1")]], Cached),
        two("vary-no-match", Required, "Foo", [&[foo("1")], &[foo("2")]], Sent),
        two("vary-omit-stored", Required, "Foo", [&[], &[foo("1")]], Sent),
        two("vary-omit", Required, "Foo", [&[foo("1")], &[]], Sent),
        third.but("a key has one response: the last"),
        two(
            "vary-cache-key",
            Optimal,
            "Foo",
            [&[foo("1"), text("other", "2")], &[foo("1"), text("other", "3")]],
            Cached,
        ),
        two("vary-2-match", Optimal, "Foo, Bar", [&all[..2], &all[..2]], Cached),
        two("vary-2-no-match", Required, "Foo, Bar", [&all[..2], &[foo("2"), bar("abc")]], Sent),
        two("vary-2-match-omit", Required, "Foo, Bar", [&all[..2], &[]], Sent),
        two("vary-3-match", Optimal, "Foo, Bar, Baz", [&all, &all], Cached),
        two("vary-3-no-match", Required, "Foo, Bar, Baz", [&all, &[foo("2"), bar("abc"), baz()]], Sent),
        two("vary-3-order", Required, "Foo, Bar, Baz", [&all, &[foo("1"), baz(), bar("abcde")]], Sent),
        two("vary-3-omit", Optimal, "Foo, Bar, Baz", [&[foo("1"), baz()], &[foo("1"), baz()]], Cached),
        two("vary-star", Required, "*", [&[foo("1"), baz()], &[foo("1"), baz()]], Sent),
        two("vary-normalise-combine", Optimal, "Foo", [&[foo("1, 2")], &[foo("1"), foo("2")]], Cached),
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
        two("vary-normalise-space", Optimal, "Foo", [&[foo("1,2")], &[foo(" 1, 2 ")]], Cached)
            .but(NO_NORMALISING),
    ]
}
