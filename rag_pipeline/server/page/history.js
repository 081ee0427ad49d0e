// Questions that were asked before; they are kept in this browser, and nowhere else.
import { $, h, spoken } from "./dom.js";

const KEPT = "rag-pipeline.history";
const MOST = 50;

function asked() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

export function remember(question) {
  const all = [question, ...asked().filter((one) => one !== question)].slice(0, MOST);
  localStorage.setItem(KEPT, JSON.stringify(all));
  showHistory();
}

export function startHistory(again) {
  $("asked").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    again(button.textContent);
    $("question").focus();
  });
  $("forget").addEventListener("click", () => {
    localStorage.removeItem(KEPT);
    showHistory();
    $("question").focus();
  });
  showHistory();
}

export function showHistory() {
  const all = asked();
  $("asked").replaceChildren(...all.map((one) =>
    h("li", {}, h("button", { type: "button", lang: spoken(one) }, one))));
  $("history").hidden = !all.length;
}
