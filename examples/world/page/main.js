import { EDIT, QUERY, h, render } from '/page/details.js';
import { createPlot } from '/page/plot.js';
import { ask, follow, load } from '/page/server.js';

const find = (selector) => document.querySelector(selector);
const [details, branches, input, hits, status] = ['#details', '#branch', '#search', '#hits', '#status'].map(find);
const state = { branch: 'main', open: null };

// ── Light and dark ──────────────────────────────────────────────────────────────────────────────────────────────

const themeNow = () => document.documentElement.dataset.theme;
document.documentElement.dataset.theme =
  localStorage.getItem('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
find('#theme').addEventListener('click', () => {
  document.documentElement.dataset.theme = themeNow() === 'dark' ? 'light' : 'dark';
  localStorage.setItem('theme', themeNow());
  map?.paint(themeNow());
});

// ── The map ─────────────────────────────────────────────────────────────────────────────────────────────────────

let map = null;
async function startMap() {
  status.textContent = 'Drawing the world…';
  try {
    const { createMap } = await import('/page/map.js');
    map = await createMap('map', { theme: themeNow(), choose: (id) => void open(id) });
    await map.show(state.branch);
    status.textContent = '';
  } catch (error) {
    status.textContent = `No map here (${error.message}). Search and everything else work without it.`;
  }
  document.body.dataset.ready = 'true';
}

// ── One settlement ──────────────────────────────────────────────────────────────────────────────────────────────

async function open(id, changed) {
  const { settlement, cached } = await ask(QUERY, { id, branch: state.branch });
  if (settlement === null) {
    toast('This place is not in this branch.');
    return;
  }
  const isOther = state.open?.id !== settlement.id;
  const focused = details.contains(document.activeElement) ? document.activeElement.dataset.test : undefined;
  state.open = settlement;
  details.hidden = false;
  details.replaceChildren(
    ...render(
      { settlement, cached, branch: state.branch, changed },
      { open: (other) => void open(other), save, close },
    ).filter(Boolean),
  );
  if (focused !== undefined) (details.querySelector(`[data-test='${focused}']`) ?? details).focus();
  if (isOther) {
    details.scrollTop = 0;
    details.focus({ preventScroll: true });
    map?.goTo(settlement.lon, settlement.lat);
  }
}

function close() {
  if (details.contains(document.activeElement)) input.focus();
  details.hidden = true;
  state.open = null;
}

/** True while somebody has typed into the form what is not saved yet. */
const isEdited = () =>
  [...details.querySelectorAll('form.edit input')].some(({ value, defaultValue }) => value !== defaultValue);

async function save(fields) {
  const { id, version } = state.open;
  try {
    const { edit } = await ask(EDIT, { id, branch: state.branch, version, fields });
    await open(id, edit.changed);
  } catch (error) {
    toast(error.code === 'CONFLICT' ? 'Somebody was quicker: the place was changed meanwhile.' : error.message);
    if (error.code !== 'CONFLICT') return;
    await open(id);
    // What was typed stays, to be saved over what somebody else wrote, or not.
    for (const field of details.querySelectorAll('form.edit input')) field.value = fields[field.name];
  }
}

// ── Search ──────────────────────────────────────────────────────────────────────────────────────────────────────

let found = [];
let selected = -1;
let asked = 0;
let searching = Promise.resolve();
input.addEventListener('input', () => {
  searching = search();
});

async function search() {
  const text = input.value.trim();
  const mine = ++asked;
  const answer =
    text === ''
      ? { search: [] }
      : await ask(
          'query($text: String!, $branch: String) { search(text: $text, branch: $branch) { type id name where lon lat } }',
          { text, branch: state.branch },
        );
  if (mine !== asked) return;
  found = answer.search;
  select(found.length > 0 ? 0 : -1);
}

input.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    const step = event.key === 'ArrowDown' ? 1 : -1;
    if (found.length > 0) select((selected + step + found.length) % found.length);
  } else if (event.key === 'Escape') {
    input.value = '';
    found = [];
    select(-1);
  }
});
find('form[role=search]').addEventListener('submit', async (event) => {
  event.preventDefault();
  await searching; // what is shown may still answer the text before
  if (found[selected] !== undefined) void take(found[selected]);
});

