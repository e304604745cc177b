//! The whole pipeline, from tokens to tokens or messages.

use proc_macro2::TokenStream;
use quote::quote;

use super::*;

/// Without spaces, so that the layout of tokens does not matter.
fn text(tokens: TokenStream) -> String {
    tokens.to_string().replace(' ', "")
}

/// The mistakes of this item.
fn messages(item: TokenStream) -> Vec<String> {
    let input: DeriveInput = syn::parse2(item).unwrap();
    let mut errors = Errors::default();
    let record = Record::read(&input, &mut errors);
    validate::check(&record, &mut errors);
    errors.messages()
}

#[track_caller]
fn refused(item: TokenStream, parts: &[&str]) {
    let messages = messages(item);
    assert_eq!(messages.len(), parts.len(), "{messages:?}");
    for (message, part) in messages.iter().zip(parts) {
        assert!(message.contains(part), "{message}");
    }
}

/// The names in responses of three fields under these options.
#[track_caller]
fn names(options: TokenStream) -> Vec<String> {
    let input: DeriveInput = syn::parse_quote! {
        #[resource(type = "articles", key = Id, #options)]
        struct Article {
            title: Field<u8>,
            #[resource(rename = "written-by")]
            main_author: One<K>,
            r#in_print: Field<u8>,
        }
    };
    let mut errors = Errors::default();
    let record = Record::read(&input, &mut errors);
    assert_eq!(errors.messages(), [""; 0]);
    record.fields.into_iter().map(|field| field.name).collect()
}

#[test]
fn a_record_has_its_name_and_a_field_for_each_number() {
    let written = text(derive(quote! {
        #[resource(type = "articles", key = ArticleId)]
        struct Article {
            title: Field<Arc<str>>,
            author: One<PersonId>,
        }
    }));
    for part in [
        quote!(impl ::cache_documents::Resource for Article),
        quote!(
            type Key = ArticleId;
            const TYPE: &'static ::core::primitive::str = "articles";
        ),
        quote!(= &["title", "author"];),
        quote!(title: <Field<Arc<str>> as ::cache_documents::__private::AnyField>::absent(),),
        quote!(0 => <Field<Arc<str>> as ::cache_documents::__private::AnyField>::as_field(&self.title),),
        quote!(_ => <One<PersonId> as ::cache_documents::__private::AnyField>::as_field_mut(&mut self.author),),
        quote!(impl ::cache_documents::ResourceKey for ArticleId),
    ] {
        assert!(written.contains(&text(part.clone())), "{part} in {written}");
    }
}

#[test]
fn a_record_is_saved_if_it_says_so() {
    let written = |options| {
        text(derive(quote! {
            #[resource(type = "articles", key = ArticleId #options)]
            struct Article {
                title: Field<u8>,
                author: One<PersonId>,
            }
        }))
    };
    let saved = written(quote!(, persist));
    for part in [
        quote!(impl ::cache_documents::SavedResource for Article),
        quote!(&[
            ::cache_documents::__private::SavedField::of::<Field<u8>>(),
            ::cache_documents::__private::SavedField::of::<One<PersonId>>()
        ];),
    ] {
        assert!(saved.contains(&text(part.clone())), "{part} in {saved}");
    }
    assert!(!written(quote!()).contains("SavedResource"));
    let broken = written(quote!(, persist, colour = "red"));
    assert!(broken.contains("SavedResourceforArticle"), "{broken}");
    refused(
        quote! {
            #[resource(type = "articles", key = ArticleId, persist = "yes")]
            struct Article {
                #[resource(persist)]
                title: Field<u8>,
            }
        },
        &["`persist` takes no argument", "write `#[resource(persist)]` above it"],
    );
}

#[test]
fn a_renamed_crate_is_used_everywhere() {
    let written = text(derive(quote! {
        #[resource(type = "articles", key = ArticleId, crate = "docs")]
        struct Article {
            title: Field<u8>,
        }
    }));
    assert!(written.contains("impldocs::ResourceforArticle"), "{written}");
    assert!(!written.contains("cache_documents"), "{written}");
    assert!(!written.contains("cache_core"), "{written}");
}

