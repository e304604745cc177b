//! Responses to loads whose key changes while they are stored.

use serde_json::json;

use crate::blog::{Client, Loading, article, author_of, beside, blog, check, join, named, title_of};

/// Two documents, and a load of the first, whose response names the author.
fn overtaken() -> (Client, Loading) {
    let client = blog();
    client.load(1, &named(1));
    client.load(2, &named(1));
    let loading = client.begin(1);
    (client, loading)
}

#[test]
fn the_document_of_a_newer_load_follows_an_older_response() {
    check(|| {
        let (client, older) = overtaken();
        let newer = client.begin(1);
        join([
            beside(&client, |client| client.end(older, &article(1, 5, &named(2)))),
            // It says nothing of the name.
            beside(&client, |client| client.end(newer, &article(1, 6, &json!({"age": 3})))),
            beside(&client, |client| (0..2).for_each(|_| client.check_moment())),
        ]);
        client.check_moment();
        let document = client.shown(1).unwrap();
        assert_eq!((title_of(&document), author_of(&document)), (Some(6), Some((Some(2), Some(3)))));
    });
}

#[test]
fn a_response_changes_the_other_documents_though_its_own_was_removed() {
    check(|| {
        let (client, loading) = overtaken();
        join([
            beside(&client, |client| client.end(loading, &article(1, 5, &named(2)))),
            beside(&client, |client| client.remove(1)),
            beside(&client, |client| (0..2).for_each(|_| client.check_moment())),
        ]);
        client.check_moment();
        assert_eq!(author_of(&client.shown(2).unwrap()), Some((Some(2), None)));
        [1, 2].into_iter().for_each(|id| client.remove(id));
        client.check_is_empty();
    });
}

/// A refresh retires the load that runs.
#[test]
fn the_present_document_follows_a_response_whose_load_is_retired() {
    check(|| {
        let (client, loading) = overtaken();
        let watch = loading.watch.clone();
        join([
            beside(&client, |client| client.end(loading, &article(1, 5, &named(2)))),
            beside(&client, move |_| watch.retire()),
            beside(&client, |client| (0..2).for_each(|_| client.check_moment())),
        ]);
        client.check_moment();
        for id in [1, 2] {
            assert_eq!(author_of(&client.shown(id).unwrap()), Some((Some(2), None)), "document {id}");
        }
    });
}

/// A copy is older than anything else, and says what nothing else has said.
#[test]
fn the_document_that_a_copy_gives_way_to_shows_what_the_copy_adds() {
    for is_there in [false, true] {
        check(move || {
            let client = blog();
            client.load(2, &named(1));
            if is_there {
                client.load(1, &named(1));
            }
            let looking = client.begin(1);
            join([
                beside(&client, move |client| {
                    let copy = client.read(&article(1, 5, &json!({"name": 8, "age": 3})));
                    assert!(!looking.fill(copy) || !is_there);
                }),
                beside(&client, |client| client.load(1, &named(2))),
                beside(&client, |client| client.check_moment()),
            ]);
            client.check_moment();
            let document = client.shown(1).unwrap();
            assert_eq!((title_of(&document), author_of(&document)), (Some(1), Some((Some(2), Some(3)))));
        });
    }
}
