use proc_macro2::TokenStream;
use quote::quote;

use super::*;
use crate::query::ATTRIBUTE;
use crate::settings::settings;

/// The mistakes of this item, without those of single options.
fn messages(item: TokenStream) -> Vec<String> {
    let input: DeriveInput = syn::parse2(item).unwrap();
    let mut errors = Errors::default();
    let settings = settings(&input.attrs, &ATTRIBUTE, &mut Errors::default());
    let options = QueryOptions::read(&settings, &mut Errors::default());
    check(&input, &options, &mut errors);
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

#[test]
fn structs_and_enums_can_be_queries() {
    for item in [
        quote!(
            #[query(value = u8)]
            struct Q;
        ),
        quote!(
            #[query(value = u8)]
            struct Q<T, const N: usize>([T; N]);
        ),
        quote!(
            #[query(value = u8)]
            enum Q {
                A,
                B(u8),
                C { d: u8 },
            }
        ),
        quote!(
            #[query(value = u8, max_weight = 1, weigh = w, persist, opaque, codec = "json", version = 3)]
            struct Q;
        ),
        quote!(
            #[query(value = u8, borrowed)]
            struct Q(String);
        ),
    ] {
        refused(item, &[]);
    }
}

#[test]
fn unions_and_borrowing_types_cannot() {
    refused(quote!(#[query(value = u8)] union Q { a: u8 }), &["a union cannot be a query"]);
    refused(
        quote!(
            #[query(value = u8)]
            struct Q<'a, 'b>(&'a &'b str);
        ),
        &["for `&'a str`", "for `&'b str`"],
    );
}

#[test]
fn attributes_stand_above_the_type() {
    refused(
        quote!(
            #[query(value = u8)]
            struct Q {
                #[query(eq)]
                a: u8,
            }
        ),
        &["not on a field"],
    );
    refused(
        quote!(
            #[query(value = u8)]
            enum Q {
                #[query(eq)]
                A(#[query(eq)] u8),
            }
        ),
        &["not on a variant", "not on a field"],
    );
}

#[test]
fn a_value_that_was_written_wrongly_is_not_called_missing() {
    refused(
        quote!(
            struct Q;
        ),
        &["does not say what its answer is"],
    );
    refused(
        quote!(
            #[query(value = 3)]
            struct Q;
        ),
        &[],
    );
    refused(
        quote!(
            #[query(vlaue = u8)]
            struct Q;
        ),
        &[],
    );
}

#[test]
fn options_that_do_not_fit_together_are_refused() {
    let with = |options: TokenStream| {
        quote!(
            #[query(value = u8, #options)]
            struct Q;
        )
    };
    refused(with(quote!(capacity = 1, lru = 1)), &["keep `capacity` or `lru`"]);
    refused(with(quote!(lru = 1, max_weight = 1, weigh = w)), &["keep `lru` or `max_weight`"]);
    let all = with(quote!(capacity = 1, lru = 1, max_weight = 1, weigh = w));
    refused(all, &["`capacity` or `lru`", "`capacity` or `max_weight`"]);
    refused(with(quote!(max_weight = 1)), &["add `weigh = path`"]);
    refused(with(quote!(weigh = w)), &["`weigh` is used only with"]);
    refused(with(quote!(codec = "json", opaque, version = 1)), &["`codec`", "`opaque`", "`version`"]);
    refused(with(quote!(borrowed)), &["has no such field"]);
}

#[test]
fn the_first_wait_of_retries_is_at_most_the_longest() {
    let with = |first: TokenStream, longest: TokenStream| {
        quote!(
            #[query(value = u8, retry_first = #first, retry_longest = #longest)]
            struct Q;
        )
    };
    let message = &["`retry_first` must not be longer than `retry_longest`"];
    refused(with(quote!("1001ms"), quote!("1s")), message);
    refused(with(quote!("1s"), quote!("1s")), &[]);
    refused(with(quote!("1ms"), quote!("1s")), &[]);
    // Left to the compiler.
    refused(with(quote!(TIME), quote!("1s")), &[]);
    refused(with(quote!("1s"), quote!(TIME)), &[]);
}

#[test]
fn a_table_of_records_has_no_options_of_its_own() {
    refused(
        quote!(
            #[query(value = u8, record, name = "q", secret, borrowed, crate = "c")]
            struct Q(String);
        ),
        &[],
    );
    let all = "capacity lru max_weight weigh ttl tti fresh history persist share codec opaque version eq strategy swr \
               stale_if_error timeout linger jitter beta error_ttl absent_ttl fallback retry retry_first retry_longest \
               retry_factor breaker poll batch concurrency keep_prefetched tags tags_of derived";
    for name in all.split_whitespace() {
        let option = Ident::new(name, proc_macro2::Span::call_site());
        let messages = messages(quote!(
            #[query(value = u8, record, #option = 1)]
            struct Q;
        ));
        let expected = format!("`{name}` and `record` exclude each other");
        assert_eq!(messages.iter().filter(|message| message.contains(&expected)).count(), 1, "{messages:?}");
    }
    // The message about an option that does not exist is enough.
    refused(
        quote!(
            #[query(value = u8, record, flavour)]
            struct Q;
        ),
        &[],
    );
}

#[test]
fn a_derived_answer_is_neither_saved_nor_shared() {
    refused(
        quote!(
            #[query(value = u8, derived, persist)]
            struct Q;
        ),
        &["`derived` and `persist` exclude each other"],
    );
    refused(
        quote!(
            #[query(value = u8, derived, share)]
            struct Q;
        ),
        &["`derived` and `share` exclude each other"],
    );
    refused(
        quote!(
            #[query(value = u8, derived, batch, capacity = 1, eq)]
            struct Q;
        ),
        &[],
    );
}
