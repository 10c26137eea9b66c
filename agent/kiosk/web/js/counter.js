// The visit at the counter as the clerk sees it beside the citizen: who it is and
// how sure the device is, the clerk's word on a face, and data typed by hand.
import { said } from './ask.js';
import { h, setText } from './dom.js';
import { assurancePanel, checkList, personCard } from './parts.js';
import { ask, flag } from './staff.js';
import { pick, t } from './text.js';

const act = (words, key, onclick, cls = '') => h('button', { type: 'button', class: `button ${cls}`, 'data-key': key, onclick }, words);

// decides reports whether the clerk's word on the face is wanted.
export const decides = (visit) => ['failed', 'ask', 'confirm'].includes(visit?.stage)
  && visit.checks?.some((c) => c.id === 'face' && ['unsure', 'not_done'].includes(c.status)) && !decided(visit);
const decided = (visit) => visit.checks?.find((c) => c.id === 'face')?.detail?.includes('decided by');

function faceDecision(page, visit) {
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const say = (same) => async (event) => {
    for (const b of event.target.parentElement.children) b.disabled = true;
    try {
      await ask(`/v1/visits/${encodeURIComponent(visit.id)}/face/${same ? 'same' : 'other'}`, { method: 'POST', body: {} });
      page.again();
    } catch (error) {
      if (page.lost(error)) return;
      setText(problem, t(`staff.error.${error.code}`, undefined, t('error.action')));
      problem.hidden = false;
      for (const b of event.target.parentElement.children) b.disabled = false;
    }
  };
  return h('section', { class: 'panel decide' }, h('h2', {}, t('counter.face')), h('p', {}, t('counter.face.text')), problem,
    h('div', { class: 'decide-buttons' }, act(t('counter.other'), 'face-other', say(false), 'choice'), act(t('counter.same'), 'face-same', say(true), 'choice')));
}

// counter is the list of what stands at the counter now: none or one visit.
export async function counter(page) {
  const { visit, profile } = await ask('/v1/state', { quiet: page.quiet });
  if (!visit) return h('div', { class: 'column' }, h('p', { class: 'panel' }, t('counter.none')));
  const given = (profile.questions ?? []).filter((q) => visit.answers?.[q.id]);
  return h('div', { class: 'column' },
    h('p', { class: 'panel' }, `${t('counter.stage')}: `, flag(visit.stage === 'failed' ? 'bad' : 'good', t(`stage.${visit.stage}`, undefined, visit.stage)),
      visit.failure && ` ${t(`failed.${visit.failure.code}.title`, undefined, visit.failure.code)}`,
      (visit.alarms ?? []).map((a) => [' ', flag(a.stop ? 'bad' : 'warn', t(`alarm.${a.code}`, undefined, a.code))])),
    decides(visit) && faceDecision(page, visit),
    h('div', { class: 'columns' },
      h('div', { class: 'column' }, visit.person && personCard({ ...visit, stage: 'confirm' }),
        given.length > 0 && h('section', { class: 'panel' }, h('h2', {}, t('ask.answers')), h('dl', { class: 'fields' }, given.map((q) => h('div', { class: 'field' }, h('dt', {}, pick(q.label)), h('dd', {}, said(q, visit.answers[q.id]))))))),
      h('div', { class: 'column' }, assurancePanel(visit.assurance), checkList(visit.checks, visit.person && !visit.person.idCode ? 'mrz' : ''))));
}

// What a clerk types from a paper; the daemon checks each field.
const FIELDS = [['personName', 200, true], ['dateOfBirth', 10], ['gender'], ['idCode', 12], ['documentNumber', 20], ['nationality', 60], ['residencePlace', 200]];
const HINTS = { dateOfBirth: 'dd/mm/yyyy', idCode: '000000000000' };

// declare is the form for a person without a card that can be read.
export async function declare(page) {
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const done = h('p', { class: 'panel', role: 'status', hidden: true }, t('declare.done'));
  const inputs = FIELDS.map(([name, most, required]) => {
    const input = name === 'gender'
      ? h('select', { 'data-key': name }, ['', 'Nam', 'Nữ'].map((v) => h('option', { value: v }, v ? t(`gender.${v}`) : '–')))
      : h('input', { type: 'text', maxlength: most, required, placeholder: HINTS[name], autocomplete: 'off', spellcheck: 'false', 'data-key': name });
    return { name, input, label: h('label', {}, t(`field.${name}`), input) };
  });
  const go = h('button', { type: 'submit', class: 'button primary', 'data-key': 'declare' }, t('declare.go'));
  return h('div', { class: 'column' }, h('p', { class: 'panel' }, t('declare.text')), done, problem,
    h('form', {
      class: 'form panel',
      onsubmit: async (event) => {
        event.preventDefault();
        go.disabled = true;
        problem.hidden = true;
        done.hidden = true;
        const person = Object.fromEntries(inputs.filter((i) => i.input.value.trim()).map((i) => [i.name, i.input.value.trim()]));
        try {
          await ask('/v1/visits', { method: 'POST', body: { person } });
          for (const i of inputs) i.input.value = '';
          done.hidden = false;
        } catch (error) {
          if (page.lost(error)) return;
          setText(problem, t(`declare.error.${error.code}`, undefined, t('error.action')));
          problem.hidden = false;
        }
        go.disabled = false;
      },
    }, inputs.map((i) => i.label), go));
}
