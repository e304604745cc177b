//! `#[query(borrowed)]`: a second struct that holds a key by references, so that a lookup does not allocate.
//!
//! Owned text and lists are held as what they dereference to, primitives by value, everything else by reference. All of
//! these hash and compare like the owned values, and the fields keep their order, so the derived `Hash` and `Eq` of
//! both structs agree.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{
    Attribute, Data, DeriveInput, Field, Fields, GenericArgument, GenericParam, Generics, PathArguments,
    Type, TypePath, parse_quote,
};

use super::bounds::assumed;
use super::options::QueryOptions;
use crate::errors::Errors;

/// How a field is held in the borrowed struct.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// As `&Target`, from which the owned field is made by `From`.
    Text { target: String },
    /// As `&[Item]`.
    List,
    /// As `&str`. `Cow` is made from an owned text, since it may borrow only `'static` data.
    Cow,
    /// As an `Option` of `&Target`.
    OptionalText { target: String },
    /// By value.
    Primitive,
    /// By reference to the whole field.
    Other,
}

/// Adds a mistake if there is nothing to borrow.
pub(crate) fn check(input: &DeriveInput, options: &QueryOptions, errors: &mut Errors) {
    let Some(borrowed) = &options.borrowed else { return };
    match &input.data {
        Data::Struct(data) if data.fields.iter().any(|field| is_worthwhile(&form(&field.ty))) => {}
        Data::Struct(_) => errors.push(
            &borrowed.name,
            "`borrowed` is for fields that own text or lists (`String`, `Vec<T>`, `Box<str>`, `Arc<str>`, `PathBuf`, ...), and this query has no such field: leave it out, lookups already allocate nothing",
        ),
        _ => errors.push(&borrowed.name, "`borrowed` is for structs only: leave it out, or make the key a struct"),
    }
}

fn is_worthwhile(form: &Form) -> bool {
    !matches!(form, Form::Primitive | Form::Other)
}

