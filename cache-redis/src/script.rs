//! The scripts, run by hash, or by their text where the server does not know it yet.

use std::sync::LazyLock;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

/// A script with its hash.
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!($(include_str!(concat!("scripts/", $file))),+)));)*
    };
}

scripts! {
    OPEN = "state.lua" "open.lua";
    ASK = "state.lua" "ask.lua";
    FILL = "fill.lua";
    LOSE = "lose.lua";
    DROP = "state.lua" "drop.lua";
    PROBE = "probe.lua";
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    /// Runs the script by its text.
    pub(crate) fn by_text(&self, keys: &[Vec<u8>], arguments: &[Vec<u8>]) -> Cmd {
        command("EVAL", self.text, keys, arguments)
    }

    /// Runs the script by its hash.
    pub(crate) fn by_hash(&self, keys: &[Vec<u8>], arguments: &[Vec<u8>]) -> Cmd {
        command("EVALSHA", &self.hash, keys, arguments)
    }

    pub(crate) async fn run(
        &self,
        connection: &mut MultiplexedConnection,
        keys: &[Vec<u8>],
        arguments: &[Vec<u8>],
    ) -> Result<Value, RedisError> {
        match connection
            .send_packed_command(&self.by_hash(keys, arguments))
            .await
            .and_then(Value::extract_error)
        {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let by_text = self.by_text(keys, arguments);
                connection.send_packed_command(&by_text).await.and_then(Value::extract_error)
            }
            answer => answer,
        }
    }
}

fn command(name: &str, script: &str, keys: &[Vec<u8>], arguments: &[Vec<u8>]) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
    command
}
