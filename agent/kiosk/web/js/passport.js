// The lines of a passport, typed where no scanner reads them: two lines of 44
// characters. What is typed lives in the fields only; the daemon checks it again.
import * as art from './art.js';
import { h, setText } from './dom.js';
import { mrzKeys } from './keyboard.js';
import { button, stepBar } from './parts.js';
import { t } from './text.js';

const LENGTH = 44;
const clean = (words) => words.toUpperCase().replace(/[ ‹«]/g, '<').replace(/[^A-Z0-9<]/g, '');

const worth = (c) => (c === '<' ? 0 : c >= 'A' ? c.charCodeAt(0) - 55 : Number(c));
const digitOf = (words) => String([...words].reduce((sum, c, i) => sum + worth(c) * [7, 3, 1][i % 3], 0) % 10);

// The check digits of the second line (ICAO 9303-4): where it stands and over what.
const DIGITS = [[9, [[0, 9]]], [19, [[13, 19]]], [27, [[21, 27]]], [43, [[0, 10], [13, 20], [21, 43]]]];

// wrongLine says which line cannot be right: 0 or 1, -1 for none.
export function wrongLine([first, second]) {
  if (first.length !== LENGTH || first[0] !== 'P') return 0;
  if (second.length !== LENGTH) return 1;
  const good = DIGITS.every(([at, parts]) => digitOf(parts.map(([a, b]) => second.slice(a, b)).join('')) === second[at]);
  return good ? -1 : 1;
}

// passport is the screen; close leads back, send(lines) tells whether the daemon took them.
export function passport(snap, { close, send }, given) {
  const problem = h('p', { class: 'problem', id: 'mrz-problem', role: 'alert', hidden: true });
  const tell = (words) => { setText(problem, words); problem.hidden = !words; };
  const rows = [0, 1].map((i) => {
    const left = h('span', { class: 'mrz-left', 'aria-hidden': 'true' });
    const input = h('input', {
      class: 'answer mrz-line', type: 'text', inputmode: 'none', maxlength: 2 * LENGTH + 2, autocomplete: 'off', autocorrect: 'off', spellcheck: 'false',
      value: given?.[i] ?? '', 'data-key': `mrz-${i}`, 'aria-label': t('mrz.line', { n: i + 1 }), 'aria-describedby': 'mrz-problem', oninput: () => typed(i), onfocus: () => { at = i; },
      onkeydown: (event) => { if (event.key === 'Enter') { event.preventDefault(); if (i === 0) rows[1].input.focus(); else check(); } },
    });
    return { input, left, root: h('div', { class: 'mrz-row' }, input, left) };
  });
  let at = 0;
  const lines = () => rows.map((r) => r.input.value);
  const show = () => rows.forEach((r) => setText(r.left, `${r.input.value.length} / ${LENGTH}`));
  const typed = (i) => {
    const { input } = rows[i];
    const words = clean(input.value);
    if (i === 0 && words.length > LENGTH) { // both lines pasted or typed on
      rows[1].input.value = (words.slice(LENGTH) + rows[1].input.value).slice(0, LENGTH);
      rows[1].input.focus();
    }
    const kept = words.slice(0, LENGTH);
    if (input.value !== kept) input.value = kept;
    if (i === 0 && kept.length === LENGTH && document.activeElement === input) rows[1].input.focus();
    tell('');
    show();
  };
  const go = button('primary', t('mrz.go'), () => check(), 'mrz-go');
  const check = async () => {
    const bad = wrongLine(lines());
    if (bad >= 0) {
      tell(t('mrz.wrong', { n: bad + 1 }));
      rows[bad].input.focus();
      return;
    }
    go.disabled = true;
    if (!await send(lines())) tell(t('mrz.refused'));
    go.disabled = false;
  };
  show();
  const root = h('section', { class: 'stage-mrz' },
    stepBar('idle', snap.profile?.evidence, { source: 'mrz' }),
    h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, t('mrz.title')), h('p', { class: 'lead' }, t('mrz.lead'))),
    h('div', { class: 'mrz-show' }, art.passport(), h('div', { class: 'mrz-rows' }, rows.map((r) => r.root), problem)),
    mrzKeys(() => rows[at].input));
  return { root, update() {}, keep: lines, focus: rows[0].input, actions: [button('quiet', t('ask.back'), close, 'cancel'), go] };
}
