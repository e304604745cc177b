//! The generated implementation.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::options::crate_path;
use super::parse::{Body, Container, Fields, Style};
use super::serde::Side;
use super::{bounds, layout, rename};

/// The implementation of a type without mistakes.
pub(super) fn container(container: &Container<'_>) -> TokenStream {
    let krate = crate_path(&container.options);
    let layout = layout::of(container);
    let text = layout.text.as_str();
    let path = path(container);
    let self_describing = container.options.self_describing.then(|| quote!(.self_describing()));
    let opaque = layout.is_opaque.then(|| quote!(.opaque()));
    // Whether the `Deserialize` of a generic type is derived is unknown.
    let converted = (layout.is_converted || has_parameters(container)).then(|| quote!(.converted()));
    let renamed = layout.is_renamed.then(|| quote!(.renamed()));
    let partial = layout.is_partial.then(|| quote!(.partial()));
    let request = request(container).map(|(kind, name)| {
        let kind = Ident::new(kind, Span::call_site());
        quote!(.asks_for(#krate::__private::shape::Request::#kind(#name)))
    });
    let asked = request.is_some().then(|| asked(&krate));
    let visits = layout.parts.iter().map(|part| visit(part, &krate));
    let visitor = if layout.parts.is_empty() { quote!(_) } else { quote!(visitor) };
    let body = quote! {
        const LAYOUT: #krate::__private::shape::Layout =
            #krate::__private::shape::Layout::new(#path, #text)
                #self_describing #opaque #converted #renamed #partial #request;
        #asked
        visitor.derived::<Self>(&LAYOUT, |#visitor| { #(#visits)* });
    };
    implementation(container, &layout.parts, &body)
}

/// An implementation that stands in where a mistake was found, so that users of the type add no further messages.
pub(super) fn fallback(container: &Container<'_>) -> TokenStream {
    let krate = crate_path(&container.options);
    let path = path(container);
    let body = quote! {
        visitor.derived::<Self>(&#krate::__private::shape::Layout::new(#path, ""), |_| {});
    };
    implementation(container, &[], &body)
}

fn implementation(container: &Container<'_>, parts: &[Type], body: &TokenStream) -> TokenStream {
    let krate = crate_path(&container.options);
    let ident = &container.input.ident;
    let generics = bounds::extend(&container.input.generics, parts, &krate);
    let (of_impl, _, clauses) = generics.split_for_impl();
    let (_, of_type, _) = container.input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unused_lifetimes, unused_qualifications)]
        impl #of_impl #krate::Shape for #ident #of_type #clauses {
            fn shape(visitor: &mut #krate::__private::shape::ShapeVisitor) {
                #body
            }
        }
    }
}

/// Path of the type for messages.
fn path(container: &Container<'_>) -> TokenStream {
    let name = format!("::{}", container.input.ident);
    quote!(::core::concat!(::core::module_path!(), #name))
}

/// A visit whose type error, if any, points at the field's type.
fn visit(part: &Type, krate: &TokenStream) -> TokenStream {
    quote_spanned!(part.span().resolved_at(Span::call_site())=> <#part as #krate::Shape>::shape(visitor);)
}

/// What serde's derive makes the type request from a deserializer: a kind of `Request`, and the name.
///
/// `None` where that depends on other types, and for generic types, which may not be readable at all.
fn request(container: &Container<'_>) -> Option<(&'static str, String)> {
    let is_plain = !has_parameters(container)
        && !container.options.self_describing
        && ["from", "try_from", "transparent", "remote"].iter().all(|name| !container.serde.has(name));
    if !is_plain {
        return None;
    }
    let kind = match &container.body {
        Body::Enum(_) => "Enum",
        Body::Struct(Fields { style: Style::Unit, .. }) => "Unit",
        Body::Struct(Fields { style: Style::Named, .. }) => "Struct",
        Body::Struct(Fields { list, .. }) if list.len() == 1 => "Newtype",
        Body::Struct(_) => "Tuple",
    };
    let ident = container.input.ident.unraw().to_string();
    Some((kind, rename::of_type(&ident, &container.serde, Side::Deserialize)))
}

fn has_parameters(container: &Container<'_>) -> bool {
    !container.input.generics.params.is_empty()
}

/// Makes the visitor compare what the type requests with what the layout expects.
fn asked(krate: &TokenStream) -> TokenStream {
    quote! {
        {
            #[allow(unused_imports)]
            use #krate::__private::shape::{Read as _, Unreadable as _};
            visitor.asked(&LAYOUT, (&#krate::__private::shape::Reader::<Self>::NEW).request());
        }
    }
}
