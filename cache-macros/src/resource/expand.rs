//! The impls of `Resource` and `ResourceKey`, from a valid item and valid options.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::parse::{Record, RecordField};
use crate::query::assumed;
use crate::text;

/// The impls of `Resource` and `ResourceKey`.
pub(super) fn resource(record: &Record<'_>) -> TokenStream {
    let documents = record.options.documents();
    let ident = &record.input.ident;
    // Checked before: a record without a name or a key is never expanded.
    let type_name = record.options.type_name.as_ref().map(|name| &name.value);
    let key = record.options.key.as_ref().map(|key| &key.value);
    let names = record.fields.iter().map(|field| &field.name);
    let absent = record.fields.iter().map(|field| absent(field, &documents));
    let field = arms(record, &documents, &quote!(as_field), &quote!(&));
    let field_mut = arms(record, &documents, &quote!(as_field_mut), &quote!(&mut));
    let key_impls = key.map(|key| key_impls(key, &documents));
    let saved_impl = record.options.persist.as_ref().map(|_| saved_impl(record, &documents));
    quote! {
        #[allow(deprecated, unused_qualifications)]
        #[automatically_derived]
        impl #documents::Resource for #ident {
            type Key = #key;
            const TYPE: &'static ::core::primitive::str = #type_name;
            const FIELDS: &'static [&'static ::core::primitive::str] = &[#(#names),*];

            fn absent() -> Self {
                Self { #(#absent)* }
            }

            fn field(&self, number: ::core::primitive::usize) -> &dyn #documents::__private::AnyField {
                #field
            }

            fn field_mut(
                &mut self,
                number: ::core::primitive::usize,
            ) -> &mut dyn #documents::__private::AnyField {
                #field_mut
            }
        }

        #key_impls
        #saved_impl
    }
}

/// How each field is saved. A type that cannot be saved is reported at the field.
fn saved_impl(record: &Record<'_>, documents: &TokenStream) -> TokenStream {
    let ident = &record.input.ident;
    let fields = record.fields.iter().map(|field| {
        let ty = field.ty;
        quote_spanned! {ty.span().resolved_at(Span::call_site())=>
            #documents::__private::SavedField::of::<#ty>()
        }
    });
    quote! {
        #[allow(deprecated, unused_qualifications)]
        #[automatically_derived]
        impl #documents::SavedResource for #ident {
            const SAVED_FIELDS: &'static [#documents::__private::SavedField] = &[#(#fields),*];
        }
    }
}

/// The key as the name of a record, and a check that its table holds records.
fn key_impls(key: &Type, documents: &TokenStream) -> TokenStream {
    let is_record = is_record(key, documents);
    let span = key.span().resolved_at(Span::call_site());
    let from_id = quote_spanned!(span=> Self { 0: id });
    let id = quote_spanned!(span=> &self.0);
    let is_query = assumed(key.to_token_stream(), &quote!(#documents::__private));
    quote! {
        #[allow(deprecated, unused_qualifications)]
        #[automatically_derived]
        impl #documents::ResourceKey for #key where #is_query {
            fn from_id(id: #documents::Id) -> Self {
                #from_id
            }

            fn id(&self) -> &#documents::Id {
                #id
            }
        }

        #is_record
    }
}

/// A key that is no query counts as one of records, since the compiler reports it anyway.
fn is_record(key: &Type, documents: &TokenStream) -> TokenStream {
    let name = text::short(key.to_token_stream());
    let message = format!("the table of `{name}` does not hold records: add `record` to its `#[query(...)]`");
    quote_spanned! {key.span().resolved_at(Span::call_site())=>
        const _: () = {
            #[allow(unused_imports)]
            use #documents::__private::NoQuery as _;
            ::core::assert!(#documents::__private::TableOf::<#key>::IS_RECORD, #message);
        };
    }
}

/// Type errors of a field point at its type. All parts name the trait in the same words, so that the compiler reports
/// one of them.
fn absent(field: &RecordField<'_>, documents: &TokenStream) -> TokenStream {
    let (ident, ty) = (field.ident, field.ty);
    quote_spanned! {ty.span().resolved_at(Span::call_site())=>
        #ident: <#ty as #documents::__private::AnyField>::absent(),
    }
}

/// Selects a field by its number. The last arm covers the remaining numbers, so that nothing panics.
fn arms(record: &Record<'_>, documents: &TokenStream, method: &TokenStream, by: &TokenStream) -> TokenStream {
    let Some(last) = record.fields.len().checked_sub(1) else {
        return quote! {
            let _ = number;
            #documents::__private::no_field()
        };
    };
    let arms = record.fields.iter().enumerate().map(|(number, field)| {
        let (ident, ty) = (field.ident, field.ty);
        let literal = Literal::usize_unsuffixed(number);
        let pattern = if number == last { quote!(_) } else { quote!(#literal) };
        quote_spanned! {ty.span().resolved_at(Span::call_site())=>
            #pattern => <#ty as #documents::__private::AnyField>::#method(#by self.#ident),
        }
    });
    quote!(match number { #(#arms)* })
}
