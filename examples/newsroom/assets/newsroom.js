// Posts comments without leaving the page, and shows those of others as they come.
"use strict";

const section = document.querySelector(".discussion");
if (section) {
  const article = section.dataset.article;
  const list = section.querySelector(".comments");
  const form = section.querySelector("form.comment");
  const notice = form.querySelector(".notice");
  const counts = (total) => (total === 1 ? "1 comment" : `${total} comments`);
  // What this reader has posted and the list does not have yet.
  let waiting = [];

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

  const item = (comment, isNew) => {
    const meta = element("p", { className: "meta" });
    const time = comment.posted ? when(comment.posted) : "sending ...";
    meta.append(element("strong", { textContent: comment.name }), element("span", { textContent: time }));
    const made = element("li", {}, meta, element("p", { className: "said", textContent: comment.text }));
    if (comment.number) made.dataset.number = comment.number;
    made.classList.toggle("new", isNew);
    made.classList.toggle("sending", !comment.posted);
    return made;
  };

  const known = new Set([...list.children].map((child) => child.dataset.number));
  const show = ({ total, newest }) => {
    const isThere = (mine) => newest.some(({ number, name, text }) =>
      mine.number ? number === mine.number : name === mine.name && text === mine.text && !known.has(String(number)));
    waiting = waiting.filter((mine) => !isThere(mine));
    const all = [...waiting, ...newest];
    list.replaceChildren(...all.map((comment) => item(comment, !known.has(String(comment.number)))));
    newest.forEach((comment) => known.add(String(comment.number)));
    section.dataset.total = total;
    section.querySelector(".total").textContent = counts(total);
    section.querySelector(".older").hidden = newest.length === total;
  };

  let shown = null;
  const live = section.querySelector(".live");
  const events = new EventSource(`/events/${article}`);
  events.addEventListener("open", () => { live.hidden = false; });
  events.addEventListener("error", () => { live.hidden = true; });
  events.addEventListener("comments", (event) => {
    const news = JSON.parse(event.data);
    section.classList.toggle("refreshing", news.is_refreshing);
    if (news.comments) show((shown = news.comments));
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const mine = { name: form.elements.name.value.trim(), text: form.elements.text.value.trim() };
    const button = form.querySelector("button");
    button.disabled = true;
    notice.textContent = "";
    waiting.unshift(mine);
    list.prepend(item(mine, true));
    try {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`/api/articles/${article}/comments`, { method: "POST", headers, body: JSON.stringify(mine) });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      Object.assign(mine, answer);
      form.elements.text.value = "";
      notice.textContent = "Posted. Thank you!";
    } catch (problem) {
      waiting = waiting.filter((other) => other !== mine);
      list.querySelector(".sending")?.remove();
      notice.textContent = problem.message;
    } finally {
      button.disabled = false;
      if (shown) show(shown);
    }
  });
}
