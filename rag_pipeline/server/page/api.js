// The server: its replies, its problems, its streams. Addresses are relative, so that any folder of a site will do.
const TOKEN = "rag-pipeline.token";

export class Problem extends Error {
  constructor(code, detail = "", status = 0) {
    super(detail || code);
    Object.assign(this, { code, detail, status });
  }
}

// A token comes once, after the #, which no server and no log ever sees, and is taken out of the address.
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return;
  keepToken(given);
  history.replaceState(null, "", location.pathname + location.search);
}

let token = null;
try {
  token = sessionStorage.getItem(TOKEN);
} catch {
  // The browser keeps nothing: it is asked for at each start.
}

export function keepToken(given) {
  token = given;
  try {
    sessionStorage.setItem(TOKEN, given);
  } catch {
    // As above.
  }
}

export const hasToken = () => token !== null;

export async function send(path, body, signal) {
  const headers = {};
  // What is no ASCII cannot be a token, nor be sent in a header.
  if (token && /^[\x21-\x7e]+$/.test(token)) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const method = body === undefined ? "GET" : "POST";
  const options = { method, headers, signal, credentials: "omit", body: body && JSON.stringify(body) };
  const response = await reached(fetch(path, options), signal);
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  // A proxy whose server is away says so in a form of its own.
  const code = said.code ?? ([502, 503, 504].includes(response.status) ? "disconnected" : "failed");
  throw new Problem(code, said.detail ?? response.statusText, response.status);
}

export const get = async (path, signal) => (await send(path, undefined, signal)).json();
export const post = async (path, body, signal) => (await send(path, body, signal)).json();

// Server-sent events as [name, content]; a stream that ends before `done` has broken off.
export async function* events(path, body, signal) {
  const response = await send(path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let ended = false;
  try {
    for (;;) {
      const { value, done } = await reached(reader.read(), signal, "cut");
      if (done) break;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const name = /^event: (.*)$/m.exec(part)?.[1];
        const data = /^data: (.*)$/m.exec(part)?.[1];
        if (!name || data === undefined) continue;
        ended ||= name === "done";
        yield [name, JSON.parse(data)];
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
  if (!ended) throw new Problem("cut");
}

async function reached(promise, signal, code = "disconnected") {
  try {
    return await promise;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(code);
  }
}
