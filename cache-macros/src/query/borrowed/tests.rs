use super::*;

fn text(target: &str) -> Form {
    Form::Text { target: target.to_owned() }
}

#[test]
fn the_name_of_a_type_decides_its_form() {
    for (ty, expected) in [
        ("String", text("str")),
        ("std::string::String", text("str")),
        ("Box<str>", text("str")),
        ("std::sync::Arc<str>", text("str")),
        ("PathBuf", text("Path")),
        ("Box<std::path::Path>", text("Path")),
        ("OsString", text("OsStr")),
        ("Vec<u8>", Form::List),
        ("Box<[String]>", Form::List),
        ("Arc<[T]>", Form::List),
        ("Cow<'static, str>", Form::Cow),
        ("Cow<'static, [u8]>", Form::Other),
        ("Option<String>", Form::OptionalText { target: "str".to_owned() }),
        ("Option<Box<str>>", Form::OptionalText { target: "str".to_owned() }),
        ("Option<u8>", Form::Other),
        ("u64", Form::Primitive),
        ("UserId", Form::Other),
        ("Box<User>", Form::Other),
        ("(String, String)", Form::Other),
        ("[u8; 4]", Form::Other),
        ("Vec<u8, Bump>", Form::Other),
    ] {
        assert_eq!(form(&syn::parse_str(ty).unwrap()), expected, "{ty}");
    }
}
