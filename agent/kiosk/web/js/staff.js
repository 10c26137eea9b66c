// What the clerk's and the technician's pages share: signing in, asking the
// daemon, tabs and tables. Everything is forgotten when the sign-in ends.
import { vietnam } from './clock.js';
import { h, setText, wipe } from './dom.js';
import { logo } from './icons.js';
import { signKeys } from './keyboard.js';
import { lock } from './lock.js';
import { allLanguages, firstLanguage, language, loadTexts, setLanguage, t } from './text.js';

const $ = (id) => document.getElementById(id);

// ask returns the daemon's answer; its error carries the code. quiet is for what
// nobody asked for by hand: it does not keep the sign-in alive.
export async function ask(path, { method = 'GET', body, quiet = false, again = false } = {}) {
  const headers = { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...(quiet ? { 'Tram-Background': '1' } : {}) };
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store', signal: AbortSignal.timeout(20_000) });
  if (answer.ok) return answer.headers.get('Content-Type')?.startsWith('application/json') ? answer.json() : answer.blob();
  const said = await answer.json().catch(() => ({}));
  const code = said.code ?? said.error?.code ?? '';
  if (code === 'no_session' && !again) { // the daemon was started again: the page itself gives a new session
    await fetch(location.pathname, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    return ask(path, { method, body, quiet, again: true });
  }
  throw Object.assign(new Error(code || String(answer.status)), { code, status: answer.status, wait: Number(answer.headers.get('Retry-After')) || 0 });
}

export const say = (words) => setText($('live'), words);

export function when(text) {
  if (!text || text.startsWith('0001')) return '–';
  const at = vietnam(new Date(text));
  return `${at.hour}:${at.minute} ${at.day}/${at.month}`;
}

export const flag = (tone, words) => h('span', { class: `flag flag-${tone}` }, words);

// table lists rows; columns are [words, cell(row)].
export function table(name, columns, rows, rowClass = () => '') {
  if (!rows?.length) return h('p', { class: 'panel' }, t('staff.empty'));
  return h('div', { class: 'table-box', tabindex: '0', role: 'region', 'aria-label': name }, h('table', {},
    h('caption', { class: 'sr-only' }, name),
    h('thead', {}, h('tr', {}, columns.map(([words]) => h('th', { scope: 'col' }, words)))),
    h('tbody', {}, rows.map((row) => h('tr', { class: rowClass(row) || undefined }, columns.map(([, cell]) => h('td', {}, cell(row))))))));
}

// run shows a page for a role: role, title, and tabs [{id, words, show(box)}],
// where show fills box and may be called again.
export async function run({ role, title, tabs }) {
  await loadTexts();
  let who = null; // {name, role, ready}
  let profile = {};
  let tab = tabs[0];
  let timer;
  const restart = () => { clearInterval(timer); draw(); };
  const head = () => $('head').replaceChildren(...[logo(), h('div', { class: 'head-words' }, h('p', { class: 'head-title' }, t(title)), who?.role && h('p', { class: 'head-site' }, who.name)),
    h('div', { class: 'languages', role: 'group', 'aria-label': t('head.language') }, allLanguages().map((l) => h('button', {
      type: 'button', class: 'language', lang: l.code, 'data-key': `lang-${l.code}`, 'aria-pressed': String(l.code === language()),
      onclick: () => { setLanguage(l.code); restart(); },
    }, l.name))),
    who?.role && h('button', { type: 'button', class: 'button', 'data-key': 'signout', onclick: out }, t('staff.signout'))].filter(Boolean));
  async function out() {
    clearInterval(timer);
    await ask('/v1/signout', { method: 'POST', body: {} }).catch(() => {});
    who = null;
    setLanguage(firstLanguage());
    wipe($('screen')); // at once: nothing of anybody stays
    draw();
  }
  // learn asks which counter this is: what it does not keep is not offered.
  const learn = async () => { profile = (await ask('/v1/state', { quiet: true }).catch(() => null))?.profile ?? {}; };
  const offered = () => tabs.filter((one) => !one.fits || !profile.name || one.fits(profile));
  const lost = (error) => {
    if (error.status !== 401 && error.status !== 403) return false;
    who = null;
    restart();
    return true;
  };
  // problem tells above the list that an action was not done.
  const problem = (error) => {
    const bar = $('problem');
    bar.textContent = t(`staff.error.${error.code}`, undefined, t('error.action'));
    bar.hidden = false;
  };
  const fill = async (box, quiet) => {
    try {
      const made = await tab.show({ quiet, profile, again: () => fill(box, false), lost, problem });
      if (!box.isConnected) return;
      const focused = box.contains(document.activeElement) ? document.activeElement.dataset.key : '';
      wipe(box);
      box.append(made);
      if (focused) box.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    } catch (error) {
      if (lost(error) || !box.isConnected) return;
      wipe(box);
      box.append(h('div', { class: 'panel unread' }, h('p', { role: 'alert' }, t(`staff.error.${error.code}`, undefined, t('staff.unread'))),
        error.code !== 'not_kept' && h('button', { type: 'button', class: 'button', 'data-key': 'again', onclick: () => fill(box, false) }, t('staff.again'))));
    }
  };
  function draw() {
    document.title = `${t(title)} – ${t('app.name')}`;
    head();
    wipe($('screen'));
    if (who?.role !== role) { $('screen').append(signIn(role, who, async (now) => { who = now; await learn(); draw(); })); $('screen').querySelector('h1').focus(); return; }
    if (!offered().includes(tab)) tab = offered()[0];
    const box = h('div', { role: 'tabpanel', id: 'panel', 'aria-label': t(tab.words) });
    $('screen').append(h('h1', { class: 'sr-only', tabindex: '-1' }, t(title)),
      h('div', { class: 'tabs', role: 'tablist', 'aria-label': t(title) }, offered().map((one) => h('button', {
        type: 'button', role: 'tab', class: 'tab', 'data-key': `tab-${one.id}`, 'aria-selected': String(one === tab), 'aria-controls': 'panel', tabindex: one === tab ? '0' : '-1',
        onkeydown: (event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step) return;
          const all = offered();
          tab = all[(all.indexOf(one) + step + all.length) % all.length];
          restart();
          document.querySelector(`[data-key="tab-${tab.id}"]`).focus();
        },
        onclick: () => { tab = one; restart(); document.querySelector(`[data-key="tab-${one.id}"]`).focus(); },
      }, t(one.words)))), h('p', { class: 'problem', id: 'problem', role: 'alert', hidden: true }), box);
    fill(box, false);
    if (tab.live) timer = setInterval(() => fill(box, true), tab.live);
  }
  const known = await ask('/v1/signin', { quiet: true }).catch(() => null);
  who = known;
  if (who?.role) await learn();
  draw();
  setInterval(async () => { // the sign-in ends by itself; then the page must be empty
    if (!who?.role) return;
    const now = await ask('/v1/signin', { quiet: true }).catch(() => null);
    if (now && !now.role) { who = now; restart(); }
  }, 15_000);
}

