//! The implementation that the compiler gets.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::options::crate_path;
use super::parse::Container;
use super::{bounds, layout};

/// The implementation of a type without mistakes.
pub(super) fn container(container: &Container<'_>) -> TokenStream {
    let krate = crate_path(&container.options);
    let layout = layout::of(container);
    let text = layout.text.as_str();
    let path = path(container);
    let self_describing = container.options.self_describing.then(|| quote!(.self_describing()));
    let opaque = layout.is_opaque.then(|| quote!(.opaque()));
    let visits = layout.parts.iter().map(|part| visit(part, &krate));
    let visitor = if layout.parts.is_empty() { quote!(_) } else { quote!(visitor) };
    let body = quote! {
        const LAYOUT: #krate::__private::shape::Layout =
            #krate::__private::shape::Layout::new(#path, #text)#self_describing #opaque;
        visitor.derived::<Self>(&LAYOUT, |#visitor| { #(#visits)* });
    };
    implementation(container, &layout.parts, &body)
}

/// An implementation that stands in where a mistake was found, so that its users do not add to the messages.
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

/// A visit whose type error, if any, lands on the field's type.
fn visit(part: &Type, krate: &TokenStream) -> TokenStream {
    quote_spanned!(part.span().resolved_at(Span::call_site())=> <#part as #krate::Shape>::shape(visitor);)
}
