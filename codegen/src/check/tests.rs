use super::*;
use crate::memory::model_of;

const SOURCE: &str = "use cache_core::Query;
/// Pages.
#[cfg(unix)] #[derive(Query)] pub struct Page<T>(T);
pub mod posts { #[derive(super::Query)] pub struct GetPost; pub struct Post; pub struct Twice; #[derive(super::Query)] pub struct Other; }
pub mod users { pub struct User; pub struct Twice; }
pub struct Config;
fn f() { #[derive(Query)] struct Local; }
make! { #[derive(Query)] struct Made; }
";

/// The types listed, and the messages of the report.
fn listing(includes: &[&str], skips: &[&str]) -> (Vec<String>, Vec<String>) {
    let includes: Vec<_> = includes.iter().copied().map(Include::new).collect();
    let skips: Vec<_> = skips.iter().copied().map(Skip::new).collect();
    let listing = check(&model_of(SOURCE), &includes, &skips);
    let types = listing.lines.into_iter().map(|line| line.type_path).collect();
    let messages = listing.report.diagnostics().iter().map(|diagnostic| diagnostic.message.clone()).collect();
    (types, messages)
}

/// Leaves out everything that causes a warning.
const QUIET: [&str; 3] = ["Page", "f::Local", "make!"];

#[test]
fn what_cannot_be_listed_is_warned_about_in_order_with_a_way_out() {
    let (types, messages) = listing(&[], &[]);
    assert_eq!(types, ["crate::posts::GetPost", "crate::posts::Other"]);
    assert_eq!(
        messages,
        [
            "generic query `crate::Page` is not in the registry",
            "query `Local` in the body of `f` is not in the registry",
            "a query inside the macro call `make!` is not in the registry",
        ]
    );
    for diagnostic in check(&model_of(SOURCE), &[], &[]).report.diagnostics() {
        assert!(
            diagnostic.help.iter().any(|help| help.contains("Builder::skip(\"crate::")),
            "{diagnostic:?}"
        );
    }
}

#[test]
fn each_skip_that_a_warning_proposes_silences_it() {
    let report = check(&model_of(SOURCE), &[], &[]).report;
    let helps = report.diagnostics().iter().flat_map(|diagnostic| &diagnostic.help);
    let skips: Vec<_> =
        helps.filter_map(|help| help.split("Builder::skip(\"").nth(1)?.split('"').next()).collect();
    assert_eq!(skips.len(), 3);
    assert_eq!(listing(&[], &skips).1, [""; 0]);
}

#[test]
fn an_included_instance_is_listed_and_ends_the_warning() {
    let (types, messages) = listing(&["Page<User>", "Page<Option<Vec<Config>>>"], &["Local", "make!"]);
    assert_eq!(
        types,
        [
            "crate::Page<Option<Vec<crate::Config>>>",
            "crate::Page<crate::users::User>",
            "crate::posts::GetPost",
            "crate::posts::Other"
        ]
    );
    assert_eq!(messages, [""; 0]);
    let listing = check(&model_of(SOURCE), &[Include::new("Page<User>")], &[]);
    let page = &listing.lines[0];
    assert_eq!((page.docs.len(), page.cfgs.len()), (1, 1));
}

#[test]
fn paths_in_an_include_start_at_the_crate_root() {
    let written = [
        ("Page<crate::users::User>", "crate::Page<crate::users::User>"),
        ("crate::Page<posts::Post>", "crate::Page<crate::posts::Post>"),
        ("self::Page < ( User , u8 ) >", "crate::Page<(crate::users::User, u8)>"),
        ("Page<[User; 3]>", "crate::Page<[crate::users::User; 3]>"),
        ("Page<&'static str>", "crate::Page<&'static str>"),
        ("Page<std::sync::Arc<User>>", "crate::Page<std::sync::Arc<crate::users::User>>"),
        ("Page<dyn Fn(User) -> Post>", "crate::Page<dyn Fn(crate::users::User)->crate::posts::Post>"),
        ("::other::Page<Unknown>", "::other::Page<Unknown>"),
        ("other::GetThing", "other::GetThing"),
        ("Page::<User>", "crate::Page<crate::users::User>"),
    ];
    for (text, expected) in written {
        let (types, messages) = listing(&[text], &QUIET);
        assert!(types.iter().any(|path| path == expected), "{text}: {types:?} {messages:?}");
    }
}

#[test]
fn an_include_that_means_nothing_or_too_much_is_an_error() {
    let wrong = [
        ("Page<User", "`Page<User` is not the path of a type"),
        ("", "`` is not the path of a type"),
        ("Page<User>>", "`Page<User>>` is not the path of a type"),
        ("&Page", "`&Page` is not the path of a type"),
        ("Page<User>, GetPost", "`Page<User>, GetPost` is not the path of a type"),
        ("pub struct {", "`pub struct {` is not the path of a type"),
        ("Page<Twice>", "`Page<Twice>` names more than one type"),
        ("Page", "`Page` needs generic arguments"),
        ("Local", "`Local` is declared in a block, and has no path"),
    ];
    for (text, message) in wrong {
        assert_eq!(listing(&[text], &QUIET).1, [message]);
    }
}

#[test]
fn an_included_ordinary_query_is_listed_once() {
    let include = Include { name: Some("post".to_owned()), ..Include::new("GetPost") };
    let listing = check(&model_of(SOURCE), &[include], &[]);
    let names: Vec<_> =
        listing.lines.iter().map(|line| (line.type_path.as_str(), line.name.as_deref())).collect();
    assert_eq!(names, [("crate::posts::GetPost", Some("post")), ("crate::posts::Other", None)]);
}

#[test]
fn a_skip_means_a_query_or_all_below_a_module() {
    let left = |skip: &str| {
        let mut skips = QUIET.to_vec();
        skips.push(skip);
        listing(&[], &skips).0
    };
    assert_eq!(left("GetPost"), ["crate::posts::Other"]);
    assert_eq!(left("posts::GetPost"), ["crate::posts::Other"]);
    assert_eq!(left("crate::posts::GetPost"), ["crate::posts::Other"]);
    assert_eq!(left("crate::posts"), [""; 0]);
    assert_eq!(left("crate"), [""; 0]);
    assert_eq!(left("Post").len(), 2);
    assert_eq!(left("posts").len(), 2);
}

#[test]
fn a_skip_that_is_of_no_use_is_warned_about() {
    let mut skips = QUIET.to_vec();
    skips.extend(["post::GetPost", "not a path"]);
    let listing = check(&model_of(SOURCE), &[], &skips.into_iter().map(Skip::new).collect::<Vec<_>>());
    let messages: Vec<_> =
        listing.report.diagnostics().iter().map(|it| (it.severity, it.message.as_str())).collect();
    assert_eq!(
        messages,
        [
            (crate::report::Severity::Error, "`not a path` is not the path of a query"),
            (crate::report::Severity::Warning, "`post::GetPost` leaves nothing out: there is no such query"),
        ]
    );
    assert_eq!(listing.report.diagnostics()[1].help, ["there is `crate::posts::GetPost`"]);
}

#[test]
fn one_path_under_several_conditions_is_one_line() {
    let model = model_of(
        "#[cfg(unix)] mod os { #[derive(cache_core::Query)] pub struct Q; } \
         #[cfg(windows)] mod os { #[derive(cache_core::Query)] pub struct Q; }",
    );
    let lines = check(&model, &[], &[]).lines;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].cfgs.iter().map(ToString::to_string).collect::<Vec<_>>(), ["any(unix, windows)"]);
    let model = model_of(
        "#[cfg(unix)] mod os { #[derive(cache_core::Query)] pub struct Q; } mod os { #[derive(cache_core::Query)] pub struct Q; }",
    );
    assert_eq!(check(&model, &[], &[]).lines[0].cfgs, []);
}
