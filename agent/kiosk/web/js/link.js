// The line to the daemon: snapshots come as server-sent events, answers go as
// POST requests. When the line is dead the screen is told, and it is tried again.

const SILENCE_MS = 25_000; // the daemon says something at least every 10 s
const RETRY_MS = [500, 1000, 2000, 4000];

// connect calls onState with each snapshot and onDown when the daemon is not
// reachable. It never ends.
export function connect(onState, onDown) {
  let source;
  let silence;
  let tries = 0;

  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(lost, SILENCE_MS);
  };
  const lost = () => {
    clearTimeout(silence);
    source?.close();
    source = undefined;
    onDown();
    const base = RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)];
    setTimeout(retry, base * (0.75 + Math.random() / 2));
  };
  const retry = async () => {
    // An event stream does not tell why it was refused; a plain question does.
    try {
      const answer = await fetch('/v1/state', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
      if (answer.status === 403) {
        location.reload(); // the daemon was started again and knows new sessions only
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      open();
    } catch {
      lost();
    }
  };
  const open = () => {
    source = new EventSource('/v1/events');
    source.addEventListener('state', (event) => {
      tries = 0;
      heard();
      onState(JSON.parse(event.data));
    });
    source.addEventListener('beat', heard);
    source.addEventListener('error', lost);
    heard();
  };
  open();
}

// post sends an answer; it returns false when the daemon did not take it.
export const post = async (path, body) => (await send(path, body)).ok;

// send is post that also tells the code of a refusal, and after how many seconds
// it may be tried again: {ok, code, wait}.
export async function send(path, body) {
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: body === undefined ? '' : JSON.stringify(body),
      signal: AbortSignal.timeout(25_000),
    });
    const code = answer.ok ? '' : (await answer.json().catch(() => null))?.error?.code ?? '';
    return { ok: answer.ok, code, wait: Number(answer.headers.get('Retry-After')) || 0 };
  } catch {
    return { ok: false, code: '', wait: 0 };
  }
}

export const visitPath = (id, what) => `/v1/visits/${encodeURIComponent(id)}/${what}`;
export const portraitPath = (id) => `/v1/portrait?visit=${encodeURIComponent(id)}`;
