//! The impl of `Query`, from a valid item and valid options.

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{DeriveInput, Generics, parse_quote};

use super::borrowed;
use super::bounds::assumed;
use super::constant::Constant;
use super::options::{Codec, Fallback, QueryOptions, RETRY_FIRST_TOO_LONG};
use crate::case::snake_case;
use crate::format;
use crate::settings::argument::Given;
use crate::span::located;

/// The impl of `Query`.
pub(crate) fn query(input: &DeriveInput, options: &QueryOptions) -> TokenStream {
    let core = options.core();
    let format = Literal::u32_unsuffixed(format::FORMAT);
    let name = &input.ident;
    // Checked before: a query without a value is never expanded.
    let value = options.value.as_ref().map(|value| &value.value);
    let table_name = table_name(input, options);
    let generics = with_bounds(input, options);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let table_options = table_options(&core, options);
    let borrowed = borrowed::expand(input, options);
    let batched = options.batch.as_ref().map(|_| marker(input, &core, &quote!(Batched)));
    let writable = options.record.is_none().then(|| writable(input, &core));
    let loading = loading_options(&core, options);
    let tags = tags(options);
    let tags_of = tags_of(&core, options);
    let secret = options.secret.as_ref().map(|_| {
        quote!(
            const SECRET: ::core::primitive::bool = true;
        )
    });
    let derived = options.derived.as_ref().map(|_| {
        quote!(
            const DERIVED: ::core::primitive::bool = true;
        )
    });
    let sharing = sharing(&core, options);
    let record = options.record.as_ref().map(|_| {
        quote!(
            const IS_RECORD: ::core::primitive::bool = true;
        )
    });
    let methods = [
        weigh(&core, options),
        same_value(&core, options),
        is_absent(&core, options),
        fallback(&core, options),
        persistence(&core, options),
    ];
    let evaluated = (options.has_expressions && input.generics.params.is_empty())
        .then(|| quote!(const _: () = #core::__private::constant::evaluate::<#name>();));
    quote! {
        // A constant may have any numeric type; users write braces to tell a constant from a function.
        #[allow(
            trivial_numeric_casts, unused_braces, unused_parens, unused_qualifications,
            clippy::cast_lossless, clippy::cast_possible_wrap, clippy::unnecessary_cast,
        )]
        #[automatically_derived]
        impl #impl_generics #core::Query for #name #ty_generics #where_clause {
            type Value = #value;
            const NAME: &'static ::core::primitive::str = #core::__private::named(#format, #table_name);
            #table_options
            #loading
            #tags
            #tags_of
            #secret
            #derived
            #sharing
            #record
            #(#methods)*
        }

        #evaluated
        #writable
        #batched
        #borrowed
    }
}

/// The marker of a query whose entries the program writes.
pub(crate) fn writable(input: &DeriveInput, core: &TokenStream) -> TokenStream {
    marker(input, core, &quote!(Writable))
}

fn marker(input: &DeriveInput, core: &TokenStream, marker: &TokenStream) -> TokenStream {
    let name = &input.ident;
    let mut generics = input.generics.clone();
    generics.make_where_clause().predicates.push(assumed(quote!(Self), core));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[allow(unused_lifetimes)]
        #[automatically_derived]
        impl #impl_generics #core::#marker for #name #ty_generics #where_clause {}
    }
}

/// `name = "..."`, else the name of the type.
pub(crate) fn table_name(input: &DeriveInput, options: &QueryOptions) -> String {
    options.name.as_ref().map_or_else(|| snake_case(&input.ident.to_string()), |name| name.value.value())
}

