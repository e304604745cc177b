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

/// The verdict on each of these in a build for Linux with feature `a`.
#[track_caller]
fn all_are(verdict: Verdict, predicates: &[&str]) {
    let build = BuildCfgs::from_variables(
        [
            ("CARGO_CFG_UNIX", ""),
            ("CARGO_CFG_TARGET_OS", "linux"),
            ("CARGO_CFG_TARGET_ENV", ""),
            ("CARGO_CFG_TARGET_FAMILY", "unix"),
            ("CARGO_CFG_TARGET_FEATURE", "fxsr,sse,sse2"),
            ("CARGO_CFG_TARGET_HAS_ATOMIC", "16,32,64,8,ptr"),
            ("CARGO_CFG_FEATURE", "a,default,long-name"),
            ("CARGO_CFG_DEBUG_ASSERTIONS", ""),
            ("CARGO_CFG_PANIC", "unwind"),
            ("CARGO_CFG_TOKIO_UNSTABLE", ""),
            ("CARGO_FEATURE_B", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    for predicate in predicates {
        assert_eq!(parse(predicate).verdict_in(&build), verdict, "{predicate}");
    }
}

#[test]
fn what_is_set_in_a_build_holds() {
    all_are(
        Verdict::Always,
        &[
            "unix",
            "r#unix",
            "target_os = \"linux\"",
            "target_env = \"\"",
            "target_has_atomic = \"ptr\"",
            "target_feature = \"sse2\"",
            "feature = \"a\"",
            "feature = r#\"long-name\"#",
            "debug_assertions",
            "tokio_unstable",
            "not(windows)",
            "all(unix, not(feature = \"b\"))",
            "any(loom, unix)",
        ],
    );
}

#[test]
fn what_cargo_or_the_target_alone_decides_does_not_hold_unless_it_is_set() {
    all_are(
        Verdict::Never,
        &[
            "windows",
            "target_os = \"macos\"",
            "target_arch = \"wasm32\"",
            "target_env = \"msvc\"",
            "feature = \"b\"",
            "feature = \"A\"",
            "feature = \"long_name\"",
            "not(unix)",
            "all(loom, windows)",
            "any(windows, test)",
        ],
    );
}

#[test]
fn what_a_build_script_or_a_flag_may_set_depends() {
    all_are(
        Verdict::Depends,
        &[
            "loom",
            "not(loom)",
            "doc",
            "backend = \"x\"",
            "panic = \"unwind\"",
            "panic = \"abort\"",
            "overflow_checks",
            "target_feature = \"avx2\"",
            "target_os",
            "version(\"1.2\")",
            "target(os = \"linux\")",
            "any(windows, loom)",
            "all(unix, loom)",
        ],
    );
}

#[test]
fn where_nothing_is_known_of_the_build_everything_depends() {
    let unknown = BuildCfgs::from_variables([("UNIX".to_owned(), String::new())]);
    for predicate in ["unix", "windows", "feature = \"a\"", "target_os = \"linux\"", "not(unix)"] {
        assert_eq!(parse(predicate).verdict_in(&unknown), Verdict::Depends, "{predicate}");
    }
    assert_eq!(unknown.verdict(&[]), Verdict::Always);
}
