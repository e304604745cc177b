//! The item with its options read, and the names of its fields in responses. Checks nothing except the options.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Type};

use super::options::{FieldOptions, ResourceOptions};
use crate::errors::Errors;
use crate::settings::{AttributeName, settings};
use crate::shape::rename::field_by_rule;

/// `#[resource(...)]` above a type.
pub(super) const ON_TYPE: AttributeName = AttributeName {
    name: "resource",
    list: "#[resource(type = \"articles\", key = ArticleId)]",
    option: "type = \"articles\"",
};

/// `#[resource(...)]` on a field.
const ON_FIELD: AttributeName = AttributeName {
    name: "resource",
    list: "#[resource(rename = \"written-by\")]",
    option: "rename = \"written-by\"",
};

/// The type of a record.
pub(super) struct Record<'a> {
    pub(super) input: &'a DeriveInput,
    pub(super) options: ResourceOptions,
    pub(super) fields: Vec<RecordField<'a>>,
}

/// One named field of the type.
pub(super) struct RecordField<'a> {
    pub(super) ident: &'a Ident,
    pub(super) ty: &'a Type,
    /// The name in responses.
    pub(super) name: String,
    /// Where messages about the name point.
    pub(super) span: Span,
}

impl<'a> Record<'a> {
    /// Reads the whole item. An item that is no struct with named fields has none here.
    pub(super) fn read(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let options = ResourceOptions::read(&settings(&input.attrs, &ON_TYPE, errors), errors);
        let fields = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) => fields.named.iter().collect(),
                Fields::Unnamed(_) | Fields::Unit => Vec::new(),
            },
            Data::Enum(_) | Data::Union(_) => Vec::new(),
        };
        let rule = options.rename_all.as_ref().map(|rule| rule.value.as_str());
        let fields = fields.into_iter().filter_map(|field| RecordField::read(field, rule, errors)).collect();
        Self { input, options, fields }
    }
}

impl<'a> RecordField<'a> {
    fn read(field: &'a syn::Field, rule: Option<&str>, errors: &mut Errors) -> Option<Self> {
        let options = FieldOptions::read(&settings(&field.attrs, &ON_FIELD, errors), errors);
        let ident = field.ident.as_ref()?;
        let (name, span) = match options.rename {
            Some(rename) => (rename.value.value(), rename.value.span()),
            None => (field_by_rule(&ident.unraw().to_string(), rule.unwrap_or_default()), ident.span()),
        };
        Some(Self { ident, ty: &field.ty, name, span })
    }
}
