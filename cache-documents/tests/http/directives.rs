//! `Cache-Control` and `Pragma` of a response.

use cache_documents::http::State::{self, Fresh, MustRevalidate, NotStored};

use crate::case::{Bytes, Case, Date, Text, case, cc, check};

pub fn cases() -> Vec<Case> {
    [spelling(), meaning(), pragma()].concat()
}

fn spelling() -> Vec<Case> {
    let one = |suite, checks, line, state: State| case(suite, checks, &[cc(line)], state);
    vec![
        one("freshness-max-age-extension", "an unknown directive beside it", "foobar, max-age=3600", Fresh),
        one("freshness-max-age-case-insenstive", "a name in mixed case", "MaX-aGe=3600", Fresh),
        one("freshness-max-age-negative", "a negative number", "max-age=-3600", MustRevalidate),
        one("", "a number with a plus", "max-age=+3600", MustRevalidate),
        one("", "no number", "max-age", MustRevalidate),
        one("", "an empty number", "max-age=", MustRevalidate),
        one("freshness-max-age-quoted", "a quoted number", r#"max-age="3600""#, Fresh),
        one("", "a quoted number with a backslash", r#"max-age="3\600""#, Fresh),
        one(
            "freshness-max-age-ignore-quoted",
            "a quoted directive is none",
            r#"extension="max-age=3600", max-age=1"#,
            MustRevalidate,
        ),
        one(
            "freshness-max-age-ignore-quoted-rev",
            "a quoted directive is none, in the other order",
            r#"max-age=1, extension="max-age=3600""#,
            MustRevalidate,
        ),
        one("", "a quoted comma ends no directive", r#"a="b, max-age=1", max-age=3600"#, Fresh),
        one("", "a quoted quote ends no string", r#"a="\", max-age=1", max-age=3600"#, Fresh),
        one("", "a string without end", r#"max-age=3600, a="b"#, MustRevalidate),
        one("", "no-store behind a string without end", r#"max-age=3600, a="b, no-store"#, NotStored),
        one(
            "freshness-max-age-space-before-equals",
            "a space before the sign",
            "max-age =3600",
            MustRevalidate,
        ),
        one(
            "freshness-max-age-space-after-equals",
            "a space behind the sign",
            "max-age= 3600",
            MustRevalidate,
        ),
        one("freshness-max-age-leading-zero", "leading zeros", "max-age=003600", Fresh),
        one("freshness-max-age-single-quoted", "single quotes", "max-age='3600'", MustRevalidate),
        one("freshness-max-age-decimal-zero", "a fraction of zero", "max-age=3600.0", MustRevalidate)
            .differs("malformed numbers mean stale"),
        one("freshness-max-age-decimal-five", "a fraction", "max-age=3600.5", MustRevalidate)
            .differs("malformed numbers mean stale"),
        one("freshness-max-age-a100", "a letter before the number", "max-age=a3600", MustRevalidate)
            .differs("malformed numbers mean stale"),
        one("freshness-max-age-100a", "a letter behind the number", "max-age=3600a", MustRevalidate)
            .differs("malformed numbers mean stale"),
        one("", "empty elements", " ,, max-age=3600 ,", Fresh),
        one("", "the same number twice", "max-age=3600, max-age=3600", Fresh),
        one(
            "freshness-max-age-two-fresh-stale-sameline",
            "two numbers, the long one first",
            "max-age=1800, max-age=1",
            MustRevalidate,
        )
        .differs("contradictions mean stale"),
        one(
            "freshness-max-age-two-stale-fresh-sameline",
            "two numbers, the short one first",
            "max-age=1, max-age=1800",
            MustRevalidate,
        )
        .differs("contradictions mean stale"),
        case(
            "freshness-max-age-two-fresh-stale-sepline",
            "two lines, the long one first",
            &[cc("max-age=1800"), cc("max-age=1")],
            MustRevalidate,
        )
        .differs("contradictions mean stale"),
        case(
            "freshness-max-age-two-stale-fresh-sepline",
            "two lines, the short one first",
            &[cc("max-age=1"), cc("max-age=1800")],
            MustRevalidate,
        )
        .differs("contradictions mean stale"),
        case("", "a wrong number hides no date", &[cc("max-age=x"), Date("expires", 60)], MustRevalidate),
        case("", "bytes beyond ASCII", &[Bytes("cache-control", b"a=\xff, max-age=3600")], Fresh),
        case("", "no-store beside such bytes", &[Bytes("cache-control", b"a=\xff, no-store")], NotStored),
    ]
}

fn meaning() -> Vec<Case> {
    let one = |suite, checks, line, state: State| case(suite, checks, &[cc(line)], state);
    let far = [Date("expires", 10_000), Date("date", 0)];
    let with_date = |line| [&[cc(line)][..], &far].concat();
    vec![
        one("cc-resp-private-private", "private", "private, max-age=3600", Fresh),
        one("cc-resp-no-store", "no-store", "no-store", NotStored),
        one("cc-resp-no-store-case-insensitive", "no-store in mixed case", "No-StOrE", NotStored),
        case(
            "cc-resp-no-store-fresh",
            "no-store beside times",
            &with_date("max-age=10000, no-store"),
            NotStored,
        ),
        one("", "no-store with an argument", "max-age=60, no-store=x", NotStored),
        case(
            "cc-resp-no-cache",
            "no-cache beside times",
            &with_date("max-age=10000, no-cache"),
            MustRevalidate,
        ),
        case(
            "cc-resp-no-cache-case-insensitive",
            "no-cache in mixed case",
            &with_date("max-age=10000, No-CaChE"),
            MustRevalidate,
        ),
        one("cc-resp-no-cache-revalidate", "no-cache alone", "no-cache", MustRevalidate),
        case(
            "cc-resp-no-cache-revalidate-fresh",
            "no-cache beside times and a tag",
            &[&with_date("max-age=10000, no-cache")[..], &[Text("etag", "\"a\"")]].concat(),
            MustRevalidate,
        ),
        one(
            "headers-omit-headers-listed-in-Cache-Control-no-cache-single",
            "no-cache for one field counts for all",
            r#"no-cache="a", max-age=3600"#,
            MustRevalidate,
        )
        .differs("fields are not left out one by one"),
        one(
            "headers-omit-headers-listed-in-Cache-Control-no-cache",
            "no-cache for two fields",
            r#"no-cache="a, b", max-age=3600"#,
            MustRevalidate,
        )
        .differs("fields are not left out one by one"),
        one(
            "cc-resp-must-revalidate-fresh",
            "must-revalidate, fresh",
            "max-age=10000, must-revalidate",
            Fresh,
        ),
        one(
            "cc-resp-must-revalidate-stale",
            "must-revalidate, stale",
            "max-age=2, must-revalidate",
            MustRevalidate,
        ),
        one("cc-resp-immutable-stale", "immutable, stale", "max-age=2, immutable", MustRevalidate),
        one("", "immutable, fresh", "max-age=60, immutable", Fresh),
        one("", "immutable alone is no lifetime", "immutable", MustRevalidate),
        case(
            "",
            "immutable does not lengthen a date",
            &[cc("immutable"), Date("expires", 2)],
            MustRevalidate,
        ),
    ]
}

fn pragma() -> Vec<Case> {
    let hour = cc("max-age=3600");
    let no_cache = Text("pragma", "no-cache");
    vec![
        case("pragma-response-no-cache", "Cache-Control wins", &[hour.clone(), no_cache.clone()], Fresh),
        case(
            "pragma-response-no-cache-heuristic",
            "without it, Pragma counts",
            &[Date("date", 0), Date("last-modified", -10_000), Text("pragma", "x, No-Cache")],
            MustRevalidate,
        )
        .differs("old servers mean it"),
        case("", "also beside Expires", &[no_cache, Date("expires", 60)], MustRevalidate),
        case("pragma-response-extension", "unknown words", &[hour, Text("pragma", "unknown")], Fresh),
    ]
}

#[test]
fn the_spelling_of_directives() {
    check(&spelling());
}

#[test]
fn the_meaning_of_directives() {
    check(&meaning());
}

#[test]
fn pragma_counts_only_without_cache_control() {
    check(&pragma());
}
