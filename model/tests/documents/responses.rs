//! Responses and patches that change one record, and the documents that show it.

use serde_json::json;

use crate::blog::{Client, author_of, beside, blog, check, join, named};

#[test]
fn responses_that_change_each_others_documents_are_never_seen_in_part() {
    check(|| {
        let client = blog();
        client.load(1, &named(1));
        client.load(2, &named(1));
        join([
            beside(&client, |client| client.load(1, &named(2))),
            beside(&client, |client| client.load(2, &named(3))),
            beside(&client, |client| (0..3).for_each(|_| client.check_moment())),
        ]);
        client.check_moment();
        let [one, two] = [1, 2].map(|id| author_of(&client.shown(id).unwrap()).unwrap());
        assert_eq!(one, two);
        assert!([Some(2), Some(3)].contains(&one.0), "{one:?}");
    });
}

#[test]
fn a_document_that_is_stored_for_the_first_time_shows_what_a_patch_beside_it_has_changed() {
    check(|| {
        let client = blog();
        client.load(1, &json!({"name": 1, "age": 1}));
        join([
            // It says nothing of the name.
            beside(&client, |client| client.load(2, &json!({"age": 2}))),
            beside(&client, |client| assert!(client.patch(|person| person.name = 7.into()))),
            beside(&client, |client| (0..3).for_each(|_| client.check_moment())),
        ]);
        client.check_moment();
        for id in [1, 2] {
            let document = client.shown(id).unwrap();
            assert_eq!(author_of(&document), Some((Some(7), Some(2))), "document {id}");
        }
    });
}

#[test]
fn patches_of_one_record_are_all_kept() {
    check(|| {
        let client = blog();
        client.load(1, &json!({"age": 0}));
        let grow_up = |client: Client| {
            client.patch(|person| person.age = person.age.value().map_or(1, |age| age + 1).into());
        };
        join([beside(&client, grow_up), beside(&client, grow_up), beside(&client, |it| it.check_moment())]);
        client.check_moment();
        assert_eq!(author_of(&client.shown(1).unwrap()), Some((None, Some(2))));
    });
}
