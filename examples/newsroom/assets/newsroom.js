// Posts comments without leaving the page, and shows all comments as they arrive, including those that are being sent.
// Keeps the list of the most discussed articles up to date.
"use strict";

const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

// Receives events of one name from the address that `address` returns, while the page is visible. `listen` begins
// again, with the current address.
const follow = (address, name, show, isLive = () => {}) => {
  // A browser has six connections to a site. A hidden page closes its own, so that others can be loaded.
  let events = null;
  let later = 0;
  const hush = () => {
    clearTimeout(later);
    events?.close();
    events = null;
    isLive(false);
  };
  const listen = () => {
    hush();
    events = new EventSource(address());
    events.addEventListener("open", () => isLive(true));
    events.addEventListener("error", () => {
      isLive(false);
      // A browser connects again by itself, but not after a refusal, as when too many readers listen.
      if (events.readyState === EventSource.CLOSED) later = setTimeout(listen, 30_000);
    });
    events.addEventListener(name, (event) => show(JSON.parse(event.data)));
  };
  if (!document.hidden) listen();
  window.addEventListener("pagehide", hush);
  window.addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(later);
    if (document.hidden) later = setTimeout(hush, 20_000);
    else if (events?.readyState !== EventSource.OPEN) listen();
  });
  return listen;
};

const discussed = document.querySelector(".discussed");
if (discussed) {
  const more = discussed.querySelector(".more-discussed");
  let pages = 1;
  const item = ({ id, title, comments }) => {
    const count = comments === 1 ? "1 comment" : `${comments} comments`;
    const link = element("a", { href: `/articles/${id}`, textContent: title });
    return element("li", {}, link, element("span", { className: "meta", textContent: count }));
  };
  const show = ({ discussed: list }) => {
    if (!list) return;
    more.hidden = !list.has_next;
    discussed.querySelector("ol").replaceChildren(...list.articles.map(item));
  };
  const listen = follow(() => `/events/discussed?pages=${pages}`, "discussed", show);
  more.addEventListener("click", () => { pages += 1; listen(); });
}

const section = document.querySelector(".discussion");
if (section) {
  const article = section.dataset.article;
  const list = section.querySelector(".comments");
  const form = section.querySelector("form.comment");
  const notice = form.querySelector(".notice");
  const live = section.querySelector(".live");

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

  const receive = (news) => {
    section.classList.toggle("refreshing", news.is_refreshing);
    if (news.comments) show(news.comments);
  };
  follow(() => `/events/${article}`, "comments", receive, (isLive) => { live.hidden = !isLive; });

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
