use super::*;
use crate::memory::{dependency, model_of, model_of_files, scan_files};

/// Checks which types are found to be queries, obstacles aside.
#[track_caller]
fn finds(source: &str, expected: &[&str]) {
    let model = model_of(source);
    let found: Vec<_> = model.queries.iter().map(|query| query.path.as_str()).collect();
    assert_eq!(found, expected, "in {source}");
}

/// The obstacle of the only query of `source`.
#[track_caller]
fn obstacle(source: &str) -> Option<Obstacle> {
    let mut model = model_of(source);
    assert_eq!(model.queries.len(), 1, "{:?}", model.queries);
    model.queries.remove(0).obstacle
}

/// The path that the only query of `source`, an ordinary one, is listed under.
#[track_caller]
fn listed_path(source: &str) -> String {
    let mut model = model_of(source);
    assert_eq!(model.queries.len(), 1, "{:?}", model.queries);
    let query = model.queries.remove(0);
    assert_eq!(query.obstacle, None);
    query.path
}

#[test]
fn the_derive_is_known_by_its_full_path() {
    finds("#[derive(cache_core::Query)] struct A;", &["crate::A"]);
    finds("#[derive(Clone, ::cache_core::Query, Debug)] struct A;", &["crate::A"]);
    finds("#[derive(cache_macros::Query)] enum A {}", &["crate::A"]);
    finds("#[derive(other::Query)] struct A;", &[]);
}

#[test]
fn the_derive_is_known_through_use() {
    finds("use cache_core::Query; #[derive(Query)] struct A;", &["crate::A"]);
    finds("use ::cache_core::{Cache, Query as Q}; #[derive(Q)] struct A;", &["crate::A"]);
    finds("use cache_core as cc; #[derive(cc::Query)] struct A;", &["crate::A"]);
    finds(
        "use cache_core::{self as cc}; mod m { use super::cc; #[derive(cc::Query)] pub struct A; }",
        &["crate::m::A"],
    );
    finds("extern crate cache_core as cc; use cc::Query as R; #[derive(R)] struct A;", &["crate::A"]);
    finds("#[macro_use] extern crate cache_core; mod m { #[derive(Query)] pub struct A; }", &["crate::m::A"]);
    finds("use cache_core; #[derive(cache_core::Query)] struct A;", &["crate::A"]);
}

#[test]
fn the_derive_is_known_through_globs_and_re_exports() {
    finds("use cache_core::*; #[derive(Query)] struct A;", &["crate::A"]);
    finds("use cache_core::prelude::*; #[derive(Query)] struct A;", &["crate::A"]);
    finds("use cache_core::Query; mod m { use super::*; #[derive(Query)] pub struct A; }", &["crate::m::A"]);
    finds(
        "mod prelude { pub use cache_core::Query as Question; } mod m { use crate::prelude::*; #[derive(Question)] pub struct A; }",
        &["crate::m::A"],
    );
    finds(
        "mod a { pub use super::b::Q as R; } mod b { pub use cache_core::Query as Q; } #[derive(a::R)] struct A;",
        &["crate::A"],
    );
    finds("#[derive(crate::x::Query)] struct A; mod x { pub use cache_core::Query; }", &["crate::A"]);
    finds(
        "mod m { #[derive(self::n::Query, super::m::n::Query)] pub struct A; mod n { pub use cache_core::Query; } }",
        &["crate::m::A"],
    );
}

#[test]
fn a_use_in_a_function_counts_there() {
    let found =
        obstacle("fn f() { use cache_core::Query as Q; #[derive(Q)] struct A; } #[derive(Q)] struct B;");
    assert_eq!(found, Some(Obstacle::InBlock("f".to_owned())));
}

#[test]
fn a_type_of_the_same_name_does_not_hide_the_derive() {
    finds("use cache_core::*; struct Query; #[derive(Query)] struct A;", &["crate::A"]);
}

