// The wait after wrong PINs. It is one name's: with another name in the field the
// way is free. How long is said once, and then counted down for the eye.
import { h } from './dom.js';
import { t } from './text.js';

const two = (n) => String(n).padStart(2, '0');

// span says seconds in words: "1 minute", "2 minutes 5 seconds".
function span(seconds) {
  const parts = [[Math.floor(seconds / 60), 'minute'], [seconds % 60, 'second']].filter(([n]) => n > 0);
  return parts.map(([n, unit]) => t(`span.${unit}${n === 1 ? '' : 's'}`, { n })).join(' ');
}

// lock returns {start(seconds)} for a sign-in: its field for the name, its button
// and the element that tells problems.
export function lock(name, go, problem) {
  let until = 0;
  let whose = '';
  let timer;
  const left = h('span', { class: 'wait-left', 'aria-hidden': 'true' });
  const mine = () => name.value.trim() === whose;
  const seconds = () => Math.ceil((until - performance.now()) / 1000);
  const show = () => {
    problem.replaceChildren(h('span', {}, t('staff.locked', { time: span(Math.max(1, seconds())) })), left);
    problem.hidden = false;
    go.disabled = true;
    tick();
  };
  const free = () => { go.disabled = false; };
  function tick() {
    if (!problem.isConnected) { clearInterval(timer); return; }
    const n = seconds();
    if (n > 0) { left.textContent = `${Math.floor(n / 60)}:${two(n % 60)}`; return; }
    clearInterval(timer);
    until = 0;
    if (!mine()) return;
    problem.replaceChildren(h('span', {}, t('staff.unlocked')));
    free();
  }
  name.addEventListener('input', () => {
    if (!until) return;
    if (mine()) { show(); return; }
    problem.hidden = true;
    free();
  });
  return {
    start(wait) {
      if (!wait) return;
      clearInterval(timer);
      until = performance.now() + wait * 1000;
      whose = name.value.trim();
      show();
      timer = setInterval(tick, 250);
    },
  };
}