#[test]
fn fields_are_named_as_written_unless_told_otherwise() {
    assert_eq!(names(quote!()), ["title", "written-by", "in_print"]);
    for (rule, title, in_print) in [
        ("lowercase", "title", "in_print"),
        ("UPPERCASE", "TITLE", "IN_PRINT"),
        ("PascalCase", "Title", "InPrint"),
        ("camelCase", "title", "inPrint"),
        ("snake_case", "title", "in_print"),
        ("SCREAMING_SNAKE_CASE", "TITLE", "IN_PRINT"),
        ("kebab-case", "title", "in-print"),
        ("SCREAMING-KEBAB-CASE", "TITLE", "IN-PRINT"),
    ] {
        assert_eq!(names(quote!(rename_all = #rule)), [title, "written-by", in_print], "{rule}");
    }
}

#[test]
fn a_record_may_have_no_fields() {
    for item in [
        quote!(
            struct Tag;
        ),
        quote!(
            struct Tag {}
        ),
        quote!(
            struct Tag();
        ),
    ] {
        let item = quote!(#[resource(type = "tags", key = TagId)] #item);
        refused(item.clone(), &[]);
        assert!(text(derive(item)).contains("__private::no_field()"));
    }
}

#[test]
fn a_type_and_a_key_are_required() {
    refused(
        quote!(
            struct Article;
        ),
        &["called in responses", "which query names its records"],
    );
    refused(
        quote!(
            #[resource(type = "articles")]
            struct Article;
        ),
        &["which query names its records"],
    );
    refused(
        quote!(
            #[resource(key = K)]
            struct Article;
        ),
        &["called in responses"],
    );
    // What was written wrongly is not called missing.
    refused(
        quote!(
            #[resource(type = 3, kye = K)]
            struct Article;
        ),
        &["takes a name in quotes", "`key`?"],
    );
}

#[test]
fn options_are_checked_one_by_one() {
    let above = |options: TokenStream| {
        quote!(
            #[resource(type = "a", key = K, #options)]
            struct A;
        )
    };
    refused(above(quote!(rename_al = "kebab-case")), &["did you mean `rename_all`?"]);
    refused(above(quote!(colour)), &["there is no option `colour`; there are `type`, `key`"]);
    refused(above(quote!(type = "b")), &["`type` is given twice"]);
    refused(above(quote!(rename_all = "kebap-case")), &["did you mean \"kebab-case\"?"]);
    refused(above(quote!(rename_all = 3)), &["`rename_all` is one of \"lowercase\""]);
    refused(above(quote!(rename = "b")), &["`rename` is about one field"]);
    refused(above(quote!(crate = "no path")), &["`crate` takes the path of `cache_documents`"]);
    refused(
        quote!(
            #[resource(type = " ", key = K)]
            struct A;
        ),
        &["must not be empty"],
    );
    refused(
        quote!(
            #[resource(type = "a", key = 3)]
            struct A;
        ),
        &["as in `key = ArticleId`"],
    );
    refused(
        quote!(
            #[resource]
            struct A;
        ),
        &["expected a list of options", "called", "which query"],
    );
}

#[test]
fn options_of_fields_are_checked_one_by_one() {
    let on = |options: TokenStream| {
        quote!(
            #[resource(type = "a", key = K)]
            struct A {
                #[resource(#options)]
                b: Field<u8>,
            }
        )
    };
    refused(on(quote!(rename = "c")), &[]);
    refused(on(quote!(rename = "")), &["must not be empty"]);
    refused(on(quote!(rename)), &["as in `rename = \"written-by\"`"]);
    refused(on(quote!(renam = "c")), &["did you mean `rename`?"]);
    refused(on(quote!(skip)), &["there is no option `skip` on a field; there is `rename`"]);
    refused(on(quote!(rename_all = "camelCase")), &["`rename_all` is about the whole type"]);
    refused(on(quote!(rename = "c", rename = "d")), &["`rename` is given twice"]);
}

#[test]
fn only_structs_with_named_fields_are_records() {
    let with = |item: TokenStream| quote!(#[resource(type = "a", key = K)] #item);
    refused(
        with(quote!(
            enum A {
                #[resource(rename = "b")]
                B,
            }
        )),
        &["an enum cannot", "belongs above a struct"],
    );
    refused(with(quote!(union A { a: u8 })), &["a union cannot be a record"]);
    refused(
        with(quote!(
            struct A(Field<u8>);
        )),
        &["a tuple struct cannot be a record"],
    );
    refused(
        with(quote!(
            struct A<T> {
                a: Field<T>,
            }
        )),
        &["a record has no parameters"],
    );
    refused(
        with(quote!(
            struct A<'a> {
                a: Field<&'a str>,
            }
        )),
        &["a record has no parameters"],
    );
}

#[test]
fn names_of_fields_are_unique_and_not_reserved() {
    let with = |fields: TokenStream| quote!(#[resource(type = "a", key = K)] struct A { #fields });
    let reserved = with(quote!(id: F, r#type: F, links: F, relationships: F));
    refused(reserved, &["the name `id`", "the name `type`", "the name `links`", "the name `relationships`"]);
    refused(with(quote!(#[resource(rename = "type")] kind: F)), &["the name `type`"]);
    refused(with(quote!(#[resource(rename = "kind")] r#type: F)), &[]);
    refused(with(quote!(b: F, #[resource(rename = "b")] c: F)), &["`b` and `c` have the same name"]);
    let in_one_case = quote!(
        #[resource(type = "a", key = K, rename_all = "camelCase")]
        struct A {
            a_b: F,
            aB: F,
        }
    );
    refused(in_one_case, &["`a_b` and `aB` have the same name in responses, `aB`"]);
}

#[test]
fn a_mistake_leaves_impls_with_the_declared_key() {
    let written = text(derive(quote! {
        #[resource(type = "a", key = K, colour)]
        struct A { id: F }
    }));
    assert_eq!(written.matches("compile_error!").count(), 2, "{written}");
    assert!(written.contains("typeKey=K;"), "{written}");
    assert!(written.contains("ResourceKeyforK"), "{written}");
}

#[test]
fn without_a_key_the_mistake_takes_its_place() {
    let written = text(derive(quote!(
        #[resource(type = "a")]
        struct A;
    )));
    assert_eq!(written.matches("compile_error!").count(), 1, "{written}");
    assert!(written.contains("typeKey=[();compile_error!"), "{written}");
    assert!(!written.contains("ResourceKey"), "{written}");
}
