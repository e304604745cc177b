//! What remains of a text.

use proptest::prelude::*;

use super::LONGEST;

fn line(text: &str) -> String {
    super::line(text, LONGEST)
}

#[test]
fn text_cannot_send_commands_to_the_terminal() {
    for (text, expected) in [
        ("\u{1b}[2J\u{1b}]0;title\u{7}End", "[2J]0;titleEnd"),
        ("\u{9b}31mred", "31mred"),
        ("one\r\ntwo\tthree\u{b}four", "one two three four"),
        ("\u{202e}desrever\u{202c}", "desrever"),
        ("a\u{200b}b\u{2066}c\u{feff}", "abc"),
        ("\u{200b} \u{200b}", ""),
        ("日本語 Ünï", "日本語 Ünï"),
    ] {
        assert_eq!(line(text), expected);
    }
}

#[test]
fn marks_do_not_stack_up() {
    assert_eq!(
        line(&format!("Z{}a\u{301}", "\u{334}".repeat(90))),
        format!("Z{}a\u{301}", "\u{334}".repeat(4))
    );
}

#[test]
fn a_long_text_is_cut() {
    assert_eq!(line(&"a".repeat(LONGEST)).chars().count(), LONGEST);
    for long in ["a".repeat(LONGEST + 1), "é".repeat(1_000_000), " \u{200b}".repeat(1_000_000)] {
        let line = line(&long);
        assert!(line.ends_with('…') && line.chars().count() <= LONGEST + 1);
    }
}

proptest! {
    #[test]
    fn no_text_has_a_control_character_left(chars in prop::collection::vec(any::<char>(), 0..40)) {
        let text = String::from_iter(chars);
        let plain = line(&text);
        prop_assert!(!plain.contains(char::is_control), "{plain:?}");
        prop_assert_eq!(line(&plain), plain);
    }
}
