// One function per stage. Each returns {root, update(snapshot)}: root is built
// once, update changes what moves. answer(what) sends the person's answer.
import { alarmLine, ask, said } from './ask.js';
import * as art from './art.js';
import { h, setText, wipe } from './dom.js';
import { icon } from './icons.js';
import { digits } from './keyboard.js';
import { noticeBoard } from './notices.js';
import { assurancePanel, button, checkList, personCard, recordWay, stepBar } from './parts.js';
import { figures, sign } from './sign.js';
import { number, pick, t } from './text.js';

const codes = [art.card2024, art.card2021]; // where the QR code is on a card

const heading = (words) => h('h1', { tabindex: '-1' }, words);

function titled(title, lead) {
  return h('div', { class: 'title' }, heading(title), lead && h('p', { class: 'lead' }, lead));
}

// counting is the idle screen of a counter that only counts: there is nothing to show it.
function counting(snap) {
  const count = figures();
  const news = noticeBoard();
  const root = h('section', { class: 'stage-idle stage-counting' }, titled(t('counting.title'), t('counting.lead')),
    h('div', { class: 'show' }, art.street(), count.root), news.root);
  return { root, update(now) { count.update(now.gate); news.update(now.notices ?? []); }, tick: news.tick };
}

function idle(snap, answer, say, given, open) {
  if (snap.profile?.evidence?.join() === 'camera') return counting(snap);
  const count = figures();
  const way = (picture, name, where) => h('li', { class: 'way-in panel' }, picture,
    h('p', { class: 'way-in-name' }, name), h('p', { class: 'way-in-where' }, where));
  const passports = snap.profile?.evidence?.includes('passport') && h('div', { class: 'other-ways' },
    button('quiet', t('idle.passport'), () => open('mrz'), 'open-mrz'));
  const notice = h('p', { class: 'notice', hidden: true }, icon('plug'), h('span', {}));
  const news = noticeBoard();
  const recent = snap.demo ? h('section', { class: 'recent panel' }) : null;
  const root = h('section', { class: 'stage-idle' },
    stepBar('idle', snap.profile?.evidence),
    titled(t('idle.title'), t('idle.lead')),
    h('ul', { class: 'ways-in', 'aria-label': t('idle.which') },
      way(art.card2024(), t('idle.card2024'), t('idle.card2024.where')),
      way(art.card2021(), t('idle.card2021'), t('idle.card2021.where')),
      way(art.phone(), t('idle.vneid'), t('idle.vneid.where'))),
    passports, count.root, notice, news.root, recent);
  return {
    root,
    update(now) {
      const absent = (kind) => now.devices?.some((d) => d.kind === kind && (d.state === 'missing' || d.state === 'failed'));
      const words = absent('scanner') ? t('idle.noscanner')
        : absent('reader') && now.profile?.evidence?.includes('chip') ? t('idle.noreader') : '';
      notice.hidden = !words;
      setText(notice.lastChild, words);
      news.update(now.notices ?? []);
      count.update(now.gate);
      if (recent) showRecent(recent, now.recent ?? []);
    },
    tick: news.tick,
  };
}

function showRecent(box, records) {
  wipe(box);
  box.append(h('h2', {}, t('idle.recent')),
    records.length === 0 ? h('p', {}, t('idle.recent.none'))
      : h('ul', {}, records.slice(0, 4).map((r) => h('li', { class: `recent-record state-${r.state}` },
        h('span', { class: 'recent-number' }, number(r.sequence)),
        h('span', { class: 'recent-type' }, t(`record.${r.type}`, undefined, r.type)),
        h('span', { class: 'recent-state' }, icon(r.state === 'delivered' ? 'check' : 'clock'), t(`way.${r.state}`, undefined, r.state))))));
}

