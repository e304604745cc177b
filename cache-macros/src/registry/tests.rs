//! The whole pipeline, from tokens to tokens.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand;

/// Without spaces, so that the layout of tokens does not matter.
fn text(tokens: TokenStream) -> String {
    tokens.to_string().replace(' ', "")
}

fn written(listing: TokenStream) -> String {
    text(expand(quote!(crate = ::cc; core_format = 1; #listing)))
}

#[track_caller]
fn contains(written: &str, part: TokenStream) {
    assert!(written.contains(&text(part)), "{written}");
}

#[test]
fn a_line_becomes_a_field_with_the_docs_of_its_query() {
    let written = written(quote!(pub struct All { /** One post. */ #[deprecated] crate::GetPost, }));
    contains(
        &written,
        quote!(#[doc = r" One post. "] #[deprecated] pub get_post: ::std::boxed::Box<::cc::__private::Table<crate::GetPost>>,),
    );
    contains(&written, quote!(impl ::cc::__private::ListedIn<All> for crate::GetPost));
    contains(&written, quote!(::cc::__private::TableDescription::add::<crate::GetPost>));
}

#[test]
fn a_cfg_applies_to_everything_that_is_written_for_its_line() {
    let lines = quote!(
        #[cfg(unix)]
        GetPost,
        #[cfg_attr(a, cfg(b))]
        #[cfg_attr(a, doc = "c")]
        GetUser
    );
    let written = written(quote!(pub struct All { #lines }));
    // Field, name, description, table, visit, impl, and its arm of the check.
    assert_eq!(written.matches("#[cfg(unix)]").count(), 7, "{written}");
    assert_eq!(written.matches("#[cfg_attr(a,cfg(b))]").count(), 7, "{written}");
    assert_eq!(written.matches("#[cfg_attr(a,doc=\"c\")]").count(), 1, "{written}");
}

#[test]
fn a_cfg_of_the_registry_applies_to_its_struct_and_to_the_rest() {
    assert_eq!(
        written(quote!(
            #[cfg(unix)]
            struct All {}
        ))
        .matches("#[cfg(unix)]")
        .count(),
        2
    );
}

#[test]
fn a_name_is_the_one_given_or_the_querys_own() {
    let written = written(quote!(struct All { A, B as "b", C<a::D> }));
    contains(&written, quote!(assembly.table(::cc::__private::name::<A>())));
    contains(&written, quote!(assembly.table("b")));
    contains(
        &written,
        quote!(assembly.table(::cc::__private::instance_name!(::cc::__private::name::<C<a::D>>(), "<D>"))),
    );
}

#[test]
fn a_mistake_leaves_a_name_that_causes_no_other() {
    let written = written(quote!(pub struct All { "A", "B" }));
    assert_eq!(written.matches("compile_error!").count(), 2, "{written}");
    assert!(written.contains("pubtypeAll=[();compile_error!"), "{written}");
}
