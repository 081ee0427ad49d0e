// Passages as cards: where each is from, what it says, and where its score comes from.
import { caption } from "./answer.js";
import { $, h, number, spoken } from "./dom.js";
import { verdicts } from "./feedback.js";
import { placeParts, t } from "./i18n.js";
import { openSource } from "./source.js";

const PLACES = ["page", "slide", "sheet", "rows"];

export function showPassages(passages, question) {
  const most = Math.max(...passages.map((one) => one.score), 0);
  $("passages").replaceChildren(...passages.map((one, index) => card(one, index + 1, question, most)));
}

// The text without the title path that each chunk has in front.
export function bodyOf(passage) {
  const cut = passage.text.indexOf("\n\n");
  const head = passage.text.slice(0, cut);
  const own = cut > 0 && passage.title && (head === passage.title || head.startsWith(passage.title));
  return own ? passage.text.slice(cut + 2) : passage.text;
}

export const placeOf = (metadata) =>
  PLACES.filter((name) => name in metadata).map((name) => `${name} ${metadata[name]}`).join(", ");

// Source, place and collection: as [key, values] of messages, or as text.
const parts = (passage) =>
  [passage.source, ...placeParts(placeOf(passage.metadata ?? {})), passage.collection].filter(Boolean);

export const whereOf = (passage) => parts(passage).map((one) => (Array.isArray(one) ? t(...one) : one)).join(" · ");

function card(passage, rank, question, most) {
  const body = bodyOf(passage);
  return h("li", { id: `passage-${rank}`, class: "card passage" },
    h("div", { class: "row head" },
      h("span", { class: "rank", "aria-hidden": "true" }, String(rank)),
      h("h3", { lang: spoken(caption(passage)) }, passage.title || passage.source),
      h("span", { class: "score" }, number(passage.score, 4))),
    passage.section && h("p", { class: "part", lang: spoken(passage.section) }, passage.section),
    h("p", { class: "hint" }, parts(passage).flatMap((one, index) =>
      [index ? " · " : "", Array.isArray(one) ? h("span", { t: one }) : one])),
    h("p", { class: "text", lang: spoken(body) }, body),
    h("details", { class: "why" }, h("summary", { t: "why" }), explanation(passage, most)),
    h("div", { class: "row foot" },
      h("button", { type: "button", class: "quiet", t: "openSource",
        onclick: (event) => openSource(passage, event.currentTarget) }),
      verdicts(question, [passage.id], "passage")));
}

function explanation(passage, most) {
  const why = passage.explanation;
  if (!why) return "";
  const line = (key, value, rank, share, kind) => {
    if (value === null || value === undefined || (value === 0 && key !== "innerProduct")) return null;
    const bar = h("span", { class: `bar-${kind}`, "aria-hidden": "true" });
    bar.style.width = `${Math.max(0, Math.min(100, (share ?? 0) * 100))}%`;
    return h("div", {}, h("dt", { t: key }),
      h("dd", {}, number(value, 4), rank && h("span", { class: "hint", t: ["rank", { n: rank }] }), share !== undefined && bar));
  };
  const terms = Object.entries(why.terms ?? {}).map(([term, share]) =>
    h("li", {}, term, h("span", { class: "hint" }, number(share, 3))));
  const of = most || 1;
  return h("div", {},
    h("dl", {},
      line("innerProduct", why.inner_product, why.dense_rank, why.inner_product / of, "inner"),
      line("lexicalBoost", why.lexical_boost, null, why.lexical_boost / of, "words"),
      line("languageCorrection", why.language_correction),
      line("lexicalScore", why.lexical_score, why.lexical_rank),
      line("rerankScore", why.rerank_score)),
    terms.length && h("ul", { class: "terms" }, terms));
}
