import { createBranches } from '/page/branches.js';
import { EDIT, MOVE, QUERY, render } from '/page/details.js';
import { h, number } from '/page/dom.js';
import { createDrawings } from '/page/drawings.js';
import { follow, watchFigures } from '/page/live.js';
import { createPlot } from '/page/plot.js';
import { createRules } from '/page/rules.js';
import { createSearch } from '/page/search.js';
import { ask, load } from '/page/server.js';

const find = (selector) => document.querySelector(selector);
const [details, branchSelect, input, status, welcome] = ['#details', '#branch', '#search', '#status', '#welcome'].map(
  find,
);
/** What is open is in the address: `#branch=main&id=7`. */
const linked = new URLSearchParams(location.hash.slice(1));
/** `effect`: what the last edit of the open place did. */
const state = { branch: linked.get('branch') ?? 'main', open: null, effect: undefined };

function remember() {
  const id = state.open === null ? {} : { id: state.open.id };
  history.replaceState(null, '', `#${new URLSearchParams({ branch: state.branch, ...id })}`);
  find('#second').href = location.href;
}

/** To those who listen to the page rather than see it. */
const say = (text) => (find('#said').textContent = text);

function toast(text) {
  const shown = h('div', { class: 'toast', 'data-test': 'toast' }, text);
  find('#toasts').append(shown);
  setTimeout(() => shown.remove(), 5000);
}

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
let drawings = null;
function step(text, share) {
  find('#step').textContent = `${text} …`;
  status.querySelector('progress').value = share;
}

async function startMap() {
  step('Drawing the countries', 0.1);
  try {
    const { createMap } = await import('/page/map.js');
    const made = await createMap(find('#map'), {
      theme: themeNow(),
      choose: (id) => void open(id),
      move: (place) => void move(place),
    });
    step(`Drawing ${number(counts.settlement)} places`, 0.5);
    await made.show(state.branch);
    map = made;
    drawings = createDrawings(find('#drawings'), {
      map: map.canvas,
      branch: () => state.branch,
      open: (id) => void open(id),
      say,
    });
    find('#drawings').hidden = false;
    await map.drawn();
    status.hidden = true;
  } catch (error) {
    status.hidden = false;
    status.replaceChildren(`No map here: ${error.message}. Search and everything else work without it.`);
  }
}

/** How far from the middle of the map the middle of what the panel leaves free is. */
function offset() {
  const { left, width, height } = details.getBoundingClientRect();
  return width < innerWidth * 0.9 ? [-(innerWidth - left) / 2, 0] : [0, 40 - height / 2];
}

// ── One settlement ──────────────────────────────────────────────────────────────────────────────────────────────

let opened = 0;
async function open(id, effect) {
  const mine = ++opened;
  const branch = state.branch;
  const { settlement, inMain, cached } = await ask(QUERY, { id, branch, isWhatIf: branch !== 'main' });
  if (mine !== opened) return; // something else was opened meanwhile
  if (settlement === null) {
    toast('This place is not in this branch.');
    return;
  }
  const isOther = state.open?.id !== settlement.id;
  const focused = details.contains(document.activeElement) ? document.activeElement.dataset.test : undefined;
  const scrolled = details.scrollTop;
  if (effect !== undefined || isOther || state.open.version !== settlement.version) state.effect = effect;
  state.open = settlement;
  details.dataset.version = settlement.version;
  remember();
  live?.open(settlement.id);
  details.hidden = false;
  details.replaceChildren(
    ...render(
      { settlement, inMain, cached, branch, effect: state.effect },
      { open: (other) => void open(other), save: (fields) => (saving = save(fields)), close, resize },
    ).filter(Boolean),
  );
  if (focused !== undefined) (details.querySelector(`[data-test='${focused}']`) ?? details).focus();
  details.scrollTop = isOther ? 0 : scrolled;
  if (isOther) details.querySelector('h2').focus({ preventScroll: true });
  if (isOther) rules.placed();
  map?.open(settlement, isOther ? offset() : undefined);
}

const resize = () => details.classList.toggle('tall');

function close() {
  if (state.open === null) return;
  if (details.contains(document.activeElement)) input.focus();
  details.hidden = true;
  state.open = null;
  live?.open(null);
  remember();
  map?.close();
}

