use super::*;

fn source() -> Arc<SourceFile> {
    SourceFile::new("/app/src/a.rs", "mod a {\n    mod \u{e9}t\u{e9} {}\n}\n")
}

#[test]
fn a_report_is_sorted_by_file_and_line() {
    let (a, b) = (source(), SourceFile::new("/app/src/b.rs", "x\ny\n"));
    let mut report = Report::new();
    report.push(Diagnostic::error("third").at(Location::new(&b, 2..3), ""));
    report.push(Diagnostic::warning("second").at(Location::new(&b, 0..1), ""));
    report.push(Diagnostic::error("first").at(Location::new(&a, 0..3), ""));
    report.push(Diagnostic::error("without a place"));
    let messages: Vec<_> =
        report.diagnostics().iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    assert_eq!(messages, ["without a place", "first", "second", "third"]);
    assert!(report.has_errors());
    assert_eq!(report.warnings().count(), 1);
}

#[test]
fn a_report_shows_the_source_around_each_place() {
    let source = source();
    let inner = source.text().find("\u{e9}t\u{e9}").expect("the text contains it");
    let diagnostic = Diagnostic::warning("module is private")
        .at(Location::new(&source, inner..inner + 5), "this one")
        .at(Location::new(&source, 4..5), "inside")
        .help("make it public");
    let expected = "\
warning: module is private
 --> src/a.rs:2:9
  |
1 | mod a {
  |     - inside
2 |     mod \u{e9}t\u{e9} {}
  |         ^^^ this one
  |
  = help: make it public

";
    assert_eq!(Report::from(diagnostic.clone()).render(Path::new("/app")), expected);
    assert_eq!(diagnostic.one_line(Path::new("/app")), "src/a.rs:2:9: module is private; make it public");
}

#[test]
fn a_line_for_cargo_has_no_line_breaks() {
    assert_eq!(Diagnostic::error("a\nb\r\nc").one_line(Path::new("")), "a b  c");
}

#[test]
fn places_outside_the_text_are_cut_off() {
    let source = source();
    for range in [0..usize::MAX, 13..14, 99..100, 2..14] {
        let location = Location::new(&source, range);
        let _ = Report::from(Diagnostic::error("x").at(location, "")).render(Path::new(""));
    }
    assert_eq!(Location::new(&source, 16..17).text(), "");
    let empty = SourceFile::new("empty.rs", "");
    let _ = Report::from(Diagnostic::error("x").at(Location::new(&empty, 0..0), "")).render(Path::new(""));
}
