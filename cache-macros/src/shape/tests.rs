//! The derive as a function from tokens to a description.

use quote::{ToTokens, quote};
use syn::DeriveInput;

use super::{bounds, check, layout, parse};
use crate::errors::Errors;

fn parsed(tokens: proc_macro2::TokenStream) -> DeriveInput {
    syn::parse2(tokens).expect("the test's item is valid Rust")
}

/// The text that is hashed.
#[track_caller]
fn text(tokens: proc_macro2::TokenStream) -> String {
    let (input, mut errors) = (parsed(tokens), Errors::default());
    let container = parse::container(&input, &mut errors);
    check::container(&container, &mut errors);
    assert_eq!(errors.messages(), Vec::<String>::new());
    layout::of(&container).text.as_str().trim_end().to_owned()
}

/// The types that are visited.
fn parts(tokens: proc_macro2::TokenStream) -> Vec<String> {
    let (input, mut errors) = (parsed(tokens), Errors::default());
    let layout = layout::of(&parse::container(&input, &mut errors));
    layout.parts.iter().map(|part| part.to_token_stream().to_string()).collect()
}

fn messages(tokens: proc_macro2::TokenStream) -> Vec<String> {
    let (input, mut errors) = (parsed(tokens), Errors::default());
    check::container(&parse::container(&input, &mut errors), &mut errors);
    errors.messages()
}

/// The `where` clauses of the implementation.
fn clauses(tokens: proc_macro2::TokenStream) -> Vec<String> {
    let (input, mut errors) = (parsed(tokens), Errors::default());
    let layout = layout::of(&parse::container(&input, &mut errors));
    let generics = bounds::extend(&input.generics, &layout.parts, &quote!(c));
    let clauses = generics.where_clause.expect("the implementation has bounds").predicates;
    clauses.iter().map(|clause| clause.to_token_stream().to_string()).collect()
}

#[test]
fn texts_stay_as_they_are() {
    // They are part of the fingerprints in users' files: a change here makes every saved table start cold.
    assert_eq!(
        text(quote!(
            struct Post {
                id: u64,
                title: String,
            }
        )),
        "struct 4:Post { 2:id part 5:title part end"
    );
    assert_eq!(
        text(quote!(
            struct Pair(u8, u8);
        )),
        "struct 4:Pair ( part part end"
    );
    assert_eq!(
        text(quote!(
            struct Unit;
        )),
        "struct 4:Unit ; end"
    );
    assert_eq!(
        text(quote!(
            enum Choice {
                A,
                B(u8),
                C { x: u8 },
            }
        )),
        "enum 6:Choice variant 1:A ; end variant 1:B ( part end variant 1:C { 1:x part end",
    );
    assert_eq!(
        text(quote!(
            struct T {
                #[shape(opaque)]
                #[serde(with = "hex")]
                a: Vec<x::Foreign>,
            }
        )),
        "struct 1:T { 1:a with 3:hex opaque 21:Vec < x : : Foreign > end",
    );
    assert_eq!(
        text(quote!(
            #[serde(rename(serialize = "A", deserialize = "B"))]
            struct T;
        )),
        "struct 1:A read as 1:B ; end",
    );
}

#[test]
fn types_are_visited_in_their_order_and_skipped_ones_are_not() {
    let visited = parts(quote!(
        enum T {
            A(u8, #[serde(skip)] u16, #[serde(skip_serializing, skip_deserializing)] u16),
            B {
                x: Vec<u32>,
            },
            #[serde(skip)]
            C(u64),
        }
    ));
    assert_eq!(visited, ["u8", "Vec < u32 >"]);
}

#[test]
fn stand_ins_are_visited_in_place_of_the_fields_that_they_replace() {
    assert_eq!(
        parts(quote!(
            #[serde(from = "A", into = "B")]
            struct T(u8);
        )),
        ["B", "A"]
    );
    assert_eq!(
        parts(quote!(
            #[serde(try_from = "A")]
            struct T(u8);
        )),
        ["A", "u8"]
    );
}

#[test]
fn what_an_opaque_mark_covers_is_not_asked_about() {
    for covered in [
        quote!(
            struct T {
                #[shape(opaque)]
                #[serde(with = "hex")]
                a: u8,
            }
        ),
        quote!(
            #[shape(opaque)]
            struct T {
                #[serde(serialize_with = "hex")]
                a: u8,
            }
        ),
        quote!(
            enum T {
                #[shape(opaque)]
                #[serde(with = "hex")]
                A(u8),
                #[shape(opaque)]
                B(#[serde(with = "x")] u8),
            }
        ),
        quote!(
            #[serde(from = "A", into = "A")]
            struct T {
                #[serde(with = "hex")]
                a: u8,
            }
        ),
        quote!(
            struct T {
                #[serde(skip, with = "hex")]
                a: u8,
            }
        ),
    ] {
        assert_eq!(messages(covered), Vec::<String>::new());
    }
}

#[test]
fn an_opaque_mark_does_not_stand_for_a_self_describing_one() {
    assert_eq!(
        messages(quote!(
            #[shape(opaque)]
            #[serde(untagged)]
            enum T {
                A(u8),
            }
        ))
        .len(),
        1
    );
    assert_eq!(
        messages(quote!(
            #[shape(self_describing)]
            #[serde(untagged)]
            enum T {
                A(u8),
            }
        ))
        .len(),
        0
    );
    assert_eq!(
        messages(quote!(
            #[shape(self_describing)]
            struct T(#[serde(with = "hex")] u8);
        ))
        .len(),
        1
    );
}

#[test]
fn a_skipped_variant_is_refused_only_before_others() {
    assert_eq!(
        messages(quote!(
            enum T {
                #[serde(skip)]
                A,
                B,
            }
        ))
        .len(),
        1
    );
    assert_eq!(
        messages(quote!(
            enum T {
                #[serde(skip_deserializing)]
                A,
                B,
            }
        ))
        .len(),
        1
    );
    assert_eq!(
        messages(quote!(
            enum T {
                B,
                #[serde(skip)]
                A,
                #[serde(skip)]
                C,
            }
        ))
        .len(),
        0
    );
    assert_eq!(
        messages(quote!(
            enum T {
                #[serde(skip_serializing)]
                A,
                B,
            }
        ))
        .len(),
        0
    );
}

#[test]
fn bounds_cover_what_is_reached_and_nothing_else() {
    assert_eq!(
        clauses(quote!(
            struct T<A, B>(Vec<A>, PhantomData<B>, A);
        )),
        ["A : 'static", "B : 'static", "A : c :: Shape"],
    );
    assert_eq!(
        clauses(quote!(
            struct T<'a, A: Kind>(&'a A::Item, [(<A as Kind>::Other,); 2]);
        )),
        ["'a : 'static", "A : 'static", "A :: Item : c :: Shape", "< A as Kind > :: Other : c :: Shape"],
    );
    assert_eq!(
        clauses(quote!(
            struct T<A>(#[shape(opaque)] A, x::A);
        )),
        ["A : 'static"]
    );
}
