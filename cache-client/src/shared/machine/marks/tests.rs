use super::*;

fn key(table: &str, id: usize) -> Mark {
    Mark::Key(Key::new(table, &id.to_be_bytes()))
}

#[test]
fn each_mark_is_kept_once() {
    let mut set: MarkSet =
        [key("posts", 1), key("posts", 1), Mark::Tag((*b"a").into())].into_iter().collect();
    assert_eq!(set.len(), 2);
    assert_eq!(set.take(10), [Mark::Tag((*b"a").into()), key("posts", 1)]);
    assert!(set.is_empty());
}

#[test]
fn a_table_stands_for_its_keys() {
    let mut set: MarkSet = [key("posts", 1), key("authors", 1), Mark::Table("posts".into()), key("posts", 2)]
        .into_iter()
        .collect();
    assert_eq!(set.len(), 2);
    assert!(set.covers(&Key::new("posts", b"9"), &[]));
    assert!(!set.covers(&Key::new("authors", b"9"), &[]));
    assert_eq!(set.take(1), [Mark::Table("posts".into())]);
    assert_eq!(set.take(1), [key("authors", 1)]);
}

#[test]
fn beyond_the_limit_keys_become_their_tables() {
    let mut set: MarkSet = (0..LIMIT).map(|id| key("posts", id)).collect();
    assert_eq!(set.len(), LIMIT);
    set.insert(key("authors", 0));
    assert_eq!(set.len(), 2);
    assert!(set.covers(&Key::new("posts", b"9"), &[]) && set.covers(&Key::new("authors", b"9"), &[]));
}

#[test]
fn beyond_the_limit_tags_become_everything() {
    let mut set: MarkSet = (0..=LIMIT).map(|id| Mark::Tag(id.to_be_bytes().into())).collect();
    assert!(set.covers(&Key::new("posts", b"9"), &[]));
    set.insert(key("posts", 1));
    assert_eq!(set.take(10), [Mark::All]);
}

#[test]
fn a_tag_covers_values_that_have_it() {
    let set: MarkSet = [Mark::Tag((*b"author 7").into())].into_iter().collect();
    let post = Key::new("posts", b"1");
    assert!(set.covers(&post, &[tag_bucket(b"author 7")]));
    assert!(!set.covers(&post, &[tag_bucket(b"author 8")]));
}
