//! The impl of `Query`, from an item and options that were found right.

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Expr, Generics, parse_quote};

use super::borrowed;
use super::options::{Codec, Given, Options};
use crate::case::snake_case;
use crate::format;
use crate::span::located;

/// The impl of `Query`.
pub(crate) fn query(input: &DeriveInput, options: &Options) -> TokenStream {
    let core = options.core();
    let format = Literal::u32_unsuffixed(format::FORMAT);
    let name = &input.ident;
    // Checked before: without a value there is no expansion.
    let value = options.value.as_ref().map(|value| &value.value);
    let table_name = table_name(input, options);
    let generics = with_bounds(input, options);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let table_options = table_options(&core, options);
    let borrowed = borrowed::expand(input, options);
    let batched = options.batch.as_ref().map(|_| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #core::Batched for #name #ty_generics #where_clause {}
        }
    });
    let loading = loading_options(&core, options);
    let tags = tags(options);
    let methods = [
        weigh(options),
        same_value(options),
        is_absent(options),
        fallback(options),
        persistence(&core, options),
    ];
    quote! {
        #[allow(unused_qualifications)]
        #[automatically_derived]
        impl #impl_generics #core::Query for #name #ty_generics #where_clause {
            type Value = #value;
            const NAME: &'static ::core::primitive::str = #core::__private::named(#format, #table_name);
            #table_options
            #loading
            #tags
            #(#methods)*
        }

        #batched
        #borrowed
    }
}

/// `name = "..."`, else the name of the type.
pub(crate) fn table_name(input: &DeriveInput, options: &Options) -> String {
    options.name.as_ref().map_or_else(|| snake_case(&input.ident.to_string()), |name| name.value.value())
}

