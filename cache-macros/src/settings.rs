//! From `#[query(...)]` or `#[resource(...)]` to a list of settings, each a name and the tokens after its `=`. Does not
//! know the options.
//!
//! Settings are split at their commas before any of them is read, so that a mistake in one hides none in the next.

pub(crate) mod argument;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::token::Paren;
use syn::{Attribute, Expr, Token, Type};

use crate::errors::Errors;
use crate::split::{Angles, second_setting};

/// One `name`, `name = argument` or `name(argument)`.
pub(crate) struct Setting {
    pub(crate) name: Ident,
    /// The tokens after the `=`, or in the parentheses; `None` without either.
    pub(crate) argument: Option<TokenStream>,
    /// The parentheses, if there are any.
    pub(crate) list: Option<Paren>,
}

/// An attribute whose settings are read, with what messages show as examples.
pub(crate) struct AttributeName {
    pub(crate) name: &'static str,
    /// A list of options, as in `#[query(value = Type, ...)]`.
    pub(crate) list: &'static str,
    /// One option, as in `capacity = 10_000`.
    pub(crate) option: &'static str,
}

/// All settings of all attributes of this name.
pub(crate) fn settings(attributes: &[Attribute], name: &AttributeName, errors: &mut Errors) -> Vec<Setting> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident(name.name));
    lists.flat_map(|attribute| settings_of(attribute, name, errors)).collect()
}

fn settings_of(attribute: &Attribute, name: &AttributeName, errors: &mut Errors) -> Vec<Setting> {
    let syn::Meta::List(list) = &attribute.meta else {
        errors.push(&attribute.meta, format_args!("expected a list of options: `{}`", name.list));
        return Vec::new();
    };
    let parts = errors.take(parts.parse2(list.tokens.clone())).unwrap_or_default();
    let setting = |input: ParseStream<'_>| setting(input, name);
    parts.into_iter().filter_map(|part| errors.take(setting.parse2(ungrouped(part)))).collect()
}

/// Splits at the commas between settings; drops empty parts.
fn parts(input: ParseStream<'_>) -> syn::Result<Vec<TokenStream>> {
    let mut parts = Vec::new();
    while !input.is_empty() {
        let part = part(input)?;
        input.parse::<Option<Token![,]>>()?;
        if !part.is_empty() {
            parts.push(part);
        }
    }
    Ok(parts)
}

/// The tokens up to the comma after a setting. Tokens that are neither a type nor an expression end at the first comma
/// that is not between angle brackets.
fn part(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut part = TokenStream::new();
    let mut angles = Angles::default();
    while !(input.is_empty() || angles.are_closed() && input.peek(Token![,])) {
        let token: TokenTree = input.parse()?;
        if let TokenTree::Punct(punct) = &token {
            angles.pass(punct);
        }
        let is_equals = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '=');
        part.extend([token]);
        if is_equals {
            let argument = whole::<Type>(input).or_else(|| whole::<Expr>(input));
            part.extend(argument.unwrap_or_default());
        }
    }
    Ok(part)
}

/// The tokens of a `T`, if one stands here and a comma or the end follows it.
fn whole<T: Parse>(input: ParseStream<'_>) -> Option<TokenStream> {
    let ahead = input.fork();
    ahead.parse::<T>().ok()?;
    if !ahead.is_empty() && !ahead.peek(Token![,]) {
        return None;
    }
    let mut tokens = TokenStream::new();
    while input.cursor() != ahead.cursor() {
        tokens.extend([input.parse::<TokenTree>().ok()?]);
    }
    Some(tokens)
}

/// The tokens without the invisible group that the compiler puts around a fragment of a macro, if they are all in that
/// group.
fn ungrouped(tokens: TokenStream) -> TokenStream {
    let mut inside = tokens.clone().into_iter();
    match (inside.next(), inside.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => {
            ungrouped(group.stream())
        }
        _ => tokens,
    }
}

fn setting(input: ParseStream<'_>, name: &AttributeName) -> syn::Result<Setting> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format_args!("expected the name of an option, as in `{}`", name.option)));
    }
    let name = input.call(Ident::parse_any)?;
    if input.is_empty() {
        return Ok(Setting { name, argument: None, list: None });
    }
    if input.peek(Paren) {
        let content;
        let list = Some(syn::parenthesized!(content in input));
        let argument = Some(ungrouped(content.parse()?));
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
        None => Ok(Setting { name, argument: Some(ungrouped(argument)), list: None }),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    /// Names and arguments of the settings in this attribute.
    #[track_caller]
    fn read(tokens: TokenStream) -> Vec<String> {
        let item: syn::DeriveInput = syn::parse_quote!(
            #[query(#tokens)]
            struct Q;
        );
        let mut errors = Errors::default();
        let settings = settings(&item.attrs, &crate::query::ATTRIBUTE, &mut errors);
        assert_eq!(errors.messages(), [""; 0]);
        let text = |setting: &Setting| {
            format!(
                "{}: {}",
                setting.name,
                setting.argument.as_ref().map(ToString::to_string).unwrap_or_default()
            )
        };
        settings.iter().map(text).collect()
    }

    #[test]
    fn an_argument_ends_at_the_comma_behind_its_type_or_expression() {
        assert_eq!(
            read(quote!(lru = 1 << 20, eq, history = 8 >> 1)),
            ["lru: 1 << 20", "eq: ", "history: 8 >> 1"]
        );
        assert_eq!(
            read(quote!(value = Map<A, Vec<<T as Q>::Item>>, lru = N << 20, eq)),
            ["value: Map < A , Vec << T as Q > :: Item >>", "lru: N << 20", "eq: "]
        );
        assert_eq!(
            read(quote!(value = dyn Trait<A, Item = u8>, eq)),
            ["value: dyn Trait < A , Item = u8 >", "eq: "]
        );
        assert_eq!(read(quote!(fallback = f::<A, B>, eq)), ["fallback: f :: < A , B >", "eq: "]);
        assert_eq!(read(quote!(lru = if A < B { 1 } else { 2 })), ["lru: if A < B { 1 } else { 2 }"]);
    }

    #[test]
    fn a_fragment_of_a_macro_is_read_as_what_is_in_it() {
        use proc_macro2::Group;
        let fragment = |tokens| TokenTree::from(Group::new(Delimiter::None, tokens));
        let twice = fragment(fragment(quote!(f::g)).into());
        let (setting, name) = (fragment(quote!(lru = 3)), fragment(quote!("a")));
        assert_eq!(
            read(quote!(fallback = #twice, #setting, tags(#name))),
            ["fallback: f :: g", "lru: 3", "tags: \"a\""]
        );
    }

    #[test]
    fn a_broken_setting_hides_no_other() {
        let item: syn::DeriveInput = syn::parse_quote! {
            #[query(3 = 4, value = Post, capacity 5, crate = "x", ttl = "5m" fresh = "1m")]
            #[query]
            #[query(eq)]
            struct GetPost;
        };
        let mut errors = Errors::default();
        let names: Vec<String> = settings(&item.attrs, &crate::query::ATTRIBUTE, &mut errors)
            .iter()
            .map(|setting| setting.name.to_string())
            .collect();
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
