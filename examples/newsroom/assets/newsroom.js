// Posts comments without leaving the page, and shows all comments as they arrive, including those that are being sent.
"use strict";

const section = document.querySelector(".discussion");
if (section) {
  const article = section.dataset.article;
  const list = section.querySelector(".comments");
  const form = section.querySelector("form.comment");
  const notice = form.querySelector(".notice");
  const live = section.querySelector(".live");

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  const when = (seconds) => {
    const date = new Date(seconds * 1000);
    const day = { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" };
    const minutes = String(date.getUTCMinutes()).padStart(2, "0");
    return `${date.toLocaleDateString("en-GB", day)}, ${date.getUTCHours()}:${minutes}`;
  };

  // A comment without a number is not written yet.
  const item = ({ number, name, text, is_long, posted }, isNew) => {
    const meta = element("p", { className: "meta" });
    const time = element("time", { textContent: number ? when(posted) : "sending ..." });
    meta.append(element("strong", {}, element("bdi", { textContent: name })), time);
    const made = element("li", {}, meta, element("p", { className: "said", dir: "auto", textContent: text }));
    if (is_long) {
      const isOpen = list.querySelector(`[data-number="${number}"] .more`)?.open ?? false;
      const summary = element("summary", { textContent: "Whole comment" });
      made.append(element("details", { className: "more", open: isOpen }, summary));
    }
    made.dataset.number = number;
    made.classList.toggle("new", isNew && number > 0);
    made.classList.toggle("sending", number === 0);
    return made;
  };

  const has = (number) => list.querySelector(`[data-number="${number}"]`) !== null;
  const show = ({ total, newest }) => {
    list.replaceChildren(...newest.map((comment) => item(comment, !has(comment.number))));
    section.dataset.total = total;
    section.querySelector(".total").textContent = total === 1 ? "1 comment" : `${total} comments`;
    section.querySelector(".older").hidden = newest.filter((comment) => comment.number).length === total;
  };

  // A browser has six connections to a site. A hidden page closes its own, so that others can be loaded.
  let events = null;
  let later = 0;
  const hush = () => {
    clearTimeout(later);
    events?.close();
    events = null;
    live.hidden = true;
  };
  const listen = () => {
    hush();
    events = new EventSource(`/events/${article}`);
    events.addEventListener("open", () => { live.hidden = false; });
    events.addEventListener("error", () => {
      live.hidden = true;
      // A browser connects again by itself, but not after a refusal, as when too many readers listen.
      if (events.readyState === EventSource.CLOSED) later = setTimeout(listen, 30_000);
    });
    events.addEventListener("comments", (event) => {
      const news = JSON.parse(event.data);
      section.classList.toggle("refreshing", news.is_refreshing);
      if (news.comments) show(news.comments);
    });
  };
  if (!document.hidden) listen();
  window.addEventListener("pagehide", hush);
  window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(later);
    if (document.hidden) later = setTimeout(hush, 20_000);
    else if (events?.readyState !== EventSource.OPEN) listen();
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const { name, text } = form.elements;
    button.disabled = true;
    notice.textContent = "";
    try {
      const response = await fetch(`/api/articles/${article}/comments`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: name.value, text: text.value }),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      // In case no events arrive; the next one brings the whole list.
      if (live.hidden && !has(answer.number)) list.prepend(item(answer, true));
      text.value = "";
      notice.textContent = "Posted. Thank you!";
    } catch (problem) {
      notice.textContent = problem.message;
    } finally {
      button.disabled = false;
    }
  });
}