function consent(snap, answer) {
  const { profile, visit } = snap;
  const duty = profile?.basis === 'legal-duty' ? '.duty' : '';
  const online = visit.code === 'vneid';
  const keeps = profile?.keeps ?? [];
  const block = (name, ...content) => h('section', { class: 'panel' }, h('h2', {}, name), content);
  const root = h('section', { class: 'stage-consent' },
    stepBar('consent', profile?.evidence, visit),
    titled(online ? t('consent.title.online') : t(`consent.title${duty}`), online ? t('consent.lead.online') : undefined),
    h('div', { class: 'columns' },
      h('div', { class: 'column' },
        block(t('consent.purpose'), h('p', {}, pick(profile?.purpose) || t('consent.purpose.none'))),
        block(t('consent.basis'), h('p', {}, t(`consent.basis.${duty ? 'legal-duty' : 'consent'}`)),
          pick(profile?.law) && h('p', { class: 'small' }, t('consent.law', { law: pick(profile.law) })))),
      h('div', { class: 'column' },
        block(t('consent.keeps'),
          keeps.length ? h('ul', { class: 'keeps' }, keeps.map((name) => h('li', {}, icon('check'), t(`field.${name}`, undefined, name))))
            : h('p', {}, t('consent.keeps.none')),
          !keeps.includes('portrait') && h('p', { class: 'small' }, t('consent.noface'))),
        visit.person && block(t('consent.seen'), personCard({ ...visit, portrait: false }, true)))));
  return {
    root, update() {},
    actions: [
      button('choice', t(`consent.no${duty}`), () => answer('cancel'), 'cancel'),
      button('choice', t(`consent.yes${duty}`), () => answer('consent'), 'consent'),
    ],
  };
}

// needsCan asks for the six digits that open the chip of a card without its code.
function needsCan(snap, answer) {
  const input = h('input', {
    class: 'answer can', type: 'text', inputmode: 'none', maxlength: 6, autocomplete: 'off', spellcheck: 'false', 'data-key': 'can',
    'aria-label': t('can.label'), oninput: () => { input.value = input.value.replace(/\D/g, ''); go.disabled = input.value.length !== 6; },
    onkeydown: (event) => { if (event.key === 'Enter' && !go.disabled) go.click(); },
  });
  const go = button('primary', t('can.go'), () => answer('can', { can: input.value }), 'can-go');
  go.disabled = true;
  const root = h('section', { class: 'stage-card stage-can' },
    stepBar('idle', snap.profile?.evidence), titled(t('can.title'), t('can.lead')),
    h('div', { class: 'show' }, h('div', { class: 'both-cards' }, codes.map((draw) => draw())), h('div', { class: 'ask-typed ask-number' }, input, digits(input))));
  return { root, update() {}, actions: [button('quiet', t('stop'), () => answer('cancel'), 'cancel'), go] };
}

function card(snap, answer) {
  if (snap.visit.needsCan) return needsCan(snap, answer);
  const root = h('section', { class: 'stage-card' },
    stepBar('card', snap.profile?.evidence, snap.visit),
    titled(t('card.title'), t('card.lead')),
    h('div', { class: 'show' }, art.layCard(),
      h('div', { class: 'show-side' },
        h('ul', { class: 'tips' }, h('li', {}, t('card.tip1')), h('li', {}, t('card.tip2'))),
        h('p', { class: 'waiting' }, h('span', { class: 'pulse', 'aria-hidden': 'true' }), t('card.wait')))));
  const actions = [button('quiet', t('stop'), () => answer('cancel'), 'cancel')];
  if (snap.visit.canSkipChip) actions.push(button('quiet', t('card.skip'), () => answer('skip-chip'), 'skip-chip'));
  return { root, update() {}, actions };
}

function online(snap, answer) {
  const root = h('section', { class: 'stage-online' },
    stepBar('online', snap.profile?.evidence, snap.visit),
    titled(t('online.title'), t('online.lead')),
    h('div', { class: 'show' }, art.phone(),
      h('p', { class: 'waiting' }, h('span', { class: 'pulse', 'aria-hidden': 'true' }), t('online.wait'))));
  return { root, update() {}, actions: [button('quiet', t('stop'), () => answer('cancel'), 'cancel')] };
}

const READ_STEPS = ['access', 'files', 'verify'];

