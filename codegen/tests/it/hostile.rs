//! No input makes the generator panic, hang or write anything other than one macro call.

use std::io;
use std::path::Path;

use cache_codegen::check::{Include, Skip, check};
use cache_codegen::emit::{Style, manifest, registry};
use cache_codegen::model::Model;
use cache_codegen::package::CrateNames;
use cache_codegen::scan::scan_with;
use proptest::prelude::*;

/// Source with one of each thing that the scan looks at.
const SOURCE: &str = r##"#![cfg(feature = "x")]
//! Docs. é
use cache_core::{self as cc, Query as Q, prelude::*};
extern crate cache_core as other;
#[cfg_attr(unix, path = "a.rs")] pub(in crate::b) mod a;
/// One post \" é
#[derive(Q, Clone, cc::Query)] #[query(value = Post)] pub struct GetPost<T, const N: usize = { 1 }> where T: Fn() -> u8 { pub id: u64 }
mod inner { #![cfg(not(test))] #[derive(super::Q)] struct Hidden; pub use self::x::*; pub mod x { r#"raw"#; b'x'; 'a: loop {} } }
fn f<'a>() -> impl Sized { #[derive(Q)] struct Local(u8); make! { #[derive(Q)] struct Made; } { mod y {} } }
macro_rules! make { ($($t:tt)*) => { #[derive($crate::Query)] struct M; }; }
#[cfg(any(test, all(unix, not(windows))))] #[doc = r#"raw"#] union U { a: u8 }
"##;

/// Runs all four steps over one text.
fn run(source: &str, include: &str, skip: &str) {
    let read = |path: &Path| match path.ends_with("lib.rs") {
        true => Ok(source.as_bytes().to_vec()),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let scan = scan_with(Path::new("src/lib.rs"), read).expect("the root exists");
    let model = Model::build(&scan, &CrateNames::default());
    let listing = check(&model, &[Include::new(include)], &[Skip::new(skip)]);
    let style = Style::new("::cache_core");
    let text = registry(&listing.lines, &style);
    let tokens: proc_macro2::TokenStream = text.parse().expect("the generated file can be read as tokens");
    assert_eq!(tokens.into_iter().count(), 8, "one macro call: {text}");
    let json = manifest(&listing.lines, &style, Path::new("src"));
    serde_json::from_str::<serde_json::Value>(&json).expect("the manifest is JSON");
    let _ = listing.report.render(Path::new("src"));
    scan.faults.iter().for_each(|fault| drop(fault.diagnostic.one_line(Path::new("src"))));
}

#[test]
fn no_prefix_of_a_source_causes_a_panic() {
    for (end, _) in SOURCE.char_indices() {
        run(&SOURCE[..end], "GetPost<u8>", "Hidden");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_causes_a_panic(source in "\\PC{0,200}", include in "\\PC{0,30}", skip in "\\PC{0,30}") {
        run(&source, &include, &skip);
    }

    #[test]
    fn no_change_to_a_source_causes_a_panic(
        at in 0..SOURCE.len(), length in 0..40usize, insert in "[a-zA-Z#!\\[\\](){}<>;:,='\"$ \n/*r-]{0,12}",
    ) {
        let mut source: Vec<char> = SOURCE.chars().collect();
        let start = at.min(source.len());
        let end = (start + length).min(source.len());
        source.splice(start..end, insert.chars());
        run(&source.into_iter().collect::<String>(), "GetPost<inner::Hidden>", "crate::inner");
    }

    #[test]
    fn no_mix_of_words_causes_a_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "mod", "use", "struct", "enum", "union", "type", "macro_rules", "extern", "crate", "pub", "(crate)", "(in", "self",
            "super", "::", "*", "as", "#", "[derive(Query)]", "[cfg(test)]", "[cfg(unix)]", "[cfg_attr(x, derive(Query))]",
            "[path = \"x.rs\"]", "{", "}", "(", ")", "<", ">", ";", "!", "A", "b", "Query", "fn", "impl", "=", "-", "cache_core",
        ]), 0..40),
        include in "[A-Z<>:,()&' a-z]{0,16}",
    ) {
        run(&words.join(" "), &include, "A");
    }
}
