// What people ask about their own data: find it by their number, give a copy,
// correct, delete, keep for an authority. Each step wants a reason, which goes
// into the access log.
import { h, setText, wipe } from './dom.js';
import { ask, flag, table, when } from './staff.js';
import { t } from './text.js';

const act = (words, key, onclick, cls = '') => h('button', { type: 'button', class: `button ${cls}`, 'data-key': key, onclick }, words);
const KINDS = ['find', 'export', 'correct', 'delete', 'restrict'];

// give hands a file to the clerk without leaving it in the page.
function give(name, data) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }));
  const link = h('a', { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export async function requests(page) {
  const { requests: all } = await ask('/v1/desk/requests', { quiet: page.quiet });
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const found = h('div', { class: 'column' });
  const reason = h('input', { type: 'text', maxlength: 200, required: true, autocomplete: 'off', 'data-key': 'reason' });
  const number = h('input', { type: 'text', maxlength: 20, autocomplete: 'off', spellcheck: 'false', 'data-key': 'number' });
  const kind = h('select', { 'data-key': 'kind' }, KINDS.map((k) => h('option', { value: k }, t(`desk.request.${k}`))));
  const tell = (words) => { setText(problem, words); problem.hidden = !words; };

  // does asks the daemon with the reason; it returns undefined when that did not go.
  const does = async (path, body = {}) => {
    tell('');
    if (!reason.value.trim()) {
      tell(t('rights.why'));
      reason.focus();
      return undefined;
    }
    try {
      return await ask(path, { method: 'POST', body: { ...body, reason: reason.value.trim() } });
    } catch (error) {
      if (!page.lost(error)) tell(t(`staff.error.${error.code}`, undefined, t('error.action')));
      return undefined;
    }
  };
  const entry = (r, verb) => `/v1/desk/entries/${encodeURIComponent(r.id)}/${verb}`;
  const find = async () => {
    const answer = await does('/v1/desk/find', { number: number.value.trim() });
    if (answer) list(answer.rows);
  };
  const list = (rows) => {
    wipe(found);
    found.append(h('h2', { tabindex: '-1' }, t('rights.found', { n: rows.length })), table(t('rights.title'), [
      [t('desk.time'), (r) => when(r.time)], [t('field.personName'), (r) => r.name || '–'], [t('field.idCode'), (r) => r.number || '–'],
      [t('desk.state'), (r) => [t(`desk.state.${r.state}`, undefined, r.state), ' ', r.hold && flag('warn', t('rights.held'))]],
      [t('rights.do'), (r) => h('div', { class: 'row-buttons' },
        act(t('rights.copy'), `copy-${r.id}`, async () => { const all = await does(entry(r, 'copy')); if (all) give(`ban-sao-${r.id}.json`, all); }),
        act(t('rights.correct'), `correct-${r.id}`, () => correct(r)),
        act(t(r.hold ? 'rights.release' : 'rights.hold'), `hold-${r.id}`, async () => { if (await does(entry(r, r.hold ? 'release' : 'hold'))) find(); }),
        act(t('rights.delete'), `delete-${r.id}`, () => remove(r), 'danger'))],
    ], rows));
  };
  const sheet = (key, words, body, yes, go) => {
    found.querySelector('.sheet')?.remove();
    const box = h('form', { class: 'sheet panel', onsubmit: (event) => { event.preventDefault(); go(); } }, h('p', { class: 'sheet-words' }, words), body,
      act(t('rights.no'), `${key}-no`, () => box.remove()), h('button', { type: 'submit', class: 'button primary', 'data-key': `${key}-yes` }, yes));
    found.append(box);
    (box.querySelector('input, select') ?? box.querySelector('.primary')).focus();
  };
  const correct = (r) => {
    const names = ['personName', 'dateOfBirth', 'gender', 'nationality', 'residencePlace', ...Object.keys(r.answers ?? {})];
    const field = h('select', { 'data-key': 'field' }, names.map((n) => h('option', { value: n }, t(`field.${n}`, undefined, t(`desk.answer.${n}`, undefined, n)))));
    const value = h('input', { type: 'text', maxlength: 200, required: true, autocomplete: 'off', 'data-key': 'value' });
    sheet('correct', t('rights.correct.text'), [h('label', {}, t('rights.field'), field), h('label', {}, t('rights.value'), value)], t('rights.correct'),
      async () => { if (await does(entry(r, 'correct'), { fields: { [field.value]: value.value.trim() } })) find(); });
  };
  const remove = (r) => sheet('delete', t('rights.delete.text'), [], t('rights.delete'), async () => { if (await does(entry(r, 'delete'))) find(); });
  const move = (q, state) => act(t(`rights.${state}`), `${state}-${q.id}`, async () => { if (await does(`/v1/desk/requests/${encodeURIComponent(q.id)}/${state}`)) page.again(); });

  return h('div', { class: 'column' }, problem,
    h('form', { class: 'sheet panel', onsubmit: (event) => { event.preventDefault(); find(); } },
      h('label', {}, t('rights.reason'), reason), h('label', {}, t('rights.number'), number),
      h('button', { type: 'submit', class: 'button primary', 'data-key': 'find' }, t('rights.find')),
      h('label', {}, t('desk.request.kind'), kind),
      act(t('rights.note'), 'note', async () => { if (await does('/v1/desk/requests', { kind: kind.value })) page.again(); })),
    found,
    table(t('desk.requests'), [[t('desk.received'), (q) => when(q.received)], [t('desk.request.kind'), (q) => t(`desk.request.${q.kind}`, undefined, q.kind)],
      [t('desk.answerBy'), (q) => when(q.answerBy)], [t('desk.carryOutBy'), (q) => when(q.carryOutBy)],
      [t('desk.state'), (q) => [t(`desk.state.${q.state}`, undefined, q.state), ' ', q.due && flag(q.due === 'over' ? 'bad' : 'warn', t(`desk.due.${q.due}`))]],
      [t('rights.do'), (q) => h('div', { class: 'row-buttons' }, q.state === 'open' && move(q, 'answered'), ['open', 'answered'].includes(q.state) && [move(q, 'done'), move(q, 'refused')])],
    ], all));
}
