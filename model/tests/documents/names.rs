//! Local names that become names of records with ids, beside responses and changes of the same records.

use std::sync::Arc;

use serde_json::json;

use crate::blog::{Blog, Client, Person, PersonId, ann, author_of, beside, blog, check, join, named};
use crate::records::change::patch;
use crate::records::store::store_answer;
use crate::{Document, Id, One};

fn local() -> PersonId {
    PersonId(Id::local("ann"))
}

impl Client {
    /// Stores an article whose author the program has made.
    fn make(&self, id: u8, age: u8) {
        let article = json!({
            "data": {
                "type": "articles", "id": id.to_string(),
                "relationships": {"author": {"data": {"type": "people", "lid": "ann"}}}
            },
            "included": [{"type": "people", "lid": "ann", "attributes": {"age": age}}]
        });
        self.end(self.begin(id), &article);
    }

    /// Merges what the server answers when the author was saved.
    fn save(&self, name: u8) {
        let person = json!({"data": {"type": "people", "id": "9", "attributes": {"name": name}}});
        let answer: Document<Person> = self.read_as(&person).saved(&local()).unwrap();
        let answer = Arc::new(answer);
        self.change(|store| drop(store_answer(Arc::clone(&answer), store))).unwrap();
    }
}

#[test]
fn a_local_record_and_one_that_a_response_brings_become_one_whichever_comes_first() {
    check(|| {
        let client = blog();
        client.make(1, 5);
        join([
            beside(&client, |client| client.save(7)),
            beside(&client, |client| client.load(2, &named(1))),
            beside(&client, |client| (0..3).for_each(|_| client.check_moment())),
        ]);
        client.check_moment();
        let [one, two] = [1, 2].map(|id| client.shown(id).unwrap());
        assert_eq!(one.data().unwrap().author, One::to(ann()));
        assert_eq!(author_of(&one), author_of(&two));
        assert_eq!(author_of(&one).unwrap().1, Some(5), "what the program has made stays");
        assert!(Arc::ptr_eq(&client.cache().peek(&local()).unwrap(), &client.author().unwrap()));
        drop((one, two));
        [1, 2].into_iter().for_each(|id| client.remove(id));
        client.check_is_empty();
        assert!(client.cache().peek(&local()).is_none());
    });
}

#[test]
fn a_patch_by_the_local_key_is_kept_beside_the_answer() {
    check(|| {
        let client = blog();
        client.make(1, 5);
        let grow_up = |person: &mut Person| person.age = 6.into();
        join([
            beside(&client, |client| client.save(7)),
            beside(&client, move |client| {
                client.change(|store| assert!(patch::<Blog, Person>(store, &local(), &grow_up))).unwrap();
            }),
            beside(&client, |client| (0..3).for_each(|_| client.check_moment())),
        ]);
        client.check_moment();
        assert_eq!(author_of(&client.shown(1).unwrap()), Some((Some(7), Some(6))));
    });
}
