// The pictures: where the QR code is on each card, where the card goes, where to
// look. Colours and movement are in art.css.
import { s } from './dom.js';
import { t } from './text.js';

function picture(name, viewBox, ...content) {
  return s('svg', { class: `art art-${name}`, viewBox, role: 'img', 'aria-label': t(`art.${name}`) }, content);
}

const rect = (x, y, width, height, rx, cls) => s('rect', { x, y, width, height, rx, class: cls });
const line = (x, y, width, cls = 'ink-line') => rect(x, y, width, 6, 3, cls);

// qr draws something that looks like a QR code of 21 × 21 modules and says nothing.
function qr(x, y, size) {
  const m = size / 21;
  let d = '';
  let seed = 7;
  for (let row = 0; row < 21; row++) {
    for (let col = 0; col < 21; col++) {
      const finder = (row < 8 && (col < 8 || col > 12)) || (row > 12 && col < 8);
      seed = (seed * 1103515245 + 12345) % 2147483648;
      if (!finder && seed / 2147483648 < 0.48) d += `M${x + col * m} ${y + row * m}h${m}v${m}h${-m}z`;
    }
  }
  for (const [fx, fy] of [[0, 0], [14, 0], [0, 14]]) {
    const at = (o, w) => `M${x + (fx + o) * m} ${y + (fy + o) * m}h${w * m}v${w * m}h${-w * m}z`;
    d += `${at(0, 7)}${at(1, 5)}${at(2, 3)}`;
  }
  return [
    rect(x - 4, y - 4, size + 8, size + 8, 4, 'qr-ground'),
    s('path', { d, class: 'qr-ink', 'fill-rule': 'evenodd' }),
  ];
}

const spot = (x, y, size) => rect(x - 13, y - 13, size + 26, size + 26, 14, 'spot');

function chip(x, y) {
  return [
    rect(x, y, 58, 46, 9, 'chip'),
    s('path', { class: 'chip-line', d: `M${x} ${y + 16}h19v14h-19M${x + 58} ${y + 16}h-19v14h19M${x + 19} ${y + 16}v-16M${x + 39} ${y + 30}v16M${x + 19} ${y + 30}v16M${x + 39} ${y + 16}v-16` }),
  ];
}

function mrz(y) {
  return [0, 1, 2].map((i) => s('path', { class: 'mrz', d: `M20 ${y + i * 15}h302` }));
}

// The back of the card of 2024: data, chip and, at the top right, the QR code.
export function card2024() {
  return picture('qr2024', '0 0 342 216',
    rect(2, 2, 338, 212, 16, 'card-2024'),
    s('path', { class: 'guilloche', d: 'M7 150C90 80 150 190 335 92M7 170C90 100 150 210 335 112M7 130C90 60 150 170 335 72' }),
    line(20, 22, 120), line(20, 37, 160, 'ink-line pale'), line(20, 56, 96), line(20, 71, 140, 'ink-line pale'),
    chip(20, 96), line(96, 104, 76), line(96, 119, 104, 'ink-line pale'),
    qr(244, 26, 72), mrz(168), spot(244, 26, 72));
}

// The front of the card of 2021: portrait, data and, at the top right, the QR code.
export function card2021() {
  return picture('qr2021', '0 0 342 216',
    rect(2, 2, 338, 212, 16, 'card-2021'),
    s('path', { class: 'guilloche', d: 'M7 64C90 130 190 20 335 118M7 84C90 150 190 40 335 138M7 44C90 110 190 0 335 98' }),
    s('circle', { cx: 48, cy: 46, r: 24, class: 'seal' }),
    line(88, 26, 118), line(98, 41, 98, 'ink-line pale'), line(88, 60, 128, 'ink-line strong'),
    rect(20, 84, 84, 112, 6, 'photo'),
    s('path', { class: 'photo-person', d: 'M62 100a18 20 0 1 1-.1 0zM26 192c2-34 18-46 36-46s34 12 36 46z' }),
    line(120, 118, 128, 'ink-line strong'), line(120, 137, 100), line(120, 152, 132, 'ink-line pale'),
    line(120, 171, 176), line(120, 186, 148, 'ink-line pale'),
    qr(250, 24, 66), spot(250, 24, 66));
}

export function phone() {
  return picture('vneid', '0 0 342 216',
    rect(116, 2, 110, 212, 18, 'phone'), rect(124, 14, 94, 188, 10, 'phone-face'),
    rect(152, 7, 38, 4, 2, 'phone-slot'),
    line(136, 28, 70, 'ink-line strong'), line(136, 43, 46, 'ink-line pale'),
    qr(139, 74, 64), line(136, 164, 70), line(136, 179, 50, 'ink-line pale'), spot(139, 74, 64));
}

