//! The registry struct and its impls, from a valid listing.
//!
//! Everything written for a line has the span of that line. The compiler reports a wrong path, or a type that is not a
//! query, there and not at the macro's name.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, PathArguments, TypePath};

use super::fields;
use super::parse::{Line, Listing};
use crate::span::located;
use crate::text;

/// A line with everything that its expansion needs.
struct TableField<'a> {
    line: &'a Line,
    /// Repeated on everything written for the line.
    cfgs: Vec<&'a Attribute>,
    name: Ident,
    path: &'a TypePath,
    /// Expression that gives the table's name.
    table_name: TokenStream,
    /// The path as text.
    query: String,
    /// The span of the line.
    span: Span,
    /// Path of `cache_core`, with the span of the line.
    core: TokenStream,
}

/// The struct, its impls and its checks.
pub(crate) fn registry(listing: &Listing) -> TokenStream {
    let names = fields::names(listing.lines.iter().map(|line| &line.path));
    let fields: Vec<TableField<'_>> =
        listing.lines.iter().zip(&names).map(|(line, name)| field(&listing.core, line, name)).collect();
    let structure = structure(listing, &fields);
    let inherent = inherent_impl(listing, &fields);
    let registry = registry_impl(listing, &fields);
    let lines = fields.iter().map(|field| listed_impl(listing, field));
    let dynamic = dynamic_impl(listing);
    let names = check_names(listing, &fields);
    let cfgs = listing.cfgs();
    quote! {
        #structure

        #(#cfgs)*
        #[allow(deprecated, unused_qualifications)]
        const _: () = {
            #inherent
            #registry
            #(#lines)*
            #dynamic
            #names
        };
    }
}

fn field<'a>(core: &TokenStream, line: &'a Line, name: &str) -> TableField<'a> {
    let path = &line.path;
    let at = path.path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
    let span = Span::call_site().located_at(at);
    let core = located(core.clone(), at);
    TableField {
        line,
        cfgs: line.cfgs().collect(),
        name: field_name(name, span),
        path,
        table_name: table_name(&core, line, span),
        query: text::full(path.to_token_stream()),
        span,
        core,
    }
}

/// An identifier of that name, raw if it is a keyword.
fn field_name(name: &str, span: Span) -> Ident {
    match name {
        "crate" | "self" | "super" | "_" => Ident::new(&format!("{name}_"), span),
        _ if syn::parse_str::<Ident>(name).is_ok() => Ident::new(name, span),
        _ => Ident::new_raw(name, span),
    }
}

