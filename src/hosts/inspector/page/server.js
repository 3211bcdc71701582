import { h } from './dom.js';

/** Asks the server, and gives what it answers. Rejects with its words. */
export async function ask(name, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const response = await fetch(`api/${name}?${new URLSearchParams(given)}`);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

/** Puts into an element what an answer is made into; in its place, what went wrong. The last question asked wins. */
const asked = new WeakMap();
export async function put(element, asking, draw) {
  asked.set(element, asking);
  try {
    const answer = await asking;
    if (asked.get(element) === asking) element.replaceChildren(...[draw(answer)].flat(Infinity));
  } catch (error) {
    if (asked.get(element) === asking) element.replaceChildren(h('p', { class: 'bad', role: 'alert' }, error.message));
  }
}

/** Calls the handlers with what the server tells, for as long as the page is open. */
export function follow(handlers, onState) {
  const events = new EventSource('api/live');
  for (const [name, run] of Object.entries(handlers))
    events.addEventListener(name, ({ data }) => run(JSON.parse(data)));
  events.addEventListener('open', () => onState('live'));
  events.addEventListener('error', () => onState('reconnecting'));
}
