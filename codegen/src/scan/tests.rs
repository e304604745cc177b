use super::*;
use crate::memory::scan_files;

/// Paths of the files that a crate of these files is read from.
#[track_caller]
fn files_read(files: &[(&str, &str)]) -> Vec<String> {
    let scan = scan_files(files);
    assert!(scan.faults.is_empty(), "{:?}", scan.faults);
    let mut read: Vec<_> = scan.files.iter().map(|file| file.path().display().to_string()).collect();
    read.sort();
    read
}

/// The names of all types with the conditions around them.
#[track_caller]
fn types(source: &str) -> Vec<String> {
    let scan = scan_files(&[("src/lib.rs", source)]);
    let mut types = Vec::new();
    for (id, module) in scan.iter() {
        for item in &module.types {
            let mut cfgs = scan.cfgs(id);
            cfgs.extend(item.cfgs.iter().cloned());
            let cfgs: Vec<_> = cfgs.iter().map(ToString::to_string).collect();
            types.push(format!("{}::{} [{}]", scan.path(id).join("::"), item.name, cfgs.join("; ")));
        }
    }
    types.sort();
    types
}

#[test]
fn files_are_found_beside_mod_rs_and_below_other_files() {
    let read = files_read(&[
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a.rs", "mod c;"),
        ("src/a/c.rs", ""),
        ("src/c.rs", "this is read by nobody"),
        ("src/b/mod.rs", "mod c;"),
        ("src/b/c.rs", ""),
        ("src/b/b/c.rs", "nor is this"),
    ]);
    assert_eq!(read, ["src/a.rs", "src/a/c.rs", "src/b/c.rs", "src/b/mod.rs", "src/lib.rs"]);
}

#[test]
fn folders_are_not_searched() {
    let read =
        files_read(&[("src/lib.rs", "mod a;"), ("src/a.rs", ""), ("src/b.rs", ""), ("src/a/z.rs", "")]);
    assert_eq!(read, ["src/a.rs", "src/lib.rs"]);
}

#[test]
fn inline_modules_add_folders() {
    let read = files_read(&[
        ("src/lib.rs", "mod a; mod out { mod x; mod inner { mod y; } }"),
        ("src/a.rs", "mod b { mod c; }"),
        ("src/a/b/c.rs", ""),
        ("src/out/x.rs", ""),
        ("src/out/inner/y/mod.rs", ""),
    ]);
    assert_eq!(read, ["src/a.rs", "src/a/b/c.rs", "src/lib.rs", "src/out/inner/y/mod.rs", "src/out/x.rs"]);
}

#[test]
fn path_attributes_are_relative_to_the_folder_of_the_file() {
    let read = files_read(&[
        ("src/lib.rs", "mod a; #[path = \"elsewhere/x.rs\"] mod x;"),
        ("src/a.rs", "#[path = \"of_a.rs\"] mod b; "),
        ("src/of_a.rs", "mod beside;"),
        ("src/beside.rs", ""),
        ("src/elsewhere/x.rs", "mod y;"),
        ("src/elsewhere/y.rs", ""),
    ]);
    assert_eq!(
        read,
        [
            "src/a.rs",
            "src/beside.rs",
            "src/elsewhere/x.rs",
            "src/elsewhere/y.rs",
            "src/lib.rs",
            "src/of_a.rs"
        ]
    );
}

#[test]
fn path_attributes_inside_inline_modules_follow_the_kind_of_file() {
    // In `lib.rs` or a `mod.rs` the inline module adds its own name, in `a.rs` also that of the file.
    let read = files_read(&[
        ("src/lib.rs", "mod a; mod inline { #[path = \"other.rs\"] mod inner; }"),
        ("src/inline/other.rs", ""),
        ("src/a.rs", "mod inline { #[path = \"other.rs\"] mod inner; }"),
        ("src/a/inline/other.rs", ""),
    ]);
    assert_eq!(read, ["src/a.rs", "src/a/inline/other.rs", "src/inline/other.rs", "src/lib.rs"]);
}

#[test]
fn the_path_of_an_inline_module_names_a_folder() {
    let read = files_read(&[
        ("src/lib.rs", "mod a; #[path = \"there\"] mod inline { mod x; }"),
        ("src/there/x.rs", ""),
        ("src/a.rs", "#[path = \"here\"] mod inline { #[path = \"../y.rs\"] mod y; }"),
        ("src/y.rs", ""),
    ]);
    assert_eq!(read, ["src/a.rs", "src/here/../y.rs", "src/lib.rs", "src/there/x.rs"]);
}

