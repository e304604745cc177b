//! Bounds on the parameters of a generic type.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{
    GenericArgument, GenericParam, Generics, PathArguments, PathSegment, Type, TypePath, WherePredicate,
    parse_quote,
};

/// The generics of the implementation: all parameters are `'static`, and those that are reached have a shape.
///
/// A parameter that stands only inside `PhantomData`, or in an opaque or skipped field, needs nothing more.
pub(super) fn extend(generics: &Generics, parts: &[Type], krate: &impl ToTokens) -> Generics {
    let parameters: Vec<&Ident> = generics.type_params().map(|parameter| &parameter.ident).collect();
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
            }
            GenericParam::Const(_) => {}
        }
    }
    let shaped = shaped(parts, &parameters);
    predicates.extend(shaped.into_iter().map(|shaped| parse_quote!(#shaped: #krate::Shape)));
    let mut generics = generics.clone();
    generics.make_where_clause().predicates.extend(predicates);
    generics
}

/// The types that need a shape so that all `parts` have one, each once: parameters and their associated types.
fn shaped<'a>(parts: &'a [Type], parameters: &[&Ident]) -> Vec<&'a TypePath> {
    let mut found = Vec::new();
    for part in parts {
        collect(part, parameters, &mut found);
    }
    let text = |path: &TypePath| path.to_token_stream().to_string();
    let mut seen = Vec::new();
    found.retain(|path| {
        let text = text(path);
        let is_new = !seen.contains(&text);
        seen.push(text);
        is_new
    });
    found
}

/// Collects each use of a parameter: `T`, `T::Item` or `<T as Trait>::Item`.
///
/// Skips types that serde cannot save (functions, pointers, trait objects): they get an error of their own.
fn collect<'a>(part: &'a Type, parameters: &[&Ident], found: &mut Vec<&'a TypePath>) {
    match part {
        Type::Path(path) => collect_path(path, parameters, found),
        Type::Array(array) => collect(&array.elem, parameters, found),
        Type::Slice(slice) => collect(&slice.elem, parameters, found),
        Type::Reference(reference) => collect(&reference.elem, parameters, found),
        Type::Group(group) => collect(&group.elem, parameters, found),
        Type::Paren(paren) => collect(&paren.elem, parameters, found),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| collect(elem, parameters, found)),
        _ => {}
    }
}

fn collect_path<'a>(path: &'a TypePath, parameters: &[&Ident], found: &mut Vec<&'a TypePath>) {
    if let Some(qself) = &path.qself {
        let mut inside = Vec::new();
        collect(&qself.ty, parameters, &mut inside);
        found.extend((!inside.is_empty()).then_some(path));
        return;
    }
    if path.path.segments.first().is_some_and(|first| parameters.contains(&&first.ident)) {
        found.push(path);
        return;
    }
    if let Some(last) = path.path.segments.last().filter(|last| last.ident != "PhantomData") {
        arguments(last).for_each(|argument| collect(argument, parameters, found));
    }
}

/// The types in the angle brackets of `segment`.
fn arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    })
}
