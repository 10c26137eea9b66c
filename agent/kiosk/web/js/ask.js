// The questions of a counter, one screen for each: a citizen sees one thing at a
// time, and a long list never has to be scrolled. What was answered lives in the
// fields only, until it is sent.
import { today } from './clock.js';
import { h, setText, wipe } from './dom.js';
import { digits, letters } from './keyboard.js';
import { button, stepBar } from './parts.js';
import { language, pick, t } from './text.js';

const two = (n) => String(n).padStart(2, '0');
const iso = (d) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
const dayFromNow = (n) => { const d = new Date(`${today()}T12:00:00`); d.setDate(d.getDate() + n); return d; };

// bare makes words comparable without marks: "Đắk" is found by "dak".
const bare = (words) => words.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('đ', 'd');

// Each kind returns {root, value(), focus}.
const kinds = { text, number: numeric, date, choice, catalogue: choice };

function field(q, value, label, inputmode) {
  return h('input', {
    class: 'answer', type: 'text', inputmode, value, autocomplete: 'off', autocorrect: 'off', spellcheck: 'false',
    maxlength: q.maxLength || undefined, 'aria-label': label, 'aria-describedby': 'ask-help ask-problem', 'data-key': 'answer',
  });
}

function text(q, value, label) {
  const input = field(q, value, label, 'none');
  return { root: h('div', { class: 'ask-typed' }, input, letters(input, language() !== 'en')), value: () => input.value.trim(), focus: input };
}

function numeric(q, value, label) {
  const input = field(q, value, label, 'none');
  input.addEventListener('input', () => { if (/\D/.test(input.value)) input.value = input.value.replace(/\D/g, ''); });
  return { root: h('div', { class: 'ask-typed ask-number' }, input, digits(input)), value: () => input.value, focus: input };
}

// choice shows the options in pages that fit; a long list can be searched.
function choice(q, value, label) {
  const PAGE = (q.options?.length ?? 0) > 8 ? 6 : 8; // beside the search's keyboard there is room for less
  let chosen = value;
  let page = 0;
  let wanted = '';
  const options = q.options ?? [];
  const list = h('div', { class: 'options', role: 'radiogroup', 'aria-label': label, 'aria-describedby': 'ask-help ask-problem' });
  const foot = h('div', { class: 'pages' });
  const search = options.length > PAGE ? h('input', {
    class: 'answer search', type: 'search', inputmode: 'none', autocomplete: 'off', 'data-key': 'search',
    'aria-label': t('ask.search'), placeholder: t('ask.search'),
    oninput: (event) => { wanted = bare(event.target.value); page = 0; draw(); },
  }) : null;
  const found = () => options.filter((o) => bare(pick(o.label)).includes(wanted));
  const draw = (refocus = '') => {
    const all = found();
    const pages = Math.max(1, Math.ceil(all.length / PAGE));
    page = Math.min(page, pages - 1);
    const seen = all.slice(page * PAGE, page * PAGE + PAGE);
    const tab = seen.some((o) => o.id === chosen) ? chosen : seen[0]?.id;
    wipe(list);
    list.append(...seen.map((o) => h('button', {
      type: 'button', role: 'radio', class: 'option', 'aria-checked': String(o.id === chosen), 'data-key': `option-${o.id}`,
      tabindex: o.id === tab ? '0' : '-1',
      onclick: () => { chosen = o.id; draw(o.id); },
      onkeydown: (event) => {
        const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        chosen = seen[(seen.indexOf(o) + step + seen.length) % seen.length].id;
        draw(chosen);
      },
    }, pick(o.label))));
    if (!all.length) list.append(h('p', { class: 'lead' }, t(options.length ? 'ask.none' : 'ask.nocatalogue')));
    wipe(foot);
    if (pages > 1) {
      const turn = (by, words, name) => h('button', { type: 'button', class: 'button turn', 'data-key': name, disabled: page + by < 0 || page + by >= pages, onclick: () => { page += by; draw(); } }, words);
      foot.append(turn(-1, t('ask.before'), 'page-before'), h('span', { role: 'status' }, t('ask.page', { n: page + 1, all: pages })), turn(1, t('ask.after'), 'page-after'));
    }
    if (refocus) list.querySelector(`[data-key="${CSS.escape(`option-${refocus}`)}"]`)?.focus({ preventScroll: true });
  };
  draw();
  const keys = search && letters(search, false);
  return { root: h('div', { class: search ? 'ask-choice searched' : 'ask-choice' }, search, list, foot, keys), value: () => chosen, focus: search };
}

