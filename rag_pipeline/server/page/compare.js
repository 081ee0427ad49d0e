// A report of `compare --json`, opened from this machine; it is sent nowhere.
import { $, h, number, spoken } from "./dom.js";

export function startCompare() {
  $("report").addEventListener("change", async () => {
    const [file] = $("report").files;
    if (!file) return;
    $("report-name").textContent = file.name;
    try {
      $("comparison").replaceChildren(...draw(JSON.parse(await file.text())));
    } catch {
      $("comparison").replaceChildren(h("p", { class: "notice", "data-kind": "problem", t: "noReport" }));
    }
    $("report").value = "";
  });
}

function draw(report) {
  const metrics = Object.keys(report.contestants[0].metrics);
  const head = h("tr", {}, h("th", { scope: "col", t: "collection" }), h("th", { scope: "col", t: "model" }),
    h("th", { scope: "col", t: "mode" }), metrics.map((one) => h("th", { scope: "col", class: "figure" }, one)),
    h("th", { scope: "col", class: "figure", t: "behind" }), h("th", { scope: "col", class: "figure", t: "queryTime" }),
    h("th", { scope: "col", class: "figure", t: "chunks" }));
  const figure = (text) => h("td", { class: "figure" }, text);
  const rows = report.contestants.map((one) => {
    const [low, high] = one.behind_best.interval;
    const behind = one.best ? "–" : `${number(one.behind_best["nDCG@10"])} (${number(low)} – ${number(high)})`;
    return h("tr", { class: one.best && "best" },
      h("th", { scope: "row" }, one.collection, one.best && h("span", { class: "badge", t: "best" })),
      h("td", {}, one.model), h("td", {}, one.mode), metrics.map((name) => figure(number(one.metrics[name]))),
      figure(behind), figure(`${number(one.query_ms.p50, 1)} / ${number(one.query_ms.p95, 1)} ms`),
      figure(one.chunks.toLocaleString("en")));
  });
  const differing = report.differing.map((one) =>
    h("tr", {}, h("td", { lang: spoken(one.question) }, one.question),
      h("td", {}, one.right.length ? one.right.join(", ") : h("span", { t: "none" }))));
  return [
    h("p", { t: ["reportOf", { n: report.questions, m: report.answerable }] }),
    scrolling("compareTitle", h("table", {}, h("thead", {}, head), h("tbody", {}, rows))),
    differing.length ? h("h3", { t: "differing" }) : "",
    differing.length ? scrolling("differing", h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col", t: "question" }), h("th", { scope: "col", t: "rightOnes" }))),
      h("tbody", {}, differing))) : "",
  ];
}

// A table that is wider than the screen scrolls by itself, also by keys.
export const scrolling = (label, table) => h("div", { class: "scroll", tabindex: "0", role: "region", label }, table);
