// What the page is doing, in one line that is read out; what went wrong, in a box; and whether the server is there.
import { get, hasToken, Problem } from "./api.js";
import { $, h } from "./dom.js";
import { say } from "./i18n.js";

const WAIT = 1500;
// The title of a problem, by its code; all others are failures.
const TITLES = {
  busy: "busyTitle", store_unavailable: "storeTitle", store_unreachable: "storeTitle", deadline: "storeTitle",
  collection_mismatch: "mismatchTitle", collection_not_found: "invalidTitle", bad_request: "invalidTitle",
  invalid: "invalidTitle", not_configured: "invalidTitle", disconnected: "disconnectedTitle", cut: "cutTitle",
};
let watching = false;

export const state = () => $("state").dataset.state;

export function setState(name, values) {
  $("state").dataset.state = name;
  say($("state-text"), name, values);
}

export function notice(title, detail, again, kind = "problem") {
  const help = detail && (typeof detail === "string" ? h("p", { lang: "en" }, detail) : h("p", detail));
  const button = again && h("button", { type: "button", t: "again", onclick: again });
  $("notice").dataset.kind = kind;
  $("notice").replaceChildren(h("strong", { t: title }), help ?? "", button ?? "");
  $("notice").hidden = false;
}

export const quiet = () => ($("notice").hidden = true);

export function explainProblem(error, again) {
  const problem = error instanceof Problem ? error : new Problem("failed", String(error));
  if (problem.status === 401) return askForToken();
  setState(problem.code === "disconnected" ? "disconnected" : "failed");
  const away = problem.code === "disconnected";
  notice(TITLES[problem.code] ?? "failedTitle", away ? { t: "disconnectedHelp" } : problem.detail, again);
  if (away) watch();
}

export function askForToken() {
  setState("unauthorised");
  say($("token-help"), hasToken() ? "tokenWrong" : "tokenHelp");
  $("token-form").hidden = false;
  $("token").focus();
}

// Until the server is there and its model loaded. A question may be asked before.
export async function watch() {
  if (watching) return;
  watching = true;
  for (;;) {
    const found = await get("readyz").then(() => "ready", (error) => (error.code === "not_ready" ? "loading" : "disconnected"));
    if (["loading", "disconnected", "ready"].includes(state())) {
      if (found === "ready" && $("notice").querySelector("[data-t=disconnectedTitle]")) quiet();
      if (found !== state()) setState(found);
    }
    if (found === "ready") break;
    await new Promise((resolve) => setTimeout(resolve, WAIT));
  }
  watching = false;
  document.dispatchEvent(new Event("server-ready"));
}
