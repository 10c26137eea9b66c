// Making elements. No HTML is ever made from a string: what a card or a code
// says can only become text.

const SVG = 'http://www.w3.org/2000/svg';

function fill(el, attrs, children) {
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else el.setAttribute(name, value === true ? '' : value);
  }
  el.append(...children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false));
  return el;
}

// h makes an HTML element: h('p', {class: 'x', onclick: f}, 'text', child, …).
export function h(tag, attrs, ...children) {
  return fill(document.createElement(tag), attrs, children);
}

// s makes an SVG element.
export function s(tag, attrs, ...children) {
  return fill(document.createElementNS(SVG, tag), attrs, children);
}

// wipe empties an element and forgets its pictures.
export function wipe(el) {
  for (const img of el.querySelectorAll('img')) img.removeAttribute('src');
  el.replaceChildren();
}

// setText changes text only when it differs, so that screen readers are not
// told the same thing again.
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}
