// What this browser keeps for the page. It may keep nothing at all, as where a person has forbidden it.
const HOME = "rag-pipeline.";

export function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(HOME + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(name, value) {
  try {
    if (value === undefined) localStorage.removeItem(HOME + name);
    else localStorage.setItem(HOME + name, JSON.stringify(value));
  } catch {
    // Then the page works without.
  }
}
