// The technician's page: devices, cameras, the queue and the checks.
import { h } from './dom.js';
import { ask, flag, run, table, when } from './staff.js';
import { t } from './text.js';

const TONE = { ready: 'good', busy: 'good', ok: 'good', missing: 'warn', warn: 'warn', failed: 'bad', fail: 'bad' };

async function devices({ quiet }) {
  const { devices: all } = await ask('/v1/tech/devices', { quiet });
  return table(t('tech.devices'), [[t('tech.kind'), (d) => t(`foot.${d.kind}`, undefined, d.kind)], [t('tech.name'), (d) => d.name || '–'],
    [t('desk.state'), (d) => flag(TONE[d.state] ?? 'warn', t(`device.${d.state}`, undefined, d.state))], [t('tech.since'), (d) => when(d.since)], [t('desk.detail'), (d) => d.detail || '–']], all);
}

async function health({ quiet }) {
  const { checks } = await ask('/v1/tech/health', { quiet });
  return table(t('tech.health'), [[t('tech.check'), (c) => c.id], [t('desk.state'), (c) => flag(TONE[c.status] ?? 'warn', c.status)], [t('desk.detail'), (c) => c.text || '–'], [t('tech.remedy'), (c) => c.remedy || '–']], checks);
}

async function queue({ quiet }) {
  const q = await ask('/v1/tech/queue', { quiet });
  return h('dl', { class: 'panel figures' }, Object.entries(q).map(([name, value]) => h('div', { class: 'figure' }, h('dt', {}, name), h('dd', {}, value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value)))));
}

// cameras asks for each picture by hand: a live picture of people is not left on
// a screen that nobody looks at.
async function cameras() {
  const one = (name) => {
    const img = h('img', { class: 'still', alt: t(`tech.${name}.alt`), hidden: true });
    const words = h('p', {}, t('tech.nopicture'));
    const load = async () => {
      // Asked with fetch first, so that a refusal can be told in words.
      const path = `/v1/tech/${name}`;
      try {
        await ask(path);
        img.src = `${path}?${Date.now()}`;
        img.hidden = false;
        words.hidden = true;
      } catch (error) {
        img.hidden = true;
        words.hidden = false;
        words.textContent = t(`staff.error.${error.code}`, undefined, t('tech.nopicture'));
      }
    };
    return h('section', { class: 'panel' }, h('h2', {}, t(`tech.${name}`)), img, words, h('button', { type: 'button', class: 'button', 'data-key': `load-${name}`, onclick: load }, t('tech.load')));
  };
  return h('div', { class: 'stills' }, one('still'), one('gate'));
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
