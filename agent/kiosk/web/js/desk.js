// The clerk's page: today, stays and their deadlines, trips, the roster, alarms,
// what the hub does not have yet, papers and people's requests.
import { said } from './ask.js';
import { today } from './clock.js';
import { counter, declare } from './counter.js';
import { h } from './dom.js';
import { requests } from './rights.js';
import { ask, flag, run, say, table, when } from './staff.js';
import { number, pick, t } from './text.js';

const STATE = { delivered: 'good', sent: 'warn', accepted: 'warn', none: 'warn' };
const delivered = (r) => flag(STATE[r.delivered] ?? 'warn', t(`desk.delivered.${r.delivered}`, undefined, r.delivered));
const state = (r) => t(`desk.state.${r.state}`, undefined, r.state);
// answers reads what was answered back in the words of the counter's questions.
const answers = ({ profile }) => (r) => Object.entries(r.answers ?? {}).map(([id, value]) => {
  const q = profile.questions?.find((one) => one.id === id);
  return `${t(`desk.answer.${id}`, undefined, pick(q?.label) || id)}: ${said(q ?? { kind: 'date' }, value)}`;
}).join(', ');
const due = (r) => (r.deadline ? [when(r.deadline), ' ', r.due === 'over' ? flag('bad', t('desk.due.over')) : r.due === 'soon' ? flag('warn', t('desk.due.soon')) : '', r.late && flag('bad', t('desk.late'))] : '–');
const rowClass = (r) => (r.due ? `due-${r.due}` : '');
const person = [() => [t('field.personName'), (r) => r.name || '–'], () => [t('field.idCode'), (r) => r.number || '–']];
const columns = (page, ...more) => [[t('desk.time'), (r) => when(r.time)], ...person.map((c) => c()), [t('ask.answers'), answers(page)], ...more];
const act = (words, key, onclick) => h('button', { type: 'button', class: 'button', 'data-key': key, onclick }, words);

// does sends an action and shows the list again.
const does = (page, path, body) => async (event) => {
  event.target.disabled = true;
  try { await ask(path, { method: 'POST', body }); } catch (error) {
    if (page.lost(error)) return;
    page.problem(error);
  }
  page.again();
};

const list = (id, path, key, more, fits) => ({
  id, fits, words: `desk.${id}`, live: 5000,
  show: async (page) => table(t(`desk.${id}`), more(page), (await ask(path, { quiet: page.quiet }))[key], rowClass),
});

async function trips(page) {
  const { trips: all } = await ask('/v1/desk/trips', { quiet: page.quiet });
  const route = h('input', { type: 'text', maxlength: 120, 'data-key': 'route', autocomplete: 'off' });
  const vehicle = h('input', { type: 'text', maxlength: 20, 'data-key': 'vehicle', autocomplete: 'off' });
  const people = h('div', {});
  const open = async (trip) => people.replaceChildren(h('h2', {}, trip.route),
    h('div', { class: 'row-buttons' }, h('a', { class: 'button', 'data-key': 'trip-print', target: '_blank', rel: 'noopener', href: `/v1/desk/export?${new URLSearchParams({ form: 'passengers', trip: trip.id, format: 'html' })}` }, t('desk.print'))),
    table(trip.route, columns(page, [t('desk.state'), state]), (await ask(`/v1/desk/trips/${encodeURIComponent(trip.id)}/passengers`)).rows));
  return h('div', { class: 'column' },
    h('form', { class: 'sheet panel', onsubmit: (event) => { event.preventDefault(); does(page, '/v1/desk/trips', { route: route.value.trim(), vehicle: vehicle.value.trim() })({ target: event.submitter }); } },
      h('label', {}, t('desk.trip.route'), route), h('label', {}, t('desk.trip.vehicle'), vehicle),
      h('button', { type: 'submit', class: 'button primary', 'data-key': 'trip-open' }, t('desk.trip.open'))),
    table(t('desk.trips'), [[t('desk.trip.route'), (r) => r.route], [t('desk.trip.vehicle'), (r) => r.vehicle || '–'], [t('desk.trip.boarded'), (r) => (r.expected ? `${r.boarded} / ${r.expected}` : String(r.boarded))], [t('desk.state'), state],
      [t('rights.do'), (r) => [act(t('desk.trip.list'), `trip-${r.id}`, () => open(r)), ' ', r.state === 'open' && act(t('desk.trip.close'), `close-${r.id}`, does(page, `/v1/desk/trips/${encodeURIComponent(r.id)}/close`, {}))]]], all), people);
}

async function roster(page) {
  const r = await ask('/v1/desk/roster', { quiet: page.quiet });
  const order = { absent: 0, expected: 1 };
  return h('div', { class: 'column' }, h('p', { class: 'panel' }, `${r.name}: ${t('desk.roster.count', { present: r.present, expected: r.expected, absent: r.absent })}`),
    table(t('desk.roster'), columns(page, [t('desk.state'), state]), [...r.rows].sort((a, b) => (order[a.state] ?? 2) - (order[b.state] ?? 2))));
}

async function queue(page) {
  const q = await ask('/v1/desk/queue', { quiet: page.quiet });
  const figure = (words, value) => h('div', { class: 'figure' }, h('dt', {}, words), h('dd', {}, String(value)));
  return h('div', { class: 'column' },
    h('dl', { class: 'panel figures' }, figure(t('way.accepted'), q.accepted), figure(t('way.sent'), q.sent), figure(t('way.delivered'), q.delivered),
      figure(t('desk.waiting'), q.waiting), figure(t('desk.oldest'), when(q.oldest)), figure(t('foot.hub'), t(`hub.${q.hub}`, undefined, q.hub))),
    table(t('desk.queue'), columns(page, [t('desk.delivered'), delivered]), q.rows));
}

