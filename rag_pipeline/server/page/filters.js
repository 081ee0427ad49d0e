// What a question is put to, and how; what is empty is as the server is configured.
import { $ } from "./dom.js";
import { keep, kept } from "./kept.js";

const chosen = () => [...document.querySelectorAll("[name=collection]:checked")].map((box) => box.value);

export const lastChosen = () => [kept("collections", [])].flat();

export function recallFilters() {
  $("collections").addEventListener("change", () => keep("collections", chosen()));
}

export function filters() {
  const found = { collections: chosen() };
  if ($("mode").value) found.mode = $("mode").value;
  if ($("rerank").value) found.rerank = $("rerank").value;
  if ($("k").value) found.k = Math.min(50, Math.max(1, Math.round(Number($("k").value))));
  if ($("min-score").value) found.min_score = Number($("min-score").value);
  if ($("distinct").checked) found.distinct = true;
  const where = $("where").value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (where.length) found.where = where;
  return found;
}
