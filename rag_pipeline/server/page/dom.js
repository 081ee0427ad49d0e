// Elements without HTML: whatever a document holds, its text stays text.
import { say } from "./i18n.js";

export const $ = (id) => document.getElementById(id);

// h("button", {class: "quiet", t: "copy", onclick: …}, children). `t` and `label` are keys of the messages, or a key
// with what is filled in.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "t" || name === "label") {
      const [key, values] = Array.isArray(value) ? value : [value];
      say(element, key, values, name === "t" ? "t" : "tLabel");
    } else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

// The language of a text of a document, for who reads it out.
export const spoken = (text) => (/[\uac00-\ud7a3]/.test(text) ? "ko" : "en");

export const number = (value, digits = 3) => (typeof value === "number" ? value.toFixed(digits) : "–");