async function papers({ profile }) {
  const select = (key, values, prefix) => h('select', { 'data-key': key }, values.map((v) => h('option', { value: v }, t(`${prefix}.${v}`, undefined, v.toUpperCase()))));
  const form = select('form', [...(profile.exports ?? []).filter((f) => f !== 'slip'), ...(profile.register === 'trips' ? ['passengers'] : []), 'columns'], 'desk.form');
  const format = select('format', ['xlsx', 'csv', 'html', 'json'], 'desk.format');
  const day = h('input', { type: 'date', value: today(), 'data-key': 'day' });
  const link = h('a', { class: 'button primary', 'data-key': 'export' }, t('desk.export.get'));
  const point = () => { link.href = `/v1/desk/export?${new URLSearchParams({ form: form.value, day: day.value, format: format.value })}`; link.target = format.value === 'html' ? '_blank' : ''; link.rel = 'noopener'; };
  for (const e of [form, format, day]) e.addEventListener('change', point);
  point();
  return h('div', { class: 'sheet panel' }, h('label', {}, t('desk.export.form'), form), h('label', {}, t('desk.export.day'), day), h('label', {}, t('desk.export.format'), format), link);
}

// inside is who is in the place now: for the guard, and for an evacuation.
async function inside(page) {
  const list = await ask('/v1/desk/inside', { quiet: page.quiet });
  return h('div', { class: 'column' },
    h('p', { class: 'panel inside' }, h('b', { class: 'inside-number' }, number(list.inside)), ' ', t('desk.inside.now'), ' ', h('b', {}, when(new Date().toISOString()))),
    list.rows?.length > 0 && h('div', { class: 'row-buttons' }, h('a', { class: 'button', 'data-key': 'evacuation', target: '_blank', rel: 'noopener', href: '/v1/desk/export?form=evacuation&format=html' }, t('desk.print'))),
    list.names === false ? h('p', { class: 'panel' }, t('desk.inside.noname')) : table(t('desk.inside'), columns(page, [t('desk.inside.seen'), () => h('span', { class: 'tick', 'aria-hidden': 'true' })]), list.rows));
}

// slip shows what proves a verification, to print it.
const slip = (r) => act(t('desk.slip'), `slip-${r.id}`, async () => {
  const paper = await ask(`/v1/desk/export?${new URLSearchParams({ form: 'slip', entry: r.id })}`).catch(() => null);
  if (!paper) { say(t('error.action')); return; }
  const box = h('dialog', { class: 'paper', 'aria-label': t('desk.slip'), onclose: () => box.remove() }, h('pre', {}, await paper.text()),
    h('div', { class: 'row-buttons' }, act(t('desk.print'), 'print', () => print()), act(t('desk.paper.close'), 'paper-close', () => box.close())));
  document.body.append(box);
  box.showModal();
});

const keeps = (...kinds) => (p) => kinds.includes(p.register);
const accepts = (evidence) => (p) => p.evidence?.includes(evidence);

run({
  role: 'clerk', title: 'desk.title',
  tabs: [
    { id: 'now', words: 'counter.title', live: 1500, show: counter },
    { id: 'declare', words: 'declare.title', fits: accepts('typed'), show: declare },
    list('today', '/v1/desk/today', 'rows', (page) => columns(page, [t('assurance.label'), (r) => t(`assurance.${r.assurance.split('+')[0]}`, undefined, r.assurance)], [t('desk.state'), state], [t('desk.delivered'), delivered],
      ...(page.profile.ticket === 'queue' ? [[t('desk.ticket'), (r) => r.ticket || '–']] : []), ...(page.profile.exports?.includes('slip') ? [[t('desk.slip'), slip]] : [])), (p) => p.register),
    list('stays', '/v1/desk/stays', 'rows', (page) => columns(page, [t('desk.deadline'), due], [t('desk.delivered'), delivered], [t('rights.do'), (r) => act(t('desk.checkout'), `checkout-${r.id}`, does(page, `/v1/desk/stays/${encodeURIComponent(r.id)}/close`, {}))]), keeps('stays')),
    list('deadlines', '/v1/desk/deadlines', 'rows', (page) => columns(page, [t('desk.deadline'), due], [t('desk.delivered'), delivered]), keeps('stays')),
    { id: 'trips', words: 'desk.trips', fits: keeps('trips'), show: trips },
    { id: 'roster', words: 'desk.roster', live: 5000, fits: keeps('roster', 'trips'), show: roster },
    { id: 'inside', words: 'desk.inside', live: 3000, fits: (p) => p.register === 'passages' || p.evidence?.includes('camera'), show: inside },
    list('alarms', '/v1/desk/alarms', 'alarms', () => [[t('desk.time'), (a) => when(a.time)], [t('desk.alarms'), (a) => flag(a.stop ? 'bad' : 'warn', t(`alarm.${a.code}`, undefined, a.code))], ...person.map((c) => c()), [t('desk.detail'), (a) => t(`alarm.why.${a.detail}`, undefined, a.detail || '–')]]),
    { id: 'queue', words: 'desk.queue', live: 5000, show: queue },
    { id: 'papers', words: 'desk.papers', fits: (p) => p.register, show: papers },
    { id: 'requests', words: 'desk.requests', fits: (p) => p.register, show: requests },
  ],
});
