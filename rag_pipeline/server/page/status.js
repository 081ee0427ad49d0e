// The server and its collections, and the documents in them.
import { get } from "./api.js";
import { scrolling } from "./compare.js";
import { $, h, spoken } from "./dom.js";
import { openSource } from "./source.js";
import { explainProblem } from "./state.js";

const PAGE = 100;

export function startStatus() {
  $("refresh").addEventListener("click", showStatus);
}

export async function showStatus() {
  try {
    const [about, { collections }] = await Promise.all([get("version"), get("api/v1/collections")]);
    const names = ["collection", "embedding", "model", "dimension", "documents", "chunks", "problem"];
    const figures = ["dimension", "documents", "chunks"];
    const head = names.map((name) => h("th", { scope: "col", class: figures.includes(name) && "figure", t: name }));
    const rows = collections.map((one) => h("tr", {},
      h("th", { scope: "row" }, one.name), h("td", {}, one.embedding ?? "–"), h("td", {}, one.model ?? "–"),
      figures.map((name) => h("td", { class: "figure" }, one[name]?.toLocaleString("en") ?? "–")),
      one.problem ? h("td", { class: "bad", lang: "en" }, one.problem) : h("td", { t: "ok" })));
    $("overview").replaceChildren(
      h("p", { class: "hint", t: ["serverIs", { version: about.version }] }),
      scrolling("statusTitle", h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows))),
      ...collections.map(documentsOf));
  } catch (error) {
    $("overview").replaceChildren();
    explainProblem(error, showStatus);
  }
}

function documentsOf({ name, documents }) {
  const list = h("ul", { class: "documents" });
  const more = h("button", { type: "button", class: "quiet", t: "moreDocuments", onclick: load });
  async function load() {
    const path = `api/v1/collections/${encodeURIComponent(name)}/documents?limit=${PAGE}&offset=${list.children.length}`;
    const found = await get(path).catch((error) => explainProblem(error));
    if (!found) return;
    list.append(...found.documents.map((one) => h("li", {}, h("button", {
      type: "button", lang: spoken(one.title || one.source),
      onclick: (event) => openSource({ document: one.id, source: one.source, text: "" }, event.currentTarget),
    }, one.title || one.source), h("span", { class: "hint" }, one.source))));
    more.hidden = list.children.length >= found.total;
  }
  const opened = (event) => event.currentTarget.open && !list.children.length && load();
  return h("details", { class: "group", ontoggle: opened },
    h("summary", {}, name, " ", h("span", { class: "hint" }, String(documents))), list, more);
}
