// Questions that were asked before; they are kept in this browser, and nowhere else.
import { $, h, spoken } from "./dom.js";
import { keep, kept } from "./kept.js";

const MOST = 50;

const asked = () => [kept("history", [])].flat().filter((one) => typeof one === "string");

export function remember(question) {
  const all = [question, ...asked().filter((one) => one !== question)].slice(0, MOST);
  keep("history", all);
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
    keep("history");
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
