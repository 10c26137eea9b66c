// The screen: takes each snapshot and shows the screen of its stage.
import { h, setText, wipe } from './dom.js';
import { demoBar, footer, header } from './frame.js';
import { countdown } from './idle.js';
import { connect, post, send, visitPath } from './link.js';
import { passport } from './passport.js';
import { clerk } from './pin.js';
import { down, screens } from './screens.js';
import { firstLanguage, language, loadTexts, setLanguage, t } from './text.js';

const $ = (id) => document.getElementById(id);
const idleSeconds = Number(document.documentElement.dataset.idleSeconds) || 60;
const COUNTED = ['mrz', 'consent', 'card', 'ask', 'confirm', 'recorded', 'failed'];

const QUICK = { recorded: 10, failed: 20 };

let snap = null; // the last snapshot, null while the daemon is not reachable
let shown = { key: '', stage: '', screen: null, frame: '', head: null };
let timer = null;
let settling; // ends the moment in which a second tap is no answer
let waking; // makes answered buttons usable again; it must not keep an old screen alive
let signedIn = false; // a clerk gave their word for this visit
const TWICE_MS = 400; // within that a second tap belongs to the first

let local = ''; // a screen of the page's own while nobody is served: 'mrz'

const say = (words) => setText($('live'), words);
const shout = (words) => setText($('alert'), words);

// patience is how many seconds a stage waits for a person, as the profile says.
function patience(stage) {
  if (snap?.profile?.quick && QUICK[stage]) return QUICK[stage]; // nobody stops there to read
  const limits = snap?.profile?.timeouts;
  return (stage === 'confirm' || stage === 'ask' ? limits?.confirm : stage === 'card' ? limits?.card : limits?.idle) || idleSeconds;
}

// keyOf changes when the screen must be built again; what moves within a screen
// (progress, the record's state) is not in it.
function keyOf(stage, visit) {
  if (!visit) return stage + JSON.stringify(snap?.profile ?? null);
  const { id, person, portrait, assurance, checks, failure, canSkipChip, needsCan, answers, problems, alarms, ticket, canGoBack, gate } = visit;
  return JSON.stringify([stage, id, person, portrait, assurance, checks, failure, canSkipChip, needsCan, answers, problems, alarms, ticket, canGoBack, gate, snap.profile]);
}

function render() {
  const visit = snap?.visit ?? null;
  const served = visit && screens[visit.stage] && visit.stage !== 'idle';
  if (!snap || served) local = '';
  const stage = !snap ? 'down' : served ? visit.stage : local || 'idle';
  renderFrame(stage);
  const key = language() + keyOf(stage, served ? visit : null);
  if (key !== shown.key) show(stage, key, visit?.id);
  shown.screen.update(snap);
}

