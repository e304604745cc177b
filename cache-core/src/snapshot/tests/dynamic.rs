//! The dynamic table: entries of many types, some of which this program does not know.

use super::*;
use crate::dynamic::{Dynamic, DynamicValue};
use crate::snapshot::dynamic::{DynamicTypes, RegisterError};
use crate::snapshot::report::SkippedEntry;

fn entry(name: &str, value: Arc<dyn DynamicValue>) -> SavedEntry<Dynamic> {
    SavedEntry { key: Dynamic(Arc::from(name)), value, meta: plain_meta() }
}

fn entries() -> Vec<SavedEntry<Dynamic>> {
    vec![
        entry("n", Arc::new(5u32)),
        entry("s", Arc::new("text".to_owned())),
        entry("secret", Arc::new(std::sync::Mutex::new(1))),
        entry("m", Arc::new(6u32)),
    ]
}

fn types() -> DynamicTypes {
    let mut types = DynamicTypes::default();
    types.register::<u32>("number").expect("it is free");
    types.register::<String>("text").expect("it is free");
    types
}

fn decode(types: &DynamicTypes, file: &[u8]) -> Result<Loaded<Dynamic>, SkipReason> {
    let snapshot = Snapshot::parse(file).expect("the snapshot is undamaged");
    let section = snapshot.section(Dynamic::NAME).expect("the table is there");
    decoded(section, types, downtime(Duration::ZERO), 1)
}

fn value<T: 'static + Copy>(entry: &SavedEntry<Dynamic>) -> Option<T> {
    (&*entry.value as &dyn std::any::Any).downcast_ref().copied()
}

#[test]
fn registered_types_come_back_and_the_others_are_named() {
    let types = types();
    let image = image(Dynamic::NAME, &types, entries());
    let (file, report) = try_save(&mut [image]).expect("the table can be saved");
    assert_eq!((report.tables[0].entries, report.tables[0].skipped.count), (3, 1));
    let text = report.tables[0].skipped.to_string();
    assert!(text.contains("secret:") && text.contains("Mutex<i32>"), "{text}");

    let decoded = decode(&types, &file).expect("the table decodes");
    assert_eq!(decoded.skipped.count, 0);
    let names: Vec<_> = decoded.entries.iter().map(|entry| &*entry.key.0).collect();
    assert_eq!(names, ["n", "s", "m"]);
    assert_eq!(value::<u32>(&decoded.entries[0]), Some(5));
    assert_eq!(decoded.entries[2].meta, plain_meta());
}

#[test]
fn entries_whose_tag_or_type_is_another_are_named_one_by_one() {
    let saved = types();
    let file = save(&mut [image(Dynamic::NAME, &saved, entries())]);
    let mut types = DynamicTypes::default();
    types.register::<u64>("number").expect("it is free");
    let decoded = decode(&types, &file).expect("the table decodes");
    let skipped = |name: &str, reason| SkippedEntry { key: Some(name.to_owned()), reason };
    assert!(decoded.entries.is_empty());
    assert_eq!(
        decoded.skipped.named,
        [
            skipped("n", SkipReason::ShapeChanged),
            skipped("s", SkipReason::UnknownTag { tag: "text".to_owned() }),
            skipped("m", SkipReason::ShapeChanged),
        ]
    );
}

#[test]
fn a_tag_names_one_type_and_a_type_has_one_tag() {
    let mut types = types();
    assert!(matches!(types.register::<u64>("number"), Err(RegisterError::TagTaken { tag: "number", .. })));
    assert!(matches!(types.register::<u32>("other"), Err(RegisterError::Twice { first: "number", .. })));
    types.register::<u64>("other").expect("nothing was registered by the failures");
}
