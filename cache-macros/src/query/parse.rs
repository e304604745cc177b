//! From `#[query(...)]` to a list of settings, each a name and the tokens after its `=`. Knows no option.
//!
//! Settings are cut apart at their commas before any of them is read, so that a mistake in one hides none in the
//! next.

use proc_macro2::{Ident, TokenStream};
use syn::Attribute;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::token::Paren;

use crate::errors::Errors;
use crate::split::{second_setting, split_at_commas};

/// One `name`, `name = argument` or `name(argument)`.
pub(crate) struct Setting {
    pub(crate) name: Ident,
    /// What stands behind the `=`, or in the parentheses; `None` without either.
    pub(crate) argument: Option<TokenStream>,
    /// The parentheses, if there are any.
    pub(crate) list: Option<Paren>,
}

/// All settings of all `#[query(...)]` attributes.
pub(crate) fn settings(attributes: &[Attribute], errors: &mut Errors) -> Vec<Setting> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident("query"));
    lists.flat_map(|attribute| settings_of(attribute, errors)).collect()
}

fn settings_of(attribute: &Attribute, errors: &mut Errors) -> Vec<Setting> {
    let syn::Meta::List(list) = &attribute.meta else {
        errors.push(&attribute.meta, "expected a list of options: `#[query(value = Type, ...)]`");
        return Vec::new();
    };
    let parts = split_at_commas(list.tokens.clone());
    parts.into_iter().filter_map(|part| errors.take(setting.parse2(part))).collect()
}

fn setting(input: ParseStream<'_>) -> syn::Result<Setting> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected the name of an option, as in `capacity = 10_000`"));
    }
    let name = input.call(Ident::parse_any)?;
    if input.is_empty() {
        return Ok(Setting { name, argument: None, list: None });
    }
    if input.peek(Paren) {
        let content;
        let list = Some(syn::parenthesized!(content in input));
        let argument = Some(content.parse()?);
        return match input.is_empty() {
            true => Ok(Setting { name, argument, list }),
            false => Err(input.error(format_args!("expected `,` after `{name}(...)`"))),
        };
    }
    if !input.peek(syn::Token![=]) {
        return Err(input.error(format_args!("expected `,` or `=` after `{name}`")));
    }
    input.parse::<syn::Token![=]>()?;
    let argument: TokenStream = input.parse()?;
    match second_setting(argument.clone()) {
        Some(second) => Err(syn::Error::new_spanned(&second, format_args!("expected `,` before `{second}`"))),
        None => Ok(Setting { name, argument: Some(argument), list: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_setting_hides_no_other() {
        let item: syn::DeriveInput = syn::parse_quote! {
            #[query(3 = 4, value = Post, capacity 5, crate = "x", ttl = "5m" fresh = "1m")]
            #[query]
            #[query(eq)]
            struct GetPost;
        };
        let mut errors = Errors::default();
        let names: Vec<String> =
            settings(&item.attrs, &mut errors).iter().map(|setting| setting.name.to_string()).collect();
        assert_eq!(names, ["value", "crate", "eq"]);
        assert_eq!(
            errors.messages(),
            [
                "expected the name of an option, as in `capacity = 10_000`",
                "expected `,` or `=` after `capacity`",
                "expected `,` before `fresh`",
                "expected a list of options: `#[query(value = Type, ...)]`",
            ]
        );
    }
}
