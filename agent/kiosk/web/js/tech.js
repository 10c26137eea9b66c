// The technician's page: devices, cameras, the queue and the checks.
import { h } from './dom.js';
import { ask, flag, run, table, when } from './staff.js';
import { number, t } from './text.js';

const TONE = { ready: 'good', busy: 'good', ok: 'good', missing: 'warn', warn: 'warn', failed: 'bad', fail: 'bad' };

async function devices({ quiet }) {
  const { devices: all } = await ask('/v1/tech/devices', { quiet });
  return table(t('tech.devices'), [[t('tech.kind'), (d) => t(`foot.${d.kind}`, undefined, d.kind)], [t('tech.name'), (d) => d.name || '–'],
    [t('desk.state'), (d) => flag(TONE[d.state] ?? 'warn', t(`device.${d.state}`, undefined, d.state))], [t('tech.since'), (d) => when(d.since)], [t('desk.detail'), (d) => d.detail || '–']], all);
}

async function health({ quiet }) {
  const { checks } = await ask('/v1/tech/health', { quiet });
  return table(t('tech.health'), [[t('tech.check'), (c) => c.id], [t('desk.state'), (c) => flag(TONE[c.status] ?? 'warn', t(`check.status.${c.status}`, undefined, c.status))], [t('desk.detail'), (c) => c.text || '–'], [t('tech.remedy'), (c) => c.remedy || '–']], checks);
}

// figure is one value of the queue, in words that can be read.
function figure(name, value) {
  if (name === 'oldest') return when(value);
  if (typeof value === 'number' && /bytes|used|limit/i.test(name)) return t('queue.megabytes', { n: number(value / 1048576, 1) });
  if (value !== null && typeof value === 'object') return Object.entries(value).map(([k, v]) => `${k} ${v}`).join(', ');
  return typeof value === 'number' ? number(value) : String(value);
}

async function queue({ quiet }) {
  const q = await ask('/v1/tech/queue', { quiet });
  return h('dl', { class: 'panel figures' }, Object.entries(q).map(([name, value]) => h('div', { class: 'figure' }, h('dt', {}, t(`queue.${name}`, undefined, name)), h('dd', {}, figure(name, value)))));
}

// A live picture ends by itself after so long: people are not left on a screen
// that nobody looks at.
const LIVE_MS = 120_000;
const LIVE_PAUSE_MS = 400;

// picture is one camera: a picture at a touch, and where the camera is watched
// anyway a live one.
function picture(name, mayLive) {
  // A canvas: the page's policy lets no picture in that it made itself.
  const img = h('canvas', { class: 'still', role: 'img', 'aria-label': t(`tech.${name}.alt`), 'data-picture': name, hidden: true });
  const words = h('p', {}, t('tech.nopicture'));
  let until = 0;
  const load = async (quiet = false) => {
    // Asked with fetch, so that a refusal can be told in words.
    try {
      const fresh = await createImageBitmap(await ask(`/v1/tech/${name}`, { quiet }));
      img.width = fresh.width;
      img.height = fresh.height;
      img.getContext('2d').drawImage(fresh, 0, 0);
      fresh.close();
      img.hidden = false;
      words.hidden = true;
      return true;
    } catch (error) {
      img.hidden = true;
      words.hidden = false;
      words.textContent = t(`staff.error.${error.code}`, undefined, t('tech.nopicture'));
      return false;
    }
  };
  const live = h('button', { type: 'button', class: 'button', 'data-key': `live-${name}`, 'aria-pressed': 'false', onclick: () => { until = until ? 0 : Date.now() + LIVE_MS; watch(); } }, t('tech.live'));
  async function watch() {
    live.setAttribute('aria-pressed', String(until > 0));
    live.textContent = t(until ? 'tech.live.stop' : 'tech.live');
    while (until > Date.now() && img.isConnected && await load(true)) await new Promise((done) => setTimeout(done, LIVE_PAUSE_MS));
    if (!until) return;
    until = 0;
    live.setAttribute('aria-pressed', 'false');
    live.textContent = t('tech.live');
  }
  return h('section', { class: 'panel' }, h('h2', {}, t(`tech.${name}`)), img, words,
    h('div', { class: 'row-buttons' }, h('button', { type: 'button', class: 'button', 'data-key': `load-${name}`, onclick: () => load() }, t('tech.load')), mayLive && live));
}

async function cameras() {
  return h('div', { class: 'stills' }, picture('still', false), picture('gate', true));
}

run({
  role: 'technician', title: 'tech.title',
  tabs: [
    { id: 'devices', words: 'tech.devices', live: 3000, show: devices },
    { id: 'cameras', words: 'tech.cameras', show: cameras },
    { id: 'queue', words: 'desk.queue', live: 3000, show: queue },
    { id: 'health', words: 'tech.health', live: 5000, show: health },
  ],
});
