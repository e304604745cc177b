//! Which items can be records, and which names their fields can have.

use std::collections::HashMap;

use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields};

use super::parse::Record;
use crate::errors::Errors;

/// Adds one mistake per broken rule.
pub(super) fn check(record: &Record<'_>, errors: &mut Errors) {
    check_item(record.input, errors);
    check_variants(record.input, errors);
    check_required(record, errors);
    check_names(record, errors);
}

fn check_item(input: &DeriveInput, errors: &mut Errors) {
    let named = "whose fields have names in responses: use a struct with named fields";
    match &input.data {
        Data::Enum(data) => errors.push(data.enum_token, format_args!("an enum cannot be a record, {named}")),
        Data::Union(data) => {
            errors.push(data.union_token, format_args!("a union cannot be a record, {named}"))
        }
        Data::Struct(data) => {
            if let Fields::Unnamed(fields) = &data.fields
                && !fields.unnamed.is_empty()
            {
                errors.push(fields, format_args!("a tuple struct cannot be a record, {named}"));
            }
        }
    }
    if let Some(parameter) = input.generics.params.first() {
        let message = "a record has no parameters, since its type has one name in responses: write a struct for each type of record";
        errors.push(parameter, message);
    }
}

/// Rejects `#[resource(...)]` where it is not read.
fn check_variants(input: &DeriveInput, errors: &mut Errors) {
    let Data::Enum(data) = &input.data else { return };
    for variant in &data.variants {
        for attribute in variant.attrs.iter().filter(|attribute| is_ours(attribute)) {
            errors.push_at(attribute.span(), "`#[resource(...)]` belongs above a struct or on its fields");
        }
    }
}

fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("resource")
}

fn check_required(record: &Record<'_>, errors: &mut Errors) {
    let name = &record.input.ident;
    if !record.options.is_meant("type") {
        let message = format!(
            "`{name}` does not say what its type is called in responses: add `#[resource(type = \"...\")]`"
        );
        errors.push(name, message);
    }
    if !record.options.is_meant("key") {
        let message = format!(
            "`{name}` does not say which query names its records: add `#[resource(key = ...)]` with a query that is derived with `#[query(value = {name}, record)]`"
        );
        errors.push(name, message);
    }
}

/// Names that JSON:API reserves in resource objects, each with where a record has what they stand for.
const RESERVED: [(&str, &str); 4] = [
    ("id", "the key of a record has its id"),
    ("type", "the option `type` names the type of a record"),
    ("links", "`One` and `Many` have the links of their relationships"),
    ("relationships", "a field of type `One` or `Many` is one relationship"),
];

fn check_names(record: &Record<'_>, errors: &mut Errors) {
    let mut seen = HashMap::new();
    for field in &record.fields {
        let (name, ident) = (field.name.as_str(), field.ident);
        if let Some((_, instead)) = RESERVED.iter().find(|(reserved, _)| *reserved == name) {
            let message = format!("JSON:API reserves the name `{name}`: leave the field out; {instead}");
            errors.push_at(field.span, message);
        }
        if let Some(first) = seen.insert(name, ident) {
            let message = format!(
                "`{first}` and `{ident}` have the same name in responses, `{name}`: give one of them another by `#[resource(rename = \"...\")]`"
            );
            errors.push_at(field.span, message);
        }
    }
}