function reading(snap, answer, say) {
  const rows = READ_STEPS.map((step) => h('li', { class: 'read-step' }, h('span', { class: 'read-sign' }, icon('check')),
    h('span', {}, t(`reading.${step}`))));
  const bar = h('progress', { class: 'bar', max: 1, 'aria-label': t('reading.progress') });
  const file = h('p', { class: 'read-file' });
  const bytes = h('p', { class: 'read-bytes' });
  const root = h('section', { class: 'stage-reading' },
    stepBar('reading', snap.profile?.evidence, snap.visit),
    titled(t('reading.title'), t('reading.lead')),
    h('div', { class: 'show' }, art.readCard(),
      h('div', { class: 'show-side panel' }, h('ol', { class: 'read-steps' }, rows), bar,
        h('div', { class: 'read-line' }, file, bytes))));
  let said = '';
  return {
    root,
    update({ visit }) {
      const p = visit?.progress ?? { step: 'access' };
      const at = READ_STEPS.indexOf(p.step);
      rows.forEach((row, i) => {
        row.classList.toggle('past', at < 0 ? p.step === 'face' : i < at);
        row.classList.toggle('now', i === at);
      });
      if (p.total > 0) bar.value = Math.min(1, p.done / p.total);
      else bar.removeAttribute('value');
      setText(bytes, p.total > 0 ? t('reading.bytes', { done: number(p.done / 1024, 1), total: number(p.total / 1024, 1) }) : '');
      const words = p.file ? t('reading.file', { file: t(`file.${p.file}`, undefined, p.file) }) : t(`reading.${p.step}`);
      setText(file, words);
      if (words !== said) say(said = words); // a file at a time, not a byte at a time
    },
    actions: [button('quiet', t('stop'), () => answer('cancel'), 'cancel')],
  };
}

const GUIDES = ['look_straight', 'turn_left', 'turn_right', 'come_closer', 'too_dark', 'too_bright', 'hold_still', 'two_people', 'face_covered', 'no_face'];

function face(snap, answer, say) {
  const guide = h('p', { class: 'guide', hidden: true });
  const picture = art.lookHere();
  const root = h('section', { class: 'stage-face' },
    stepBar('face', snap.profile?.evidence, snap.visit),
    titled(t('face.title'), t('face.lead')),
    h('div', { class: 'show' }, picture,
      h('div', { class: 'show-side' }, guide,
        h('p', { class: 'waiting' }, h('span', { class: 'pulse', 'aria-hidden': 'true' }), t('face.wait')))));
  return {
    root,
    update({ visit }) {
      const code = GUIDES.includes(visit?.progress?.guide) ? visit.progress.guide : '';
      const words = code ? t(`guide.${code}`) : '';
      guide.hidden = !words;
      picture.setAttribute('data-guide', code);
      if (words && guide.textContent !== words) say(words);
      setText(guide, words);
    },
    actions: [button('quiet', t('stop'), () => answer('cancel'), 'cancel')],
  };
}

// answersCard reads the answers back.
function answersCard({ profile, visit }) {
  const given = (profile?.questions ?? []).filter((q) => visit.answers?.[q.id]);
  return given.length ? h('section', { class: 'panel answers' }, h('h2', {}, t('ask.answers')),
    h('dl', { class: 'fields' }, given.map((q) => h('div', { class: 'field' }, h('dt', {}, pick(q.label)), h('dd', {}, said(q, visit.answers[q.id])))))) : null;
}

const alarms = (visit) => (visit.alarms ?? []).map((a) => alarmLine(a));

const result = (snap, { visit } = snap) => h('div', { class: 'columns' },
  h('div', { class: 'column' }, personCard(visit), visit.stage === 'confirm' && answersCard(snap)),
  h('div', { class: 'column' }, assurancePanel(visit.assurance), checkList(visit.checks, visit.person && !visit.person.idCode ? 'mrz' : '')));

function confirm(snap, answer) {
  if (snap.visit.gate) return sign(snap, answer, snap.visit.gate.state);
  const back = snap.visit.canGoBack ? [button('choice', t('ask.change'), () => answer('back'), 'back')] : [];
  const root = h('section', { class: 'stage-confirm' },
    stepBar('confirm', snap.profile?.evidence, snap.visit),
    titled(t('confirm.title'), t('confirm.lead')), alarms(snap.visit),
    result(snap));
  return {
    root, update() {},
    actions: [
      button('choice', t('confirm.no'), () => answer('cancel'), 'cancel'), ...back,
      button('choice', t('confirm.yes'), () => answer('confirm'), 'confirm'),
    ],
  };
}

