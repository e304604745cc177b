//! The item with its attributes read. Checks nothing except the syntax of the attributes.

use proc_macro2::Ident;
use syn::{Data, DeriveInput, Expr};

use super::options::{Place, ShapeOptions};
use super::serde::SerdeAttributes;
use crate::errors::Errors;

/// A struct or enum.
pub(super) struct Container<'a> {
    pub(super) input: &'a DeriveInput,
    pub(super) options: ShapeOptions,
    pub(super) serde: SerdeAttributes,
    pub(super) body: Body<'a>,
}

pub(super) enum Body<'a> {
    Struct(Fields<'a>),
    Enum(Vec<Variant<'a>>),
}

pub(super) struct Variant<'a> {
    pub(super) ident: &'a Ident,
    pub(super) discriminant: Option<&'a Expr>,
    pub(super) options: ShapeOptions,
    pub(super) serde: SerdeAttributes,
    pub(super) fields: Fields<'a>,
}

pub(super) struct Fields<'a> {
    pub(super) style: Style,
    pub(super) list: Vec<ShapeField<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Named,
    Tuple,
    Unit,
}

pub(super) struct ShapeField<'a> {
    pub(super) syn: &'a syn::Field,
    pub(super) options: ShapeOptions,
    pub(super) serde: SerdeAttributes,
}

/// Reads the whole item. A union has no body that could be described, and is reported.
pub(super) fn container<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Container<'a> {
    let options = ShapeOptions::read(&input.attrs, Place::Type, errors);
    let body = match &input.data {
        Data::Struct(data) => Body::Struct(fields(&data.fields, errors)),
        Data::Enum(data) => Body::Enum(data.variants.iter().map(|one| variant(one, errors)).collect()),
        Data::Union(data) => {
            errors.push(data.union_token, "`Shape` cannot be derived for a union: serde cannot save one");
            Body::Struct(Fields { style: Style::Unit, list: Vec::new() })
        }
    };
    Container { input, options, serde: SerdeAttributes::read(&input.attrs), body }
}

fn variant<'a>(variant: &'a syn::Variant, errors: &mut Errors) -> Variant<'a> {
    Variant {
        ident: &variant.ident,
        discriminant: variant.discriminant.as_ref().map(|(_, value)| value),
        options: ShapeOptions::read(&variant.attrs, Place::Variant, errors),
        serde: SerdeAttributes::read(&variant.attrs),
        fields: fields(&variant.fields, errors),
    }
}

fn fields<'a>(fields: &'a syn::Fields, errors: &mut Errors) -> Fields<'a> {
    let style = match fields {
        syn::Fields::Named(_) => Style::Named,
        syn::Fields::Unnamed(_) => Style::Tuple,
        syn::Fields::Unit => Style::Unit,
    };
    Fields { style, list: fields.iter().map(|one| field(one, errors)).collect() }
}

fn field<'a>(field: &'a syn::Field, errors: &mut Errors) -> ShapeField<'a> {
    ShapeField {
        syn: field,
        options: ShapeOptions::read(&field.attrs, Place::ShapeField, errors),
        serde: SerdeAttributes::read(&field.attrs),
    }
}
