// What stands around the screen: the head with the languages, the foot with the
// devices and the queue, the demo's bar.
import { vietnam } from './clock.js';
import { h, setText } from './dom.js';
import { logo } from './icons.js';
import { button } from './parts.js';
import { allLanguages, language, number, pick, t } from './text.js';

export function header(snap, choose) {
  const clock = h('time', { class: 'clock' });
  const root = [
    logo(),
    h('div', { class: 'head-words' },
      h('p', { class: 'head-title' }, pick(snap?.profile?.title) || t('app.name')),
      snap?.site && h('p', { class: 'head-site' }, t('head.site', { site: snap.site }))),
    clock,
    h('div', { class: 'languages', role: 'group', 'aria-label': t('head.language') }, allLanguages().map((l) => h('button', {
      type: 'button', class: 'language', lang: l.code, 'data-key': `lang-${l.code}`,
      'aria-pressed': String(l.code === language()), onclick: () => choose(l.code),
    }, l.name))),
  ];
  const tick = () => {
    const moment = new Date();
    const now = vietnam(moment);
    clock.dateTime = moment.toISOString();
    setText(clock, `${now.hour}:${now.minute} · ${now.day}/${now.month}/${now.year}`);
  };
  tick();
  return { root, tick };
}

const DEVICE_TONE = { ready: 'good', busy: 'good', missing: 'warn', failed: 'bad' };
const HUB_TONE = { connected: 'good', offline: 'warn', 'hub-down': 'warn' };

const light = (tone, name, state) => h('li', { class: `light tone-${tone}` },
  h('span', { class: 'lamp', 'aria-hidden': 'true' }), h('span', {}, `${name}: `, h('b', {}, state)));

export function footer(snap) {
  const q = snap.queue ?? {};
  const waiting = Math.max(0, (q.accepted ?? 0) - (q.delivered ?? 0));
  return [
    h('ul', { class: 'lights' },
      (snap.devices ?? []).map((d) => light(DEVICE_TONE[d.state] ?? 'warn',
        t(`foot.${d.kind}`, undefined, d.kind), t(`device.${d.state}`, undefined, d.state))),
      light(HUB_TONE[q.hub] ?? 'warn', t('foot.hub'), t(`hub.${q.hub}`, undefined, q.hub ?? '–'))),
    h('p', { class: 'queue' },
      `${t('foot.queue', { accepted: number(q.accepted ?? 0), sent: number(q.sent ?? 0), delivered: number(q.delivered ?? 0) })} · `,
      h('b', {}, waiting ? t('foot.waiting', { n: number(waiting) }) : t('foot.waiting.none'))),
  ];
}

const DEMO = ['scan-qr', 'scan-wrong', 'lay-card', 'take-card', 'lay-tampered-card', 'lay-wrong-card', 'hub-stop', 'hub-start'];

export function demoBar(act) {
  return h('aside', { class: 'demo', 'aria-label': t('demo.title') },
    h('p', { class: 'demo-title' }, h('b', {}, t('demo.title')), h('span', {}, t('demo.text'))),
    h('div', { class: 'demo-buttons' }, DEMO.map((action) => button('demo-button', t(`demo.${action}`), () => act(action), `demo-${action}`))));
}
