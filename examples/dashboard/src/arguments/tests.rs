//! Command lines, and the messages for invalid ones.

use std::time::Duration;

use super::{Command, Options, parse};
use crate::newsroom::Address;

#[test]
fn nothing_shows_the_newsroom_of_this_machine() {
    let expected = Options {
        address: Address::default(),
        every: Duration::from_secs(2),
        retry_after: Duration::from_secs(10),
    };
    assert_eq!(read(""), Ok(Command::Show(expected)));
    assert_eq!(Address::default().to_string(), "http://127.0.0.1:8080");
}

#[test]
fn address_and_times_are_chosen() {
    let Ok(Command::Show(options)) = read("--url http://news.example/ --every=250ms --retry-after 2m") else {
        panic!("the command line is valid");
    };
    assert_eq!(options.address.to_string(), "http://news.example");
    assert_eq!(options.every, Duration::from_millis(250));
    assert_eq!(options.retry_after, Duration::from_secs(120));
}

#[test]
fn an_invalid_argument_is_named() {
    says("--evry 2s", "invalid option '--evry'");
    says("news", "unexpected argument \"news\"");
    says("--every 2", "a time is a number and `ms`, `s` or `m`");
    says("--every s", "a time is a number and `ms`, `s` or `m`");
    says("--every 49ms", "it must be from 50ms to 60m");
    says("--retry-after 4294967295m", "it must be from 50ms to 60m");
}

#[test]
fn an_address_that_cannot_be_used_is_explained() {
    says("--url https://news.example", "without TLS");
    says("--url 127.0.0.1:8080", "must begin with http://");
    says("--url http://news.example/front?page=2", "must have no path");
    says("--url http://", "is not an address");
    says("--url http://ada:secret@news.example", "no name and password");
    for port in
        ["http://news.example:99999", "http://news.example:0", "http://news.example:", "http://[::1]:x"]
    {
        let said = read(&format!("--url {port}")).unwrap_err();
        assert!(said.contains("port must be a number") || said.contains("is not an address"), "{said}");
    }
    assert!(read("--url http://[::1]:8080").is_ok() && read("--url http://localhost").is_ok());
    says("--url http://:80", "it has no host");
}

#[track_caller]
fn says(line: &str, text: &str) {
    let said = read(line).unwrap_err();
    assert!(said.contains(text), "{said}");
}

fn read(line: &str) -> Result<Command, String> {
    parse(line.split_whitespace().map(Into::into)).map_err(|error| error.to_string())
}