/** True while somebody has typed into the form what is not saved yet. */
const isEdited = () =>
  [...details.querySelectorAll('form.edit input')].some(({ value, defaultValue }) => value !== defaultValue);

/** The change that comes of it arrives as one of somebody else's would: it waits until this is shown. */
let saving = Promise.resolve();
async function save(fields) {
  const { id, name, version } = state.open;
  const was = state.open;
  const edited = Object.entries({ name: 'name', population: 'people' })
    .map(([key, field]) => ({ field, from: was[key], to: fields[key] }))
    .filter(({ from, to }) => from !== to);
  if (edited.length === 0) {
    toast('Nothing to save yet: change the name or the people first.');
    return;
  }
  try {
    const { edit } = await ask(EDIT, { id, branch: state.branch, version, fields });
    await open(id, { name, edited, changed: edit.changed });
    say(`Saved. ${edit.changed.stale.length} cached values are stale, ${edit.changed.stayed.length} stayed.`);
    reveal(details.querySelector('.tree'));
  } catch (error) {
    toast(error.code === 'CONFLICT' ? 'Somebody was quicker: the place was changed meanwhile.' : error.message);
    if (error.code !== 'CONFLICT') return;
    await open(id);
    // What was typed stays, to be saved over what somebody else wrote, or not.
    for (const field of details.querySelectorAll('form.edit input')) field.value = fields[field.name];
  }
}

const inDegrees = ({ lon, lat }) => `${lat.toFixed(2)}, ${lon.toFixed(2)}`;

/** Where the ring was let go. */
async function move({ id, version, to }) {
  try {
    const { move: moved } = await ask(MOVE, { id, branch: state.branch, version, ...to });
    await open(id, {
      name: state.open?.name,
      edited: [{ field: 'place', from: inDegrees(state.open), to: inDegrees(to) }],
      changed: moved.changed,
    });
    say(`Moved. ${moved.changed.stale.length} cached values are stale, ${moved.changed.stayed.length} stayed.`);
  } catch (error) {
    map.putBack();
    toast(error.code === 'CONFLICT' ? 'Somebody was quicker: the place was changed meanwhile.' : error.message);
  }
}

/** What lies over the upper edge of the panel on a phone. */
const HANDLES_PX = 52;

/** Scrolls the panel as far as it takes to see the beginning of a part of it. */
function reveal(part) {
  if (part === null) return;
  const room = details.clientHeight * 0.45;
  if (part.offsetTop - details.scrollTop > room) details.scrollTop = part.offsetTop - HANDLES_PX;
}

// ── Live ────────────────────────────────────────────────────────────────────────────────────────────────────────

const plot = createPlot({ svg: find('#figures svg'), rate: find('#rate'), totals: find('#totals') });
let live;
const WORDS = { connecting: 'connecting', open: 'live', waiting: 'reconnecting', refused: 'refused', closed: 'closed' };
function followBranch() {
  live?.stop();
  live = follow(state.branch, {
    change: (change) => void changed(change),
    missed: () => {
      if (state.open !== null) void open(state.open.id);
      void map?.show(state.branch);
    },
    state: showState,
    others: ({ all, here }) => {
      find('#others').textContent =
        all === 0 ? '' : `${all} ${all === 1 ? 'other looks' : 'others look'}${here === 0 ? '' : `, ${here} here`}`;
    },
  });
  live.open(state.open?.id ?? null);
}

function showState({ status, caughtUp }) {
  document.body.dataset.live = WORDS[status];
  find('#live').textContent = WORDS[status];
  if (status === 'open')
    find('#caught').textContent =
      caughtUp === 0 ? '' : `caught up ${caughtUp} ${caughtUp === 1 ? 'change' : 'changes'}`;
}

