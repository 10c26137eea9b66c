// Ends a visit that nobody touches any more: a person who walked away must not
// leave their data on the screen. The countdown is always to be seen, and any
// touch or key starts it again.
import { h, setText } from './dom.js';
import { t } from './text.js';

const WARN_SECONDS = 20;
const AGAIN_SECONDS = 5; // when the daemon did not take the end of the visit

export function countdown(seconds, onEnd, say) {
  let left = seconds;
  let timer;
  const words = h('p', { class: 'count-words' });
  const bar = h('progress', { class: 'count-bar', max: seconds, 'aria-hidden': 'true' });
  const more = h('button', { type: 'button', class: 'button more', 'data-key': 'more' }, t('idle.more'));
  const root = h('div', { class: 'count' }, words, bar, more);

  const show = () => {
    setText(words, t('idle.countdown', { n: Math.max(0, left) }));
    bar.value = Math.max(0, left);
    root.classList.toggle('warn', left <= WARN_SECONDS);
  };
  const tick = () => {
    left -= 1;
    show();
    if (left === WARN_SECONDS) say(t('idle.warn', { n: left }));
    if (left <= 0 && -left % AGAIN_SECONDS === 0) onEnd();
  };
  const again = () => {
    if (left <= 0) return; // too late: it is ending
    left = seconds;
    show();
  };
  timer = setInterval(tick, 1000);
  addEventListener('pointerdown', again);
  addEventListener('keydown', again);
  show();
  return {
    root,
    stop() {
      clearInterval(timer);
      removeEventListener('pointerdown', again);
      removeEventListener('keydown', again);
    },
  };
}
