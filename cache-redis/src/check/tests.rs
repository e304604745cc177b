use super::*;

fn check(text: &str) -> Result<String, String> {
    let mut info = Info::default();
    info.read(&Value::BulkString(text.as_bytes().to_vec()));
    info.check("cache:6379").map(|()| info.run).map_err(|error| error.to_string())
}

#[test]
fn redis_5_and_valkey_are_accepted() {
    let redis = "# Server\r\nredis_version:5.0.14\r\nredis_mode:standalone\r\nrun_id:abc\r\nrole:master\r\n";
    assert_eq!(check(redis), Ok("abc".to_owned()));
    let valkey = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\nrun_id:abc\r\n";
    assert_eq!(check(valkey), Ok("abc".to_owned()));
}

#[test]
fn what_a_server_lacks_is_named() {
    let refused = |text| check(text).expect_err("the server is refused");
    assert!(refused("redis_version:4.0.14\r\nrun_id:abc").contains("has version 4.0.14"));
    assert!(
        refused("redis_version:7.0.0\r\nrun_id:abc\r\nredis_mode:cluster").contains("of the mode `cluster`")
    );
    assert!(
        refused("redis_version:7.2.4\r\nrun_id:abc\r\nserver_mode:cluster").contains("of the mode `cluster`")
    );
    assert!(refused("redis_version:7.0.0\r\nrun_id:abc\r\nrole:slave").contains("is a replica"));
    assert!(
        refused("redis_version:7.4.0\r\nrun_id:abc\r\ndragonfly_version:df-v1.2")
            .contains("dragonfly df-v1.2")
    );
    assert!(refused("").contains("does not say its version"));
}

#[test]
fn a_namespace_without_a_clear_end_is_refused() {
    assert!(namespace("blog").is_ok());
    for refused in ["", "a:b", "a b", "a\n"] {
        assert!(namespace(refused).is_err());
    }
}