function show(stage, key, id) {
  const moved = stage !== shown.stage;
  const focused = document.activeElement?.dataset?.key;
  const given = !moved && shown.id === id && shown.words !== language() ? shown.screen.keep?.() : undefined;
  clearTimeout(waking);
  timer?.stop();
  timer = null;
  wipe($('screen'));
  shout('');
  if (moved) say('');
  const screen = stage === 'down' ? down() : stage === 'mrz' ? passport(snap, { close: () => open(''), send: (lines) => post('/v1/visits', { mrz: lines.join('\n') }) }, given)
    : screens[stage](snap, (what, body) => answer(id, what, body), say, given, open);
  const bar = [];
  if (COUNTED.includes(stage)) {
    timer = countdown(patience(stage), () => (local ? open('') : post(visitPath(id, 'cancel'))), say);
    bar.push(timer.root);
  }
  if (screen.actions) bar.push(h('div', { class: `actions actions-${screen.actions.length}` }, screen.actions));
  $('screen').append(h('div', { class: 'body' }, screen.root));
  if (bar.length) {
    const shape = `bar-inner${timer ? ' counted' : ''}${screen.actions?.length === 2 ? ' two' : ''}`;
    $('screen').append(h('div', { class: 'bar-actions' }, h('div', { class: shape }, bar)));
  }
  const body = $('screen').querySelector('.body');
  body.classList.toggle('more', body.scrollHeight > body.clientHeight + 1);
  shown = { ...shown, key, stage, screen, id, words: language() };
  if (moved) {
    $('screen').scrollTop = 0;
    (screen.focus ?? $('screen').querySelector('h1'))?.focus({ preventScroll: true });
    if (stage === 'idle' || stage === 'down') document.title = t('app.name');
    else document.title = `${$('screen').querySelector('h1').textContent} – ${t('app.name')}`;
  } else if (focused) {
    document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
}

function renderFrame(stage) {
  const frame = JSON.stringify([language(), snap?.profile, snap?.site, snap?.demo]);
  if (frame !== shown.frame) {
    const focused = document.activeElement?.dataset?.key;
    shown.frame = frame;
    shown.head = header(snap, chooseLanguage);
    $('head').replaceChildren(...shown.head.root.filter(Boolean));
    $('demo').replaceChildren(...(snap?.demo ? [demoBar((action) => demo(action))] : []));
    if (focused) document.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
  $('foot').replaceChildren(...(stage === 'down' ? [] : footer(snap)));
  document.body.dataset.stage = stage;
}

// open shows a screen of the page's own, '' the idle one again.
function open(what) {
  local = what;
  if (snap) render();
}

// settle leaves the answers alone for a moment after one was pressed: a hand that
// shakes taps twice, and the second tap must not answer the screen that has come
// meanwhile. Keys are not held up; the focus moves with the screen.
function settle(event) {
  if (!event.target.closest('.bar-actions .actions')) return;
  $('screen').classList.add('settling');
  clearTimeout(settling);
  settling = setTimeout(() => $('screen').classList.remove('settling'), TWICE_MS);
}

async function answer(id, what, body) {
  const buttons = [...$('screen').querySelectorAll('.bar-actions button')];
  buttons.forEach((b) => { b.disabled = true; });
  shout('');
  const asked = shown.key;
  const said = await send(what === 'can' ? '/v1/visits' : visitPath(id, what), body);
  if (said.code === 'sign_in') {
    buttons.forEach((b) => { b.disabled = false; });
    clerk(() => { signedIn = true; answer(id, what, body); });
    return;
  }
  if (said.ok) {
    // The next snapshot brings the next screen; should it show the same one, it must stay usable.
    clearTimeout(waking);
    waking = setTimeout(() => buttons.forEach((b) => { b.disabled = false; }), 1500);
    return;
  }
  buttons.forEach((b) => { b.disabled = false; });
  if (shown.key === asked) complain(); // else the new screen says what happened
}

async function demo(action) {
  if (!await post(`/v1/demo/${action}`)) complain();
}

// complain says aloud and on the screen that an answer did not arrive.
function complain() {
  shout(t('error.action'));
  document.querySelector('.toast')?.remove();
  const toast = h('p', { class: 'toast', 'aria-hidden': 'true' }, t('error.action'));
  document.body.append(toast);
  setTimeout(() => toast.remove(), 6000);
}

function chooseLanguage(code) {
  setLanguage(code);
  if (shown.stage) render();
}

// The next person starts in the first language again.
let untouched = 0;
for (const event of ['pointerdown', 'keydown']) addEventListener(event, () => { untouched = 0; });

function everySecond() {
  shown.head?.tick();
  shown.screen?.tick?.();
  untouched += 1;
  if (shown.stage === 'idle' && untouched >= idleSeconds && language() !== firstLanguage()) chooseLanguage(firstLanguage());
}

function onState(next) {
  const ended = snap?.visit && !next.visit;
  snap = next;
  if (ended) {
    setLanguage(firstLanguage());
    document.querySelector('dialog.pin')?.remove();
    if (signedIn) post('/v1/signout', {});
    signedIn = false;
  }
  render();
}

function onDown() {
  snap = null;
  render();
}

async function start() {
  for (;;) {
    try {
      await loadTexts();
      break;
    } catch {
      await new Promise((wake) => { setTimeout(wake, 2000); });
    }
  }
  $('screen').addEventListener('click', settle, { capture: true });
  addEventListener('contextmenu', (event) => event.preventDefault());
  setInterval(everySecond, 1000);
  connect(onState, onDown);
}

start();