#[test]
fn a_conditional_path_stands_for_each_of_its_files() {
    let scan = scan_files(&[
        ("src/lib.rs", "#[cfg_attr(unix, path = \"u.rs\")] #[cfg_attr(windows, path = \"w.rs\")] mod os;"),
        ("src/u.rs", ""),
        ("src/w.rs", ""),
        ("src/os.rs", ""),
    ]);
    let cfgs: Vec<_> = scan.modules[1..]
        .iter()
        .map(|module| {
            let cfgs: Vec<_> = module.cfgs.iter().map(ToString::to_string).collect();
            format!("{}: {}", module.source.path().display(), cfgs.join("; "))
        })
        .collect();
    assert_eq!(
        cfgs,
        ["src/u.rs: unix", "src/w.rs: not(unix); windows", "src/os.rs: not(unix); not(windows)"]
    );
    assert_eq!(scan.missing, []);
}

#[test]
fn a_raw_name_is_a_plain_file_name() {
    assert_eq!(files_read(&[("src/lib.rs", "mod r#fn;"), ("src/fn.rs", "")]), ["src/fn.rs", "src/lib.rs"]);
}

#[test]
fn a_module_in_a_function_needs_a_path() {
    let read = files_read(&[
        ("src/lib.rs", "mod a;"),
        ("src/a.rs", "fn f() { if true { #[path = \"x.rs\"] mod x; } mod y; }"),
        ("src/x.rs", ""),
        ("src/a/y.rs", ""),
        ("src/y.rs", ""),
    ]);
    assert_eq!(read, ["src/a.rs", "src/lib.rs", "src/x.rs"]);
}

#[test]
fn a_missing_file_is_left_to_rustc_and_watched_for() {
    let scan = scan_files(&[
        ("src/lib.rs", "mod here; #[cfg(unix)] mod maybe; #[cfg(unix)] mod inner { mod deep; }"),
        ("src/here.rs", "mod gone;"),
    ]);
    assert!(scan.faults.is_empty());
    let missing = scan.missing.iter().map(|missing| {
        let cfgs: Vec<_> = missing.cfgs.iter().map(ToString::to_string).collect();
        format!("{} {}", missing.path.display(), cfgs.join("; "))
    });
    let mut missing: Vec<_> = missing.collect();
    missing.sort();
    assert_eq!(
        missing,
        [
            "src/here/gone.rs ",
            "src/here/gone/mod.rs ",
            "src/inner/deep.rs unix",
            "src/inner/deep/mod.rs unix",
            "src/maybe.rs unix",
            "src/maybe/mod.rs unix",
        ]
    );
}

#[test]
fn modules_for_tests_are_not_read() {
    let source = "#[cfg(test)] mod a; #[cfg(all(test, unix))] mod b; #[cfg(any(test, unix))] mod c; \
                  #[cfg_attr(not(test), cfg(any()))] mod d;";
    let read = files_read(&[
        ("src/lib.rs", source),
        ("src/a.rs", ""),
        ("src/b.rs", ""),
        ("src/c.rs", ""),
        ("src/d.rs", ""),
    ]);
    assert_eq!(read, ["src/c.rs", "src/lib.rs"]);
}

#[test]
fn conditions_of_all_modules_around_are_kept() {
    let source = "#[cfg(unix)] mod a { #![cfg(feature = \"x\")] #[cfg(not(test))] mod b { #[cfg(windows)] struct S; } }";
    assert_eq!(types(source), ["crate::a::b::S [unix; feature = \"x\"; windows]"]);
    assert_eq!(types("#![cfg(unix)] struct S;"), ["crate::S [unix]"]);
    assert_eq!(
        types("#[cfg_attr(unix, cfg(feature = \"x\"))] struct S;"),
        ["crate::S [any(not(unix), feature = \"x\")]"]
    );
}

#[test]
fn conditions_of_a_function_hold_inside_it() {
    assert_eq!(types("#[cfg(test)] fn f() { #[derive(X)] struct S; }"), [""; 0]);
    assert_eq!(types("#[cfg(test)] impl X { fn f() { #[derive(X)] struct S; } }"), [""; 0]);
    assert_eq!(types("#[cfg(unix)] fn f() { #[derive(X)] struct S; }"), ["crate::f::S [unix]"]);
    assert_eq!(types("#[cfg(unix)] use a::{b}; fn f() { #[derive(X)] struct S; }"), ["crate::f::S []"]);
}

#[test]
fn a_file_that_includes_itself_is_a_fault() {
    let scan = scan_files(&[("src/lib.rs", "mod a;"), ("src/a.rs", "#[path = \"./a.rs\"] mod again;")]);
    assert_eq!(scan.faults.len(), 1, "{:?}", scan.faults);
    assert_eq!(scan.modules.len(), 2);
}

