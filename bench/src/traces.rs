//! Reads recorded traces. Format: one request per line, `start count ignored request_number`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use ruzstd::decoding::StreamingDecoder;

/// The keys of a trace, in the order of their requests.
pub fn read(folder: &Path, name: &str) -> io::Result<Vec<u32>> {
    let path = folder.join(format!("{name}.lis.zst"));
    let explain = |error: String| io::Error::other(format!("{}: {error}", path.display()));
    let file = File::open(&path).map_err(|error| explain(error.to_string()))?;
    let text = StreamingDecoder::new(BufReader::new(file)).map_err(|error| explain(error.to_string()))?;
    let mut keys = Vec::new();
    for line in BufReader::new(text).lines() {
        let line = line?;
        let (start, count) = request(&line).ok_or_else(|| explain(format!("not a request: `{line}`")))?;
        keys.extend(start..start + count);
    }
    Ok(keys)
}

fn request(line: &str) -> Option<(u32, u32)> {
    let mut numbers = line.split_ascii_whitespace();
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
