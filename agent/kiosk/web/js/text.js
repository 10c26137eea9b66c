// All words come from one table per language: /assets/lang/CODE.json. A further
// language is one more file there; /assets/languages.json lists them.

const tables = new Map();
let languages = [];
let current = '';

export async function loadTexts() {
  languages = await getJSON('/assets/languages.json');
  await Promise.all(languages.map(async ({ code }) => {
    tables.set(code, await getJSON(`/assets/lang/${code}.json`));
  }));
  // A file that waits for its first texts is not offered: it would only show another language.
  languages = languages.filter(({ code }) => tables.get(code)['idle.title']);
  setLanguage(languages[0].code);
}

async function getJSON(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

export const allLanguages = () => languages;
export const language = () => current;
export const firstLanguage = () => languages[0].code;

export function setLanguage(code) {
  current = code;
  document.documentElement.lang = code;
}

// t returns the words for key; what a table lacks comes from the first language,
// and what no table knows is said as it is (or as fallback).
export function t(key, vars, fallback) {
  const words = tables.get(current)?.[key] ?? tables.get(firstLanguage())?.[key] ?? fallback ?? key;
  return vars ? words.replace(/\{(\w+)\}/g, (all, name) => vars[name] ?? all) : words;
}

// pick chooses from a text that the profile gives by language.
export function pick(byLanguage) {
  if (!byLanguage) return '';
  return byLanguage[current] || byLanguage[firstLanguage()] || Object.values(byLanguage)[0] || '';
}

export function number(n, digits = 0) {
  return new Intl.NumberFormat(current, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n);
}