async function changed({ entityType, entityId, op, changes, branch }) {
  void branches.show(state.branch);
  if (entityType !== 'settlement' || entityId === null) {
    // What stands in a place is shown with it; with a kingdom all of its places come and go.
    if (entityType === 'structure' && state.open !== null && !isEdited()) await open(state.open.id);
    if (entityType !== 'structure' && op !== 'update') await map?.show(state.branch);
    if (entityType !== 'structure') void drawings?.again();
    return;
  }
  const { settlement } = await ask(
    'query($id: ID!, $branch: String) { settlement(id: $id, branch: $branch) { name population lon lat version } }',
    { id: entityId, branch: state.branch },
  );
  if (map?.change(entityId, settlement) === false) await map.show(state.branch);
  void drawings?.again();
  await saving;
  const isShown = state.open?.id === entityId && state.open.version === settlement?.version;
  if (settlement !== null) map?.flash(settlement.lon, settlement.lat);
  if (settlement !== null && !isShown) {
    const fields = (changes.fields ?? ['something']).filter((field) => field !== 'version');
    toast(`${settlement.name} changed in ${branch}: ${fields.join(', ')}`);
  }
  if (state.open?.id === entityId && !isShown && !isEdited()) await open(entityId);
}

// ── Branches ────────────────────────────────────────────────────────────────────────────────────────────────────

const branches = createBranches(
  { select: branchSelect, card: find('#lineage') },
  { open: (id) => void open(id), showOwn: (rows) => map?.showOwn(rows) },
);
branchSelect.addEventListener('change', async () => {
  state.branch = branchSelect.value;
  state.effect = undefined;
  remember();
  followBranch();
  await branches.show(state.branch);
  if (state.open !== null) await open(state.open.id);
  await map?.show(state.branch);
  void drawings?.again();
});

// ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────────────

const rules = createRules(find('#rules'), {
  branch: () => state.branch,
  place: () => state.open ?? map?.suggest(1)[0] ?? { id: undefined, name: 'a place' },
  open: (id) => void open(id),
  saved: async () => {
    if (state.open !== null) await open(state.open.id);
  },
  say,
});
find('#edit-rules').addEventListener('click', () => rules.toggle());

// ── Keyboard ────────────────────────────────────────────────────────────────────────────────────────────────────

createSearch(
  { form: find('form[role=search]'), input, list: find('#hits') },
  { branch: () => state.branch, open: (id) => open(id), say },
);
const surprise = () => {
  if (map !== null) void open(map.random());
};
find('#help').addEventListener('click', () => find('#shortcuts').showModal());
document.addEventListener('keydown', (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === 'Escape' && event.target !== input && !find('#shortcuts').open) {
    if (isEdited()) details.querySelector('form.edit').reset();
    else if (rules.isOpen) rules.toggle(false);
    else close();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {
    '/': () => input.focus(),
    '?': () => find('#shortcuts').showModal(),
    c: () => drawings?.pencil.take('circle'),
    p: () => drawings?.pencil.take('polygon'),
    g: () => find('.ring')?.focus(),
    b: () => branchSelect.focus(),
    e: () => find('#edit-name')?.focus(),
    m: () => find('#map canvas')?.focus(),
    r: surprise,
    t: () => find('#theme').click(),
    x: () => rules.toggle(),
  }[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

// ── The start ───────────────────────────────────────────────────────────────────────────────────────────────────

const isNarrow = matchMedia('(max-width: 60rem)').matches;
find('#figures').open = !isNarrow;
welcome.querySelector('.close').addEventListener('click', () => (welcome.hidden = true));

function suggest() {
  if (map === null) return;
  const chip = (text, choose, marks = {}) => h('button', { type: 'button', onclick: choose, ...marks }, text);
  find('#suggestions').replaceChildren(
    ...map.suggest(isNarrow ? 2 : 4).map(({ id, name }) => chip(name, () => void open(id))),
    chip('Surprise me', surprise, { class: 'main', title: 'A place at random (r)' }),
  );
}

const { counts, credits } = await load('/data/world.json');
input.placeholder = `Search ${number(counts.settlement)} places`;
find('#count').textContent = `${number(counts.settlement)} places, one cache that knows what changed`;
find('#credits').replaceChildren(
  ...credits.map(({ what, text, url }) => h('span', {}, `${what}: `, h('a', { href: url, rel: 'noopener' }, text))),
);
state.branch = await branches.show(state.branch);
followBranch();
plot(await load('/stats').then(({ tier1, ...figures }) => ({ ...figures, entries: tier1.entries })));
watchFigures(plot);
await startMap();
suggest();
if (state.branch !== 'main') await branches.show(state.branch);
if (linked.has('id')) await open(linked.get('id'));
remember();
document.body.dataset.ready = 'true';