// ticketPanel shows the number that the person waits with.
function ticketPanel(ticket) {
  if (!ticket?.text && !ticket?.number) return null;
  return h('section', { class: 'panel ticket' }, h('h2', {}, t('ticket.title')),
    h('p', { class: 'ticket-number' }, ticket.text || number(ticket.number)), h('p', { class: 'small' }, t('ticket.text')),
    /^\/v1\/ticket\/qr\?/.test(ticket.qr ?? '') && h('img', { class: 'ticket-qr', src: ticket.qr, alt: t('ticket.qr') }));
}

function recorded(snap, answer, say) {
  if (snap.visit.gate || snap.profile?.quick) return sign(snap, answer, snap.visit.gate?.state ?? 'open');
  const way = recordWay();
  const root = h('section', { class: 'stage-recorded' },
    stepBar('recorded', snap.profile?.evidence, snap.visit),
    h('div', { class: 'top' },
      h('div', { class: 'title title-done' }, h('span', { class: 'done-sign' }, icon('check')),
        h('div', {}, heading(t('recorded.title')), h('p', { class: 'lead' }, t('recorded.lead')), way.offline)),
      h('div', { class: 'ticket-way' }, ticketPanel(snap.visit.ticket), way.root)),
    alarms(snap.visit), result(snap));
  return {
    root,
    update(now) {
      const news = way.update(now.visit?.record, now.queue?.hub);
      if (news) say(t(`way.say.${news}`));
    },
    actions: [button('primary', t('recorded.close'), () => answer('cancel'), 'cancel')],
  };
}

// What a failure is about, as the screen shows it where it is done right.
const PICTURES = {
  bad_qr: [...codes, art.phone], online_offline: codes, online_refused: codes, online_timeout: codes, other_person: codes, assurance_too_low: [art.layCard],
  card_removed: [art.layCard], card_error: [art.layCard], wrong_can: [art.layCard], not_an_id_card: [art.layCard],
  face_unsure: [art.lookHere], face_mismatch: [art.lookHere], face_not_done: [art.lookHere],
};

function failed(snap, answer) {
  const { visit } = snap;
  const code = visit.failure?.code ?? 'internal';
  if (snap.profile?.quick) return sign(snap, answer, 'denied');
  const known = t(`failed.${code}.title`, undefined, '') ? code : 'internal';
  const actions = [button('primary', t('failed.restart'), () => answer('cancel'), 'cancel')];
  if (visit.canGoBack) actions.unshift(button('quiet', t('ask.change'), () => answer('back'), 'back'));
  if (visit.canCompareAgain) actions.unshift(button('quiet', t('failed.again'), () => answer('face/again'), 'face-again'));
  const pictures = visit.checks?.length ? [] : PICTURES[code] ?? [];
  const root = h('section', { class: visit.checks?.length ? 'stage-failed' : 'stage-failed failed-plain' },
    h('div', { class: 'title title-failed' }, h('span', { class: 'failed-sign' }, icon('bang')), heading(t(`failed.${known}.title`))),
    h('div', { class: 'columns' },
      h('section', { class: 'panel' }, h('h2', {}, t('failed.what')), h('p', {}, t(`failed.${known}.what`))),
      h('section', { class: 'panel panel-next' }, h('h2', {}, t('failed.next')), h('p', {}, t(`failed.${known}.${visit.canCompareAgain ? 'look' : 'next'}`)))),
    visit.checks?.length ? h('div', { class: 'columns' }, assurancePanel(visit.assurance), checkList(visit.checks, visit.person && !visit.person.idCode ? 'mrz' : '')) : null,
    pictures.length > 0 && h('div', { class: 'failed-art' }, pictures.map((draw) => draw())),
    h('p', { class: 'small code' }, t('failed.code', { code })));
  return { root, update() {}, actions };
}

export function down() {
  return {
    root: h('section', { class: 'stage-down' }, h('span', { class: 'failed-sign' }, icon('plug')),
      heading(t('down.title')), h('p', { class: 'lead' }, t('down.text')), h('p', { class: 'lead' }, t('down.next'))),
    update() {},
  };
}

export const screens = { idle, consent, online, card, reading, face, ask, confirm, recorded, failed };