// A street with a line across it, and somebody who steps over it.
export function street() {
  return picture('street', '0 0 342 216',
    rect(2, 2, 338, 212, 14, 'card-2021'),
    s('path', { class: 'street-line', d: 'M40 176L302 60' }),
    [[110, 92], [206, 132]].map(([x, y]) => [s('circle', { class: 'street-head', cx: x, cy: y - 34, r: 14 }), s('path', { class: 'street-body', d: `M${x - 22} ${y + 34}c0-34 6-50 22-50s22 16 22 50z` })]),
    s('path', { class: 'street-way', d: 'M232 100l34 34M266 106v28h-28' }));
}

// The page of a passport: the two lines of signs at its foot are what is typed.
export function passport() {
  const lines = [0, 1].map((i) => s('path', { class: 'mrz', d: `M24 ${176 + i * 18}h294` }));
  return picture('passport', '0 0 342 216',
    rect(2, 2, 338, 212, 12, 'card-2021'),
    rect(22, 34, 84, 106, 6, 'photo'),
    s('path', { class: 'photo-person', d: 'M64 50a18 20 0 1 1-.1 0zM28 136c2-30 18-42 36-42s34 12 36 42z' }),
    line(22, 16, 110, 'ink-line strong'), line(124, 40, 70), line(124, 55, 130, 'ink-line strong'), line(124, 78, 60), line(124, 93, 110, 'ink-line strong'),
    line(124, 116, 90), line(124, 131, 140, 'ink-line pale'),
    lines, rect(12, 158, 318, 50, 10, 'spot'));
}

const ISO = 'matrix(.866 .42 -.866 .42';

// slab draws something flat that has a thickness, seen from above at a slant.
function slab(cls, depth, ...top) {
  const layers = [];
  for (let dy = depth; dy > 0; dy -= 3) {
    layers.push(s('g', { transform: `translate(0 ${dy}) ${ISO} 240 116)` }, rect(0, 0, 300, 214, 22, `${cls}-side`)));
  }
  return [layers, s('g', { transform: `${ISO} 240 116)` }, rect(0, 0, 300, 214, 22, cls), top)];
}

const waves = () => s('g', { class: 'waves' },
  [26, 46, 66].map((r, i) => s('path', { class: `wave wave-${i}`, d: `M${150 + r * 0.7} ${107 - r * 0.7}a${r} ${r} 0 0 1 0 ${r * 1.4}` })));

function reader(cls, top) {
  return picture(cls, `40 ${top} 480 ${396 - top}`,
    slab('reader', 27, rect(32, 30, 236, 154, 14, 'reader-bed'), waves()),
    s('g', { class: `shadow shadow-${cls}`, transform: `${ISO} 240 116)` }, rect(46, 42, 208, 131, 12, 'card-shadow')),
    s('g', { class: `flat flat-${cls}` },
      s('g', { transform: `${ISO} 240 112)` },
        rect(46, 42, 208, 131, 12, 'card-2024'), rect(58, 56, 46, 62, 4, 'photo'),
        line(116, 62, 86, 'ink-line strong'), line(116, 80, 112), line(116, 96, 70, 'ink-line pale'),
        line(58, 134, 150, 'ink-line pale'), line(58, 150, 120, 'ink-line pale'))));
}

export const layCard = () => reader('lay', 40);
export const readCard = () => reader('read', 100);

export function lookHere() {
  return picture('face', '0 0 320 320',
    s('path', { class: 'face-body', d: 'M60 300c6-64 46-86 100-86s94 22 100 86z' }),
    s('ellipse', { class: 'face-head', cx: 160, cy: 140, rx: 58, ry: 72 }),
    s('path', { class: 'face-hair', d: 'M100 136c-4-58 26-84 62-84s62 28 58 84c-10-30-30-44-58-46-30 2-52 16-62 46z' }),
    s('path', { class: 'face-line', d: 'M136 140v6M184 140v6M142 178c12 10 24 10 36 0' }),
    s('ellipse', { class: 'oval', cx: 160, cy: 140, rx: 84, ry: 104 }),
    s('path', { class: 'frame', d: 'M24 84V44a20 20 0 0 1 20-20h40M236 24h40a20 20 0 0 1 20 20v40M296 236v40a20 20 0 0 1-20 20h-40M84 296H44a20 20 0 0 1-20-20v-40' }),
    s('path', { class: 'scanline', d: 'M40 160h240' }));
}