/// The generics of the type. Those of a generic type get all bounds that `Query` needs for key and value.
fn with_bounds(input: &DeriveInput, options: &QueryOptions) -> Generics {
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
    if options.persist.is_some() || options.share.is_some() {
        let shape = options.opaque.is_none().then(|| quote!(+ #core::Shape));
        bounds.push(
            parse_quote!(Self: #core::__private::Serialize + #core::__private::DeserializeOwned #shape),
        );
        bounds.push(parse_quote!(#value: #core::__private::SavedValue #shape));
    }
    generics
}

/// `const OPTIONS`, if any option differs from the default.
fn table_options(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let calls: Vec<TokenStream> = [
        number_call(core, &options.capacity),
        number_call(core, &options.lru),
        number_call(core, &options.max_weight),
        time_call(core, &options.ttl),
        time_call(core, &options.tti),
        time_call(core, &options.fresh),
        number_call(core, &options.history),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!calls.is_empty())
        .then(|| quote!(const OPTIONS: #core::TableOptions = #core::TableOptions::new() #(#calls)*;))
}

/// `const LOADING`, if any option differs from the default.
fn loading_options(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let strategy = options.strategy.as_ref().map(|strategy| {
        let strategy = Ident::new(strategy.value, Span::call_site());
        quote!(.strategy(#core::Strategy::#strategy))
    });
    let calls: Vec<TokenStream> = [
        strategy,
        time_call(core, &options.swr),
        time_call(core, &options.stale_if_error),
        time_call(core, &options.timeout),
        time_call(core, &options.linger),
        decimal_call(core, &options.jitter),
        decimal_call(core, &options.beta),
        time_call(core, &options.error_ttl),
        time_call(core, &options.absent_ttl),
        number_call(core, &options.retry),
        retry_first_call(core, options),
        time_call(core, &options.retry_longest),
        decimal_call(core, &options.retry_factor),
        breaker_call(core, options),
        time_call(core, &options.poll),
        batch_call(core, options),
        number_call(core, &options.concurrency),
        time_call(core, &options.keep_prefetched),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!calls.is_empty())
        .then(|| quote!(const LOADING: #core::LoadingOptions = #core::LoadingOptions::new() #(#calls)*;))
}

fn batch_call(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let most = whole(core, options.batch.as_ref()?.value.as_ref()?);
    Some(quote!(.batch(#most)))
}

fn breaker_call(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    Some(match &options.breaker.as_ref()?.value {
        Some(name) => quote!(.breaker(#name)),
        None => quote!(.breaker(#core::__private::name::<Self>())),
    })
}

/// `const TAGS`, if there are any.
fn tags(options: &QueryOptions) -> Option<TokenStream> {
    let tags = &options.tags.as_ref()?.value;
    Some(quote!(const TAGS: &'static [&'static ::core::primitive::str] = &[#(#tags),*];))
}

/// `const TAGS_OF`, if entries have tags of their own.
fn tags_of(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let path = &options.tags_of.as_ref()?.value;
    let span = path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
    let add_tags = located(quote!(#core::__private::add_tags), span);
    let call = quote_spanned!(span.resolved_at(Span::call_site())=> #add_tags(#path(query), add));
    Some(quote! {
        const TAGS_OF: ::core::option::Option<#core::__private::TagsOf<Self>> =
            ::core::option::Option::Some(|query, add| #call);
    })
}

fn decimal_call(core: &TokenStream, given: &Option<Given<Constant<f64>>>) -> Option<TokenStream> {
    let Given { name, value } = given.as_ref()?;
    let number = value.expand(core, |number| Literal::f64_unsuffixed(*number).into_token_stream());
    Some(call(name, &number))
}

fn number_call<N: Copy + Into<u64>>(
    core: &TokenStream,
    given: &Option<Given<Constant<N>>>,
) -> Option<TokenStream> {
    let Given { name, value } = given.as_ref()?;
    Some(call(name, &whole(core, value)))
}

fn time_call(core: &TokenStream, given: &Option<Given<Constant<Duration>>>) -> Option<TokenStream> {
    let Given { name, value } = given.as_ref()?;
    Some(call(name, &time(core, value)))
}

/// The first wait. Generated code compares it with the longest if the compiler evaluates one of them.
fn retry_first_call(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let Given { name, value } = options.retry_first.as_ref()?;
    let first = time(core, value);
    let Some(Given { value: longest, .. }) = &options.retry_longest else { return Some(call(name, &first)) };
    if let (Constant::Known(_), Constant::Known(_)) = (value, longest) {
        return Some(call(name, &first));
    }
    let longest = time(core, longest);
    let constant = located(quote!(#core::__private::constant), name.span());
    let span = name.span().resolved_at(Span::call_site());
    let checked = quote_spanned!(span=> #constant::at_most(#first, #longest, #RETRY_FIRST_TOO_LONG));
    Some(call(name, &checked))
}

fn time(core: &TokenStream, value: &Constant<Duration>) -> TokenStream {
    value.expand(core, |time| {
        let (seconds, nanoseconds) = (time.as_secs(), time.subsec_nanos());
        quote!(::core::time::Duration::new(#seconds, #nanoseconds))
    })
}

/// `.capacity(10)`: the methods are named after the options of the derive.
fn call(name: &Ident, value: &TokenStream) -> TokenStream {
    let method = Ident::new(&name.to_string(), Span::call_site());
    quote!(.#method(#value))
}

fn whole<N: Copy + Into<u64>>(core: &TokenStream, number: &Constant<N>) -> TokenStream {
    number.expand(core, |number| Literal::u64_unsuffixed((*number).into()).into_token_stream())
}

fn weigh(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let path = &options.weigh.as_ref()?.value;
    let span = path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
    // A call, so that a function that takes `&str` accepts a value of type `String`.
    let call = quote_spanned!(span.resolved_at(Span::call_site())=> #path(self, value));
    Some(quote! {
        fn weigh(&self, value: &#core::__private::Value<Self>) -> ::core::primitive::u32 {
            #call
        }
    })
}

fn same_value(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let eq = options.eq.as_ref()?;
    let span = eq.name.span().resolved_at(Span::call_site());
    let call = quote_spanned!(span=> ::core::cmp::PartialEq::eq(old, new));
    Some(quote! {
        const COMPARES: ::core::primitive::bool = true;

        fn same_value(old: &#core::__private::Value<Self>, new: &#core::__private::Value<Self>) -> ::core::primitive::bool {
            #call
        }
    })
}

/// A function is called with the query.
fn fallback(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let fallback = &options.fallback.as_ref()?.value;
    let value = match fallback {
        Fallback::Function(path) => {
            let span = path.path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
            quote_spanned!(span.resolved_at(Span::call_site())=> #path(self))
        }
        Fallback::Value(value) => value.clone(),
    };
    Some(quote! {
        fn fallback_value(&self) -> ::core::option::Option<#core::__private::Value<Self>> {
            ::core::option::Option::Some(#value)
        }
    })
}

/// The derive cannot see whether the value is an `Option`. The compiler checks it, at the option that needs one.
fn is_absent(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let absent_ttl = options.absent_ttl.as_ref()?;
    let span = absent_ttl.name.span().resolved_at(Span::call_site());
    let call = quote_spanned!(span=> ::core::option::Option::is_none(value));
    Some(quote! {
        fn is_absent(value: &#core::__private::Value<Self>) -> ::core::primitive::bool {
            #call
        }
    })
}

fn persistence(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let persist = options.persist.as_ref()?;
    let (_, persistence) = codec(core, options, persist.name.span());
    Some(quote! {
        fn persistence() -> ::core::option::Option<#core::__private::Persistence<Self>> {
            ::core::option::Option::Some(#persistence)
        }
    })
}

/// `const SHARING`, if other machines may have the answers.
fn sharing(core: &TokenStream, options: &QueryOptions) -> Option<TokenStream> {
    let share = options.share.as_ref()?;
    let (codec, persistence) = codec(core, options, share.name.span());
    Some(quote! {
        const SHARING: ::core::option::Option<fn() -> #core::__private::SharedCodec> =
            ::core::option::Option::Some(|| #core::__private::SharedCodec::new::<Self, #codec>(#persistence));
    })
}

/// The type of the codec, and how it saves entries. Errors are shown at the option `codec`, or else at `span`.
fn codec(core: &TokenStream, options: &QueryOptions, span: Span) -> (TokenStream, TokenStream) {
    let codec = match options.codec.as_ref().map_or(Codec::Bincode, |codec| codec.value) {
        Codec::Bincode => quote!(#core::__private::codec::Bincode),
        Codec::Postcard => quote!(#core::__private::codec::Postcard),
        Codec::Json => quote!(#core::__private::codec::Json),
    };
    let version = match &options.version {
        Some(version) => whole(core, &version.value),
        None => quote!(1),
    };
    let make = if options.opaque.is_some() { quote!(opaque) } else { quote!(shaped) };
    let span = options.codec.as_ref().map_or(span, |codec| codec.name.span());
    let persistence =
        located(quote!(#core::__private::Persistence::#make::<#codec>(const { #version })), span);
    (located(codec, span), persistence)
}
