// The page's words, in the language of the browser until a person chooses another.
import { keep, kept } from "./kept.js";
import en from "./messages/en.js";
import ko from "./messages/ko.js";

const TEXTS = { en, ko };
const KINDS = { t: "textContent", tLabel: "label", tPlaceholder: "placeholder" };
// What is filled into a text, for each element and kind: the text is made again when the language changes.
const filled = new WeakMap();
let language = "en";

export const t = (key, values = {}) => (TEXTS[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name]);

export function say(element, key, values = {}, kind = "t") {
  element.dataset[kind] = key;
  filled.set(element, { ...filled.get(element), [kind]: values });
  show(element, kind);
}

function show(element, kind) {
  const text = t(element.dataset[kind], filled.get(element)?.[kind]);
  if (KINDS[kind] === "label") element.setAttribute("aria-label", text);
  else element[KINDS[kind]] = text;
}

export function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  for (const kind of Object.keys(KINDS)) {
    const name = `data-${kind.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    document.querySelectorAll(`[${name}]`).forEach((element) => show(element, kind));
  }
  document.querySelectorAll("[data-language]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.language === chosen));
  });
}

export function startLanguage() {
  const wanted = [kept("language"), ...navigator.languages.map((one) => one.slice(0, 2).toLowerCase())];
  speak(wanted.find((one) => one in TEXTS) ?? "en");
  document.querySelectorAll("[data-language]").forEach((button) => {
    button.addEventListener("click", () => {
      keep("language", button.dataset.language);
      speak(button.dataset.language);
    });
  });
}

// A place such as "sheet Ships, rows 2-9", as the server says it: the keys of its parts and what is filled in.
export const placeParts = (text) =>
  text.split(/, (?=(?:page|slide|sheet|rows) )/).filter(Boolean).map((part) => {
    const [, name, n] = /^(page|slide|sheet|rows) (.+)$/s.exec(part) ?? [null, "place", part];
    return [name, { n }];
  });