#[test]
fn a_file_shared_by_two_modules_is_read_for_each() {
    let scan = scan_files(&[
        ("src/lib.rs", "#[path = \"x.rs\"] mod a; #[path = \"x.rs\"] mod b;"),
        ("src/x.rs", "struct S;"),
    ]);
    assert_eq!(scan.modules.len(), 3);
    assert_eq!(scan.paths().len(), 2);
}

#[test]
fn what_is_not_rust_is_a_fault_and_the_rest_is_still_read() {
    let scan = scan_files(&[
        ("src/lib.rs", "mod a; mod b; mod c;"),
        ("src/a.rs", "struct A; fn f( {"),
        ("src/b.rs", "struct B;"),
        ("src/c.rs", "let x = \"unclosed;"),
    ]);
    assert_eq!(scan.faults.len(), 2);
    assert_eq!(scan.modules.len(), 4);
    assert!(scan.modules.iter().flat_map(|module| &module.types).any(|item| item.name == "B"));
}

#[test]
fn a_broken_function_body_hides_nothing() {
    assert_eq!(
        types("fn f() { let = ; + } pub struct S { x: ,, } struct T;"),
        ["crate::S []", "crate::T []"]
    );
}

#[test]
fn files_may_begin_with_a_mark_or_a_shebang() {
    for head in [
        "\u{feff}",
        "#!/usr/bin/env run\n",
        "\u{feff}#!/bin/sh -{\n",
        "#![allow(x)]",
        "#! /* [ */ [allow(x)]\n",
    ] {
        let source = format!("{head}struct S;");
        let scan = scan_files(&[("src/lib.rs", &source)]);
        assert!(scan.faults.is_empty(), "{head:?}");
        let item = &scan.modules[0].types[0];
        assert_eq!(item.location.text(), "S", "{head:?}");
    }
}

#[test]
fn only_real_items_are_recognised() {
    assert_eq!(
        types(
            "pub struct A<const N: usize = { 1 + 2 }>([u8; N]) where (): Sized; enum B<T: Fn() -> u8> { X(T) } \
             union C { a: u8 } fn union(x: bool) -> bool { x != (true) } const D: u8 = { struct Inner; 1 }; \
             pub(crate) struct E { pub(in crate::x) f: fn() -> u8 } pub(super) type F<T> = Vec<T>; \
             macro_rules! g { () => { struct H; } } thread_local! { struct I; } struct r#J;"
        ),
        ["crate::A []", "crate::B []", "crate::C []", "crate::E []", "crate::F []", "crate::r#J []"]
    );
}

#[test]
fn use_trees_are_flattened() {
    let source = "use a::{self, b::{c as d, *}, ::e}; pub(crate) use {f, g::h}; use i as _; extern crate j as k; use *;";
    let scan = scan_files(&[("src/lib.rs", source)]);
    let uses: Vec<_> =
        scan.modules[0].uses.iter().map(|import| format!("{} {:?}", import.path, import.name)).collect();
    assert_eq!(
        uses,
        [
            "a Named(\"a\")",
            "a::b::c Named(\"d\")",
            "a::b Glob",
            "::a::e Named(\"e\")",
            "f Named(\"f\")",
            "g::h Named(\"h\")",
            "::j Named(\"k\")",
            " Glob"
        ]
    );
}

#[test]
fn doc_comments_are_read_in_every_form() {
    let source = "/// One \\ \"line\"\n/** block\n * two */\n#[doc = \"a\\u{e9}\\n\\x41\"] #[doc = r#\"raw\"#] #[doc(hidden)] struct S;";
    let scan = scan_files(&[("src/lib.rs", source)]);
    assert_eq!(scan.modules[0].types[0].docs, [" One \\ \"line\"", " block\n * two ", "a\u{e9}\nA", "raw"]);
}

#[test]
fn absurd_nesting_neither_overflows_nor_hangs() {
    let depth = 20_000;
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(depth), close.repeat(depth));
    for source in [
        nested("mod a { struct S; ", "}"),
        nested("fn f() { #[derive(Q)] struct S; ", "}"),
        nested("(", ")"),
        format!("use {};", nested("a::{b, ", "}")),
        format!("#[cfg({})] struct S;", nested("not(", ")")),
        format!("#[{}] struct S;", nested("cfg_attr(unix, ", ")")),
        format!("derive! {}", nested("{ derive ", "}")),
        format!("struct S{};", nested("<", ">")),
        format!("use {}x;", "a::".repeat(depth)),
    ] {
        let _ = scan_files(&[("src/lib.rs", &source)]);
    }
}

