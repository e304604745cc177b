//! Names of tables and fields from names of types.

/// `GetPost` to `get_post`, `HTTPPage2` to `http_page2`.
pub(crate) fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.trim_start_matches("r#").chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, &letter) in letters.iter().enumerate() {
        if letter.is_uppercase() && starts_word(&letters, at) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Whether the uppercase letter at `at` begins a word: it follows a lowercase letter or a digit, or is the last one of
/// a run.
fn starts_word(letters: &[char], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|before| letters[before]) else { return false };
    let next_is_lowercase = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
    before != '_' && (!before.is_uppercase() || next_is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn words_begin_at_uppercase_letters() {
        for (camel, snake) in [
            ("GetPost", "get_post"),
            ("A", "a"),
            ("HTTPPage2", "http_page2"),
            ("Page2Of", "page2_of"),
            ("get_post", "get_post"),
            ("Get_Post", "get_post"),
            ("r#Type", "type"),
            ("ÄrgerNis", "ärger_nis"),
        ] {
            assert_eq!(snake_case(camel), snake);
        }
    }
}
