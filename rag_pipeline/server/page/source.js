// The document of a passage, put together from its chunks, open where the passage stands.
import { get } from "./api.js";
import { $, h, spoken } from "./dom.js";
import { placeParts } from "./i18n.js";

const narrow = matchMedia("(max-width: 63.99rem)");
let opener = null;
let latest = 0;

export function startSource() {
  $("source-close").addEventListener("click", () => closeSource());
  narrow.addEventListener("change", cover);
}

export async function openSource(passage, from, quote) {
  const own = (latest += 1);
  opener = from;
  const document_ = passage.document
    ? await get(`api/v1/documents/${encodeURIComponent(passage.document)}`).catch(() => null)
    : null;
  if (own !== latest) return;
  // What cannot be put together is shown as far as it is known.
  const whole = document_ ?? { ...passage, sections: [{ id: passage.id, section: passage.section, text: passage.text }] };
  draw(whole, passage.id, quote);
  $("source").hidden = false;
  cover();
  $("source-title").focus({ preventScroll: true });
  const marked = $("source-text").querySelector(".marked");
  if (marked) marked.scrollIntoView({ block: "start" });
  else $("source-text").scrollTop = 0;
}

export function closeSource(back = true) {
  if ($("source").hidden) return false;
  latest += 1;
  $("source").hidden = true;
  cover();
  if (back && opener?.isConnected) opener.focus();
  return true;
}

// On a small screen the pane covers the page, which can then not be reached behind it.
function cover() {
  const covered = narrow.matches && !$("source").hidden;
  for (const one of document.querySelectorAll("header.top, main")) one.inert = covered;
}

function draw(whole, marked, quote) {
  $("source-title").textContent = whole.title || whole.source;
  $("source-title").lang = spoken($("source-title").textContent);
  $("source-file").textContent = [whole.source, whole.collection].filter(Boolean).join(" · ");
  let last = null;
  $("source-text").replaceChildren(...whole.sections.map((one) => {
    const heading = one.section && one.section !== last && h("h3", { lang: spoken(one.section) }, one.section);
    last = one.section;
    const here = one.id === marked;
    return h("section", { class: here && "marked", "data-id": one.id },
      here && h("p", { class: "flag", t: "markedHere" }),
      heading,
      one.place && h("p", { class: "place" }, placeParts(one.place).flatMap((part, index) =>
        [index ? ", " : "", h("span", { t: part })])),
      h("p", { class: "text", lang: spoken(one.text) }, here && quote ? quoted(one.text, quote) : one.text));
  }));
}

function quoted(text, quote) {
  const start = text.indexOf(quote);
  if (start < 0) return text;
  return [text.slice(0, start), h("mark", {}, quote), text.slice(start + quote.length)];
}