#[test]
fn files_that_include_each_other_do_not_hang_the_scan() {
    let names: Vec<_> = (0..40).map(|level| format!("src/f{level}.rs")).collect();
    let sources: Vec<_> = (1..41)
        .map(|next| format!("#[path = \"f{next}.rs\"] mod a; #[path = \"f{next}.rs\"] mod b;"))
        .collect();
    let files: Vec<_> = names.iter().map(String::as_str).zip(sources.iter().map(String::as_str)).collect();
    let scan = scan_files(&files);
    assert!(!scan.faults.is_empty());
}

/// The modules that a macro call stands before, and the files of these.
#[track_caller]
fn hidden(files: &[(&str, &str)]) -> Vec<String> {
    let scan = scan_files(files);
    let is_hidden = scan.missing.iter().all(|missing| missing.is_in_macro && missing.module.is_none());
    assert!(scan.faults.is_empty() && is_hidden, "{:?} {:?}", scan.faults, scan.missing);
    let hidden = scan.iter().filter_map(|(id, module)| {
        let call = scan.macro_around(id)?;
        Some(format!("{}! {} {}", call.text(), scan.path(id).join("::"), module.source.path().display()))
    });
    let mut hidden: Vec<_> = hidden.collect();
    hidden.sort();
    hidden
}

#[test]
fn modules_that_are_declared_in_macro_calls_are_walked_as_hidden() {
    let source = "cfg_if::cfg_if! { if #[cfg(unix)] { mod a; pub use a::*; } else { #[path = \"b.rs\"] mod a; } } \
                  feature! { #![x] pub(crate) mod out { mod c; } mod d { struct S; } #[cfg(test)] mod tests; }";
    let files = [
        ("src/lib.rs", source),
        ("src/a.rs", "mod deep;"),
        ("src/a/deep.rs", ""),
        ("src/b.rs", ""),
        ("src/out/c/mod.rs", ""),
        ("src/tests.rs", ""),
    ];
    assert_eq!(
        hidden(&files),
        [
            "cfg_if! crate::a src/a.rs",
            "cfg_if! crate::a src/b.rs",
            "cfg_if! crate::a::deep src/a/deep.rs",
            "feature! crate::out src/lib.rs",
            "feature! crate::out::c src/out/c/mod.rs",
        ]
    );
}

#[test]
fn a_file_that_is_included_is_part_of_its_module() {
    let files = [
        ("src/lib.rs", "mod a; const TABLE: [u8; 1] = include!(\"table.in\");"),
        ("src/a.rs", "include!(\"parts/b.rs\");"),
        ("src/parts/b.rs", "#[derive(X)] struct S; mod c;"),
        ("src/parts/c.rs", ""),
        ("src/table.in", "[1]"),
    ];
    assert_eq!(hidden(&files), ["include! crate::a src/parts/b.rs", "include! crate::a::c src/parts/c.rs"]);
    let scan = scan_files(&files);
    assert!(scan.paths().contains(std::path::Path::new("src/table.in")) && scan.unread.is_empty());
}

#[test]
fn what_is_wrong_behind_a_macro_call_is_nothing_that_rustc_must_refuse() {
    let source = "cfg_if! { if #[cfg(a)] { mod broken; } else { mod gone; } } include!(\"nowhere.rs\");";
    let files = [("src/lib.rs", source), ("src/broken.rs", "fn f( {")];
    assert_eq!(hidden(&files), ["cfg_if! crate::broken src/broken.rs"]);
    let missing = scan_files(&files).missing.into_iter().map(|missing| missing.path.display().to_string());
    assert_eq!(missing.collect::<Vec<_>>(), ["src/gone.rs", "src/gone/mod.rs"]);
    assert_eq!(
        hidden(&[
            ("src/lib.rs", "m! { mod a; }"),
            ("src/a.rs", "mod gone; mod broken;"),
            ("src/a/broken.rs", "(")
        ])
        .len(),
        2
    );
    assert_eq!(hidden(&[("src/lib.rs", "m! { #[path = \"lib.rs\"] mod again; }")]), [""; 0]);
}

#[test]
fn macro_calls_that_bring_in_files_that_are_not_found_are_noted() {
    let scan = scan_files(&[(
        "src/lib.rs",
        "include!(\"x.rs\"); include!(concat!(env!(\"OUT_DIR\"), \"/y.rs\")); cfg_if! { if #[cfg(unix)] { mod a; } } \
         other! { mod b {} } macro_rules! m { () => { mod c; } }",
    )]);
    let unread: Vec<_> = scan.unread.iter().map(Location::text).collect();
    assert_eq!(unread, ["include", "include", "cfg_if", "m"]);
}
