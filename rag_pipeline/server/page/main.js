// Where the page begins: language, token, views, keys.
import { keepToken, takeToken } from "./api.js";
import { showCollections, startAsking, stop } from "./ask.js";
import { stepCitation } from "./answer.js";
import { startCompare } from "./compare.js";
import { $ } from "./dom.js";
import { lastChosen } from "./filters.js";
import { startLanguage } from "./i18n.js";
import { closeSource, startSource } from "./source.js";
import { askForToken, quiet, setState, state, watch } from "./state.js";
import { showStatus, startStatus } from "./status.js";

// An input method that is on says nothing of the key but its place.
const PLACES = { Slash: "/", BracketLeft: "[", BracketRight: "]" };

function show(view) {
  for (const button of document.querySelectorAll("[data-view]")) {
    const here = button.dataset.view === view;
    $(`view-${button.dataset.view}`).hidden = !here;
    if (here) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  if (view === "status") showStatus();
}

let connected = false;
let attempt = 0;

async function connect() {
  const own = (attempt += 1);
  try {
    await showCollections(lastChosen());
    connected = true;
    $("token-form").hidden = true;
    if (state() === "unauthorised") setState("ready");
    quiet();
  } catch (error) {
    // What a later token has settled is not asked again.
    if (error.status === 401 && own === attempt) askForToken();
  }
  watch();
}

function keys(event) {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key === "Process" ? PLACES[event.code] : event.key;
  if (key === "Escape") {
    if (closeSource() || stop()) event.preventDefault();
    return;
  }
  if (event.target.closest?.("input, textarea, select")) return;
  if (key === "/") {
    show("ask");
    $("question").focus();
  } else if (key === "[" || key === "]") stepCitation(key === "]" ? 1 : -1);
  else return;
  event.preventDefault();
}

takeToken();
startLanguage();
startSource();
startAsking();
startCompare();
startStatus();
document.querySelectorAll("[data-view]").forEach((one) => one.addEventListener("click", () => show(one.dataset.view)));
document.addEventListener("keydown", keys);
document.addEventListener("server-ready", () => {
  if (!connected) connect();
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken($("token").value.trim());
  $("token").value = "";
  connect();
});
$("question").focus();
connect();
