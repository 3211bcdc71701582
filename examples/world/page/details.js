/** The panel of one settlement: its record, where it belongs, what is cached of it, and what an edit made stale. */

const number = (value) => value.toLocaleString('en');
const age = (ms) =>
  ms < 1000 ? 'new' : ms < 60_000 ? `${Math.round(ms / 1000)} s old` : `${Math.round(ms / 60_000)} min old`;

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

export const QUERY = `query Details($id: ID!, $branch: String) {
  cached(type: settlement, id: $id, branch: $branch) { key label state ageMs }
  settlement(id: $id, branch: $branch) {
    id name population level lon lat version inherited
    kingdom { id name campaign { name } summary { people settlements } }
    structures { id name kind code }
    nearby { id name population }
  }
}`;

export const EDIT = `mutation Edit($id: ID!, $branch: String, $version: Int, $fields: Fields!) {
  edit(type: settlement, id: $id, branch: $branch, expectedVersion: $version, fields: $fields) {
    changed { stale { key label ageMs because } stayed { key label ageMs } subjects { subject why } }
  }
}`;

export function render({ settlement, cached, branch, changed }, { open, save, close }) {
  const { name, population, level, version, inherited, kingdom, structures, nearby } = settlement;
  return [
    h('button', { class: 'close', type: 'button', 'aria-label': 'Close', onclick: close }, '✕'),
    h(
      'nav',
      { 'aria-label': 'Where it belongs' },
      [kingdom?.campaign?.name, kingdom?.name].filter(Boolean).join(' › '),
    ),
    h('h2', {}, name),
    h('p', {}, `${number(population)} people · level ${level} · version ${version} `, own(branch, inherited)),
    kingdom === null
      ? null
      : h(
          'p',
          {},
          `One of ${number(kingdom.summary.settlements)} places and ${number(kingdom.summary.people)} people in ${kingdom.name}.`,
        ),
    h('h3', {}, 'Change it'),
    h(
      'form',
      {
        class: 'edit',
        onsubmit: (event) => {
          event.preventDefault();
          const { name, population } = event.target.elements;
          save({ name: name.value.trim(), population: Number(population.value) });
        },
      },
      h(
        'div',
        {},
        h('label', { for: 'edit-name' }, 'Name'),
        h('input', { id: 'edit-name', 'data-test': 'edit-name', name: 'name', value: name, required: true }),
      ),
      h(
        'div',
        {},
        h('label', { for: 'edit-population' }, 'People'),
        h('input', {
          id: 'edit-population',
          'data-test': 'edit-population',
          name: 'population',
          type: 'number',
          min: 0,
          value: population,
          required: true,
        }),
      ),
      h('button', { 'data-test': 'save' }, `Save in ${branch}`),
    ),
    changed === undefined ? null : tree(changed),
    h('h3', {}, 'What was in memory when you opened it'),
    h(
      'ul',
      {},
      cached.map(({ label, state, ageMs }) =>
        h(
          'li',
          { 'data-test': 'cached-item' },
          h('span', {}, label),
          h(
            'span',
            { class: state === 'HIT' ? 'hit' : 'miss' },
            state === 'HIT' ? `hit in tier 1, ${age(ageMs ?? 0)}` : 'not held',
          ),
        ),
      ),
    ),
    h('h3', {}, structures.length === 0 ? 'No airport' : 'Airports'),
    h(
      'ul',
      {},
      structures.map(({ name, code, kind }) => h('li', {}, h('span', {}, name), h('span', {}, code || kind))),
    ),
    h('h3', {}, 'Nearby'),
    h(
      'ul',
      {},
      nearby.map((near) =>
        h(
          'li',
          {},
          h('button', { class: 'link', type: 'button', onclick: () => open(near.id) }, near.name),
          h('span', {}, number(near.population)),
        ),
      ),
    ),
  ];
}

function own(branch, inherited) {
  if (branch === 'main') return null;
  return h('span', { class: inherited ? 'badge' : 'badge own' }, inherited ? 'inherited' : 'this branch’s own');
}

/** The change at the root, what it touched, and beneath each the held values that were read from it. */
function tree({ stale, stayed, subjects }) {
  let n = 0;
  const value = (kind) => (entry) =>
    h(
      'li',
      { class: kind, 'data-test': `${kind}-item`, style: `--n:${n++}` },
      h('span', {}, entry.label),
      h('span', {}, kind === 'stale' ? 'stale' : '✓ stayed'),
    );
  const branch = (title, kind, entries) =>
    entries.length === 0
      ? null
      : h('li', { class: 'branch', style: `--n:${n++}` }, h('span', {}, title), h('ul', {}, entries.map(value(kind))));
  const shown = stayed.slice(0, MOST_STAYED);
  const hidden = stayed.length - shown.length;
  return h(
    'section',
    { class: 'tree', 'aria-label': 'What the change made stale' },
    h(
      'h3',
      {},
      `${counted(subjects.length, 'mark')} bumped: ${counted(stale.length, 'value')} stale, ${stayed.length} stayed`,
    ),
    h(
      'ul',
      {},
      groupedByReason(stale).map(([reason, entries]) => branch(reason, 'stale', entries)),
      branch(hidden > 0 ? `untouched, and ${hidden} more` : 'untouched', 'stayed', shown),
    ),
  );
}
const MOST_STAYED = 12;
const counted = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Each stale value once, under the first reason that it has. */
function groupedByReason(stale) {
  const groups = new Map();
  for (const entry of stale) {
    const reason = entry.because[0] ?? 'through another value';
    groups.set(reason, [...(groups.get(reason) ?? []), entry]);
  }
  return [...groups];
}