/// The borrowed struct and its impls.
pub(crate) fn expand(input: &DeriveInput, options: &QueryOptions) -> Option<TokenStream> {
    options.borrowed.as_ref()?;
    let Data::Struct(data) = &input.data else { return None };
    let fields: Vec<Borrowed<'_>> = data.fields.iter().enumerate().map(Borrowed::of).collect();
    let structure = structure(input, &data.fields, &fields);
    let from = from_impl(input, &fields);
    let lookup = lookup_impl(input, options, &fields);
    Some(quote!(#structure #from #lookup))
}

/// Name of the borrowed struct.
fn name(input: &DeriveInput) -> Ident {
    format_ident!("{}Ref", input.ident, span = input.ident.span())
}

/// One field of the query and how it is borrowed.
struct Borrowed<'a> {
    field: &'a Field,
    /// Name or number, as in `key.name` and `key.0`.
    member: TokenStream,
    form: Form,
}

impl<'a> Borrowed<'a> {
    fn of((at, field): (usize, &'a Field)) -> Self {
        let member = match &field.ident {
            Some(name) => name.to_token_stream(),
            None => syn::Index::from(at).to_token_stream(),
        };
        Self { field, member, form: form(&field.ty) }
    }

    /// Type of the field in the borrowed struct.
    fn ty(&self) -> TokenStream {
        let ty = &self.field.ty;
        match &self.form {
            Form::Text { target } => {
                let target = target_path(target);
                quote!(&'a #target)
            }
            Form::List => {
                let item = item(ty);
                quote!(&'a [#item])
            }
            Form::Cow => quote!(&'a ::core::primitive::str),
            Form::OptionalText { target } => {
                let target = target_path(target);
                quote!(::core::option::Option<&'a #target>)
            }
            Form::Primitive => quote!(#ty),
            Form::Other => quote!(&'a #ty),
        }
    }

    /// The field borrowed from `key`.
    fn borrow(&self) -> TokenStream {
        let member = &self.member;
        match self.form {
            Form::OptionalText { .. } => quote!(::core::option::Option::as_deref(&key.#member)),
            Form::Primitive => quote!(key.#member),
            _ => quote!(&key.#member),
        }
    }

    /// The owned field made from `self`.
    fn own(&self) -> TokenStream {
        let member = &self.member;
        let from = quote!(::core::convert::From::from);
        match self.form {
            Form::Text { .. } | Form::List => quote!(#from(self.#member)),
            Form::Cow => quote!(#from(::std::borrow::ToOwned::to_owned(self.#member))),
            Form::OptionalText { .. } => quote!(::core::option::Option::map(self.#member, #from)),
            Form::Primitive => quote!(self.#member),
            Form::Other => quote!(::core::clone::Clone::clone(self.#member)),
        }
    }

    /// Bounds that `own` and the comparison need on types with parameters.
    fn bound(&self) -> Option<Type> {
        match self.form {
            Form::List => item(&self.field.ty).cloned(),
            Form::Other => Some(self.field.ty.clone()),
            _ => None,
        }
    }

    /// The field's own documentation, or a line that links to it.
    fn docs(&self, query: &Ident) -> TokenStream {
        let mut docs = self.field.attrs.iter().filter(|attribute| is_doc(attribute)).peekable();
        if docs.peek().is_some() {
            return quote!(#(#docs)*);
        }
        let text = format!("As in [`{query}`].");
        quote!(#[doc = #text])
    }
}

fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

fn structure(input: &DeriveInput, all: &Fields, fields: &[Borrowed<'_>]) -> TokenStream {
    let DeriveInput { vis, ident: query, .. } = input;
    let name = name(input);
    let generics = with_lifetime(&input.generics);
    let where_clause = &input.generics.where_clause;
    let text = format!("Borrowed form of [`{query}`]: looks it up without an allocation.");
    let definitions = fields.iter().map(|field| {
        let (docs, ty, vis) = (field.docs(query), field.ty(), &field.field.vis);
        let name = field.field.ident.iter();
        quote!(#docs #vis #(#name:)* #ty)
    });
    let body = match all {
        Fields::Named(_) => quote!(#where_clause { #(#definitions,)* }),
        _ => quote!((#(#definitions,)*) #where_clause;),
    };
    quote! {
        #[doc = #text]
        #[derive(
            ::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug,
            ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash,
        )]
        #vis struct #name #generics #body
    }
}

/// `impl From<&GetPost> for GetPostRef`.
fn from_impl(input: &DeriveInput, fields: &[Borrowed<'_>]) -> TokenStream {
    let query = &input.ident;
    let name = name(input);
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let generics = with_lifetime(&input.generics);
    let (impl_generics, ref_generics, where_clause) = generics.split_for_impl();
    let members = fields.iter().map(|field| &field.member);
    let values = fields.iter().map(Borrowed::borrow);
    quote! {
        #[allow(unused_qualifications)]
        #[automatically_derived]
        impl #impl_generics ::core::convert::From<&'a #query #ty_generics> for #name #ref_generics #where_clause {
            #[inline]
            fn from(key: &'a #query #ty_generics) -> Self {
                Self { #(#members: #values,)* }
            }
        }
    }
}

fn lookup_impl(input: &DeriveInput, options: &QueryOptions, fields: &[Borrowed<'_>]) -> TokenStream {
    let core = options.core();
    let query = &input.ident;
    let name = name(input);
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let mut generics = with_lifetime(&input.generics);
    if !input.generics.params.is_empty() {
        bound_lookup(&mut generics, fields);
    }
    let predicates = &mut generics.make_where_clause().predicates;
    predicates.push(assumed(quote!(#query #ty_generics), &core));
    let (impl_generics, ref_generics, where_clause) = generics.split_for_impl();
    let members = fields.iter().map(|field| &field.member);
    let values = fields.iter().map(Borrowed::own);
    quote! {
        #[allow(unused_lifetimes, unused_qualifications)]
        #[automatically_derived]
        impl #impl_generics #core::Lookup for #name #ref_generics #where_clause {
            type Query = #query #ty_generics;

            #[inline]
            fn is_key(&self, key: &Self::Query) -> ::core::primitive::bool {
                *self == #name::from(key)
            }

            fn to_key(&self) -> Self::Query {
                #query { #(#members: #values,)* }
            }
        }
    }
}

/// Bounds that the methods of `Lookup` need for a query with parameters.
fn bound_lookup(generics: &mut Generics, fields: &[Borrowed<'_>]) {
    let types: Vec<Ident> = generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    let bounds = &mut generics.make_where_clause().predicates;
    for ty in types {
        bounds.push(parse_quote!(#ty: ::core::cmp::PartialEq + ::core::hash::Hash));
    }
    for ty in fields.iter().filter_map(Borrowed::bound) {
        bounds.push(parse_quote!(#ty: ::core::clone::Clone));
    }
}

/// The generics with `'a` in front.
fn with_lifetime(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    generics.params.insert(0, GenericParam::Lifetime(parse_quote!('a)));
    generics.lt_token.get_or_insert_default();
    generics.gt_token.get_or_insert_default();
    generics
}

/// Types that are copied instead of borrowed.
const PRIMITIVES: [&str; 14] =
    ["bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];

/// Owned text types by name, each with its borrowed type.
const TEXTS: [(&str, &str); 4] =
    [("String", "str"), ("PathBuf", "Path"), ("OsString", "OsStr"), ("CString", "CStr")];

/// How a field of type `ty` is borrowed. The names in the type decide, since a macro sees no more.
fn form(ty: &Type) -> Form {
    let Some(name) = last_name(ty) else { return Form::Other };
    if let Some((_, target)) = TEXTS.iter().find(|(text, _)| *text == name) {
        return Form::Text { target: (*target).to_owned() };
    }
    match (name.as_str(), argument(ty)) {
        ("Vec", Some(_)) => Form::List,
        ("Box" | "Arc", Some(inner)) => pointer(inner),
        ("Cow", Some(inner)) if last_name(inner).as_deref() == Some("str") => Form::Cow,
        ("Option", Some(inner)) => match form(inner) {
            Form::Text { target } => Form::OptionalText { target },
            _ => Form::Other,
        },
        (name, None) if PRIMITIVES.contains(&name) => Form::Primitive,
        _ => Form::Other,
    }
}

/// `Box<str>`, `Arc<[T]>`, `Box<Path>`, and boxes of anything else.
fn pointer(inner: &Type) -> Form {
    match (inner, last_name(inner)) {
        (Type::Slice(_), _) => Form::List,
        (_, Some(target)) if target == "str" || TEXTS.iter().any(|(_, text)| *text == target) => {
            Form::Text { target }
        }
        _ => Form::Other,
    }
}

fn target_path(target: &str) -> TokenStream {
    match target {
        "Path" => quote!(::std::path::Path),
        "OsStr" => quote!(::std::ffi::OsStr),
        "CStr" => quote!(::std::ffi::CStr),
        _ => quote!(::core::primitive::str),
    }
}

/// Name of the type without path and arguments.
fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(TypePath { qself: None, path, .. }) => Some(path.segments.last()?.ident.to_string()),
        Type::Group(group) => last_name(&group.elem),
        _ => None,
    }
}

/// Type of the items of `Vec<T>` and `Box<[T]>`.
fn item(ty: &Type) -> Option<&Type> {
    match argument(ty)? {
        Type::Slice(slice) => Some(&slice.elem),
        item => Some(item),
    }
}

/// The one type argument.
fn argument(ty: &Type) -> Option<&Type> {
    let ty = match ty {
        Type::Group(group) => &group.elem,
        other => other,
    };
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    let (first, None) = (types.next()?, types.next()) else { return None };
    Some(first)
}

#[cfg(test)]
mod tests;
