// Posts comments without leaving the page, and shows all comments as they come: those that are on their way, too.
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
  const item = ({ number, name, text, posted }, isNew) => {
    const meta = element("p", { className: "meta" });
    const time = element("time", { textContent: number ? when(posted) : "sending ..." });
    meta.append(element("strong", { textContent: name }), time);
    const made = element("li", {}, meta, element("p", { className: "said", textContent: text }));
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

  const events = new EventSource(`/events/${article}`);
  events.addEventListener("open", () => { live.hidden = false; });
  events.addEventListener("error", () => { live.hidden = true; });
  events.addEventListener("comments", (event) => {
    const news = JSON.parse(event.data);
    section.classList.toggle("refreshing", news.is_refreshing);
    if (news.comments) show(news.comments);
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
      // For the case that no events come; the next one brings the whole list.
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
