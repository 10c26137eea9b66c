// The parts that several screens share: the person, the assurance, the checks,
// the way of the record, the steps.
import { h } from './dom.js';
import { icon } from './icons.js';
import { portraitPath } from './link.js';
import { number, t } from './text.js';

// The daemon masks the number already; a whole one is never shown all the same.
const masked = (code) => (/^\d{12}$/.test(code) ? `${code.slice(0, 4)}****${code.slice(8)}` : code);

const show = {
  idCode: masked,
  gender: (value) => t(`gender.${value}`, undefined, value),
};

const FIELDS = ['idCode', 'dateOfBirth', 'gender', 'nationality', 'issueDate', 'expiryDate', 'documentNumber', 'residencePlace'];

export function personCard(view, short = false) {
  const p = view.person ?? {};
  const wanted = short ? FIELDS.slice(0, 2) : FIELDS.filter((name) => view.stage !== 'recorded' || name !== 'documentNumber' || !p.idCode);
  const fields = wanted.filter((name) => p[name]);
  const long = (p.personName ?? '').length > 36 || (p.residencePlace ?? '').length > 80;
  return h('section', { class: `person panel${long ? ' long' : ''}`, 'aria-label': t('person.title') },
    view.portrait
      ? h('img', { class: 'portrait', src: portraitPath(view.id), alt: t('person.portrait') })
      : !short && h('div', { class: 'portrait portrait-none' }, icon('person'), h('span', {}, t('person.noportrait'))),
    h('div', { class: 'person-data' },
      p.personName && h('p', { class: 'person-name' }, h('span', { class: 'sr-only' }, `${t('field.personName')}: `), p.personName),
      h('dl', { class: 'fields' }, fields.map((name) => h('div', { class: `field field-${name}` },
        h('dt', {}, t(`field.${name}`)),
        h('dd', {}, (show[name] ?? String)(p[name])))))));
}

const LEVELS = ['none', 'declared', 'qr', 'chip', 'chip-trusted', 'chip-genuine'];

export function assurancePanel(assurance) {
  if (!assurance) return null;
  const [level, face] = assurance.split('+');
  const known = LEVELS.includes(level) ? level : 'declared';
  const signs = { none: 'cross', declared: 'question', qr: 'question' };
  return h('section', { class: `assurance panel level-${known}`, 'aria-label': t('assurance.label') },
    h('div', { class: 'badge' }, icon(signs[known] ?? 'shield')),
    h('div', {},
      h('p', { class: 'kicker' }, t('assurance.label')),
      h('p', { class: 'assurance-name' }, t(`assurance.${known}`)),
      h('p', { class: 'assurance-text' }, t(`assurance.${known}.text`), face === 'face' && ` ${t('assurance.face')}`)));
}

const STATUS_SIGN = { ok: 'check', trusted: 'check', failed: 'cross', revoked: 'cross', expired: 'alert', unknown_ca: 'question', unsure: 'question' };
const STATUS_TONE = { ok: 'good', trusted: 'good', failed: 'bad', revoked: 'bad', expired: 'warn', unknown_ca: 'warn', unsure: 'warn' };

// statusOf is a check's answer in words: where a clerk decided, that is the answer.
function statusOf(c) {
  if (c.id === 'face' && /decided by .*: same$/.test(c.detail ?? '')) return t('status.decided');
  return t(`status.${c.status}`, undefined, c.status);
}

export function checkList(checks, source = '') {
  if (!checks?.length) return null;
  return h('section', { class: 'checks panel' },
    h('h2', {}, t('checks.title')),
    h('ul', {}, checks.map((c) => h('li', { class: `check tone-${STATUS_TONE[c.status] ?? 'none'}`, 'data-check': c.id },
      icon(STATUS_SIGN[c.status] ?? 'dash'),
      h('span', { class: 'check-name' }, t(`check.${c.id}.${source}`, undefined, t(`check.${c.id}`, undefined, c.id))),
      h('span', { class: 'check-status' }, statusOf(c))))));
}

export const STATES = ['accepted', 'sent', 'delivered'];
const STATE_SIGN = { accepted: 'disk', sent: 'send', delivered: 'hub' };

// recordWay shows the record's three states as steps that light up. Its update
// returns the state when that is news.
export function recordWay() {
  const items = STATES.map((state) => h('li', { class: 'way-step', 'data-state': state },
    h('span', { class: 'way-sign' }, icon(STATE_SIGN[state]), icon('check', 'way-check')),
    h('span', { class: 'way-name' }, t(`way.${state}`)),
    h('span', { class: 'way-text' }, t(`way.${state}.text`))));
  const offline = h('p', { class: 'way-offline', hidden: true }, icon('clock'), h('span', {}, t('way.offline')));
  const title = h('h2', {}, t('way.title'));
  const root = h('section', { class: 'way panel' }, title, h('ol', { class: 'way-steps' }, items));
  let last = -1;
  return {
    root,
    offline, // a notice for a place of its own
    update(record, hub) {
      const at = STATES.indexOf(record?.state);
      items.forEach((item, i) => {
        item.classList.toggle('lit', i <= at);
        item.classList.toggle('next', i === at + 1);
      });
      offline.hidden = hub === 'connected' || at === STATES.length - 1;
      if (record?.sequence) title.textContent = `${t('way.title')} · ${t('recorded.number', { n: number(record.sequence) })}`;
      const news = at !== last && at >= 0 ? STATES[at] : null;
      last = at;
      return news;
    },
  };
}

const STEP_OF = { idle: 'qr', consent: 'card', online: 'qr', card: 'card', reading: 'card', face: 'card', ask: 'confirm', confirm: 'confirm', recorded: 'done' };

// firstStep is how the person of a visit said who they are.
const firstStep = (visit) => (visit?.source === 'manual' ? 'typed' : visit?.source === 'mrz' || visit?.person && !visit.person.idCode ? 'mrz' : 'qr');

export function stepBar(stage, evidence, visit) {
  if (!STEP_OF[stage]) return null;
  const steps = ['qr', 'card', 'confirm', 'done'].filter((s) => s !== 'card' || !evidence || evidence.includes('chip') || STEP_OF[stage] === 'card');
  const now = steps.indexOf(STEP_OF[stage]);
  return h('ol', { class: 'steps', 'aria-label': t('steps.label') }, steps.map((step, i) => h('li', {
    class: i < now ? 'step past' : i === now ? 'step now' : 'step',
    'aria-current': i === now ? 'step' : undefined,
  },
  h('span', { class: 'step-sign', 'aria-hidden': 'true' }, i < now ? icon('check') : String(i + 1)),
  h('span', { class: 'step-name' }, t(`step.${step === 'qr' ? firstStep(visit) : step}`)))));
}

export function button(kind, words, onclick, key = kind) {
  return h('button', { type: 'button', class: `button ${kind}`, 'data-key': key, onclick }, words);
}
