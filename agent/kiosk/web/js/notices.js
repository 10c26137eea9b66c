// What the hub wants people to know while nobody is served: one notice at a time,
// with its picture, its code and its telephone number, turned over by itself or by hand.
import { h, setText, wipe } from './dom.js';
import { icon } from './icons.js';
import { language, pick, t } from './text.js';

const SECONDS = 8; // for a notice that does not say how long it stays
const local = (path) => (/^\/v1\/notices\/[\w.%-]+\/\w+$/.test(path ?? '') ? path : ''); // the device's own pictures only
const SIGNS = { warning: 'alert', contact: 'phone' };

function card(n) {
  const picture = local(n.picture);
  const qr = local(n.qr);
  return [
    picture && h('img', { class: 'news-picture', src: picture, alt: pick(n.title) || t('news.picture') }),
    h('div', { class: 'news-words' },
      h('p', { class: 'news-text' }, icon(SIGNS[n.kind] ?? 'info'), h('span', {}, pick(n.title) && h('b', { class: 'news-title' }, pick(n.title)), pick(n.text))),
      n.phone && h('p', { class: 'news-phone' }, t('news.phone'), ' ', h('b', {}, n.phone))),
    qr && h('div', { class: 'news-code' }, h('img', { class: 'news-qr', src: qr, alt: t('news.qr') }), h('span', { class: 'small' }, t('news.scan'))),
  ];
}

export function noticeBoard() {
  const box = h('div', { class: 'news-card' });
  const place = h('span', { class: 'news-place' });
  const turn = (by) => { at = (at + by + all.length) % all.length; left = stay(); draw(); };
  const move = (by, face, words, name) => h('button', { type: 'button', class: 'button turn', 'data-key': name, 'aria-label': words, onclick: () => turn(by) }, face);
  const pause = h('button', { type: 'button', class: 'button turn', 'data-key': 'news-pause', 'aria-pressed': 'false', onclick: () => {
    still = !still;
    pause.setAttribute('aria-pressed', String(still));
    setText(pause, still ? '▶' : '❚❚');
  } }, '❚❚');
  pause.setAttribute('aria-label', t('news.pause'));
  const foot = h('div', { class: 'news-foot' }, move(-1, '‹', t('news.before'), 'news-before'), place, pause, move(1, '›', t('news.after'), 'news-after'));
  const root = h('section', { class: 'news', 'aria-label': t('news.title'), hidden: true }, box, foot);
  let all = [];
  let told = '';
  let at = 0;
  let still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  let left = SECONDS;
  const stay = () => all[at]?.seconds || SECONDS;
  const draw = () => {
    wipe(box);
    root.className = `news news-${all[at].kind}${all[at].picture || all[at].qr ? ' news-full' : ''}`;
    box.append(...card(all[at]).filter(Boolean));
    foot.hidden = all.length < 2;
    setText(place, `${at + 1} / ${all.length}`);
  };
  return {
    root,
    update(notices) {
      const now = language() + JSON.stringify(notices);
      if (now === told) return;
      told = now;
      const shown = all[at]?.id;
      all = notices;
      at = Math.max(0, all.findIndex((n) => n.id === shown));
      left = stay();
      root.hidden = all.length === 0;
      if (all.length) draw();
    },
    tick() { // once in a second
      if (all.length < 2 || still || root.matches(':focus-within')) return;
      left -= 1;
      if (left <= 0) turn(1);
    },
  };
}
