/** An element with attributes, handlers and children. Text is always text. */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const number = (value) => value.toLocaleString('en');
export const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
export const isStill = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