#[test]
fn another_derive_of_the_same_name_is_ignored_with_a_reason() {
    let model = model_of(
        "use other::Query; #[derive(Query)] #[query(value = X)] struct A; mod m { #[derive(Query)] struct B; }",
    );
    assert!(model.queries.is_empty());
    let reasons: Vec<_> = model.lookalikes.iter().map(|it| format!("{}: {}", it.path, it.reason)).collect();
    assert_eq!(
        reasons,
        [
            "crate::A: `Query` is `other::Query`, which is not the cache's",
            "crate::m::B: nothing in scope provides `Query`"
        ]
    );
}

#[test]
fn a_glob_of_an_unknown_crate_is_trusted_only_beside_query_options() {
    finds("use my_prelude::*; #[derive(Query)] #[query(value = X)] struct A;", &["crate::A"]);
    finds("use my_prelude::*; #[derive(Query)] struct A;", &[]);
    finds("use std::fmt::*; #[derive(Query)] #[query(value = X)] struct A;", &[]);
}

#[test]
fn names_that_lead_in_circles_lead_nowhere() {
    finds(
        "mod a { pub use super::b::*; pub use super::b::Query; } mod b { pub use super::a::*; pub use super::a::Query; } use a::*; #[derive(Query)] struct A;",
        &[],
    );
    let chain: String =
        (0..3_000).map(|i| format!("mod m{i} {{ pub use super::m{}::Query; }}", i + 1)).collect();
    finds(&format!("{chain} #[derive(m0::Query)] struct A;"), &[]);
}

#[test]
fn conditions_of_derives_are_part_of_the_line() {
    let model = model_of(
        "use cache_core::Query; #[cfg(unix)] mod m { #[cfg_attr(feature = \"a\", derive(Clone, super::Query))] \
         #[cfg_attr(feature = \"b\", cfg_attr(feature = \"c\", derive(super::Query)))] #[cfg(feature = \"d\")] pub struct A; }",
    );
    let cfgs: Vec<_> = model.queries[0].cfgs.iter().map(ToString::to_string).collect();
    assert_eq!(
        cfgs,
        ["unix", "feature = \"d\"", "any(feature = \"a\", all(feature = \"b\", feature = \"c\"))"]
    );
    let model = model_of("#[cfg_attr(test, derive(cache_core::Query))] struct A;");
    assert!(model.queries.is_empty());
}

#[test]
fn queries_without_a_single_type_or_without_a_path_have_their_obstacle() {
    let derive = "#[derive(cache_core::Query)]";
    assert_eq!(obstacle(&format!("{derive} struct A<T>(T);")), Some(Obstacle::Generic));
    assert_eq!(
        obstacle(&format!("{derive} struct A<'a, const N: usize>(&'a [u8; N]);")),
        Some(Obstacle::Generic)
    );
    assert_eq!(obstacle(&format!("{derive} struct A<>;")), None);
    assert_eq!(
        obstacle(&format!("impl X {{ fn f() {{ {derive} struct A; }} }}")),
        Some(Obstacle::InBlock("f".to_owned()))
    );
    assert_eq!(
        obstacle(&format!("const _: () = {{ {derive} struct A; }};")),
        Some(Obstacle::InBlock("_".to_owned()))
    );
    assert_eq!(obstacle(&format!("make! {{ {derive} struct A; }}")), Some(Obstacle::InMacroCall));
    assert_eq!(obstacle(&format!("fn f() {{ a::make!({derive} struct A;) }}")), Some(Obstacle::InMacroCall));
    assert_eq!(
        obstacle(
            "macro_rules! make { ($n:ident) => { #[derive($crate::Query, cache_core::Query)] struct $n; } }"
        ),
        Some(Obstacle::InMacroDefinition)
    );
    finds("make! { #[derive(Debug)] struct Query; } make! { #[derive(other::Query)] struct A; }", &[]);
    finds("#[cfg(test)] make! { #[derive(cache_core::Query)] struct A; }", &[]);
}