// date is a calendar of one month, for a finger and for the arrow keys.
function date(q, value, label) {
  const least = q.min === undefined || q.min === null ? '' : iso(dayFromNow(q.min));
  const most = q.max === undefined || q.max === null ? '' : iso(dayFromNow(q.max));
  let chosen = value;
  const start = new Date(`${value || iso(dayFromNow(Math.max(0, q.min ?? 0)))}T12:00:00`);
  let year = start.getFullYear();
  let month = start.getMonth();
  const root = h('div', { class: 'calendar', role: 'group', 'aria-label': label, 'aria-describedby': 'ask-help ask-problem' });
  const turn = (by) => { const d = new Date(year, month + by, 1, 12); year = d.getFullYear(); month = d.getMonth(); };
  const draw = (refocus = '') => {
    const first = new Date(year, month, 1, 12);
    const lead = (first.getDay() + 6) % 7;
    const days = new Date(year, month + 1, 0, 12).getDate();
    const name = (options) => (d) => new Intl.DateTimeFormat(language(), options).format(d);
    const arrow = (by, words, key, face) => h('button', { type: 'button', class: 'button turn', 'aria-label': words, 'data-key': key, onclick: () => { turn(by); draw(); root.querySelector(`[data-key="${key}"]`).focus(); } }, face);
    const weekday = name({ weekday: 'short' });
    const whole = name({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
    const cells = Array.from({ length: days }, (_, i) => {
      const d = new Date(year, month, i + 1, 12);
      const id = iso(d);
      const off = (least !== '' && id < least) || (most !== '' && id > most);
      return h('button', {
        type: 'button', class: `day day-${(lead + i) % 7}`, 'aria-pressed': String(id === chosen), 'aria-label': whole(d), disabled: off, 'data-key': `day-${id}`,
        onclick: () => { chosen = id; draw(id); },
        onkeydown: (event) => {
          const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
          if (!step) return;
          event.preventDefault();
          const to = new Date(year, month, i + 1 + step, 12);
          const want = iso(to);
          if ((least && want < least) || (most && want > most)) return;
          year = to.getFullYear();
          month = to.getMonth();
          draw(want);
        },
      }, String(i + 1));
    });
    wipe(root);
    root.append(h('div', { class: 'month' }, arrow(-1, t('ask.month.before'), 'month-before', '‹'),
      h('p', { class: 'month-name', role: 'status' }, name({ month: 'long', year: 'numeric' })(first)),
      arrow(1, t('ask.month.after'), 'month-after', '›')),
    h('div', { class: 'days' },
      Array.from({ length: 7 }, (_, i) => h('span', { class: 'weekday', 'aria-hidden': 'true' }, weekday(new Date(2024, 0, 1 + i, 12)))),
      Array.from({ length: lead }, () => h('span', {})), cells));
    if (refocus) root.querySelector(`[data-key="day-${refocus}"]`)?.focus({ preventScroll: true });
  };
  draw();
  return { root, value: () => chosen, focus: null };
}

// said is how an answer is read back.
export function said(q, value) {
  if (q.options?.length) return pick(q.options.find((o) => o.id === value)?.label) || value;
  const day = q.kind === 'date' && /^(\d{4})-(\d\d)-(\d\d)$/.exec(value);
  return day ? `${day[3]}/${day[2]}/${day[1]}` : value;
}

// given is what a person had typed when the language was changed.
export function ask(snap, answer, say, given) {
  const { profile, visit } = snap;
  const questions = profile?.questions ?? [];
  const answers = { ...Object.fromEntries(questions.filter((q) => q.default).map((q) => [q.id, q.default])), ...visit.answers, ...given?.answers };
  const problems = { ...visit.problems };
  const root = h('section', { class: 'stage-ask' });
  const no = button('quiet', '', () => (at > 0 ? go(at - 1) : answer('cancel')), 'cancel');
  const yes = button('primary', '', () => next(), 'answer-next');
  let at = given?.at ?? Math.max(0, questions.findIndex((q) => problems[q.id]));
  let made;
  const problem = () => t(`problem.${problems[questions[at].id]}`, undefined, problems[questions[at].id] ? t('problem.format') : '');
  const go = (to, focus = true) => {
    at = to;
    const q = questions[at];
    const label = pick(q.label);
    wipe(root);
    made = (kinds[q.kind] ?? text)(q, answers[q.id] ?? '', label);
    root.append(...[stepBar('ask', profile?.evidence, visit),
      h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, label),
        h('p', { class: 'lead', id: 'ask-help' }, [t('ask.of', { n: at + 1, all: questions.length }), q.by === 'clerk' && t('ask.clerk'), !q.required && t('ask.optional'), pick(q.help)].filter(Boolean).join(' · '))),
      ...(visit.alarms ?? []).map((a) => alarmLine(a)),
      h('p', { class: 'problem', id: 'ask-problem', role: 'alert', hidden: !problems[q.id] }, problems[q.id] ? problem() : ''),
      made.root].filter(Boolean));
    setText(no, t(at > 0 ? 'ask.back' : 'stop'));
    setText(yes, t(at + 1 < questions.length ? 'ask.next' : 'ask.done'));
    if (focus) (made.focus ?? root.querySelector('h1')).focus({ preventScroll: true });
  };
  const next = () => {
    const q = questions[at];
    const value = made.value();
    answers[q.id] = value;
    delete problems[q.id];
    if (q.required && !value) problems[q.id] = 'required';
    if (problems[q.id]) { go(at); return; }
    if (at + 1 < questions.length) { go(at + 1); return; }
    answer('answers', { answers: Object.fromEntries(questions.filter((x) => answers[x.id]).map((x) => [x.id, answers[x.id]])) });
  };
  root.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && event.target.classList.contains('answer')) { event.preventDefault(); next(); }
  });
  if (questions.length) go(at, false);
  const keep = () => ({ at, answers: questions.length ? { ...answers, [questions[at].id]: made.value() } : {} });
  return { root, update() {}, keep, actions: [no, yes] };
}

// alarmLine is a warning that the register gives.
export function alarmLine(a) {
  return h('p', { class: 'alarm', role: 'alert' }, h('b', {}, t(`alarm.${a.code}`, undefined, t('alarm.other', { code: a.code }))), a.detail && ` ${t(`alarm.why.${a.detail}`, undefined, a.detail)}`);
}
