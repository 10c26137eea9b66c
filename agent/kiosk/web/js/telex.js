// Vietnamese Telex: letters typed on a plain keyboard become Vietnamese ones.
// aa ee oo dd give â ê ô đ; w gives ă ơ ư; s f r x j set the tone and z takes it
// away. The same key again gives the plain letters back.

const TONES = ['', '\u0301', '\u0300', '\u0309', '\u0303', '\u0323']; // none, acute, grave, hook, tilde, dot below
const TONE_OF = { z: 0, s: 1, f: 2, r: 3, x: 4, j: 5 };
const MARK = { aa: 'â', ee: 'ê', oo: 'ô', dd: 'đ', aw: 'ă', ow: 'ơ', uw: 'ư' };
const PLAIN = { â: 'a', ê: 'e', ô: 'o', đ: 'd', ă: 'a', ơ: 'o', ư: 'u' };
const KEY = { â: 'a', ê: 'e', ô: 'o', đ: 'd', ă: 'w', ơ: 'w', ư: 'w' };
const VOWEL = /[aăâeêioôơuưy]/;

// One syllable: consonants, vowels, and what may end it (k in names of the highlands:
// Đắk Lắk). Other words, "camera" and "telex", are left as they are typed.
const SYLLABLE = /^[^aăâeêioôơuưy]*[aăâeêioôơuưy]*(?:c|ch|k|m|n|ng|nh|p|t)?$/;

const plainOf = (c) => PLAIN[c] ?? c;

// split takes the tone out of a word: ['viêt', 5]. Lower case.
function split(word) {
  let tone = 0;
  const text = word.normalize('NFD').replace(/[\u0300\u0301\u0303\u0309\u0323]/g, (mark) => {
    tone = TONES.indexOf(mark);
    return '';
  }).normalize('NFC');
  return [text, tone];
}

// vowels returns where the word's vowels begin and end. The u of qu and the i of
// gi before another vowel belong to the consonant.
function vowels(word) {
  let from = 0;
  while (from < word.length && !VOWEL.test(word[from])) from += 1;
  let to = from;
  while (to < word.length && VOWEL.test(word[to])) to += 1;
  const head = word.slice(0, from + 1);
  if (to - from > 1 && (/^qu$/.test(head) || /^gi$/.test(head))) from += 1;
  return [from, to];
}

// toneAt says which letter carries the tone. With modern placement it is hoà and
// thuý, else hòa and thúy.
function toneAt(word, modern) {
  const [from, to] = vowels(word);
  if (from >= to) return -1;
  for (let i = to - 1; i >= from; i -= 1) if ('ăâêôơư'.includes(word[i]) && !(word[i] === 'ư' && i + 1 < to)) return i;
  const count = to - from;
  if (count === 1) return from;
  if (to < word.length) return to - 1; // a consonant follows: toán
  if (count === 3) return from + 1; // ngoài, khuỷu
  if (modern && ['oa', 'oe', 'uy'].includes(word.slice(from, to))) return from + 1;
  return from;
}

function join(word, tone, modern) {
  const at = tone ? toneAt(word, modern) : -1;
  if (at < 0) return word;
  return (word.slice(0, at) + word[at] + TONES[tone] + word.slice(at + 1)).normalize('NFC');
}

// horn makes ươ, ơ, ư or ă of what w follows.
function horn(word) {
  const [from, to] = vowels(word);
  const group = word.slice(from, to);
  const swap = (begin, end, by) => word.slice(0, begin) + by + word.slice(end);
  const pair = group.search(/[uư][oôơ]/);
  if (pair >= 0 && group.slice(pair, pair + 2) !== 'ươ') {
    // thuow ends in ơ (thuở); a further letter makes it ươ.
    return swap(from + pair, from + pair + 2, word.slice(0, from) === 'th' && from + pair + 2 === word.length ? 'uơ' : 'ươ');
  }
  if (group.startsWith('uu')) return swap(from, from + 1, 'ư'); // lưu
  if (from === word.length) return `${word}ư`; // w alone, or behind consonants
  for (let i = to - 1; i >= from; i -= 1) {
    if ((word[i] === 'a' || word[i] === 'â') && !(i > from && word[i - 1] === 'u')) return swap(i, i + 1, 'ă');
    if (word[i] === 'o' || word[i] === 'ô') return swap(i, i + 1, 'ơ');
    if (word[i] === 'u') return swap(i, i + 1, 'ư');
  }
  return word;
}

// restore takes back what w made.
function unhorn(word) {
  if (word.includes('ươ')) return word.replace('ươ', 'uo');
  for (let i = word.length - 1; i >= 0; i -= 1) if (KEY[word[i]] === 'w') return word.slice(0, i) + PLAIN[word[i]] + word.slice(i + 1);
  return word;
}

function lowerKey(word, key, modern) {
  const [text, tone] = split(word);
  if (!SYLLABLE.test(text)) return word + key;
  if (key in TONE_OF) {
    const [from, to] = vowels(text);
    if (from >= to) return word + key;
    const wanted = TONE_OF[key];
    if (wanted === 0) return tone ? join(text, 0, modern) : word + key;
    return wanted === tone ? join(text, 0, modern) + key : join(text, wanted, modern);
  }
  if (key === 'w') {
    const made = horn(text);
    if (made !== text) return join(made, tone, modern);
    if (/[ăơư]/.test(text)) return join(unhorn(text), tone, modern) + key;
    return word + key;
  }
  if ('aeod'.includes(key)) {
    // The letter that it doubles stands before it, or further in front in the syllable: tieeng, tienge, chieue.
    for (let i = text.length - 1; i >= 0; i -= 1) {
      const c = text[i];
      if (plainOf(c) === key) {
        if (c === MARK[key + key]) return join(text.slice(0, i) + key + text.slice(i + 1), tone, modern) + key;
        if (key !== 'd' && text[i - 1] === key) break; // aaa was taken back to aa
        return join(text.slice(0, i) + MARK[key + key] + text.slice(i + 1), tone, modern);
      }
    }
  }
  const more = (text + key).replace(/(?:ưo|(?<=th)uơ)(?=[a-z])/, 'ươ');
  return SYLLABLE.test(more) || !tone ? join(more, tone, modern) : word + key;
}

// typed returns word after key. The case of what stands there is kept.
export function typed(word, key, modern = false) {
  const lower = key.toLowerCase();
  const after = lowerKey(word.toLowerCase(), lower, modern);
  if (after.length <= word.length) return [...after].map((c, i) => (word[i] !== word[i].toLowerCase() ? c.toUpperCase() : c)).join('');
  const kept = [...after].slice(0, word.length).map((c, i) => (word[i] !== word[i].toLowerCase() ? c.toUpperCase() : c)).join('');
  const added = after.slice(word.length);
  return kept + (key !== lower ? added.toUpperCase() : added);
}

// A w that became ư by itself is a w again with the next one.
let lone = '';

// type returns the text before the caret after one more key.
export function type(text, key, modern = false) {
  const word = text.match(/[\p{L}\p{M}]*$/u)[0];
  const again = lone !== '' && lone === text && /w/i.test(key);
  lone = '';
  if (!/^[a-z]$/i.test(key)) return text + key;
  if (again) return text.slice(0, -1) + key;
  const after = text.slice(0, text.length - word.length) + typed(word, key, modern);
  if (/w/i.test(key) && after.length > text.length && /[ưƯ]$/.test(after)) lone = after;
  return after;
}

// telex types a whole text, key by key.
export const telex = (keys, modern = false) => [...keys].reduce((text, key) => type(text, key, modern), '');
