//! What a server must be and allow. Each lack is named.

use cache_client::shared::ConnectError;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};

use crate::error::ServerError;
use crate::script;

/// The oldest version of Redis that has streams, and scripts that may write after they have read the clock.
const OLDEST: u32 = 5;

/// What `INFO server` and `INFO replication` say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Info {
    run: String,
    version: String,
    /// `standalone`, `cluster` or `sentinel`.
    mode: String,
    /// `master` or `slave`.
    role: String,
    /// Named by servers that only speak the protocol of Redis.
    other: Option<String>,
}

/// Checks a namespace: keys of two namespaces must differ.
pub(crate) fn namespace(namespace: &str) -> Result<(), ServerError> {
    if namespace.is_empty() || namespace.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control()) {
        let problem =
            format!("the namespace {namespace:?} is empty or has a colon, a space or a control character");
        return Err(ServerError::Settings { problem });
    }
    Ok(())
}

/// Checks the server, and returns the id of its process.
pub(crate) async fn server(
    driver: &mut MultiplexedConnection,
    address: &str,
    namespace: &str,
) -> Result<String, ConnectError> {
    let mut missing = Vec::new();
    let mut info = Info::default();
    for section in ["server", "replication"] {
        let mut command = redis::cmd("INFO");
        command.arg(section);
        if let Some(text) = tried(driver, &command, address, &mut missing).await? {
            info.read(&text);
        }
    }
    if missing.is_empty() {
        info.check(address).map_err(ConnectError::unusable)?;
    }
    rights(driver, address, namespace, &mut missing).await?;
    if missing.is_empty() {
        return Ok(info.run);
    }
    missing.sort();
    missing.dedup();
    Err(ConnectError::unusable(ServerError::Rights { address: address.to_owned(), missing }))
}

/// Tries each command, those of scripts inside a script.
async fn rights(
    driver: &mut MultiplexedConnection,
    address: &str,
    namespace: &str,
    missing: &mut Vec<String>,
) -> Result<(), ConnectError> {
    let name = |name: &str| format!("{namespace}:{name}").into_bytes();
    let keys = [name("probe"), name("state"), name("feed")];
    let commands = [script::PROBE.by_text(&keys, &[]), script::PROBE.by_hash(&keys, &[])];
    for command in &commands {
        if let Some(Value::Array(refused)) = tried(driver, command, address, missing).await? {
            missing.extend(refused.iter().filter_map(text));
        }
    }
    let mut get = redis::cmd("HGET");
    get.arg(name("v:")).arg("a");
    let mut position = redis::cmd("HMGET");
    position.arg(name("state")).arg("epoch").arg("n");
    let mut read = redis::cmd("XREAD");
    read.arg("COUNT").arg(1).arg("STREAMS").arg(name("feed")).arg(format!("{0}-{0}", u64::MAX));
    for command in [get, position, read] {
        tried(driver, &command, address, missing).await?;
    }
    Ok(())
}

/// Runs a command. A server's error is noted as a lack, except that a key holds something foreign, which requests
/// remove.
async fn tried(
    driver: &mut MultiplexedConnection,
    command: &Cmd,
    address: &str,
    missing: &mut Vec<String>,
) -> Result<Option<Value>, ConnectError> {
    match driver.send_packed_command(command).await.and_then(Value::extract_error) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
        Err(error) if error.code().is_some() => {
            missing.push(lack(command, &error));
            Ok(None)
        }
        Err(error) => Err(ConnectError::unreachable(address, error)),
    }
}

fn lack(command: &Cmd, error: &RedisError) -> String {
    let name = command.args_iter().next().map(|name| match name {
        redis::Arg::Simple(name) => String::from_utf8_lossy(name).into_owned(),
        redis::Arg::Cursor | _ => String::new(),
    });
    format!("{}: {error}", name.unwrap_or_default())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) => Some(text.clone()),
        Value::VerbatimString { text, .. } => Some(text.clone()),
        _ => None,
    }
}

impl Info {
    fn read(&mut self, value: &Value) {
        let text = text(value).unwrap_or_default();
        for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
            match name {
                "run_id" => self.run = value.to_owned(),
                "redis_version" => self.version = value.to_owned(),
                // Of Redis, and of Valkey.
                "redis_mode" | "server_mode" => self.mode = value.to_owned(),
                "role" => self.role = value.to_owned(),
                name if name.ends_with("_version") && OTHERS.contains(&name.trim_end_matches("_version")) => {
                    self.other = Some(format!("{} {value}", name.trim_end_matches("_version")));
                }
                _ => {}
            }
        }
    }

    fn check(&self, address: &str) -> Result<(), ServerError> {
        let kind = |found: &str| ServerError::Kind { address: address.to_owned(), found: found.to_owned() };
        if let Some(other) = &self.other {
            return Err(kind(other));
        }
        if self.run.is_empty() || self.version.is_empty() {
            return Err(kind("something that does not say its version"));
        }
        if !self.mode.is_empty() && self.mode != "standalone" {
            return Err(kind(&format!("of the mode `{}`", self.mode)));
        }
        if !self.role.is_empty() && self.role != "master" {
            return Err(kind("a replica"));
        }
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < OLDEST) {
            return Err(ServerError::Version { address: address.to_owned(), found: self.version.clone() });
        }
        Ok(())
    }
}

/// Servers that call themselves compatible, with scripts, streams or eviction of their own.
const OTHERS: [&str; 2] = ["dragonfly", "garnet"];

#[cfg(test)]
mod tests;
