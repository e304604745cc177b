//! What a generic type asks of its parameters.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{GenericParam, Generics, Type, WherePredicate, parse_quote};

/// The generics of the implementation: everything outlives the walk, and parameters that are reached have a shape.
///
/// A parameter that stands only inside `PhantomData`, or in an opaque or skipped field, is asked for nothing more.
pub(super) fn extend(generics: &Generics, parts: &[Type], krate: &impl ToTokens) -> Generics {
    let mut predicates: Vec<WherePredicate> = Vec::new();
    for parameter in &generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => {
                let lifetime = &lifetime.lifetime;
                predicates.push(parse_quote!(#lifetime: 'static));
            }
            GenericParam::Type(parameter) => {
                let ident = &parameter.ident;
                predicates.push(parse_quote!(#ident: 'static));
                predicates.extend(shaped(ident, parts, krate));
            }
            GenericParam::Const(_) => {}
        }
    }
    let mut generics = generics.clone();
    generics.make_where_clause().predicates.extend(predicates);
    generics
}

/// The types made of `parameter` that must have a shape: itself, or its associated types.
fn shaped(parameter: &Ident, parts: &[Type], krate: &impl ToTokens) -> Vec<WherePredicate> {
    let mut found: Vec<TokenStream> = Vec::new();
    for part in parts.iter().filter(|part| !is_marker(part)) {
        let mut in_part = Vec::new();
        match qualified(part) {
            Some(part) if mentions(part.to_token_stream(), parameter) => in_part.push(part.to_token_stream()),
            _ => collect(part.to_token_stream(), parameter, &mut in_part),
        }
        in_part.retain(|one| found.iter().all(|other| other.to_string() != one.to_string()));
        found.extend(in_part);
    }
    found.into_iter().map(|shaped| parse_quote!(#shaped: #krate::Shape)).collect()
}

/// `PhantomData`, of whatever: nothing of it is saved.
fn is_marker(part: &Type) -> bool {
    match part {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"),
        Type::Group(group) => is_marker(&group.elem),
        Type::Paren(paren) => is_marker(&paren.elem),
        _ => false,
    }
}

/// `<T as Trait>::Item`.
fn qualified(part: &Type) -> Option<&Type> {
    match part {
        Type::Path(path) if path.qself.is_some() => Some(part),
        Type::Group(group) => qualified(&group.elem),
        Type::Paren(paren) => qualified(&paren.elem),
        _ => None,
    }
}

fn mentions(tokens: TokenStream, parameter: &Ident) -> bool {
    let mut found = Vec::new();
    collect(tokens, parameter, &mut found);
    !found.is_empty()
}

/// Collects each use of `parameter`, as `T` or as `T::Item`.
fn collect(tokens: TokenStream, parameter: &Ident, found: &mut Vec<TokenStream>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), parameter, found),
            TokenTree::Ident(ident) if ident == parameter && !is_later_segment(&tokens[..at]) => {
                found.push(projection(&tokens[at..]));
            }
            _ => {}
        }
    }
}

/// Whether what follows `before` belongs to a path begun in it, as the second `T` in `T::T`.
fn is_later_segment(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Punct(first), TokenTree::Punct(second)]
        if first.as_char() == ':' && second.as_char() == ':')
}

/// The path at the start of `tokens`: a name and all `::name` after it.
fn projection(tokens: &[TokenTree]) -> TokenStream {
    let mut length = 1;
    while let [TokenTree::Punct(first), TokenTree::Punct(second), TokenTree::Ident(_), ..] = &tokens[length..]
    {
        if first.as_char() != ':' || second.as_char() != ':' {
            break;
        }
        length += 3;
    }
    let path = &tokens[..length];
    quote!(#(#path)*)
}
