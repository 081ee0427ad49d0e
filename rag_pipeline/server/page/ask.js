// A question on its way: passages at once, the answer as it comes, a stop at any moment.
import { events, get, post, Problem } from "./api.js";
import { clearAnswer, endAnswer, growAnswer } from "./answer.js";
import { startBox } from "./box.js";
import { $, h } from "./dom.js";
import { asMarkdown, copyText, saveText } from "./export.js";
import { filters, recallFilters } from "./filters.js";
import { remember, startHistory } from "./history.js";
import { say } from "./i18n.js";
import { showPassages } from "./passages.js";
import { closeSource } from "./source.js";
import { explainProblem, notice, quiet, setState } from "./state.js";

// What is shown: {question, passages, answer, text}; and what is under way, to be stopped.
let shown = null;
let running = null;

export function startAsking() {
  const fill = startBox($("question"), ask);
  const askAgain = (question) => {
    fill(question);
    ask();
  };
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) stop();
    else ask();
  });
  $("copy").addEventListener("click", async () => {
    await copyText(asMarkdown(shown));
    say($("copy"), "copied");
  });
  $("save").addEventListener("click", () => saveText(asMarkdown(shown), shown.question));
  startHistory(askAgain);
  recallFilters();
}

export function stop() {
  if (!running) return false;
  running.abort();
  return true;
}

async function ask() {
  const question = $("question").value.trim();
  if (!question) return;
  running?.abort();
  const own = (running = new AbortController());
  const begun = performance.now();
  say($("go"), "stop");
  setState("searching");
  quiet();
  clear();
  remember(question);
  try {
    shown = { question, passages: [], text: "", answer: null };
    const body = { question, explain: true, ...filters() };
    const answered = $("with-answer").checked && (await answer(body, own.signal));
    if (!answered) await search(body, own.signal);
    const values = { n: shown.passages.length, s: ((performance.now() - begun) / 1000).toFixed(1) };
    if (!shown.passages.length) nothing();
    else if (!shown.failed) setState(shown.answer ? "answered" : "searched", values);
  } catch (error) {
    if (running !== own) return;
    if (own.signal.aborted) setState("stopped");
    else explainProblem(error, ask);
  } finally {
    if (running === own) {
      running = null;
      say($("go"), "go");
      $("answer").setAttribute("aria-busy", "false");
      $("export").hidden = !shown.passages.length;
    }
  }
}

// False: there is no chat model, and a search has to do.
async function answer(body, signal) {
  try {
    for await (const [name, content] of events("api/v1/ask", body, signal)) {
      if (signal.aborted) throw signal.reason;
      if (name === "passages") {
        show(content.passages);
        if (content.passages.length) begin();
      } else if (name === "text") growAnswer((shown.text += content.text), shown);
      else if (name === "answer" && shown.passages.length) endAnswer((shown.answer = content), shown);
      else if (name === "error") fail(content);
    }
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === "configuration") {
      shown.missing = error.detail;
      return false;
    }
    if (!shown.passages.length) throw error;
    if (signal.aborted) throw error;
    fail(error);
    return true;
  }
}

async function search(body, signal) {
  const found = await post("api/v1/search", body, signal);
  show(found.passages);
  if (shown.missing && found.passages.length) {
    notice("noKeyTitle", { t: "noKeyHelp" }, null, "hint");
    $("notice").append(h("p", { class: "hint", lang: "en" }, shown.missing));
  }
}

function fail(problem) {
  shown.failed = true;
  explainProblem(problem instanceof Problem ? problem : new Problem(problem.code, problem.detail, problem.status), ask);
}

function begin() {
  setState("streaming");
  $("answer").hidden = false;
  $("answer").setAttribute("aria-busy", "true");
}

function show(passages) {
  shown.passages = passages;
  $("results").hidden = !passages.length;
  showPassages(passages, shown.question);
}

function nothing() {
  setState("nothing");
  notice("nothingTitle", { t: "nothingHelp" }, null, "hint");
}

function clear() {
  closeSource(false);
  clearAnswer();
  say($("copy"), "copy");
  $("answer").hidden = $("results").hidden = $("export").hidden = true;
}

// The collections that may be asked; those of the last time are chosen, else the one that is asked by default.
export async function showCollections(chosen) {
  const { collections } = await get("api/v1/collections");
  const known = collections.filter((one) => chosen.includes(one.name)).map((one) => one.name);
  const boxes = collections.map((one) => {
    const checked = known.length ? known.includes(one.name) : one.default;
    const box = h("input", { type: "checkbox", name: "collection", value: one.name, checked });
    return h("label", { class: "chip", title: one.problem ?? one.model ?? "" }, box, h("span", {}, one.name));
  });
  $("collections").replaceChildren($("collections").querySelector("legend"), ...boxes);
}
