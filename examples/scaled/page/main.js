import { createCard } from '/scaled/card.js';
import { h, number } from '/scaled/dom.js';
import { WINDOW_MS } from '/scaled/plot.js';

const find = (selector) => document.querySelector(selector);
const LINES_SHOWN = 40;

/** Everything that is drawn; `samples` are those of the plots. */
const state = { samples: [], faults: [], boundMs: 3000 };
const cards = new Map();

// ── Light and dark, keyboard ────────────────────────────────────────────────────────────────────────────────────

document.documentElement.dataset.theme =
  localStorage.getItem('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
find('#theme').addEventListener('click', () => {
  const { dataset } = document.documentElement;
  dataset.theme = dataset.theme === 'dark' ? 'light' : 'dark';
  localStorage.setItem('theme', dataset.theme);
});
find('#help').addEventListener('click', () => find('#shortcuts').showModal());
document.addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
  if (ctrlKey || metaKey || altKey || find('#shortcuts').open || target.matches('input:not([type=checkbox])')) return;
  if (key === 't') find('#theme').click();
  else if (key === '?') find('#shortcuts').showModal();
  else if (key === 'r') find('#redis button')?.focus();
  else if (/^[1-9]$/.test(key)) find(`[data-replica='${key}'] button`)?.focus();
});

// ── What is done ────────────────────────────────────────────────────────────────────────────────────────────────

async function act(action) {
  const response = await fetch('/scaled/do', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(action),
  }).catch(() => null);
  if (response === null) toast('The command that serves this page has ended.');
  else if (!response.ok) toast((await response.json()).message);
}

function toast(text) {
  const shown = h('div', { class: 'toast' }, text);
  find('#toasts').append(shown);
  setTimeout(() => shown.remove(), 6000);
}

for (const name of ['visitors', 'editor']) find(`#${name}`).addEventListener('change', () => void act({ do: name }));

// ── What is seen ────────────────────────────────────────────────────────────────────────────────────────────────

function show({ city, traffic, redis, replicas, faults }) {
  state.faults = faults;
  find('#name').textContent = `${city.name} · version ${number(city.version)}`;
  find('#truth').textContent = `${number(city.population)} people`;
  for (const name of ['visitors', 'editor']) find(`#${name}`).checked = traffic[name];
  showRedis(redis);
  for (const replica of replicas) {
    if (!cards.has(replica.id)) {
      const card = createCard(replica.id, act);
      cards.set(replica.id, card);
      find('#replicas').append(card.element);
    }
    cards.get(replica.id).show(replica, state);
  }
  document.body.dataset.ready = 'true';
}

const redisButtons = [];
function showRedis({ nodes, isOurs, isCluster }) {
  if (redisButtons.length === 0) {
    const rows = nodes.map(({ port }, node) => {
      const said = h('span', { class: 'pill' });
      const button = h('button', { type: 'button', 'data-test': `redis-${node}` });
      button.addEventListener('click', () => void act({ do: button.dataset.do, node }));
      redisButtons.push({ said, button });
      return h(
        'div',
        { class: 'server' },
        h('b', {}, isCluster ? `Master ${node + 1}` : `Redis, port ${port}`),
        said,
        button,
      );
    });
    const note = isOurs
      ? 'When it stops, it forgets all it held.'
      : 'Yours: it runs on, and only the links to it are closed.';
    find('#redis').replaceChildren(...rows, h('p', { class: 'soft' }, note));
  }
  nodes.forEach(({ up }, node) => {
    const { said, button } = redisButtons[node];
    said.textContent = up ? 'up' : 'stopped';
    said.dataset.is = up ? 'well' : 'bad';
    button.dataset.do = up ? 'stop-redis' : 'start-redis';
    button.textContent = up ? 'Stop' : 'Start';
    button.classList.toggle('main', !up);
    button.setAttribute('aria-label', `${up ? 'Stop' : 'Start'} ${isCluster ? `master ${node + 1}` : 'Redis'}`);
  });
}

const clock = (at) => new Date(at).toLocaleTimeString('en-GB');
const line = ({ at, text }) => h('li', {}, h('time', {}, clock(at)), h('span', {}, text));
const request = ({ at, what, replica, status, tookMs, before }) =>
  h(
    'li',
    { class: status >= 500 || before.length > 0 ? 'odd' : undefined },
    h('time', {}, clock(at)),
    h('span', {}, before.length > 0 ? `${what} (replica ${before.join(' and ')} failed it)` : what),
    h('b', { 'data-replica-said': replica ?? 'none' }, replica === null ? 'nobody' : `replica ${replica}`),
    h(
      'span',
      {},
      status >= 400 ? `${status}` : tookMs < 1000 ? `${Math.round(tookMs)} ms` : `${(tookMs / 1000).toFixed(1)} s`,
    ),
  );

/** The newest first. */
function put(list, item) {
  list.prepend(item);
  if (list.childElementCount > LINES_SHOWN) list.lastElementChild.remove();
}

const events = new EventSource('/scaled/live');
const on = (name, run) => events.addEventListener(name, ({ data }) => run(JSON.parse(data)));
on('past', ({ samples, story, requests, boundMs }) => {
  Object.assign(state, { samples, boundMs });
  find('#story ol').replaceChildren(...story.map(line).reverse());
  find('#requests ol').replaceChildren(...requests.slice(-LINES_SHOWN).map(request).reverse());
});
on('state', show);
on('sample', (sample) => {
  state.samples.push(sample);
  while (sample.at - state.samples[0].at > WINDOW_MS) state.samples.shift();
});
on('line', (item) => put(find('#story ol'), line(item)));
on('request', (item) => put(find('#requests ol'), request(item)));
const live = (is) => () => {
  document.body.dataset.live = is;
  find('#live').textContent = is;
};
events.addEventListener('open', live('live'));
events.addEventListener('error', live('reconnecting'));
