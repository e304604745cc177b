//! The whole pipeline, from tokens to tokens.

use quote::quote;

use super::derive;

/// Without spaces, so that the layout of tokens does not matter.
fn text(tokens: proc_macro2::TokenStream) -> String {
    tokens.to_string().replace(' ', "")
}

#[test]
fn only_what_differs_from_the_default_is_written() {
    let written = derive(quote!(
        #[query(value = str)]
        struct GetPost;
    ));
    let expected = quote! {
        #[allow(
            trivial_numeric_casts, unused_braces, unused_parens, unused_qualifications,
            clippy::cast_lossless, clippy::cast_possible_wrap, clippy::unnecessary_cast,
        )]
        #[automatically_derived]
        impl ::cache_core::Query for GetPost {
            type Value = str;
            const NAME: &'static ::core::primitive::str = ::cache_core::__private::named(1, "get_post");
        }

        #[allow(unused_lifetimes)]
        #[automatically_derived]
        impl ::cache_core::Writable for GetPost where for<'assumed> Self: ::cache_core::Query {}
    };
    assert_eq!(text(written), text(expected));
}

#[test]
fn times_and_bounds_become_one_constant() {
    let written = text(derive(quote!(
        #[query(value = u8, ttl = "1500ms", lru = 1_000, crate = "a::b")]
        struct Q;
    )));
    let expected = quote! {
        const OPTIONS: a::b::TableOptions =
            a::b::TableOptions::new().lru(1000).ttl(::core::time::Duration::new(1u64, 500000000u32));
    };
    assert!(written.contains(&text(expected)), "{written}");
}

#[test]
fn a_query_of_records_is_not_writable() {
    let written = text(derive(quote!(
        #[query(value = Post, record)]
        struct PostId(Id);
    )));
    assert!(written.contains("constIS_RECORD:::core::primitive::bool=true;"), "{written}");
    assert!(!written.contains("Writable"), "{written}");
}

#[test]
fn a_shared_query_has_a_codec_and_is_not_saved() {
    let written = text(derive(quote!(
        #[query(value = Post, share, codec = "json", opaque, version = 2)]
        struct GetPost(u64);
    )));
    let expected = quote! {
        const SHARING: ::core::option::Option<fn() -> ::cache_core::__private::SharedCodec> =
            ::core::option::Option::Some(|| ::cache_core::__private::SharedCodec::new::<
                Self,
                ::cache_core::__private::codec::Json
            >(::cache_core::__private::Persistence::opaque::<::cache_core::__private::codec::Json>(const { 2 })));
    };
    assert!(written.contains(&text(expected)), "{written}");
    assert!(!written.contains("fnpersistence"), "{written}");
}

#[test]
fn a_mistake_leaves_a_query_that_passes_for_writable_and_for_one_of_records() {
    let written = text(derive(quote!(
        #[query(value = Post, record, lru = 1)]
        struct PostId(Id);
    )));
    assert_eq!(written.matches("compile_error!").count(), 1, "{written}");
    assert!(written.contains("constIS_RECORD:::core::primitive::bool=true;"), "{written}");
    assert!(written.contains("impl::cache_core::WritableforPostId"), "{written}");
}

#[test]
fn a_query_with_parameters_repeats_the_bounds_of_query() {
    let written = text(derive(quote!(
        #[query(value = V<T>, persist)]
        struct Q<T: Ord = u8>(T)
        where
            T: Copy;
    )));
    for part in [
        quote!(impl<T: Ord> ::cache_core::Query for Q<T> where T: Copy,),
        quote!(V<T>: ::core::marker::Send + ::core::marker::Sync + 'static,),
        quote!(V<T>: ::cache_core::__private::SavedValue + ::cache_core::Shape),
    ] {
        assert!(written.contains(&text(part)), "{written}");
    }
}

#[test]
fn a_mistake_leaves_an_impl_with_the_declared_value() {
    let written = text(derive(quote!(
        #[query(value = Post, lru = 0)]
        struct Q;
    )));
    assert_eq!(written.matches("compile_error!").count(), 1, "{written}");
    assert!(written.contains("typeValue=Post;"), "{written}");
}

#[test]
fn without_a_value_the_mistake_takes_its_place() {
    let written = text(derive(quote!(
        #[query(lru = 0)]
        struct Q;
    )));
    assert_eq!(written.matches("compile_error!").count(), 2, "{written}");
    assert!(written.contains("typeValue=[();compile_error!"), "{written}");
}