#[test]
fn the_outermost_thing_to_widen_is_named() {
    let hidden = |source: &str| match obstacle(source) {
        Some(Obstacle::Hidden(place)) => place.text().to_owned(),
        other => panic!("{other:?} in {source}"),
    };
    let derive = "#[derive(cache_core::Query)]";
    assert_eq!(hidden(&format!("mod a {{ mod b {{ {derive} pub struct Q; }} }}")), "b");
    assert_eq!(hidden(&format!("mod a {{ mod b {{ mod c {{ {derive} struct Q; }} }} }}")), "b");
    assert_eq!(hidden(&format!("mod a {{ pub(self) mod b {{ {derive} pub struct Q; }} }}")), "b");
    assert_eq!(hidden(&format!("mod a {{ {derive} struct Q; }}")), "Q");
    assert_eq!(hidden(&format!("mod a {{ pub mod b {{ {derive} pub(super) struct Q; }} }}")), "Q");
    assert_eq!(hidden(&format!("mod a {{ pub mod b {{ {derive} pub(in crate::a) struct Q; }} }}")), "Q");
}

#[test]
fn what_the_root_can_name_is_listed() {
    let derive = "#[derive(cache_core::Query)]";
    assert_eq!(listed_path(&format!("{derive} struct Q;")), "crate::Q");
    assert_eq!(listed_path(&format!("mod a {{ {derive} pub(super) struct Q; }}")), "crate::a::Q");
    assert_eq!(
        listed_path(&format!("mod a {{ pub(super) mod b {{ {derive} pub(in super::super) struct Q; }} }}")),
        "crate::a::b::Q"
    );
    assert_eq!(
        listed_path(&format!("mod a {{ pub(in crate) mod b {{ {derive} pub(crate) struct Q; }} }}")),
        "crate::a::b::Q"
    );
    assert_eq!(listed_path(&format!("mod r#a {{ {derive} pub struct r#Q; }}")), "crate::r#a::r#Q");
}

#[test]
fn a_hidden_query_is_listed_where_it_is_re_exported() {
    let inner = "mod b { #[derive(cache_core::Query)] pub struct Q; }";
    assert_eq!(listed_path(&format!("mod a {{ {inner} pub use b::Q; }}")), "crate::a::Q");
    assert_eq!(listed_path(&format!("mod a {{ {inner} pub use self::b::*; }}")), "crate::a::Q");
    assert_eq!(listed_path(&format!("mod a {{ {inner} pub(crate) use b::Q as R; }}")), "crate::a::R");
    assert_eq!(listed_path(&format!("mod a {{ {inner} pub use b::Q; }} use a::Q;")), "crate::Q");
    let renamed_twice =
        format!("mod a {{ {inner} mod c {{ pub use super::b::Q as R; }} pub use c::R as S; }}");
    assert_eq!(listed_path(&renamed_twice), "crate::a::S");
    let private_use = format!("mod a {{ {inner} use b::Q; }}");
    assert!(matches!(obstacle(&private_use), Some(Obstacle::Hidden(_))));
    let of_private = "mod a { #[derive(cache_core::Query)] struct Q; } pub use a::*;";
    assert!(matches!(obstacle(of_private), Some(Obstacle::Hidden(_))));
}

#[test]
fn a_re_export_adds_its_conditions() {
    let model =
        model_of("mod a { mod b { #[derive(cache_core::Query)] pub struct Q; } #[cfg(unix)] pub use b::Q; }");
    assert_eq!(model.queries[0].cfgs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["unix"]);
}

#[test]
fn a_renamed_dependency_is_known_by_its_new_name() {
    let mut crates = dependency();
    crates.own.insert("cc".to_owned());
    let scan = scan_files(&[(
        "src/lib.rs",
        "use cc::Query; #[derive(Query)] struct A; mod m { #[derive(cc::Query)] pub struct B; }",
    )]);
    assert_eq!(Model::build(&scan, &crates).queries.len(), 2);
    assert_eq!(Model::build(&scan, &dependency()).queries.len(), 0);
}

#[test]
fn names_cross_files() {
    let model = model_of_files(&[
        ("src/lib.rs", "mod prelude; mod posts; "),
        ("src/prelude.rs", "pub(crate) use cache_core::{Cache, Query};"),
        ("src/posts/mod.rs", "use super::prelude::*; pub mod by_id;"),
        ("src/posts/by_id.rs", "use super::*; /// One post.\n#[derive(Query)] pub struct GetPost;"),
    ]);
    assert_eq!(model.queries[0].path, "crate::posts::by_id::GetPost");
    assert_eq!(model.queries[0].docs, [" One post."]);
    assert_eq!(model.queries[0].location.line(), 2);
}