function select(index) {
  selected = index;
  hits.hidden = found.length === 0;
  input.setAttribute('aria-expanded', String(found.length > 0));
  if (index >= 0) input.setAttribute('aria-activedescendant', `hit-${index}`);
  else input.removeAttribute('aria-activedescendant');
  hits.replaceChildren(
    ...found.map((hit, i) =>
      h(
        'li',
        {
          id: `hit-${i}`,
          role: 'option',
          'data-test': 'hit',
          'aria-selected': String(i === index),
          onmousedown: (event) => {
            event.preventDefault();
            void take(hit);
          },
        },
        h('span', {}, hit.name),
        h('small', {}, hit.where),
      ),
    ),
  );
}

async function take(hit) {
  found = [];
  select(-1);
  input.value = '';
  if (hit.type === 'settlement') await open(hit.id);
  else if (hit.type === 'structure') {
    const { structure } = await ask(
      'query($id: ID!, $branch: String) { structure(id: $id, branch: $branch) { settlement { id } } }',
      { id: hit.id, branch: state.branch },
    );
    if (structure?.settlement) await open(structure.settlement.id);
  } else if (hit.type === 'kingdom') {
    const { kingdom } = await ask(
      'query($id: ID!, $branch: String) { kingdom(id: $id, branch: $branch) { settlements(limit: 1) { id } } }',
      { id: hit.id, branch: state.branch },
    );
    if (kingdom?.settlements[0]) await open(kingdom.settlements[0].id);
  }
}

// ── Live ────────────────────────────────────────────────────────────────────────────────────────────────────────

const plot = createPlot(find('#figures svg'), find('#totals'));
let redrawing;
let stop = () => {};
function followBranch() {
  stop();
  stop = follow(state.branch, {
    stats: plot,
    state: (name) => (document.body.dataset.live = name),
    resync: () => {
      if (state.open !== null) void open(state.open.id);
    },
    change: (change) => void changed(change),
  });
}

async function changed({ entityType, entityId, changes, branch }) {
  if (entityType !== 'settlement' || entityId === null) return;
  const { settlement } = await ask(
    'query($id: ID!, $branch: String) { settlement(id: $id, branch: $branch) { name lon lat version } }',
    { id: entityId, branch: state.branch },
  );
  if (settlement !== null) {
    map?.flash(settlement.lon, settlement.lat);
    toast(
      `${settlement.name} changed in ${branch}: ${(changes.fields ?? ['something']).filter((field) => field !== 'version').join(', ')}`,
    );
  }
  // The window that saved it shows it already, and beside it what went stale.
  const isNews = state.open?.id === entityId && state.open.version !== settlement?.version;
  if (isNews && !isEdited()) await open(entityId);
  clearTimeout(redrawing);
  redrawing = setTimeout(() => void map?.show(state.branch), 1500);
}

function toast(text) {
  const shown = h('div', { class: 'toast', 'data-test': 'toast' }, text);
  find('#toasts').append(shown);
  setTimeout(() => shown.remove(), 5000);
}

// ── Branches ────────────────────────────────────────────────────────────────────────────────────────────────────

async function listBranches() {
  const { branches: all } = await ask('{ branches { id title overrides } }');
  branches.replaceChildren(
    ...all.map(({ id, title, overrides }) =>
      h('option', { value: id, selected: id === state.branch }, overrides > 0 ? `${title} (${overrides})` : title),
    ),
  );
}
branches.addEventListener('change', async () => {
  state.branch = branches.value;
  followBranch();
  if (state.open !== null) await open(state.open.id);
  await map?.show(state.branch);
});

// ── Keyboard ────────────────────────────────────────────────────────────────────────────────────────────────────

find('#help').addEventListener('click', () => find('#shortcuts').showModal());
document.addEventListener('keydown', (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === 'Escape' && !typing) close();
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {
    '/': () => input.focus(),
    '?': () => find('#shortcuts').showModal(),
    b: () => branches.focus(),
    e: () => find('#edit-name')?.focus(),
    t: () => find('#theme').click(),
  }[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

await listBranches();
followBranch();
plot(
  await load('/stats').then(({ hits, misses, originCalls, tier1 }) => ({
    hits,
    misses,
    originCalls,
    entries: tier1.entries,
  })),
);
await startMap();
