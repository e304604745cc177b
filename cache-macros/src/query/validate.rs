//! How options fit together, and which items can be queries.

use proc_macro2::Ident;
use syn::{Attribute, Data, DeriveInput, Fields};

use super::borrowed;
use super::constant::Constant;
use super::options::{QueryOptions, RETRY_FIRST_TOO_LONG};
use crate::errors::Errors;

/// Adds one mistake per broken rule.
pub(crate) fn check(input: &DeriveInput, options: &QueryOptions, errors: &mut Errors) {
    check_item(input, errors);
    check_inner_attributes(input, errors);
    check_value(input, options, errors);
    check_bounds(options, errors);
    check_weight(options, errors);
    check_persistence(options, errors);
    check_derived(options, errors);
    check_record(options, errors);
    check_retries(options, errors);
    borrowed::check(input, options, errors);
}

fn check_item(input: &DeriveInput, errors: &mut Errors) {
    if let Data::Union(data) = &input.data {
        errors.push(
            data.union_token,
            "a union cannot be a query: it has no `Hash` and no `Eq`; use a struct or an enum",
        );
    }
    for lifetime in input.generics.lifetimes() {
        let message = format!(
            "a query cannot borrow, since the cache keeps it: own the field (`String` for `&{0} str`), and write `#[query(borrowed)]` to look it up by reference",
            lifetime.lifetime
        );
        errors.push(&lifetime.lifetime, message);
    }
}

/// Rejects `#[query(...)]` on a field or a variant, where it has no meaning.
fn check_inner_attributes(input: &DeriveInput, errors: &mut Errors) {
    let on_fields = |fields: &Fields, errors: &mut Errors| {
        for field in fields {
            refuse_attributes(&field.attrs, "field", errors);
        }
    };
    match &input.data {
        Data::Struct(data) => on_fields(&data.fields, errors),
        Data::Enum(data) => {
            for variant in &data.variants {
                refuse_attributes(&variant.attrs, "variant", errors);
                on_fields(&variant.fields, errors);
            }
        }
        Data::Union(_) => {}
    }
}

fn refuse_attributes(attributes: &[Attribute], place: &str, errors: &mut Errors) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("query")) {
        errors
            .push(attribute, format_args!("`#[query(...)]` belongs above the whole type, not on a {place}"));
    }
}

fn check_value(input: &DeriveInput, options: &QueryOptions, errors: &mut Errors) {
    if !options.is_meant("value") {
        let name = &input.ident;
        errors.push(
            name,
            format_args!("`{name}` does not say what its answer is: add `#[query(value = Type)]`"),
        );
    }
}

fn check_bounds(options: &QueryOptions, errors: &mut Errors) {
    let bounds: Vec<&Ident> =
        ["capacity", "lru", "max_weight"].iter().filter_map(|name| options.seen(name)).collect();
    if let [first, rest @ ..] = &bounds[..] {
        for second in rest {
            errors
                .push(second, format_args!("a table has one bound: keep `{first}` or `{second}`, not both"));
        }
    }
}

fn check_weight(options: &QueryOptions, errors: &mut Errors) {
    match (options.seen("max_weight"), options.seen("weigh")) {
        (Some(max_weight), None) => {
            errors.push(max_weight, "`max_weight` needs to know what an entry weighs: add `weigh = path`, a `fn(&Query, &Value) -> u32`");
        }
        (None, Some(weigh)) => {
            errors.push(weigh, "`weigh` is used only with `max_weight = N`: add that, or leave `weigh` out");
        }
        _ => {}
    }
}

fn check_persistence(options: &QueryOptions, errors: &mut Errors) {
    if options.seen("persist").or_else(|| options.seen("share")).is_some() {
        return;
    }
    for name in ["codec", "opaque", "version"] {
        if let Some(token) = options.seen(name) {
            errors.push(token, format_args!("`{name}` concerns snapshots and shared tiers, and this table is neither saved nor shared: add `persist` or `share`, or leave `{name}` out"));
        }
    }
}

/// Snapshots, providers and shared tiers do not contain what an answer was built from.
fn check_derived(options: &QueryOptions, errors: &mut Errors) {
    let Some(derived) = options.seen("derived") else { return };
    for (other, reason) in [("persist", "is not saved with it"), ("share", "does not reach other machines")] {
        if options.seen(other).is_some() {
            let message = format!(
                "`derived` and `{other}` exclude each other: what an answer was built from {reason}; leave `{other}` out, or use `tags` or `tags_of` instead of `derived`"
            );
            errors.push(derived, message);
        }
    }
}

/// The options that a table of records may have.
const ON_RECORDS: [&str; 5] = ["value", "name", "record", "secret", "borrowed"];

/// A record lives while a document shows it, and has no load of its own.
fn check_record(options: &QueryOptions, errors: &mut Errors) {
    if options.seen("record").is_none() {
        return;
    }
    for other in options.seen_except(&ON_RECORDS) {
        let message = format!(
            "`{other}` and `record` exclude each other: a record lives while a document shows it, and is loaded as a part of documents; leave `{other}` out, or give it to the query of the document"
        );
        errors.push(other, message);
    }
}

/// The compiler checks values that are left to it.
fn check_retries(options: &QueryOptions, errors: &mut Errors) {
    if let (Some(first), Some(longest)) = (&options.retry_first, &options.retry_longest)
        && let (Constant::Known(time), Constant::Known(most)) = (&first.value, &longest.value)
        && time > most
    {
        errors.push(&first.name, RETRY_FIRST_TOO_LONG);
    }
}

#[cfg(test)]
mod tests;
