//! Names as serde writes them: `rename`, `rename_all`, `rename_all_fields`. `derive(Resource)` has the same rules.

use super::serde::{SerdeAttributes, Side};

/// Name of a type as written in one direction.
pub(super) fn of_type(ident: &str, serde: &SerdeAttributes, side: Side) -> String {
    own(serde, side).unwrap_or_else(|| ident.to_owned())
}

/// Name of a variant, by its own `rename` or the `rename_all` of its enum.
pub(super) fn of_variant(
    ident: &str,
    serde: &SerdeAttributes,
    holder: &SerdeAttributes,
    side: Side,
) -> String {
    own(serde, side).unwrap_or_else(|| variant_by_rule(ident, &rule(holder, "rename_all", side)))
}

/// Name of a struct's field, by its own `rename` or the `rename_all` of the struct.
pub(super) fn of_field(ident: &str, serde: &SerdeAttributes, holder: &SerdeAttributes, side: Side) -> String {
    own(serde, side).unwrap_or_else(|| field_by_rule(ident, &rule(holder, "rename_all", side)))
}

/// Name of a variant's field: the variant's `rename_all` goes before the enum's `rename_all_fields`.
pub(super) fn of_variant_field(
    ident: &str,
    serde: &SerdeAttributes,
    variant: &SerdeAttributes,
    holder: &SerdeAttributes,
    side: Side,
) -> String {
    let rule = match rule(variant, "rename_all", side) {
        none if none.is_empty() => rule(holder, "rename_all_fields", side),
        own => own,
    };
    own(serde, side).unwrap_or_else(|| field_by_rule(ident, &rule))
}

fn own(serde: &SerdeAttributes, side: Side) -> Option<String> {
    serde.text("rename", side).map(syn::LitStr::value)
}

fn rule(holder: &SerdeAttributes, name: &str, side: Side) -> String {
    holder.text(name, side).map(syn::LitStr::value).unwrap_or_default()
}

/// An unknown rule changes nothing: serde's own derive rejects it.
fn variant_by_rule(ident: &str, rule: &str) -> String {
    match rule {
        "lowercase" => ident.to_ascii_lowercase(),
        "UPPERCASE" => ident.to_ascii_uppercase(),
        "camelCase" => lower_first(ident),
        "snake_case" => snake_from_pascal(ident),
        "SCREAMING_SNAKE_CASE" => snake_from_pascal(ident).to_ascii_uppercase(),
        "kebab-case" => snake_from_pascal(ident).replace('_', "-"),
        "SCREAMING-KEBAB-CASE" => snake_from_pascal(ident).to_ascii_uppercase().replace('_', "-"),
        _ => ident.to_owned(),
    }
}

/// The rules of `rename_all`.
pub(crate) const RULES: [&str; 8] = [
    "lowercase",
    "UPPERCASE",
    "PascalCase",
    "camelCase",
    "snake_case",
    "SCREAMING_SNAKE_CASE",
    "kebab-case",
    "SCREAMING-KEBAB-CASE",
];

/// Name of a field by a rule. An unknown rule changes nothing.
pub(crate) fn field_by_rule(ident: &str, rule: &str) -> String {
    match rule {
        "UPPERCASE" | "SCREAMING_SNAKE_CASE" => ident.to_ascii_uppercase(),
        "PascalCase" => pascal_from_snake(ident),
        "camelCase" => lower_first(&pascal_from_snake(ident)),
        "kebab-case" => ident.replace('_', "-"),
        "SCREAMING-KEBAB-CASE" => ident.to_ascii_uppercase().replace('_', "-"),
        _ => ident.to_owned(),
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

fn snake_from_pascal(ident: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in ident.char_indices() {
        if at > 0 && letter.is_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn pascal_from_snake(ident: &str) -> String {
    let mut pascal = String::new();
    for word in ident.split('_') {
        let mut letters = word.chars();
        pascal.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        pascal.push_str(letters.as_str());
    }
    pascal
}

#[cfg(test)]
mod tests {
    use super::{field_by_rule, variant_by_rule};

    // The table of serde's own tests, `serde_derive/src/internals/case.rs`.
    #[test]
    fn names_follow_serdes_table() {
        for (original, lower, camel, snake, screaming, kebab) in [
            ("Outcome", "outcome", "outcome", "outcome", "OUTCOME", "outcome"),
            ("VeryTasty", "verytasty", "veryTasty", "very_tasty", "VERY_TASTY", "very-tasty"),
            ("A", "a", "a", "a", "A", "a"),
            ("Z42", "z42", "z42", "z42", "Z42", "z42"),
        ] {
            assert_eq!(variant_by_rule(original, "lowercase"), lower);
            assert_eq!(variant_by_rule(original, "camelCase"), camel);
            assert_eq!(variant_by_rule(original, "snake_case"), snake);
            assert_eq!(variant_by_rule(original, "SCREAMING_SNAKE_CASE"), screaming);
            assert_eq!(variant_by_rule(original, "kebab-case"), kebab);
            assert_eq!(variant_by_rule(original, "PascalCase"), original);
        }
        for (original, upper, pascal, camel, kebab) in [
            ("outcome", "OUTCOME", "Outcome", "outcome", "outcome"),
            ("very_tasty", "VERY_TASTY", "VeryTasty", "veryTasty", "very-tasty"),
            ("a", "A", "A", "a", "a"),
            ("z42", "Z42", "Z42", "z42", "z42"),
        ] {
            assert_eq!(field_by_rule(original, "UPPERCASE"), upper);
            assert_eq!(field_by_rule(original, "PascalCase"), pascal);
            assert_eq!(field_by_rule(original, "camelCase"), camel);
            assert_eq!(field_by_rule(original, "kebab-case"), kebab);
            assert_eq!(field_by_rule(original, "snake_case"), original);
        }
    }
}
