use quote::quote;

use super::*;

/// The listing between `{` and `}` with the head that `cache_core::registry!` adds.
fn parse(lines: TokenStream) -> (Option<Listing>, Vec<String>) {
    parse_all(quote!(pub struct All { #lines }))
}

fn parse_all(listing: TokenStream) -> (Option<Listing>, Vec<String>) {
    let mut errors = Errors::default();
    let parsed = Listing::parse(quote!(crate = ::cache_core; core_format = 1; #listing), &mut errors);
    (parsed, errors.messages())
}

#[test]
fn a_line_has_attributes_a_path_and_perhaps_a_name() {
    let (listing, messages) = parse(quote! {
        /// One post.
        ///
        /// Really.
        #[cfg(feature = "posts")]
        crate::GetPost,
        Page<Map<A, B>> as "map",
        <crate::X as Y>::Z,
    });
    assert_eq!(messages, [""; 0]);
    let listing = listing.unwrap();
    assert_eq!(listing.core.to_string(), ":: cache_core");
    let [post, page, _] = &listing.lines[..] else { panic!("not three lines") };
    assert_eq!(post.docs().collect::<Vec<_>>(), [" One post.", "", " Really."]);
    assert_eq!(post.cfgs().count(), 1);
    assert_eq!(page.name.as_ref().unwrap().value(), "map");
}

#[test]
fn the_number_of_a_generated_file_is_checked() {
    assert_eq!(parse_all(quote!(format = 1; pub struct All {})).1, [""; 0]);
    let (listing, messages) = parse_all(quote!(format = 2; pub enum Whatever ~));
    assert!(listing.is_none());
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("update `cache-core`"), "{messages:?}");
}

#[test]
fn every_broken_line_is_reported() {
    let (_, messages) = parse(quote! {
        "GetPost",
        GetPost GetUser,
        GetPost as post,
        GetPost as "",
        GetPost as "a\nb",
        post: GetPost,
        &GetPost,
        #[cfg(test)],
        Good,
    });
    assert_eq!(
        messages,
        [
            "expected the path of a query, as in `crate::queries::GetPost`",
            "expected `,` after the query",
            "`as` takes a name in quotes: `as \"user_page\"`",
            "the name of a table must not be empty or contain control characters",
            "the name of a table must not be empty or contain control characters",
            "expected only the path of a query: the names of fields follow from it",
            "expected the path of a query, as in `crate::queries::GetPost`",
            "unexpected end of input, expected the path of a query, as in `crate::queries::GetPost`",
        ]
    );
}

#[test]
fn a_path_may_come_again_only_under_a_cfg() {
    let (_, messages) = parse(quote! {
        a::Get,
        #[cfg(unix)] b::Get,
        #[cfg(windows)] b::Get,
        a::Get as "other",
    });
    assert_eq!(messages, ["`a::Get` is listed twice; a query has one table"]);
}

#[test]
fn only_a_plain_struct_is_a_registry() {
    for (listing, message) in [
        (
            quote!(
                pub enum All {}
            ),
            "expected `pub struct CacheRegistry { ... }` with one query per line",
        ),
        (
            quote!(
                struct All;
            ),
            "expected `{ ... }` with one query per line",
        ),
        (
            quote!(
                struct All(GetPost);
            ),
            "expected `{ ... }` with one query per line",
        ),
        (
            quote!(
                struct All<T> {}
            ),
            "a registry has no parameters: list each instance, as in `Page<User>`",
        ),
        (
            quote!(
                struct All {}
                struct More {}
            ),
            "`registry!` makes one struct: expected nothing after it",
        ),
        (quote!(form = 1; struct All {}), "expected `format = N;` or `pub struct CacheRegistry { ... }`"),
    ] {
        assert_eq!(parse_all(listing).1, [message]);
    }
}