/// `as "..."`, else the query's own name, for a generic instance with its arguments.
fn table_name(core: &TokenStream, line: &Line, span: Span) -> TokenStream {
    if let Some(name) = &line.name {
        return name.to_token_stream();
    }
    let path = &line.path;
    let own = quote_spanned!(span=> #core::__private::name::<#path>());
    match arguments(path) {
        Some(arguments) => quote_spanned!(span=> #core::__private::instance_name!(#own, #arguments)),
        None => own,
    }
}

/// The generic arguments as text: `<User>`.
fn arguments(path: &TypePath) -> Option<String> {
    match &path.path.segments.last()?.arguments {
        PathArguments::None => None,
        arguments => Some(text::short(arguments.to_token_stream())),
    }
}

fn structure(listing: &Listing, fields: &[TableField<'_>]) -> TokenStream {
    let Listing { core, attributes, visibility, name, .. } = listing;
    let docs = (!attributes.iter().any(is_doc)).then(|| quote!(#[doc = "One table per query."]));
    let fields = fields.iter().map(|TableField { line, name, path, query, span, core, .. }| {
        let attributes = &line.attributes;
        let docs = (!attributes.iter().any(is_doc)).then(|| {
            let docs = format!("Answers of `{query}`.");
            quote!(#[doc = #docs])
        });
        quote_spanned!(*span=> #docs #(#attributes)* pub #name: ::std::boxed::Box<#core::__private::Table<#path>>,)
    });
    quote! {
        #docs
        #(#attributes)*
        #[allow(deprecated, private_interfaces, unused_qualifications)]
        #visibility struct #name {
            #(#fields)*
            #[doc(hidden)]
            pub __dynamic: ::std::boxed::Box<#core::__private::Table<#core::Dynamic>>,
        }
    }
}

fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc")
}

/// The methods that users call without the trait in scope, and a `Debug` that prints no table.
fn inherent_impl(listing: &Listing, fields: &[TableField<'_>]) -> TokenStream {
    let descriptions = fields.iter().map(description);
    let Listing { core, name, .. } = listing;
    let text = name.to_string();
    quote! {
        #[allow(dead_code, unused_mut)]
        impl #name {
            /// What each query says of itself, in the order of the listing.
            #[doc(hidden)]
            #[must_use]
            pub fn describe() -> ::std::vec::Vec<#core::__private::TableDescription> {
                let mut descriptions = ::std::vec::Vec::new();
                #(#descriptions)*
                descriptions
            }
        }

        #[automatically_derived]
        impl ::core::fmt::Debug for #name {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter.debug_struct(#text).finish_non_exhaustive()
            }
        }
    }
}

fn registry_impl(listing: &Listing, fields: &[TableField<'_>]) -> TokenStream {
    let Listing { core, name, .. } = listing;
    let tables = fields.iter().map(|TableField { cfgs, name, table_name, span, .. }| {
        quote_spanned!(*span=> #(#cfgs)* #name: assembly.table(#table_name),)
    });
    let visits = fields.iter().map(
        |TableField { cfgs, name, span, core, .. }| quote_spanned!(*span=> #(#cfgs)* visitor(#core::__private::AnyTable::of(&*self.#name));),
    );
    quote! {
        #[automatically_derived]
        impl #core::Registry for #name {
            fn assemble(assembly: &mut #core::__private::Assembly<'_>) -> Self {
                Self { #(#tables)* __dynamic: assembly.dynamic() }
            }

            fn visit<'a>(&'a self, visitor: &mut dyn ::core::ops::FnMut(#core::__private::AnyTable<'a>)) {
                #(#visits)*
                visitor(#core::__private::AnyTable::of(&*self.__dynamic));
            }

            fn describe() -> ::std::vec::Vec<#core::__private::TableDescription> {
                // The inherent one.
                Self::describe()
            }
        }
    }
}

fn description(field: &TableField<'_>) -> TokenStream {
    let TableField { line, cfgs, path, table_name, query, span, core, .. } = field;
    let docs = line.docs().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n");
    let docs = docs.trim();
    quote_spanned! {*span=>
        #(#cfgs)*
        #core::__private::TableDescription::add::<#path>(&mut descriptions, #table_name, #query, #docs);
    }
}

fn listed_impl(listing: &Listing, field: &TableField<'_>) -> TokenStream {
    let registry = &listing.name;
    let TableField { cfgs, name, path, span, core, .. } = field;
    quote_spanned! {*span=>
        #(#cfgs)*
        #[automatically_derived]
        impl #core::__private::ListedIn<#registry> for #path {
            #[inline]
            fn table(registry: &#registry) -> &#core::__private::Table<Self> {
                &registry.#name
            }
        }
    }
}

fn dynamic_impl(listing: &Listing) -> TokenStream {
    let Listing { core, name, .. } = listing;
    quote! {
        #[automatically_derived]
        impl #core::__private::ListedIn<#name> for #core::Dynamic {
            #[inline]
            fn table(registry: &#name) -> &#core::__private::Table<Self> {
                &registry.__dynamic
            }
        }
    }
}

/// Statements that fail to evaluate if two tables have the same name; the error is at the second of them.
fn check_names(listing: &Listing, fields: &[TableField<'_>]) -> TokenStream {
    let core = &listing.core;
    let slots = (2 * fields.len() + 2).next_power_of_two();
    let listed = fields.iter().enumerate().map(|(line, field)| {
        let TableField { cfgs, table_name, query, span, core, .. } = field;
        quote_spanned!(*span=> #(#cfgs)* #core::__private::names::Listed { line: #line, name: #table_name, query: #query },)
    });
    let refusals = fields.iter().enumerate().map(
        |(line, TableField { cfgs, span, .. })| quote_spanned!(*span=> #(#cfgs)* #line => clash.refuse(),),
    );
    quote! {
        const LINES: &[#core::__private::names::Listed] = &[#core::__private::names::DYNAMIC, #(#listed)*];
        if let ::core::option::Option::Some(clash) = #core::__private::names::clash::<#slots>(LINES) {
            match clash.second.line {
                #(#refusals)*
                _ => clash.refuse(),
            }
        }
    }
}