/// The generics of the type; those of a generic one with all that `Query` asks of key and value.
fn with_bounds(input: &DeriveInput, options: &Options) -> Generics {
    let mut generics = input.generics.clone();
    if generics.params.is_empty() {
        return generics;
    }
    let core = options.core();
    let value = options.value.as_ref().map(|value| &value.value);
    let bounds = &mut generics.make_where_clause().predicates;
    bounds.push(parse_quote! {
        Self: ::core::clone::Clone + ::core::cmp::Eq + ::core::hash::Hash + ::core::fmt::Debug
            + ::core::marker::Send + ::core::marker::Sync + 'static
    });
    bounds.push(parse_quote!(#value: ::core::marker::Send + ::core::marker::Sync + 'static));
    if options.eq.is_some() {
        bounds.push(parse_quote!(#value: ::core::cmp::PartialEq));
    }
    if options.persist.is_some() {
        let shape = options.opaque.is_none().then(|| quote!(+ #core::Shape));
        bounds.push(
            parse_quote!(Self: #core::__private::Serialize + #core::__private::DeserializeOwned #shape),
        );
        bounds.push(parse_quote!(#value: #core::__private::SavedValue #shape));
    }
    generics
}

/// `const OPTIONS`, if any option differs from the default.
fn table_options(core: &TokenStream, options: &Options) -> Option<TokenStream> {
    let calls: Vec<TokenStream> = [
        number_call(&options.capacity),
        number_call(&options.lru),
        number_call(&options.max_weight),
        time_call(&options.ttl),
        time_call(&options.tti),
        time_call(&options.fresh),
        number_call(&options.history),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!calls.is_empty())
        .then(|| quote!(const OPTIONS: #core::TableOptions = #core::TableOptions::new() #(#calls)*;))
}

/// `const LOADING`, if any option differs from the default.
fn loading_options(core: &TokenStream, options: &Options) -> Option<TokenStream> {
    let strategy = options.strategy.as_ref().map(|strategy| {
        let strategy = Ident::new(strategy.value, Span::call_site());
        quote!(.strategy(#core::Strategy::#strategy))
    });
    let calls: Vec<TokenStream> = [
        strategy,
        time_call(&options.swr),
        time_call(&options.stale_if_error),
        time_call(&options.timeout),
        decimal_call(&options.jitter),
        decimal_call(&options.beta),
        time_call(&options.error_ttl),
        time_call(&options.absent_ttl),
        number_call(&options.retry),
        breaker_call(core, options),
        time_call(&options.poll),
        batch_call(options),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!calls.is_empty())
        .then(|| quote!(const LOADING: #core::LoadingOptions = #core::LoadingOptions::new() #(#calls)*;))
}

fn batch_call(options: &Options) -> Option<TokenStream> {
    let most = options.batch.as_ref()?.value?;
    Some(quote!(.batch(#most)))
}

fn breaker_call(core: &TokenStream, options: &Options) -> Option<TokenStream> {
    Some(match &options.breaker.as_ref()?.value {
        Some(name) => quote!(.breaker(#name)),
        None => quote!(.breaker(<Self as #core::Query>::NAME)),
    })
}

/// `const TAGS`, if there are any.
fn tags(options: &Options) -> Option<TokenStream> {
    let tags = &options.tags.as_ref()?.value;
    Some(quote!(const TAGS: &'static [&'static ::core::primitive::str] = &[#(#tags),*];))
}

fn decimal_call(given: &Option<Given<f64>>) -> Option<TokenStream> {
    let Given { name, value } = given.as_ref()?;
    let number = Literal::f64_unsuffixed(*value);
    let method = Ident::new(&name.to_string(), Span::call_site());
    Some(quote!(.#method(#number)))
}

/// `.capacity(10)`: the options of a table have the names of the derive's.
fn number_call<N: Copy + Into<u64>>(given: &Option<Given<N>>) -> Option<TokenStream> {
    let Given { name, value } = given.as_ref()?;
    let number = Literal::u64_unsuffixed((*value).into());
    let method = Ident::new(&name.to_string(), Span::call_site());
    Some(quote!(.#method(#number)))
}

fn time_call(given: &Option<Given<Duration>>) -> Option<TokenStream> {
    let Given { name, value } = given.as_ref()?;
    let (seconds, nanoseconds) = (value.as_secs(), value.subsec_nanos());
    let method = Ident::new(&name.to_string(), Span::call_site());
    Some(quote!(.#method(::core::time::Duration::new(#seconds, #nanoseconds))))
}

fn weigh(options: &Options) -> Option<TokenStream> {
    let path = &options.weigh.as_ref()?.value;
    let span = path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
    // As a call, so that the value is passed as `&str` where `&String` is the value.
    let call = quote_spanned!(span.resolved_at(Span::call_site())=> #path(self, value));
    Some(quote! {
        fn weigh(&self, value: &Self::Value) -> ::core::primitive::u32 {
            #call
        }
    })
}

fn same_value(options: &Options) -> Option<TokenStream> {
    let eq = options.eq.as_ref()?;
    // Both of the option, which a macro of the user's may have written.
    let [old, new] = ["old", "new"].map(|name| Ident::new(name, eq.name.span()));
    let call = quote_spanned!(eq.name.span()=> ::core::cmp::PartialEq::eq(#old, #new));
    Some(quote! {
        fn same_value(#old: &Self::Value, #new: &Self::Value) -> ::core::primitive::bool {
            #call
        }
    })
}

/// A function is called with the query.
fn fallback(options: &Options) -> Option<TokenStream> {
    let fallback = &options.fallback.as_ref()?.value;
    let value = match fallback {
        Expr::Path(path) => {
            let span = path.path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
            quote_spanned!(span.resolved_at(Span::call_site())=> #path(self))
        }
        value => quote!(#value),
    };
    Some(quote! {
        fn fallback_value(&self) -> ::core::option::Option<Self::Value> {
            ::core::option::Option::Some(#value)
        }
    })
}

/// The derive cannot see whether the value is an `Option`; the compiler tells, at the option that asks for one.
fn is_absent(options: &Options) -> Option<TokenStream> {
    let absent_ttl = options.absent_ttl.as_ref()?;
    let span = absent_ttl.name.span().resolved_at(Span::call_site());
    let call = quote_spanned!(span=> ::core::option::Option::is_none(value));
    Some(quote! {
        fn is_absent(value: &Self::Value) -> ::core::primitive::bool {
            #call
        }
    })
}

fn persistence(core: &TokenStream, options: &Options) -> Option<TokenStream> {
    let persist = options.persist.as_ref()?;
    let codec = match options.codec.as_ref().map_or(Codec::Bincode, |codec| codec.value) {
        Codec::Bincode => quote!(Bincode),
        Codec::Postcard => quote!(Postcard),
        Codec::Json => quote!(Json),
    };
    let version = options.version.as_ref().map_or(1, |version| version.value);
    let make = if options.opaque.is_some() { quote!(opaque) } else { quote!(shaped) };
    let span = options.codec.as_ref().map_or(persist.name.span(), |codec| codec.name.span());
    let call = located(quote!(#core::Persistence::#make::<#core::__private::codec::#codec>(#version)), span);
    Some(quote! {
        fn persistence() -> ::core::option::Option<#core::Persistence<Self>> {
            ::core::option::Option::Some(#call)
        }
    })
}
