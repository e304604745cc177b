//! What a derive with mistakes emits beside its errors: an impl that lets the rest of the program compile, so that
//! one mistake gives one error.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use super::expand::table_name;
use super::options::Options;
use crate::errors::Errors;

/// The errors and an impl of `Query` that asks for nothing.
pub(crate) fn query(input: &DeriveInput, options: &Options, errors: &Errors) -> TokenStream {
    let core = options.core();
    let name = &input.ident;
    let errors = errors.to_compile_errors();
    let table_name = table_name(input, options);
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    let value = match &options.value {
        Some(value) => {
            let value = &value.value;
            quote!(#value)
        }
        None => quote!(()),
    };
    quote! {
        #errors

        #[allow(unused_qualifications)]
        #[automatically_derived]
        impl #impl_generics #core::Query for #name #ty_generics #where_clause {
            type Value = #value;
            const NAME: &'static ::core::primitive::str = #table_name;
        }
    }
}
