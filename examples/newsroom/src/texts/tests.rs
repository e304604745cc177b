//! Texts with invisible characters, and texts that only seem to have some.

use proptest::prelude::*;

use super::{MOST_MARKS, composed, is_invisible, is_mark, name, text, visible};

/// One of each kind of invisible character.
const INVISIBLE: [(&str, char); 16] = [
    ("zero-width space", '\u{200b}'),
    ("zero-width joiner", '\u{200d}'),
    ("zero-width non-joiner", '\u{200c}'),
    ("word joiner", '\u{2060}'),
    ("byte order mark", '\u{feff}'),
    ("soft hyphen", '\u{ad}'),
    ("right-to-left override", '\u{202e}'),
    ("left-to-right isolate", '\u{2066}'),
    ("pop isolate", '\u{2069}'),
    ("right-to-left mark", '\u{200f}'),
    ("Arabic letter mark", '\u{61c}'),
    ("escape", '\u{1b}'),
    ("null", '\0'),
    ("next line of C1", '\u{9b}'),
    ("Hangul filler", '\u{3164}'),
    ("tag letter", '\u{e0041}'),
];

#[test]
fn a_name_with_an_invisible_character_is_rejected_with_its_place() {
    for (what, char) in INVISIBLE {
        let problem = name(&format!("A{char}da"), 60).unwrap_err();
        let code = format!("(U+{:04X}, at place 2)", u32::from(char));
        assert!(problem.contains(&code) && problem.contains("delete it"), "{what}: {problem}");
    }
}

#[test]
fn a_text_loses_invisible_characters() {
    for (what, char) in INVISIBLE {
        assert_eq!(text(&format!("So{char}up{char}"), 60).as_deref(), Ok("Soup"), "{what}");
        assert_eq!(visible(&format!("so{char}up")), "soup", "{what}");
    }
}

#[test]
fn what_has_nothing_to_see_is_refused() {
    for empty in ["", " \n\t", "\u{3000}\u{a0}"] {
        assert_eq!(name(empty, 60).unwrap_err(), "the name is missing");
        assert_eq!(text(empty, 60).unwrap_err(), "the text is missing");
    }
    for blank in ["\u{2800}", "\u{2800} \u{2800}", "\u{301}", "\u{20dd}"] {
        assert!(name(blank, 60).unwrap_err().contains("no visible character"), "{blank:?}");
        assert!(text(blank, 60).unwrap_err().contains("no visible character"), "{blank:?}");
    }
    assert!(name("A\u{fffd}a", 60).unwrap_err().contains("UTF-8"));
    assert_eq!(text("\u{200b}\u{2060}", 60).unwrap_err(), "the text is missing");
    assert!(name("\u{200b}", 60).unwrap_err().contains("U+200B"));
}

#[test]
fn names_of_all_the_world_are_taken() {
    for good in [
        "Ada",
        "O’Brien-Núñez",
        "Nguyễn Thị Ánh",
        "李小龍",
        "محمد",
        "שָׁלוֹם",
        "ประยุทธ์",
        "नरेंद्र",
        "🦊",
        "👩🏽‍🚀",
        "❤️",
        "!?",
        "42",
    ] {
        assert_eq!(name(good, 60).as_deref(), Ok(good));
    }
    assert_eq!(name("  Ada \t\n King ", 60).as_deref(), Ok("Ada King"));
    assert_eq!(name("Jose\u{301}", 60), name("José", 60), "the same name in other code points");
}

#[test]
fn a_text_keeps_what_its_script_needs() {
    for good in ["می‌خواهم", "क्‍ष", "👩‍👩‍👧 ☎️", "one\n\ntwo", "A\u{600}12", "e\u{301}\u{323}".trim()]
    {
        let composed: String = composed(good).into_iter().collect();
        assert_eq!(text(good, 60), Ok(composed));
    }
    assert_eq!(text("one\r\ntwo\rthree\u{2028}four\tfive", 60).as_deref(), Ok("one\ntwo\nthree\nfour five"));
    assert_eq!(text("\n\none \n\n\n\n\ntwo\n\n", 60).as_deref(), Ok("one\n\ntwo"));
}

#[test]
fn marks_do_not_stack_up() {
    let stacked = format!("Z{}a\u{301}", "\u{334}\u{35c}\u{489}".repeat(30));
    assert!(name(&stacked, 600).unwrap_err().contains("more than 4 marks"));
    let kept = text(&stacked, 600).unwrap();
    assert_eq!(kept.chars().filter(|char| is_mark(*char)).count(), MOST_MARKS);
    assert!(kept.starts_with('Z') && kept.ends_with('á'), "{kept}");
    let shown = text(&format!("❤{}", "\u{fe0f}".repeat(30)), 600).unwrap();
    assert_eq!(shown, "❤\u{fe0f}");
    // Nor with joiners between them.
    let joined = text(&format!("क{}", "\u{301}\u{200d}".repeat(30)), 600).unwrap();
    assert_eq!(joined.chars().filter(|char| is_mark(*char)).count(), MOST_MARKS);
}

#[test]
fn a_text_is_measured_as_it_is_kept() {
    assert!(text(&format!("{}\u{200b}", "a".repeat(20)), 20).is_ok());
    assert!(text(&"a".repeat(21), 20).unwrap_err().contains("has 21 characters; at most 20 are allowed"));
}

/// Texts of characters that affect each other.
fn tricky() -> impl Strategy<Value = String> {
    const CHARS: &str = "ae1 \n\r\tকরع한🦊👩🏽\u{301}\u{323}\u{94d}\u{20e3}\u{200b}\u{200c}\u{200d}\u{202e}\u{fe0e}\u{fe0f}\u{2800}\u{ad}";
    let some = prop::collection::vec(prop::sample::select(CHARS.chars().collect::<Vec<_>>()), 0..40);
    prop_oneof![some, prop::collection::vec(any::<char>(), 0..40)].prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn what_is_taken_is_taken_again_as_it_is(input in tricky()) {
        if let Ok(kept) = text(&input, 10_000) {
            prop_assert_eq!(text(&kept, 10_000), Ok(kept.clone()));
            let hidden = kept.chars().filter(|char| is_invisible(*char) && !"\u{200c}\u{200d}\u{fe0e}\u{fe0f}".contains(*char));
            prop_assert_eq!(hidden.count(), 0);
        }
        if let Ok(kept) = name(&input, 10_000) {
            prop_assert_eq!(name(&kept, 10_000), Ok(kept));
        }
    }
}
