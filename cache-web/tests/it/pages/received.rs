//! Reads what a page says to the browser, as the browser would.

use serde_json::Value;

/// The state of a page.
#[derive(Debug, Default)]
pub struct Received {
    /// The page without its state.
    pub html: String,
    /// The messages, flush by flush.
    pub flushes: Vec<Vec<Value>>,
}

const SCRIPT: &str = "<script nonce=\"";
const PUSH: &str = "\">(self.__cacheWeb=self.__cacheWeb||[]).push('";
const SCRIPT_END: &str = "')</script>";
const BLOCK: &str = "<script type=\"application/json\" data-cache-web>";

impl Received {
    pub fn read(page: &str) -> Self {
        let mut received = Self::default();
        let mut rest = page;
        loop {
            let (script, block) = (rest.find(SCRIPT), rest.find(BLOCK));
            let Some(at) = script.into_iter().chain(block).min() else { break };
            received.html.push_str(&rest[..at]);
            rest = &rest[at..];
            let json = if let Some(after) = rest.strip_prefix(BLOCK) {
                // A browser ends the element at the first end tag.
                let end = after.find("</script").expect("the block ends");
                rest = after[end..].strip_prefix("</script>").expect("the block ends");
                after[..end].to_owned()
            } else {
                let after = &rest[SCRIPT.len()..];
                let (nonce, after) = after.split_at(after.find('"').expect("the nonce ends"));
                assert!(nonce.len() == 32 && nonce.bytes().all(|byte| byte.is_ascii_hexdigit()), "{nonce}");
                let after = after.strip_prefix(PUSH).expect("the script pushes a string");
                let end = after.find("</script").expect("the script ends") - 2;
                rest = after[end..].strip_prefix(SCRIPT_END).expect("the script ends after its string");
                string(&after[..end])
            };
            for special in ['<', '>', '&', '\u{2028}', '\u{2029}', '\n', '\r', '\0'] {
                assert!(!json.contains(special), "{special:?} is escaped in {json}");
            }
            received.flushes.push(serde_json::from_str(&json).expect("it is an array of JSON"));
        }
        received.html.push_str(rest);
        received
    }

    /// The messages without times, flush by flush, each as text.
    pub fn messages(&self) -> Vec<Vec<String>> {
        let message = |message: &Value| {
            let mut message = message.clone();
            message.as_object_mut().expect("a message is an object").remove("a");
            message.to_string()
        };
        let is_told = |message: &&Value| message.get("t").is_none();
        self.flushes.iter().map(|flush| flush.iter().filter(is_told).map(message).collect()).collect()
    }

    /// All messages.
    pub fn all(&self) -> impl Iterator<Item = &Value> {
        self.flushes.iter().flatten()
    }

    /// The values that were sent.
    pub fn values(&self) -> Vec<&Value> {
        self.all().filter_map(|message| message.get("d")).collect()
    }
}

/// The string that JavaScript reads between single quotes.
fn string(source: &str) -> String {
    let mut text = String::new();
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        assert_ne!(character, '\'', "the string ends early in {source}");
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | '\'')) => text.push(escaped),
                other => panic!("the escape {other:?} in {source}"),
            },
            other => text.push(other),
        }
    }
    text
}
