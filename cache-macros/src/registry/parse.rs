//! From the tokens of `registry!` to a listing. Checks syntax, format numbers, and that no line occurs twice.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Ident, Lit, LitInt, LitStr, Meta, Token, TypePath, Visibility, braced};

use crate::errors::Errors;
use crate::format::{FORMAT, mismatch};
use crate::split::split_at_commas;
use crate::text;

/// One call of `registry!`.
pub(crate) struct Listing {
    /// Path of `cache_core`, as seen by the macro that wraps this one.
    pub(crate) core: TokenStream,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) lines: Vec<Line>,
}

/// One query of the listing.
pub(crate) struct Line {
    /// Everything above the line: doc comments, `cfg`s and others.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) path: TypePath,
    /// `as "..."`.
    pub(crate) name: Option<LitStr>,
}

impl Listing {
    /// Reads a listing. If this returns `None` or records a mistake, the listing must not be expanded.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Option<Self> {
        let (mut listing, lines) = errors.take(listing.parse2(tokens))?;
        for line_tokens in split_at_commas(lines) {
            listing.lines.extend(errors.take(line.parse2(line_tokens)));
        }
        refuse_repetitions(&listing.lines, errors);
        Some(listing)
    }

    /// The `cfg`s of the whole registry.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| is_cfg(attribute))
    }
}

impl Line {
    /// The `cfg`s, which are repeated on everything written for this line.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().filter(|attribute| is_cfg(attribute))
    }

    /// Doc comment, line by line.
    pub(crate) fn docs(&self) -> impl Iterator<Item = String> {
        self.attributes.iter().filter_map(doc_text)
    }
}

/// The head of a listing, and its lines as tokens.
fn listing(input: ParseStream<'_>) -> syn::Result<(Listing, TokenStream)> {
    let core = head(input)?;
    let attributes = input.call(Attribute::parse_outer)?;
    let visibility = input.parse()?;
    if !input.peek(Token![struct]) {
        return Err(input.error("expected `pub struct CacheRegistry { ... }` with one query per line"));
    }
    input.parse::<Token![struct]>()?;
    let name = input.parse()?;
    if input.peek(Token![<]) {
        return Err(input.error("a registry has no parameters: list each instance, as in `Page<User>`"));
    }
    if !input.peek(syn::token::Brace) {
        return Err(input.error("expected `{ ... }` with one query per line"));
    }
    let lines;
    braced!(lines in input);
    let lines = lines.parse()?;
    if !input.is_empty() {
        return Err(input.error("`registry!` makes one struct: expected nothing after it"));
    }
    Ok((Listing { core, attributes, visibility, name, lines: Vec::new() }, lines))
}

/// `crate = ...; core_format = 1;`, which `cache_core::registry!` adds, and `format = 1;` of a generated file. The
/// numbers must match.
fn head(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    input.parse::<Token![crate]>()?;
    input.parse::<Token![=]>()?;
    let core = until_semicolon(input)?;
    let core_format = number(input)?;
    let generated = if input.peek(Ident) && input.peek2(Token![=]) { Some(number(input)?) } else { None };
    let generated_number = generated.as_ref().map(LitInt::base10_parse).transpose()?;
    match mismatch(core_format.base10_parse()?, generated_number, FORMAT) {
        Some(message) => Err(syn::Error::new(generated.unwrap_or(core_format).span(), message)),
        None => Ok(core),
    }
}

fn until_semicolon(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.peek(Token![;]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    input.parse::<Token![;]>()?;
    Ok(tokens)
}

/// `format = 1;`
fn number(input: ParseStream<'_>) -> syn::Result<LitInt> {
    let name: Ident = input.parse()?;
    if name != "format" && name != "core_format" {
        return Err(syn::Error::new_spanned(
            name,
            "expected `format = N;` or `pub struct CacheRegistry { ... }`",
        ));
    }
    input.parse::<Token![=]>()?;
    let number = input.parse()?;
    input.parse::<Token![;]>()?;
    Ok(number)
}

fn line(input: ParseStream<'_>) -> syn::Result<Line> {
    let attributes = input.call(Attribute::parse_outer)?;
    if input.peek(Ident::peek_any) && input.peek2(Token![:]) && !input.peek2(Token![::]) {
        return Err(input.error("expected only the path of a query: the names of fields follow from it"));
    }
    let path = path(input)?;
    let name = if input.peek(Token![as]) { Some(name(input)?) } else { None };
    if !input.is_empty() {
        return Err(input.error("expected `,` after the query"));
    }
    Ok(Line { attributes, path, name })
}

fn path(input: ParseStream<'_>) -> syn::Result<TypePath> {
    let expected = "expected the path of a query, as in `crate::queries::GetPost`";
    if input.is_empty() || !(input.peek(Ident::peek_any) || input.peek(Token![::]) || input.peek(Token![<])) {
        return Err(input.error(expected));
    }
    input.parse().map_err(|error: syn::Error| syn::Error::new(error.span(), expected))
}

/// `as "..."`.
fn name(input: ParseStream<'_>) -> syn::Result<LitStr> {
    input.parse::<Token![as]>()?;
    let name: LitStr = input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), "`as` takes a name in quotes: `as \"user_page\"`"))?;
    if name.value().trim().is_empty() || name.value().contains(char::is_control) {
        let message = "the name of a table must not be empty or contain control characters";
        return Err(syn::Error::new_spanned(name, message));
    }
    Ok(name)
}

/// The same path on two lines without `cfg`s would give one query two tables.
fn refuse_repetitions(lines: &[Line], errors: &mut Errors) {
    let mut seen = HashSet::new();
    for line in lines.iter().filter(|line| line.cfgs().next().is_none()) {
        let path = text::full(line.path.to_token_stream());
        if seen.contains(&path) {
            errors.push(&line.path, format_args!("`{path}` is listed twice; a query has one table"));
        }
        seen.insert(path);
    }
}

/// Whether the attribute can remove the item under it: `cfg`, or a `cfg_attr` that makes one.
fn is_cfg(attribute: &Attribute) -> bool {
    let makes_cfg = |tokens: &TokenStream| {
        tokens.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "cfg"))
    };
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => makes_cfg(&list.tokens),
        meta => meta.path().is_ident("cfg"),
    }
}

/// The text of a doc comment; `None` for other attributes.
fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &meta.value else { return None };
    let Lit::Str(text) = &literal.lit else { return None };
    meta.path.is_ident("doc").then(|| text.value())
}

#[cfg(test)]
mod tests;
