use super::*;

fn read(arguments: &[&str]) -> Result<Command, String> {
    parse(arguments.iter().map(OsString::from)).map_err(|error| error.to_string())
}

#[test]
fn options_are_read() {
    let limits = |max_lag, lease| Limits {
        max_lag: Duration::from_millis(max_lag),
        lease: Duration::from_millis(lease),
    };
    assert_eq!(read(&[]), Ok(Command::Show(limits(1000, 2000))));
    assert_eq!(read(&["--script", "--max-lag=500", "--lease", "900"]), Ok(Command::Script(limits(500, 900))));
    assert_eq!(read(&["-h"]), Ok(Command::Help));
    assert_eq!(read(&["origin", "folder"]), Ok(Command::Origin("folder".into())));
}

#[test]
fn the_settings_of_a_machine_are_read() {
    let settings = node::Settings {
        node: 2,
        build: builds::Name::Newer,
        url: "redis://127.0.0.1:9".to_owned(),
        origin: "folder".into(),
        max_lag: Duration::from_secs(1),
        lease: Duration::from_secs(2),
    };
    assert_eq!(
        read(&["node", "2", "newer", "redis://127.0.0.1:9", "folder", "1000", "2000"]),
        Ok(Command::Node(settings))
    );
}

#[test]
fn mistakes_are_told() {
    for mistake in [
        &["--lag"][..],
        &["--max-lag"],
        &["--max-lag", "1"],
        &["--lease", "x"],
        &["origin"],
        &["node", "2", "newest"],
        &["other"],
    ] {
        assert!(read(mistake).is_err(), "{mistake:?}");
    }
}