function signIn(role, known, done) {
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const name = h('input', { class: 'answer', type: 'text', inputmode: 'none', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', maxlength: 64, 'data-key': 'name' });
  const pin = h('input', { class: 'answer', type: 'password', inputmode: 'none', autocomplete: 'off', maxlength: 32, 'data-key': 'pin' });
  const go = h('button', { type: 'submit', class: 'button primary', 'data-key': 'signin' }, t('staff.signin'));
  const locked = lock(name, go, problem);
  const form = h('form', {
    class: 'sign',
    onsubmit: async (event) => {
      event.preventDefault();
      const empty = [name, pin].find((field) => !field.value.trim());
      if (empty) { empty.focus(); return; }
      go.disabled = true;
      problem.hidden = true;
      let wait = 0;
      try {
        const now = await ask('/v1/signin', { method: 'POST', body: { name: name.value.trim(), pin: pin.value } });
        if (now.role !== role) throw Object.assign(new Error(), { code: 'wrong_role' });
        done(now);
      } catch (error) {
        setText(problem, t(`staff.error.${error.code}`, undefined, t('error.action')));
        problem.hidden = false;
        wait = ['wrong_pin', 'locked'].includes(error.code) ? error.wait : 0;
      } finally {
        pin.value = '';
        go.disabled = false;
      }
      locked.start(wait);
    },
  }, h('h1', { tabindex: '-1' }, t('staff.signin')), known?.ready === false && h('p', { class: 'alarm' }, t('staff.nopin', { role })),
  problem, h('label', {}, t('staff.name'), name), h('label', {}, t('staff.pin'), pin), signKeys(name, pin), go);
  return form;
}
