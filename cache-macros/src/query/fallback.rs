//! What a derive with mistakes emits along with its errors: an impl that lets the rest of the program compile, so that
//! one mistake gives one error.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, Generics, parse_quote};

use super::expand::{table_name, writable};
use super::options::QueryOptions;
use crate::errors::Errors;

/// The errors, and an impl of `Query` that needs as little as possible. The query passes both for one that the program
/// writes and for one of records.
pub(crate) fn query(input: &DeriveInput, options: &QueryOptions, errors: &Errors) -> TokenStream {
    let core = options.core();
    let name = &input.ident;
    let table_name = table_name(input, options);
    let writable = writable(input, &core);
    let generics = with_bounds(&input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (value, errors) = match &options.value {
        Some(value) => (value.value.to_token_stream(), errors.to_compile_errors()),
        // The type of the answer is unknown, so no error should say that another one was expected.
        None => errors.to_type(),
    };
    quote! {
        #errors

        #[allow(unused_lifetimes, unused_qualifications)]
        #[automatically_derived]
        impl #impl_generics #core::Query for #name #ty_generics #where_clause {
            type Value = #value;
            const NAME: &'static ::core::primitive::str = #table_name;
            const IS_RECORD: ::core::primitive::bool = true;
        }

        #writable
    }
}

/// Everything that `Query` needs, as bounds, so that the impl itself compiles whatever the type lacks.
fn with_bounds(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    let lifetimes: Vec<_> = generics.lifetimes().map(|parameter| parameter.lifetime.clone()).collect();
    let bounds = &mut generics.make_where_clause().predicates;
    for lifetime in lifetimes {
        bounds.push(parse_quote!(#lifetime: 'static));
    }
    bounds.push(parse_quote! {
        for<'workaround> Self: ::core::clone::Clone + ::core::cmp::Eq + ::core::hash::Hash + ::core::fmt::Debug
            + ::core::marker::Send + ::core::marker::Sync + 'static
    });
    generics
}
