// Small helpers for the document. h('div', { class: 'card' }, child, 'text') makes an element; an
// attribute that is a function is a listener, false and null leave an attribute out.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((it) => it != null));
  return element;
}

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function byId(id) {
  return document.getElementById(id);
}

export function hex(value) {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

// Text for screen readers alone.
export function unseen(text) {
  return h('span', { class: 'unseen' }, text);
}

// Changes an element only if that is needed, so that nothing flickers and the focus stays.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, name, on) {
  element.classList.toggle(name, Boolean(on));
}
