//! From the tokens of `registry!` to a listing. Checks the syntax and the format number.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Ident, Lit, LitInt, LitStr, Meta, Token, TypePath, Visibility, braced};

use crate::errors::Errors;
use crate::split::split_at_commas;

/// One call of `registry!`.
pub(crate) struct Listing {
    /// Path of `cache_core`, as the macro that wraps this one sees it.
    pub(crate) core: TokenStream,
    /// Format number of that `cache_core`.
    pub(crate) core_format: LitInt,
    /// Format number of generated text; `None` in text written by hand.
    pub(crate) format: Option<LitInt>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) name: Ident,
    pub(crate) lines: Vec<Line>,
}

/// One query of the listing.
pub(crate) struct Line {
    /// `#[cfg(...)]` and whatever else is no doc comment.
    pub(crate) attributes: Vec<Attribute>,
    /// Doc comment, line by line.
    pub(crate) docs: Vec<String>,
    pub(crate) path: TypePath,
    /// `as "..."`.
    pub(crate) name: Option<LitStr>,
}

impl Listing {
    /// Reads a listing; `None` if so much is missing that no registry can be made.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Option<Self> {
        let (mut listing, lines) = errors.take(listing.parse2(tokens))?;
        for line_tokens in split_at_commas(lines) {
            listing.lines.extend(errors.take(line.parse2(line_tokens)));
        }
        Some(listing)
    }
}

fn listing(input: ParseStream<'_>) -> syn::Result<(Listing, TokenStream)> {
    input.parse::<Token![crate]>()?;
    input.parse::<Token![=]>()?;
    let core = until_semicolon(input)?;
    let core_format = number(input, "core_format")?;
    let format = if input.peek(Token![#])
        || input.peek2(Token![struct])
        || input.peek(Token![pub])
        || input.peek(Token![struct])
    {
        None
    } else {
        Some(number(input, "format")?)
    };
    let attributes = input.call(Attribute::parse_outer)?;
    let visibility = input.parse()?;
    input.parse::<Token![struct]>()?;
    let name = input.parse()?;
    let lines;
    braced!(lines in input);
    let tokens = lines.parse()?;
    let lines = Vec::new();
    Ok((Listing { core, core_format, format, attributes, visibility, name, lines }, tokens))
}

fn until_semicolon(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.peek(Token![;]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    input.parse::<Token![;]>()?;
    Ok(tokens)
}

/// `name = 1;`
fn number(input: ParseStream<'_>, name: &str) -> syn::Result<LitInt> {
    let written: Ident = input.parse()?;
    if written != name {
        return Err(syn::Error::new_spanned(written, "expected `pub struct CacheRegistry { ... }`"));
    }
    input.parse::<Token![=]>()?;
    let number = input.parse()?;
    input.parse::<Token![;]>()?;
    Ok(number)
}

fn line(input: ParseStream<'_>) -> syn::Result<Line> {
    let all = input.call(Attribute::parse_outer)?;
    let docs = all.iter().filter_map(doc_text).collect();
    let attributes = all.into_iter().filter(|attribute| !attribute.path().is_ident("doc")).collect();
    let path = input.parse()?;
    let name = if input.peek(Token![as]) {
        input.parse::<Token![as]>()?;
        Some(input.parse()?)
    } else {
        None
    };
    if !input.is_empty() {
        return Err(input.error("expected `,` between two queries"));
    }
    Ok(Line { attributes, docs, path, name })
}

/// The text of a doc comment; other attributes have none.
fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &meta.value else { return None };
    let Lit::Str(text) = &literal.lit else { return None };
    meta.path.is_ident("doc").then(|| text.value())
}
