//! What a derive with mistakes emits along with its errors: impls that let the rest of the program compile, so that one
//! mistake gives one error.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Generics, parse_quote};

use super::parse::Record;
use crate::errors::Errors;

/// The errors, and impls that need as little as possible. Their methods never run, since the program does not compile.
pub(super) fn resource(record: &Record<'_>, errors: &Errors) -> TokenStream {
    let documents = record.options.documents();
    let ident = &record.input.ident;
    let type_name = record.options.type_name.as_ref().map_or_else(String::new, |name| name.value.value());
    let generics = with_bounds(&record.input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    // The key of a type with parameters cannot name all of its records.
    let key = record.options.key.as_ref().filter(|_| record.input.generics.params.is_empty());
    let key_impl = key.map(|key| key_impl(key.value.to_token_stream(), &documents));
    let saved_impl = record.options.persist.as_ref().map(|_| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #documents::SavedResource for #ident #ty_generics #where_clause {
                const SAVED_FIELDS: &'static [#documents::__private::SavedField] = &[];
            }
        }
    });
    let (key, errors) = match key {
        Some(key) => (key.value.to_token_stream(), errors.to_compile_errors()),
        // The key is unknown, so no error should say that another one was expected.
        None => errors.to_type(),
    };
    quote! {
        #errors

        #[allow(unused_lifetimes, unused_qualifications)]
        #[automatically_derived]
        impl #impl_generics #documents::Resource for #ident #ty_generics #where_clause {
            type Key = #key;
            const TYPE: &'static ::core::primitive::str = #type_name;
            const FIELDS: &'static [&'static ::core::primitive::str] = &[];

            fn absent() -> Self {
                ::core::unreachable!()
            }

            fn field(&self, _: ::core::primitive::usize) -> &dyn #documents::__private::AnyField {
                ::core::unreachable!()
            }

            fn field_mut(&mut self, _: ::core::primitive::usize) -> &mut dyn #documents::__private::AnyField {
                ::core::unreachable!()
            }
        }

        #key_impl
        #saved_impl
    }
}

fn key_impl(key: TokenStream, documents: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unused_qualifications)]
        #[automatically_derived]
        impl #documents::ResourceKey for #key {
            fn from_id(_: #documents::Id) -> Self {
                ::core::unreachable!()
            }

            fn id(&self) -> &#documents::Id {
                ::core::unreachable!()
            }
        }
    }
}

/// Everything that `Resource` needs, as bounds, so that the impl itself compiles whatever the type lacks.
fn with_bounds(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    let lifetimes: Vec<_> = generics.lifetimes().map(|parameter| parameter.lifetime.clone()).collect();
    let bounds = &mut generics.make_where_clause().predicates;
    for lifetime in lifetimes {
        bounds.push(parse_quote!(#lifetime: 'static));
    }
    bounds.push(parse_quote! {
        for<'workaround> Self: ::core::clone::Clone + ::core::cmp::PartialEq + ::core::marker::Send
            + ::core::marker::Sync + 'static
    });
    generics
}
