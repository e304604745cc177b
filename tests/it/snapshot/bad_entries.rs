//! An entry that cannot be saved or restored is skipped alone, and is named.

use cache_core::SkipReason;
use cache_tests::hostile::mend;

use super::*;

macro_rules! codecs {
    ($($name:ident $codec:literal;)*) => {
        $(
            #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
            #[query(value = String, lru = 5_000, persist, codec = $codec)]
            pub struct $name(pub String);
        )*

        registry! {
            pub struct Texts { $($name,)* }
        }

        /// Saves 2,000 entries with each codec, changes one, and corrects the checksums.
        fn restore_with(change: impl Fn(&mut Vec<u8>)) -> (Cache<Texts>, RestoreReport) {
            let cache = Cache::<Texts>::new();
            for id in 0..2000 {
                $(cache.insert($name(format!("key {id}")), format!("value {id}"));)*
            }
            let mut bytes = saved(&cache);
            change(&mut bytes);
            mend(&mut bytes);
            let restored = Cache::<Texts>::new();
            let report = restore(&restored, &bytes);
            $(assert!(restored.get(&$name("key 1733".to_owned())).is_some());)*
            (restored, report)
        }
    };
}

codecs! {
    InBincode "bincode";
    InPostcard "postcard";
    InText "json";
}

/// Replaces each occurrence of `text` by bytes that are not UTF-8.
fn corrupt(text: &[u8], bytes: &mut [u8]) {
    let mut found = 0;
    for at in 0..bytes.len() - text.len() {
        if bytes[at..].starts_with(text) {
            bytes[at + 1] = 0xff;
            found += 1;
        }
    }
    assert_eq!(found, 3, "one with each codec");
}

#[test]
fn an_entry_whose_value_does_not_decode_is_skipped_and_named_by_its_key() {
    let (_, report) = restore_with(|bytes| corrupt(b"value 1732", bytes));
    assert_eq!(report.restored(), 3 * 1999);
    assert_eq!(report.skipped().count(), 0, "no table is skipped: {report}");
    for (table, name) in report.tables.iter().zip(["InBincode", "InPostcard", "InText"]) {
        let [entry] = &table.skipped_entries.named[..] else { panic!("one entry is skipped: {report}") };
        assert_eq!(entry.key, Some(format!("{name}(\"key 1732\")")));
        assert!(matches!(entry.reason, SkipReason::Undecodable { entry: 1732, .. }), "{report}");
    }
    assert!(report.to_string().contains("InText(\"key 1732\"): it does not decode: "), "{report}");
}

#[test]
fn an_entry_whose_key_does_not_decode_is_skipped_and_named_by_its_number() {
    let (_, report) = restore_with(|bytes| corrupt(b"key 1732", bytes));
    assert_eq!(report.restored(), 3 * 1999);
    for table in report.tables.iter().take(3) {
        let [entry] = &table.skipped_entries.named[..] else { panic!("one entry is skipped: {report}") };
        assert_eq!(entry.key, None);
        assert!(entry.to_string().starts_with("entry 1732: it does not decode: "), "{entry}");
    }
}

#[test]
fn of_many_entries_that_do_not_decode_the_report_counts_all_and_names_the_first() {
    let (_, report) = restore_with(|bytes| {
        for at in 0..bytes.len() - 7 {
            if bytes[at..].starts_with(b"value ") && bytes[at + 6..at + 8] != *b"17" {
                bytes[at + 1] = 0xff;
            }
        }
    });
    assert_eq!(report.restored(), 3 * 111);
    for table in report.tables.iter().take(3) {
        assert_eq!((table.skipped_entries.count, table.skipped_entries.named.len()), (1889, 1000));
    }
    let text = report.to_string();
    assert!(text.contains("in_text: 111 entries, skipped 1889"), "{text}");
    assert!(text.contains("and 1879 more") && text.lines().count() < 50, "{text}");
}
