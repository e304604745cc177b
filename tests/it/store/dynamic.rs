//! Dynamic entries, whose types only their writers and readers know.

use std::any::type_name;

use cache_core::{Dynamic, DynamicValue};

use super::*;

#[test]
fn a_dynamic_value_is_read_as_what_it_was_written_as() {
    let (cache, _) = shelf();
    let table = cache.dynamic();
    let written = table.insert("n", 7_u32);
    assert!(Arc::ptr_eq(&written, &table.get_as::<u32>("n").unwrap().unwrap()));
    assert_eq!(table.get_as::<u32>("m"), Ok(None));
    assert_eq!(table.get_as::<String>("m"), Ok(None), "a miss is no mismatch");
}

#[test]
fn a_read_as_another_type_is_an_error_that_names_both() {
    let (cache, _) = shelf();
    cache.dynamic().insert("n", 7_u32);
    let error = cache.dynamic().get_as::<String>("n").unwrap_err();
    assert_eq!((error.name.as_str(), error.found, error.expected), ("n", "u32", type_name::<String>()));
    let text = error.to_string();
    assert!(text.contains("`u32`") && text.contains("`alloc::string::String`"), "{text}");
    assert_eq!(cache.dynamic().get_as::<u32>("n").unwrap().as_deref(), Some(&7), "the value is untouched");
}

#[test]
fn a_name_may_change_its_type() {
    let (cache, _) = shelf();
    cache.dynamic().insert("n", 7_u32);
    cache.dynamic().insert::<String>("n", "seven".to_owned());
    assert!(cache.dynamic().get_as::<u32>("n").is_err());
    assert_eq!(cache.dynamic().get_as::<String>("n").unwrap().unwrap().as_str(), "seven");
}

#[test]
fn dynamic_entries_can_be_removed_listed_and_cleared() {
    let (cache, _) = shelf();
    cache.dynamic().insert("a", 1_u8);
    cache.dynamic().insert::<Vec<u8>>(String::from("b"), vec![2_u8]);
    assert_eq!(sorted(cache.keys::<Dynamic>().iter().map(|key| key.name().to_owned())), ["a", "b"]);
    let types = cache.values::<Dynamic>();
    let types = sorted(types.iter().map(|value| (**value).type_name()));
    assert_eq!(types, ["alloc::vec::Vec<u8>", "u8"]);
    assert!(cache.dynamic().remove("a"));
    assert!(!cache.dynamic().remove("a"));
    assert_eq!(cache.dynamic().get_as::<u8>("a"), Ok(None));
    cache.clear();
    assert_eq!(cache.count::<Dynamic>(), 0);
}

#[test]
fn dynamic_entries_take_part_in_transactions() {
    let (cache, _) = shelf();
    cache.dynamic().insert("n", 7_u32);
    let mut tx = cache.begin();
    assert_eq!(tx.get_as::<u32>("n").unwrap().as_deref(), Some(&7));
    assert!(tx.get_as::<u64>("n").is_err());
    tx.set_dynamic("n", 8_u32);
    tx.set_dynamic("m", 'm');
    assert_eq!(tx.get_as::<u32>("n").unwrap().as_deref(), Some(&8));
    assert_eq!(cache.dynamic().get_as::<u32>("n").unwrap().as_deref(), Some(&7));
    tx.commit().unwrap();
    assert_eq!(cache.dynamic().get_as::<u32>("n").unwrap().as_deref(), Some(&8));
    assert_eq!(cache.dynamic().get_as::<char>("m").unwrap().as_deref(), Some(&'m'));

    let mut tx = cache.begin();
    assert!(tx.get_as::<u32>("n").is_ok());
    cache.dynamic().insert("n", 9_u32);
    tx.set_dynamic("m", 'x');
    let error = tx.commit().unwrap_err().to_string();
    assert!(error.contains("dynamic") && error.contains('n'), "{error}");
    assert_eq!(cache.dynamic().get_as::<char>("m").unwrap().as_deref(), Some(&'m'));
}

#[test]
fn dynamic_entries_take_part_in_retention() {
    let clock = Arc::new(ManualClock::new());
    let cache = Cache::<Shelf>::builder()
        .clock(Arc::clone(&clock))
        .dynamic(|table| table.lru(2).ttl(SECOND))
        .build()
        .unwrap();
    let held = cache.dynamic().insert("a", 1_u32);
    cache.dynamic().insert("b", 2_u32);
    cache.dynamic().insert("c", 3_u32);
    assert!(Arc::ptr_eq(&held, &cache.dynamic().get_as::<u32>("a").unwrap().unwrap()), "a survivor");
    drop(held);
    assert_eq!(cache.dynamic().get_as::<u32>("a"), Ok(None));
    clock.advance(SECOND);
    assert_eq!(cache.dynamic().get_as::<u32>("c"), Ok(None));
}

#[test]
fn a_value_that_is_an_arc_already_is_not_wrapped_again() {
    let (cache, _) = shelf();
    let shared: Arc<String> = Arc::new("shared".to_owned());
    let written = cache.dynamic().insert::<String>("s", Arc::clone(&shared));
    assert!(Arc::ptr_eq(&shared, &written));
    assert!(Arc::ptr_eq(&shared, &cache.dynamic().get_as::<String>("s").unwrap().unwrap()));
}

#[test]
fn a_typed_key_of_the_same_text_is_another_entry() {
    let (cache, _) = shelf();
    cache.insert(GetByName { name: "n".to_owned() }, 1);
    cache.dynamic().insert("n", 2_u32);
    assert_eq!(cache.get(&GetByNameRef { name: "n" }).as_deref(), Some(&1));
    let erased: Arc<dyn DynamicValue> = cache.get(&Dynamic::new("n")).unwrap();
    assert_eq!((*erased).type_name(), "u32");
}
