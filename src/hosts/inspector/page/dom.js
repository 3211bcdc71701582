/** An element with attributes, handlers and children. Text is always text: nothing here makes markup of it. */
export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for drawings. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false)
      element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export const number = (value) => value.toLocaleString('en');
export const counted = (count, noun, plural = `${noun}s`) => `${number(count)} ${count === 1 ? noun : plural}`;
export const percent = (part, whole) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`);
export const clock = (at) => {
  const date = new Date(at);
  return h('time', { datetime: date.toISOString() }, date.toLocaleTimeString('en-GB'));
};
export function duration(ms) {
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

/** Figures with their names. */
export const figures = (named) =>
  h(
    'dl',
    { class: 'figures' },
    Object.entries(named).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );

export const pill = (text, is) => h('span', { class: 'pill', 'data-is': is }, text);
export const card = (title, ...children) => h('section', { class: 'card' }, h('h2', {}, title), children);
export const button = (text, run, attributes = {}) =>
  h('button', { type: 'button', ...attributes, onclick: run }, text);

/** A label and what it is of. */
export const field = (name, control) => h('label', {}, name, control);
