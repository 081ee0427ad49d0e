// Question, answer and sources as Markdown: what is copied can be checked by who reads it.
import { caption } from "./answer.js";
import { bodyOf, whereOf } from "./passages.js";
import { number } from "./dom.js";
import { t } from "./i18n.js";

export function asMarkdown({ question, text, answer, passages }) {
  const said = (answer?.text ?? text).trim();
  const lines = [`# ${question.replace(/\s+/g, " ")}`, ""];
  if (said) lines.push(said, "");
  for (const problem of answer?.problems ?? []) lines.push(`> ${t("problems")}: ${problem}`, "");
  if (answer?.model) lines.push(`*${answer.model}*`, "");
  lines.push(`## ${t("sources")}`, "");
  passages.forEach((passage, index) => {
    lines.push(`${index + 1}. **${caption(passage)}** (${whereOf(passage)}; ${number(passage.score, 4)})`, "");
    lines.push(...bodyOf(passage).trim().split("\n").map((line) => `   > ${line}`.trimEnd()), "");
  });
  return lines.join("\n");
}

export async function copyText(text) {
  // A page that came without TLS from another machine has no clipboard of its own, and a person may have forbidden it.
  const written = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (written) return;
  const box = document.createElement("textarea");
  box.value = text;
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}

export function saveText(text, question) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
  link.download = `${question.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "answer"}.md`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
