//! Documents that report errors, beside the last good ones.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Changes, Observer, QueryError, State};
use cache_core::{Cache, LoadingOptions};
use cache_documents::{ChangeRecords, ClientDocuments, Document, Field, ReadDocument};
use serde_json::{Value, json};

use crate::blog::{Article, Blog, BlogError, Desk, GetArticle, PersonId, blog, blog_where, takes};

fn article(title: &str) -> Value {
    json!({
        "data": {
            "type": "articles", "id": "1", "attributes": {"title": title},
            "relationships": {"author": {"data": {"type": "people", "id": "9"}}}
        },
        "included": [{"type": "people", "id": "9", "attributes": {"name": "Ann"}}]
    })
}

fn not_found() -> Value {
    json!({"errors": [{"status": "404", "code": "gone", "detail": "no article 1", "source": {"parameter": "id"}}]})
}

type ArticleState = State<Document<Article>, BlogError>;

/// Waits for a state of an observer.
async fn until(
    observer: &mut Observer<Blog, GetArticle>,
    is_awaited: impl Fn(&ArticleState) -> bool,
) -> ArticleState {
    loop {
        let state = observer.next().await.unwrap();
        if is_awaited(&state) {
            return state;
        }
    }
}

/// The status that the errors of a failed load have.
#[track_caller]
fn status(error: &QueryError<BlogError>) -> u16 {
    let QueryError::Failed { source, .. } = error else { panic!("{error:?}") };
    let BlogError::Document(error) = &**source else { panic!("{source}") };
    let reported = error.reported().unwrap();
    let [error] = reported.errors() else { panic!("{reported}") };
    assert_eq!((error.code.as_deref(), error.detail.as_deref()), (Some("gone"), Some("no article 1")));
    assert_eq!(error.source.as_ref().unwrap().parameter.as_deref(), Some("id"));
    reported.status().unwrap()
}

async fn title(desk: &Desk) -> Result<Arc<str>, QueryError<BlogError>> {
    let document = desk.client.query(&GetArticle(1)).await?;
    Ok(document.data().unwrap().title.value().unwrap().clone())
}

/// Loads an article, and then errors in place of it.
async fn failed(desk: &Desk) {
    desk.answers("/articles/1", article("One"));
    desk.article(1).await;
    desk.answers("/articles/1", not_found());
    desk.client.invalidate(&GetArticle(1));
    assert_eq!(status(&title(desk).await.unwrap_err()), 404);
    assert_eq!(desk.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_observer_shows_reported_errors_beside_the_last_good_document_which_follows_its_records() {
    let desk = blog();
    desk.answers("/articles/1", article("One"));
    let mut observer = desk.client.observe(&GetArticle(1));
    until(&mut observer, |state| matches!(state, State::Ready { .. })).await;
    desk.answers("/articles/1", not_found());
    desk.client.invalidate(&GetArticle(1));
    let state = until(&mut observer, |state| state.error().is_some()).await;
    assert_eq!(status(state.error().unwrap()), 404);
    let shown = |state: &ArticleState| {
        let document = state.value().unwrap();
        document.one(&document.data().unwrap().author).unwrap().name.clone()
    };
    assert_eq!(shown(&state), Field::Value("Ann".into()));

    let rename = |changes: &mut Changes<Blog>| {
        changes.patch(&PersonId("9".into()), |person| person.name = Field::Value("Zoe".into()));
    };
    desk.client.change(rename).await.unwrap();
    let state = until(&mut observer, |state| shown(state) == Field::Value("Zoe".into())).await;
    assert_eq!(status(state.error().unwrap()), 404, "the error is still that of the last load");
}

#[tokio::test(start_paused = true)]
async fn after_reported_errors_the_next_query_makes_one_request() {
    let desk = blog();
    failed(&desk).await;
    assert_eq!(desk.author(1), "Ann", "the last good document is still there");
    desk.answers("/articles/1", article("Two"));
    assert_eq!(&*title(&desk).await.unwrap(), "Two");
    assert_eq!(&*title(&desk).await.unwrap(), "Two");
    assert_eq!(desk.loads(), 3);
}

#[tokio::test(start_paused = true)]
async fn within_its_time_the_error_is_the_answer_without_a_request() {
    let remembers = |options: LoadingOptions| options.error_ttl(Duration::from_secs(10));
    let desk = blog_where(Cache::builder(), |client| client.query::<GetArticle>(remembers));
    failed(&desk).await;
    takes(Duration::from_millis(9_999)).await;
    assert_eq!(status(&title(&desk).await.unwrap_err()), 404);
    let state = desk.client.query_state(&GetArticle(1)).unwrap();
    assert_eq!(state.value.data().unwrap().title, Field::Value("One".into()));
    assert!(state.is_stale);
    assert_eq!(status(&state.error.unwrap()), 404);
    assert_eq!(desk.loads(), 2);

    takes(Duration::from_millis(1)).await;
    desk.answers("/articles/1", article("Two"));
    assert_eq!(&*title(&desk).await.unwrap(), "Two");
    let state = desk.client.query_state(&GetArticle(1)).unwrap();
    assert!(state.error.is_none() && !state.is_stale);
    assert_eq!(desk.loads(), 3);
}

#[tokio::test(start_paused = true)]
async fn reported_errors_are_no_reason_to_drop_a_document_that_may_stand_in() {
    let keeps = |options: LoadingOptions| options.stale_if_error(Duration::from_secs(60));
    let desk = blog_where(Cache::builder(), |client| client.query::<GetArticle>(keeps));
    desk.answers("/articles/1", article("One"));
    desk.article(1).await;
    desk.answers("/articles/1", not_found());
    takes(Duration::from_secs(61)).await;
    assert_eq!(&*title(&desk).await.unwrap(), "One");
    let state = desk.client.query_state(&GetArticle(1)).unwrap();
    assert_eq!((state.is_stale, status(&state.error.unwrap())), (true, 404));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_what_was_sent_need_not_repeat_it() {
    let desk = blog();
    desk.answers("/articles/1", article("One"));
    desk.article(1).await;
    let sent = json!({"data": {"type": "articles", "id": "1", "attributes": {"title": "Two"}}}).to_string();
    let read = |status: u16, body: &str| {
        desk.client.document_or_sent::<Article>(sent.as_bytes(), status, body.as_bytes())
    };
    let said = json!({"data": {"type": "articles", "id": "1", "attributes": {"title": "Three"}}}).to_string();
    for (status, body, title) in
        [(204, "", "Two"), (201, " \n", "Two"), (201, &*said, "Three"), (200, &said, "Three")]
    {
        desk.client.documents().merge_records(read(status, body).unwrap()).await.unwrap();
        let shown = desk.cached(1);
        assert_eq!(shown.data().unwrap().title, Field::Value(title.into()), "{status}");
        assert_eq!(desk.author(1), "Ann", "what was not sent stays");
    }
    for status in [200, 202, 404] {
        assert!(read(status, "").unwrap_err().read().is_some(), "{status} does not say that it was taken");
    }
    assert!(read(204, "{}").unwrap_err().read().is_some());
    let errors = read(409, &json!({"errors": [{"status": "409"}]}).to_string()).unwrap_err();
    assert_eq!(errors.reported().unwrap().status(), Some(409));
}
