//! The pages that people read.

use axum::Form;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{OriginalUri, Path, Query};
use axum::http::Method;
use axum::response::{Html, Redirect};

use super::api::{NewComment, Place, SearchText};
use super::visit::{ApiProblem, InTime, PageProblem, Visit};
use crate::commenting::AddComment;
use crate::model::Section;
use crate::problem::Problem;
use crate::reading::{self, Cx};
use crate::texts;
use crate::views::{self, lists};

type Page = Result<Html<String>, PageProblem>;

pub(super) async fn front(Visit(cx): Visit, place: Result<Query<Place>, QueryRejection>) -> Page {
    list(&cx, None, place?.0).await
}

pub(super) async fn section(
    Visit(cx): Visit,
    section: Result<Path<String>, PathRejection>,
    place: Result<Query<Place>, QueryRejection>,
) -> Page {
    let Path(section) = section?;
    let section: Section =
        section.parse().map_err(|_| Problem::Absent("There is no such section.".to_owned()))?;
    list(&cx, Some(section), place?.0).await
}

async fn list(cx: &Cx, section: Option<Section>, place: Place) -> Page {
    let before = place.before.map(|text| text.parse()).transpose()?;
    let (feed, discussed) = tokio::join!(reading::feed(cx, section, before), reading::most_discussed(cx));
    Ok(views::page(&lists::front(section, before.is_none(), &feed?, &discussed?)))
}

/// A comment of a browser without scripts; with them it posts to the other address.
pub(super) async fn comment(
    Visit(cx): Visit,
    id: Result<Path<u32>, PathRejection>,
    new: Result<InTime<Form<NewComment>>, ApiProblem>,
) -> Result<Redirect, PageProblem> {
    let (Path(id), InTime(Form(new))) = (id?, new.map_err(|ApiProblem(problem)| problem)?);
    cx.mutate(&AddComment::new(id.into(), &new.name, &new.text)?).await?;
    Ok(Redirect::to(&format!("/articles/{id}#comments")))
}

pub(super) async fn search(Visit(cx): Visit, wanted: Result<Query<SearchText>, QueryRejection>) -> Page {
    let Query(SearchText { q }) = wanted?;
    let q = texts::visible(&q);
    let found = reading::found(&cx, &q).await?;
    Ok(views::page(&lists::search(&q, found.as_ref())))
}

pub(super) async fn nowhere(OriginalUri(uri): OriginalUri) -> PageProblem {
    Problem::nothing_at(&uri).into()
}

pub(super) async fn not_that_way(method: Method) -> PageProblem {
    Problem::wrong_method(&method).into()
}
