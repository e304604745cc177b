use cache_core::{Query, Tag};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags_of = nowhere)]
struct Missing;

fn of_another(_: &Missing) -> [Tag; 1] {
    [Tag::from("post")]
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags_of = of_another)]
struct OfAnother;

fn text(_: &Text) -> [&'static str; 1] {
    ["post"]
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags_of = text)]
struct Text;

fn single(_: &Single) -> Tag {
    Tag::from("post")
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, tags_of = single)]
struct Single;

fn main() {}
