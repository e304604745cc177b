//! The registry struct and its impls, from a listing.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, PathArguments, TypePath};

use super::fields;
use super::parse::{Line, Listing};

/// A line with all that expansion needs of it.
struct Field<'a> {
    attributes: &'a [Attribute],
    name: Ident,
    path: &'a TypePath,
    /// Expression of the table's name.
    table_name: TokenStream,
    /// Doc comment of the query; may be empty.
    docs: String,
}

/// The struct, its impls and its checks.
pub(crate) fn registry(listing: &Listing) -> TokenStream {
    let names = fields::names(listing.lines.iter().map(|line| &line.path));
    let fields: Vec<Field<'_>> =
        listing.lines.iter().zip(&names).map(|(line, name)| field(&listing.core, line, name)).collect();
    let structure = structure(listing, &fields);
    let registry = registry_impl(listing, &fields);
    let holds = fields.iter().map(|field| holds_impl(listing, field));
    let dynamic = holds_dynamic(listing);
    quote!(#structure #registry #(#holds)* #dynamic)
}

fn field<'a>(core: &TokenStream, line: &'a Line, name: &str) -> Field<'a> {
    let name = Ident::new(name, Span::call_site());
    let docs = line.docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n").trim().to_owned();
    Field { attributes: &line.attributes, name, path: &line.path, table_name: table_name(core, line), docs }
}

/// `as "..."`, else the query's own name, for a generic instance with its arguments.
fn table_name(core: &TokenStream, line: &Line) -> TokenStream {
    let path = &line.path;
    if let Some(name) = &line.name {
        return quote!(#name);
    }
    let own = quote_spanned!(path.span()=> <#path as #core::Query>::NAME);
    match arguments(path) {
        Some(arguments) => quote!(#core::__private::instance_name!(#own, #arguments)),
        None => own,
    }
}

/// The generic arguments as text: `<User>`.
fn arguments(path: &TypePath) -> Option<String> {
    match &path.path.segments.last()?.arguments {
        PathArguments::None => None,
        arguments => Some(quote!(#arguments).to_string().replace(' ', "")),
    }
}

fn structure(listing: &Listing, fields: &[Field<'_>]) -> TokenStream {
    let Listing { core, attributes, visibility, name, .. } = listing;
    let fields = fields.iter().map(|Field { attributes, name, path, docs, .. }| {
        let docs = if docs.is_empty() { format!("Answers of `{}`.", type_text(path)) } else { docs.clone() };
        quote!(#[doc = #docs] #(#attributes)* pub #name: #core::Table<#path>,)
    });
    quote! {
        #(#attributes)*
        /// The tables of all queries.
        #visibility struct #name {
            #(#fields)*
            #[doc(hidden)]
            pub __dynamic: #core::Table<#core::Dynamic>,
        }
    }
}

/// A path as it is written in Rust, without the blanks that tokens print with.
fn type_text(path: &TypePath) -> String {
    quote!(#path).to_string().replace(' ', "")
}

fn registry_impl(listing: &Listing, fields: &[Field<'_>]) -> TokenStream {
    let Listing { core, name, .. } = listing;
    let tables = fields.iter().map(|Field { attributes, name, path, table_name, .. }| {
        quote!(#(#attributes)* #name: assembly.table::<#path>(#table_name),)
    });
    let visits =
        fields.iter().map(|Field { attributes, name, .. }| quote!(#(#attributes)* visitor(&self.#name);));
    let descriptions = fields.iter().map(|Field { attributes, path, table_name, docs, .. }| {
        let text = type_text(path);
        quote!(#(#attributes)* descriptions.push(#core::TableDescription::of::<#path>(#table_name, #text, #docs));)
    });
    quote! {
        #[automatically_derived]
        impl #core::Registry for #name {
            fn assemble(assembly: &mut #core::__private::Assembly<'_>) -> Self {
                Self { #(#tables)* __dynamic: assembly.dynamic() }
            }

            fn visit<'a>(&'a self, visitor: &mut dyn ::core::ops::FnMut(&'a dyn #core::__private::AnyTable)) {
                #(#visits)*
                visitor(&self.__dynamic);
            }

            fn describe() -> ::std::vec::Vec<#core::TableDescription> {
                let mut descriptions = ::std::vec::Vec::new();
                #(#descriptions)*
                descriptions
            }
        }
    }
}

fn holds_impl(listing: &Listing, field: &Field<'_>) -> TokenStream {
    let Listing { core, name: registry, .. } = listing;
    let Field { attributes, name, path, .. } = field;
    quote! {
        #(#attributes)*
        #[automatically_derived]
        impl #core::Holds<#path> for #registry {
            fn table(&self) -> &#core::Table<#path> {
                &self.#name
            }
        }
    }
}

fn holds_dynamic(listing: &Listing) -> TokenStream {
    let Listing { core, name, .. } = listing;
    quote! {
        #[automatically_derived]
        impl #core::Holds<#core::Dynamic> for #name {
            fn table(&self) -> &#core::Table<#core::Dynamic> {
                &self.__dynamic
            }
        }
    }
}
