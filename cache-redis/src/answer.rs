//! Reads what the server answers. Everything that is not as expected is an error or is left out, never a panic.

use std::time::Duration;

use cache_client::shared::CallError;
use cache_client::shared::protocol::{
    Asked, ClientId, Dropped, Envelope, Epoch, FeedAnswer, FeedId, FeedItem, Field, Filled, Found, Mark,
    Opened, Position,
};
use redis::Value;

/// `None` stands for anything that is not as expected.
pub(crate) fn read<T>(value: Value, parse: impl FnOnce(&Value) -> Option<T>) -> Result<T, CallError> {
    parse(&value).ok_or_else(|| CallError::Unreadable(format!("{value:?}").chars().take(200).collect()))
}

pub(crate) fn opened(value: &Value) -> Option<Opened> {
    let [epoch, number, last, wide] = array(value)? else { return None };
    let wide = array(wide)?.chunks_exact(2);
    Some(Opened {
        position: position(epoch, number)?,
        last: feed_id(last)?,
        wide: wide
            .filter_map(|pair| Some((Field::parse_wide(bytes(&pair[0])?)?, integer(&pair[1])?)))
            .collect(),
    })
}

/// The value, which may be large, is not copied.
pub(crate) fn envelope(value: Value) -> Result<Option<Envelope>, CallError> {
    match value {
        Value::BulkString(bytes) => Ok(Envelope::decode(bytes)),
        value => read(value, |value| matches!(value, Value::Nil).then_some(None)),
    }
}

pub(crate) fn asked(value: &Value) -> Option<Asked> {
    let [kind, epoch, number, time, rest @ ..] = array(value)? else { return None };
    let found = match (bytes(kind)?, rest) {
        (b"value", [value]) => Found::Value(Envelope::decode(bytes(value)?.to_vec())?),
        (b"leased", []) => Found::Leased,
        (b"awaited", [left]) => Found::Awaited(Duration::from_millis(integer(left)?)),
        _ => return None,
    };
    Some(Asked { position: position(epoch, number)?, time: integer(time)?, found })
}

pub(crate) fn filled(value: &Value) -> Option<Filled> {
    match bytes(value)? {
        b"kept" => Some(Filled::Kept),
        b"no lease" => Some(Filled::NoLease),
        b"other epoch" => Some(Filled::OtherEpoch),
        b"overtaken" => Some(Filled::Overtaken),
        _ => None,
    }
}

pub(crate) fn lost(value: &Value) -> Option<bool> {
    Some(integer(value)? > 0)
}

pub(crate) fn dropped(value: &Value) -> Option<Position> {
    let [epoch, number] = array(value)? else { return None };
    position(epoch, number)
}

/// Reads the answers to `XREAD` and to `HMGET` of epoch and number.
pub(crate) fn feed(value: &Value) -> Option<FeedAnswer> {
    let [read, state] = array(value)? else { return None };
    let entries = match read {
        Value::Nil => None,
        Value::Array(streams) => match &streams[..] {
            [stream] => Some(array(stream)?.get(1..)?),
            _ => return None,
        },
        // In version 3 of the protocol.
        Value::Map(streams) => match &streams[..] {
            [(_name, entries)] => Some(std::slice::from_ref(entries)),
            _ => return None,
        },
        _ => return None,
    };
    let items = match entries {
        None => Vec::new(),
        Some([entries]) => array(entries)?.iter().map(item).collect::<Option<_>>()?,
        Some(_) => return None,
    };
    let [epoch, number] = array(state)? else { return None };
    Some(FeedAnswer { items, position: position(epoch, number) })
}

fn item(entry: &Value) -> Option<FeedItem> {
    let [id, fields] = array(entry)? else { return None };
    Some(FeedItem { id: feed_id(id)?, dropped: array(fields).and_then(entry_fields) })
}

fn entry_fields(fields: &[Value]) -> Option<Dropped> {
    let [_, epoch, _, number, _, client, _, marks] = fields else { return None };
    let names = fields.iter().step_by(2).map(bytes);
    if !names.eq([b"e", b"n", b"c", b"d"].map(|name| Some(&name[..]))) {
        return None;
    }
    Some(Dropped {
        position: position(epoch, number)?,
        client: ClientId(bytes(client)?.try_into().ok()?),
        marks: Mark::decode(bytes(marks)?)?,
    })
}

fn position(epoch: &Value, number: &Value) -> Option<Position> {
    Some(Position { epoch: Epoch(bytes(epoch)?.try_into().ok()?), number: integer(number)? })
}

fn array(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

/// Numbers of scripts are integers, those of hashes and entries are text.
fn integer(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        value => std::str::from_utf8(bytes(value)?).ok()?.parse().ok(),
    }
}

fn feed_id(value: &Value) -> Option<FeedId> {
    FeedId::parse(std::str::from_utf8(bytes(value)?).ok()?)
}
