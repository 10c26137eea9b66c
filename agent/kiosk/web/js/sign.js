// What a gate and a coach's door show: nobody stops to read there, so one sign
// that is seen from afar, the same in word, shape and colour.
import { alarmLine } from './ask.js';
import { h, setText } from './dom.js';
import { icon } from './icons.js';
import { button } from './parts.js';
import { number, t } from './text.js';

const KINDS = { passages: 'gate', trips: 'coach' };
const kindOf = (profile) => KINDS[profile?.register] ?? 'plain';

// figures are the gate's counts of today, where it counts.
export function figures() {
  const cells = ['in', 'out', 'inside'].map((id) => ({ id, value: h('dd', {}) }));
  const root = h('dl', { class: 'gate-figures', hidden: true }, cells.map((c) => h('div', { class: `gate-figure gate-${c.id}` }, h('dt', {}, t(`gate.${c.id}`)), c.value)));
  return {
    root,
    update(gate) {
      root.hidden = !gate;
      if (gate) for (const c of cells) setText(c.value, number(gate[c.id] ?? 0));
    },
  };
}

// What became of a gate, as a person who walks up to it takes it.
const TONE = { open: 'open', passed: 'open', denied: 'denied', annulled: 'denied', waiting: 'open' }; // waiting: it was opened, and the person may still go through
const SIGN = { open: 'check', denied: 'cross', wait: 'clock' };

// sign is the screen of a visit that nobody touches: state is the gate's, or what became of the visit.
export function sign(snap, answer, state) {
  const { visit, profile } = snap;
  const kind = kindOf(profile);
  const tone = TONE[state] ?? 'wait';
  const code = visit.failure?.code;
  const words = tone === 'denied' && code ? t(`failed.${code}.title`, undefined, t('sign.denied')) : t(`sign.${state}.${kind}`, undefined, t(`sign.${state}`));
  const next = tone === 'denied' && code ? t(`failed.${code}.next`, undefined, t('failed.internal.next')) : '';
  const seat = visit.answers?.seat;
  const count = figures();
  const root = h('section', { class: `stage-sign sign-${tone}` },
    h('span', { class: 'sign-shape' }, icon(SIGN[tone])),
    h('h1', { tabindex: '-1' }, words),
    visit.person?.personName && tone === 'open' && h('p', { class: 'sign-name' }, visit.person.personName),
    seat && tone === 'open' && h('p', { class: 'sign-seat' }, t('sign.seat', { seat })),
    next && h('p', { class: 'sign-next' }, next),
    (visit.alarms ?? []).filter((a) => a.code !== code && !(tone === 'open' && a.code === 'not_allowed')).map((a) => alarmLine(a)), count.root);
  return {
    root, update: (now) => count.update(now.gate),
    // While somebody is waited for at the gate there is nothing to press.
    actions: visit.stage === 'confirm' ? undefined : [button('quiet', t(tone === 'open' ? 'recorded.close' : 'failed.restart'), () => answer('cancel'), 'cancel'),
      visit.canGoBack && button('quiet', t(kind === 'gate' ? 'sign.visitor' : 'ask.change'), () => answer('back'), 'back')].filter(Boolean),
  };
}
