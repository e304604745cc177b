// Keeps the list of the most discussed articles up to date.
import { follow } from "./follow.js";

const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
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
  const { listen } = follow(() => `/events/discussed?pages=${pages}`, "discussed", show);
  more.addEventListener("click", () => { pages += 1; listen(); });
}
