use cache_client::{App, Changes, Client, Context, Fetch, LayerEdit};
use cache_core::{EntryTimes, Query, registry};
use cache_documents::{Field, Id, Resource};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<String>,
}

registry! {
    pub struct BlogRegistry { crate::PersonId }
}

struct Blog;

impl App for Blog {
    type Registry = BlogRegistry;
}

impl Fetch<Blog> for PersonId {
    type Error = std::io::Error;

    async fn fetch(&self, _: &Context<Blog>) -> Result<Person, std::io::Error> {
        Ok(Person::absent())
    }
}

fn changes(changes: &mut Changes<Blog>, key: PersonId) {
    changes.set(key.clone(), Person::absent());
    changes.set_timed(key.clone(), Person::absent(), EntryTimes::new());
    changes.merge_with(key.clone(), |_: Option<&Person>| Person::absent());
    changes.update(&key, |person| person.clone());
    changes.invalidate(&key);
    changes.remove(&key);
}

fn layer(layer: &mut LayerEdit<Blog>, key: &PersonId) {
    layer.update(key, |person| person.cloned());
}

fn loads(client: &Client<Blog>, context: &Context<Blog>, key: &PersonId) {
    drop(client.query(key));
    client.invalidate(key);
    drop(client.observe(key));
    context.bring(key.clone(), Person::absent());
    let _ = context.set(key, Person::absent());
}

fn main() {
    let _ = (changes, layer, loads);
}
