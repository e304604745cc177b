use super::*;

#[track_caller]
fn parse(text: &str) -> Cfg {
    Cfg::parse(text.parse().expect("tokens"))
}

#[test]
fn predicates_are_written_in_one_spelling() {
    let spelled = [
        ("unix", "unix"),
        ("feature=\"x\"", "feature = \"x\""),
        ("all ( unix , not( windows ) , )", "all(unix, not(windows))"),
        ("any(target_os = \"linux\",/* why */ test)", "any(target_os = \"linux\", test)"),
        ("version(\"1.2\")", "version(\"1.2\")"),
        ("target(os=\"linux\")", "target(os = \"linux\")"),
    ];
    for (written, expected) in spelled {
        assert_eq!(parse(written).to_string(), expected);
    }
}

#[test]
fn what_only_holds_in_tests_never_holds() {
    for never in
        ["test", "all(test, unix)", "any(test)", "any()", "not(not(test))", "false", "not(any(true, unix))"]
    {
        assert_eq!(parse(never).verdict(), Verdict::Never, "{never}");
    }
    for depends in ["unix", "any(test, unix)", "not(unix)", "all(unix, not(test))"] {
        assert_eq!(parse(depends).verdict(), Verdict::Depends, "{depends}");
    }
    for always in ["not(test)", "all()", "true", "any(unix, not(test))"] {
        assert_eq!(parse(always).verdict(), Verdict::Always, "{always}");
    }
}

#[test]
fn conditions_that_say_nothing_new_are_not_added() {
    let mut cfgs = Vec::new();
    for text in ["unix", "not(test)", "unix", "feature = \"a\""] {
        push(&mut cfgs, parse(text));
    }
    assert_eq!(cfgs, [parse("unix"), parse("feature = \"a\"")]);
}

#[test]
fn a_bottomless_predicate_never_holds_and_does_not_overflow() {
    let text = format!("{}unix{}", "all(".repeat(20_000), ")".repeat(20_000));
    assert_eq!(parse(&text).verdict(), Verdict::Never);
}
