// The answer: paragraphs and lists of a plain text, with its citations as buttons.
import { verdicts } from "./feedback.js";
import { $, h, spoken } from "./dom.js";
import { openSource } from "./source.js";

const CITED = /\[(\d{1,3}(?:\s*[,，]\s*\d{1,3})*)\]/;
// Blocks as they were drawn: a text that grows changes only its last one.
let drawn = [];

export function clearAnswer() {
  drawn = [];
  $("answer-text").replaceChildren();
  $("answer-end").replaceChildren();
}

export function growAnswer(text, shown) {
  $("answer-text").lang = spoken(text);
  const blocks = text.trim().split(/\n{2,}/);
  blocks.forEach((block, index) => {
    if (drawn[index]?.text === block) return;
    const fresh = draw(block, shown);
    if (drawn[index]) drawn[index] = { text: block, element: grown(drawn[index].element, fresh) };
    else $("answer-text").append((drawn[index] = { text: block, element: fresh }).element);
  });
  drawn.splice(blocks.length).forEach((one) => one.element.remove());
}

// What is the same stays the same element: it may be about to be clicked.
function grown(old, fresh) {
  if (old.tagName !== fresh.tagName || old.tagName === "BUTTON") {
    old.replaceWith(fresh);
    return fresh;
  }
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, index) => {
    const was = before[index];
    if (!was) old.append(node);
    else if (was.isEqualNode(node)) return;
    else if (was.nodeType === Node.ELEMENT_NODE && node.nodeType === Node.ELEMENT_NODE) grown(was, node);
    else was.replaceWith(node);
  });
  before.slice(after.length).forEach((node) => node.remove());
  return old;
}

export function endAnswer(answer, shown) {
  growAnswer(answer.text, shown);
  const sources = answer.citations.map((one) =>
    h("li", {}, cite(one.number, shown), h("span", { class: "where" }, caption(shown.passages[one.number - 1])),
      one.quote && h("q", { lang: spoken(one.quote) }, one.quote)));
  const problems = answer.problems.map((one) => h("li", { lang: "en" }, one));
  const cited = answer.citations.map((one) => shown.passages[one.number - 1].id);
  $("answer-end").replaceChildren(
    ...[
      sources.length && h("h3", { t: "sources" }),
      sources.length && h("ul", { class: "sources" }, sources),
      problems.length && h("div", { class: "problems" }, h("h3", { t: "problems" }), h("ul", {}, problems)),
      answer.grounded && h("p", { class: "grounded", t: "grounded" }),
      h("div", { class: "row foot" }, h("span", { class: "hint" }, answer.model),
        cited.length && verdicts(shown.question, cited, "answer")),
    ].filter(Boolean),
  );
}

export const caption = (passage) => [passage.title, passage.section].filter(Boolean).join(" · ") || passage.source;

// [ and ]: to the citation before, or the next.
export function stepCitation(by) {
  const all = [...$("answer-text").querySelectorAll("button.cite")];
  if (!all.length) return;
  const here = all.indexOf(document.activeElement);
  all[(here < 0 ? (by > 0 ? 0 : -1) : here + by + all.length) % all.length || 0]?.focus();
  if (here < 0 && by < 0) all.at(-1).focus();
}

function draw(block, shown) {
  const lines = block.split("\n");
  const isList = lines.every((line) => /^\s*(?:[-*•]|\d{1,2}[.)])\s+/.test(line));
  if (!isList) return h("p", {}, lines.flatMap((line, index) => [index ? h("br") : null, ...inline(line, shown)]));
  const tag = /^\s*\d/.test(lines[0]) ? "ol" : "ul";
  return h(tag, {}, lines.map((line) => h("li", {}, inline(line.replace(/^\s*\S+\s+/, ""), shown))));
}

function inline(text, shown) {
  return text.split(/(\[\d{1,3}(?:\s*[,，]\s*\d{1,3})*\]|\*\*[^*]+\*\*)/).flatMap((part) => {
    const numbers = CITED.exec(part)?.[1].split(/[,，]/).map(Number);
    if (numbers) return numbers.map((one) => (shown.passages[one - 1] ? cite(one, shown) : `[${one}]`));
    return part.startsWith("**") && part.endsWith("**") && part.length > 4 ? h("strong", {}, part.slice(2, -2)) : part;
  });
}

function cite(number, shown) {
  const passage = shown.passages[number - 1];
  const card = () => $(`passage-${number}`);
  const quote = () => shown.answer?.citations.find((one) => one.number === number)?.quote;
  return h("button", {
    type: "button", class: "cite", label: ["cited", { n: number, title: caption(passage) }],
    onclick: (event) => openSource(passage, event.currentTarget, quote()),
    onmouseenter: () => card()?.classList.add("pointed"),
    onmouseleave: () => card()?.classList.remove("pointed"),
  }, `[${number}]`);
}
