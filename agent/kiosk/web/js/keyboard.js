// The keyboard on the screen: letters with Vietnamese Telex, or digits. It types
// into the field that it was made for; a real keyboard types there too.
import { h } from './dom.js';
import { type } from './telex.js';
import { t } from './text.js';

const LETTERS = ['1234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'];
const DIGITS = ['123', '456', '789'];

// put changes a field as a person would, so that who listens to it knows.
function put(field, value) {
  field.value = field.maxLength > 0 ? value.slice(0, field.maxLength) : value;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

const key = (face, name, onclick, cls = '') => h('button', {
  type: 'button', class: `key ${cls}`, 'data-key': `key-${name}`, onclick,
  onpointerdown: (event) => event.preventDefault(), // the field keeps the focus
}, face);

// An order is written out: a sign for it is not known to everybody.
const worded = (words, name, onclick, cls = 'key-wide') => key(words, name, onclick, `key-words ${cls}`);
const clear = (field) => worded(t('keyboard.clear'), 'clear', () => put(field(), ''));

const back = (field) => key('⌫', 'back', () => put(field, field.value.slice(0, -1)), 'key-wide');

function named(button, words) {
  button.setAttribute('aria-label', words);
  return button;
}

// digits is the pad for numbers.
export function digits(field) {
  const tap = (c) => key(c, c, () => put(field, field.value + c));
  return h('div', { class: 'keys keys-digits', role: 'group', 'aria-label': t('keyboard.digits') },
    DIGITS.map((row) => [...row].map(tap)),
    clear(() => field), tap('0'),
    named(back(field), t('keyboard.back')));
}

const MRZ = ['1234567890', 'QWERTYUIOP', 'ASDFGHJKL<', 'ZXCVBNM'];

// mrzKeys is the keyboard for the lines of a document; field() is the line that is typed into now.
export function mrzKeys(field) {
  const tap = (c) => {
    const b = key(c, c === '<' ? 'filler' : c.toLowerCase(), () => put(field(), field().value + c), c === '<' ? 'key-wide' : '');
    return c === '<' ? named(b, t('keyboard.filler')) : b;
  };
  const erase = () => put(field(), field().value.slice(0, -1));
  return h('div', { class: 'keys keys-letters keys-mrz', role: 'group', 'aria-label': t('keyboard.mrz') },
    MRZ.map((row, i) => h('div', { class: 'key-row' }, [...row].map(tap),
      i === 3 && [clear(field), named(key('⌫', 'back', erase, 'key-wide'), t('keyboard.back'))])));
}

// letters is the keyboard for words, with Telex switched on for Vietnamese.
export function letters(field, vietnamese = true, capital = field.value === '') {
  let upper = capital;
  let viet = vietnamese;
  const rows = [];
  const tap = (c) => {
    const typed = upper ? c.toUpperCase() : c;
    put(field, viet ? type(field.value, typed) : field.value + typed);
    if (upper) shift(false);
  };
  const shift = (on) => {
    upper = on;
    for (const b of rows) b.textContent = on ? b.dataset.letter.toUpperCase() : b.dataset.letter;
    up.setAttribute('aria-pressed', String(on));
  };
  const up = named(key('⇧', 'shift', () => shift(!upper), 'key-wide'), t('keyboard.shift'));
  const hint = h('p', { class: 'telex-hint' }, t('keyboard.telex.hint'));
  const showMode = () => {
    hint.hidden = !viet;
    mode.textContent = viet ? 'VI' : 'EN';
    mode.setAttribute('aria-pressed', String(viet));
    named(mode, `${mode.textContent}: ${t('keyboard.telex')}`);
  };
  const mode = key('', 'telex', () => { viet = !viet; showMode(); }, 'key-wide');
  showMode();
  const root = h('div', { class: 'keys keys-letters', role: 'group', 'aria-label': t('keyboard.letters') }, hint,
    LETTERS.map((row, i) => h('div', { class: 'key-row' }, i === 3 && up, [...row].map((c) => {
      const b = key(c, c, () => tap(c));
      b.dataset.letter = c;
      rows.push(b);
      return b;
    }), i === 3 && named(back(field), t('keyboard.back')))),
    h('div', { class: 'key-row' }, mode, ['-', '/', '.', ','].map((c) => key(c, c, () => put(field, field.value + c))),
      worded(t('keyboard.space'), 'space', () => put(field, `${field.value} `), 'key-space'), clear(() => field)));
  shift(upper);
  return root;
}


// signKeys are the keys of a sign-in: letters while the name is written, digits for the PIN.
export function signKeys(name, pin) {
  const keys = new Map([[name, letters(name, false, false)], [pin, digits(pin)]]);
  const box = h('div', { class: 'sign-keys' }, keys.get(name));
  for (const [field, own] of keys) field.addEventListener('focus', () => { if (!own.isConnected) box.replaceChildren(own); });
  return box;
}
