// Small signs. Each stands beside words that say the same.
import { s } from './dom.js';

const shapes = {
  check: () => s('path', { d: 'M5 13l5 5L20 7' }),
  cross: () => s('path', { d: 'M6 6l12 12M18 6L6 18' }),
  dash: () => s('path', { d: 'M6 12h12' }),
  question: () => [s('path', { d: 'M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1.1-1.5 2.3' }), s('path', { d: 'M12 18.5v.1' })],
  alert: () => [s('path', { d: 'M12 4L2.5 20h19z' }), s('path', { d: 'M12 10v4.5M12 17.4v.1' })],
  bang: () => s('path', { d: 'M12 4.5v9.5M12 19v.2' }),
  clock: () => [s('circle', { cx: 12, cy: 12, r: 9 }), s('path', { d: 'M12 7v5l3.5 2' })],
  disk: () => [s('rect', { x: 4, y: 4, width: 16, height: 16, rx: 3 }), s('path', { d: 'M8 4v5h8V4M8 20v-6h8v6' })],
  send: () => s('path', { d: 'M4 12h13M12 6l6 6-6 6' }),
  hub: () => [s('path', { d: 'M3 20h18M6 20V9l6-5 6 5v11' }), s('path', { d: 'M9.5 13l2 2 3.5-4' })],
  shield: () => s('path', { d: 'M12 3l8 3v6c0 5-3.5 7.8-8 9.5C7.5 19.8 4 17 4 12V6z' }),
  person: () => [s('circle', { cx: 12, cy: 8, r: 4 }), s('path', { d: 'M4 21c.6-5 4-7 8-7s7.4 2 8 7' })],
  info: () => [s('circle', { cx: 12, cy: 12, r: 9.5 }), s('path', { d: 'M12 11v6M12 7v.2' })],
  phone: () => s('path', { d: 'M6 3h3.5l1.7 4.6-2.3 1.6a12 12 0 0 0 5.9 5.9l1.6-2.3L21 14.5V18a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z' }),
  plug: () => [s('path', { d: 'M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4' })],
};

export function icon(name, cls = '') {
  return s('svg', { class: `icon ${cls}`, viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' }, shapes[name]());
}

export function logo() {
  return s('svg', { class: 'logo', viewBox: '0 0 48 48', 'aria-hidden': 'true', focusable: 'false' },
    s('path', { class: 'logo-post', d: 'M24 14v24M14 38h20' }),
    s('path', { class: 'logo-wave', d: 'M13 21a12 12 0 0 1 0-18M35 21a12 12 0 0 0 0-18' }),
    s('circle', { class: 'logo-dot', cx: 24, cy: 12, r: 5 }));
}
