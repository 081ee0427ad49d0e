// Thumbs: what a person says of passages, or of an answer by the passages that it cites.
import { post } from "./api.js";
import { h } from "./dom.js";

const VERDICTS = ["right", "wrong"];

export function verdicts(question, passages, about) {
  const said = h("span", { class: "hint", role: "status" });
  const buttons = VERDICTS.map((verdict) =>
    h("button", {
      type: "button", class: "thumb", "aria-pressed": "false",
      label: about === "answer" ? { right: "answerRight", wrong: "answerWrong" }[verdict] : verdict,
      onclick: (event) => keep(event.currentTarget, verdict),
    }, h("span", { class: verdict, "aria-hidden": "true" })));

  async function keep(button, verdict) {
    try {
      for (const passage_id of passages) await post("api/v1/feedback", { question, passage_id, verdict, about });
      buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
      said.replaceChildren(h("span", { t: "kept" }));
    } catch {
      said.replaceChildren(h("span", { t: "notKept" }));
    }
  }
  return h("div", { class: "row thumbs" }, said, buttons);
}
