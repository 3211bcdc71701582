import { h, number } from '/page/dom.js';
import { tree } from '/page/tree.js';

/** The panel of one settlement: its record, where it belongs, what is cached of it, and what an edit made stale. */

export const QUERY = `query Details($id: ID!, $branch: String, $isWhatIf: Boolean!) {
  cached(type: settlement, id: $id, branch: $branch) { key label state ageMs }
  inMain: settlement(id: $id) @include(if: $isWhatIf) { name population }
  settlement(id: $id, branch: $branch) {
    id name population level lon lat version inherited
    fields { isTradeHub standing income }
    kingdom { id name campaign { name } summary { people settlements } }
    structures { id name kind code lon lat }
    nearby { id name population }
  }
}`;

export const EDIT = `mutation Edit($id: ID!, $branch: String, $version: Int, $fields: Fields!) {
  edit(type: settlement, id: $id, branch: $branch, expectedVersion: $version, fields: $fields) {
    changed { stale { key label ageMs because } stayed { key label ageMs } subjects { subject why } }
  }
}`;

export const MOVE = `mutation Move($id: ID!, $branch: String, $version: Int, $lon: Float!, $lat: Float!) {
  move(id: $id, branch: $branch, expectedVersion: $version, lon: $lon, lat: $lat) {
    changed { stale { key label ageMs because } stayed { key label ageMs } subjects { subject why } }
  }
}`;

export function render({ settlement, inMain, cached, branch, effect }, act) {
  const { name, population, level, version, kingdom, fields } = settlement;
  const { people, settlements } = kingdom?.summary ?? {};
  return [
    h(
      'div',
      { class: 'handles' },
      h('button', { class: 'grab', type: 'button', 'aria-label': 'Taller or lower', onclick: act.resize }),
      h(
        'button',
        { class: 'close', type: 'button', 'aria-label': 'Close', title: 'Close (Esc)', onclick: act.close },
        '✕',
      ),
    ),
    h('p', { class: 'path' }, [kingdom?.campaign?.name, kingdom?.name].filter(Boolean).join(' › ')),
    h('h2', { tabindex: '-1', 'data-test': 'name' }, name),
    h('p', { class: 'facts' }, `${number(population)} people · level ${level} · version ${version}`),
    h('p', { class: 'facts', 'data-test': 'fields' }, inWords(fields)),
    lineage(settlement, inMain, branch),
    kingdom?.summary == null
      ? null
      : h(
          'p',
          { class: 'soft' },
          `One of ${number(settlements)} places in ${kingdom.name}, with ${number(people)} people.`,
        ),
    form(settlement, branch, act),
    effect === undefined ? null : tree(effect),
    h('h3', {}, 'In memory when you opened it'),
    h('ul', { class: 'rows' }, cached.map(cachedItem)),
    h('h3', {}, settlement.structures.length === 0 ? 'No airport or other structure' : 'Structures'),
    h(
      'ul',
      { class: 'rows' },
      settlement.structures.map(({ name, code, kind }) =>
        h('li', {}, h('span', {}, name), h('span', {}, code ? `${kind} ${code}` : kind)),
      ),
    ),
    h('h3', {}, 'Nearby'),
    h(
      'ul',
      { class: 'rows' },
      settlement.nearby.map(({ id, name, population }) =>
        h(
          'li',
          {},
          h('button', { class: 'link', type: 'button', onclick: () => act.open(id) }, name),
          h('span', {}, `${number(population)} people`),
        ),
      ),
    ),
  ];
}

/** What rules say of it. */
function inWords({ isTradeHub, standing, income }) {
  const earns = income === null ? null : `earns ${number(Math.round(income))}`;
  return [standing, isTradeHub === true ? 'a trade hub' : null, earns].filter(Boolean).join(' · ');
}

/** In a what-if: whether the row is inherited, and what `main` has instead. */
function lineage({ inherited, name, population }, inMain, branch) {
  if (branch === 'main') return null;
  const badge = h('span', { class: inherited ? 'badge' : 'badge own' }, inherited ? 'inherited' : 'own row');
  if (inherited) return h('p', { class: 'soft' }, badge, ' The row of main, until you save one here.');
  const differs = [
    inMain && inMain.name !== name ? inMain.name : null,
    inMain && inMain.population !== population ? `${number(inMain.population)} people` : null,
  ].filter(Boolean);
  const there =
    inMain === null ? 'Not in main.' : differs.length > 0 ? `In main: ${differs.join(', ')}.` : 'As in main.';
  return h('p', { class: 'soft' }, badge, ` ${there}`);
}

function form({ name, population }, branch, { save }) {
  const grown = (share) => Math.max(0, Math.round(population * share));
  const field = (id, text, attributes) =>
    h(
      'div',
      {},
      h('label', { for: `edit-${id}` }, text),
      h('input', { id: `edit-${id}`, 'data-test': `edit-${id}`, name: id, required: true, ...attributes }),
    );
  const nudge = (text, share) =>
    h(
      'button',
      { type: 'button', class: 'quiet', 'data-test': 'nudge', onclick: () => save({ name, population: grown(share) }) },
      text,
    );
  return h(
    'form',
    {
      class: 'edit',
      onsubmit: (event) => {
        event.preventDefault();
        const { name, population } = event.target.elements;
        save({ name: name.value.trim(), population: Number(population.value) });
      },
    },
    field('name', 'Name', { value: name, maxlength: 200 }),
    field('population', 'People', { value: population, type: 'number', min: 0, max: 2 ** 31 - 1 }),
    h('button', { 'data-test': 'save' }, `Save in ${branch}`),
    population > 0 ? [nudge('−10 % people', 0.9), nudge('+10 % people', 1.1)] : null,
  );
}

function cachedItem({ label, state, ageMs }) {
  const isHeld = state === 'HIT';
  return h(
    'li',
    { 'data-test': 'cached-item' },
    h('span', {}, label),
    isHeld
      ? h('span', { class: 'hit' }, `hit · tier 1 · ${age(ageMs ?? 0)}`)
      : h('span', { class: 'miss', title: 'Not held: read from the origin' }, 'miss · origin'),
  );
}

function age(ms) {
  if (ms < 1000) return 'under 1 s';
  return ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
