//! `#[shape(...)]`: the options of this derive.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Path, Token};

use crate::errors::Errors;
use crate::suggest::nearest;

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Type,
    Variant,
    ShapeField,
}

/// The options of one type, variant or field.
#[derive(Default)]
pub(super) struct ShapeOptions {
    pub(super) opaque: bool,
    pub(super) self_describing: bool,
    /// Path to `cache_core`.
    pub(super) krate: Option<Path>,
    /// Options that were given, to find one that is given twice.
    seen: Vec<Ident>,
}

/// One `name` or `name = value`.
struct ShapeSetting {
    name: Ident,
    value: Option<(Token![=], Expr)>,
}

const ON_TYPES: &[&str] = &["opaque", "self_describing", "crate"];
const ON_FIELDS: &[&str] = &["opaque"];

impl ShapeOptions {
    /// Reads all `#[shape(...)]` in `attributes`.
    pub(super) fn read(attributes: &[Attribute], place: Place, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("shape")) {
            let settings = attribute.parse_args_with(Punctuated::<ShapeSetting, Token![,]>::parse_terminated);
            for setting in errors.take(settings).into_iter().flatten() {
                options.take(setting, place, errors);
            }
        }
        options
    }

    fn take(&mut self, setting: ShapeSetting, place: Place, errors: &mut Errors) {
        let name = setting.name.unraw().to_string();
        if let Some(message) = misplaced(&name, place) {
            return errors.push(&setting.name, message);
        }
        if self.seen.contains(&setting.name) {
            return errors.push(&setting.name, format_args!("`{name}` is given twice; keep one of them"));
        }
        self.seen.push(setting.name.clone());
        match name.as_str() {
            "opaque" => self.opaque = setting.is_flag(errors),
            "self_describing" => self.self_describing = setting.is_flag(errors),
            _ => self.krate = setting.path(errors),
        }
    }
}

impl ShapeSetting {
    fn is_flag(&self, errors: &mut Errors) -> bool {
        if let Some((equals, value)) = &self.value {
            let name = &self.name;
            errors.push(
                quote!(#equals #value),
                format_args!("`{name}` takes no value: write `{name}` alone, or leave it out"),
            );
        }
        true
    }

    fn path(&self, errors: &mut Errors) -> Option<Path> {
        let value = self.value.as_ref().map(|(_, value)| value);
        let path = value.and_then(literal).and_then(|text| text.parse_with(Path::parse_mod_style).ok());
        if path.is_none() {
            let place = value.map_or_else(|| self.name.to_token_stream(), ToTokens::to_token_stream);
            errors.push(place, "`crate` takes a path in quotes, as in `crate = \"my_cache\"`");
        }
        path
    }
}

fn literal(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}

impl Parse for ShapeSetting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = Ident::parse_any(input).map_err(|error| {
            syn::Error::new(error.span(), "expected the name of an option, as in `#[shape(opaque)]`")
        })?;
        if !input.peek(Token![=]) {
            return Ok(Self { name, value: None });
        }
        Ok(Self { name, value: Some((input.parse()?, input.parse()?)) })
    }
}

/// Why `name` is not allowed at `place`, if it is not.
fn misplaced(name: &str, place: Place) -> Option<String> {
    let known = if place == Place::Type { ON_TYPES } else { ON_FIELDS };
    if known.contains(&name) {
        return None;
    }
    if ON_TYPES.contains(&name) {
        return Some(format!("`{name}` is about the whole type: write `#[shape({name})]` above it"));
    }
    Some(match nearest(name, known.iter().copied()) {
        Some(near) => format!("there is no option `{name}`; did you mean `{near}`?"),
        None => format!("there is no option `{name}` here; known: `{}`", known.join("`, `")),
    })
}

/// Path of `cache_core` in generated code.
pub(super) fn crate_path(options: &ShapeOptions) -> TokenStream {
    options.krate.as_ref().map_or_else(|| quote!(::cache_core), ToTokens::to_token_stream)
}
