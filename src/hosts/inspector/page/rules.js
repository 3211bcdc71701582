import { card, counted, field, h, number, pill, svg } from './dom.js';
import { ask, put } from './server.js';

/** The rules of computed fields, what reads what, and how one value came about. */
export function createRules({ go }) {
  const graph = h('div', { class: 'scroll' });
  const list = h('div');
  const trace = h('div', { 'aria-live': 'polite', class: 'result' });
  const type = h('select', { name: 'type', onchange: () => fillFields() });
  const name = h('select', { name: 'field' });
  const id = h('input', { name: 'id', required: true, autocomplete: 'off', placeholder: 's1' });
  const branch = h('input', { name: 'branch', autocomplete: 'off' });
  const where = field('branch', branch);
  let types = [];
  const fillFields = () => {
    const { computed = [] } = types.find((one) => one.type === type.value) ?? {};
    name.replaceChildren(...computed.map((one) => h('option', {}, one)));
  };
  const form = h(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        go('rules', { type: type.value, id: id.value.trim(), field: name.value, branch: branch.value.trim() });
      },
    },
    field('type', type),
    field('field', name),
    field('id', id),
    where,
    h('button', { class: 'main' }, 'Trace'),
  );
  const none = h('p', { class: 'soft' }, 'The model declares no computed fields.');
  const tracing = card('How a value came about', form, trace);
  let asked;
  return {
    element: h(
      'div',
      { class: 'panel' },
      none,
      card('What reads what, in the order of evaluation', graph),
      tracing,
      card('Rules', list),
    ),
    hello: ({ types: all, branches, root }) => {
      types = all.filter(({ computed }) => computed.length > 0);
      none.hidden = types.length > 0;
      type.replaceChildren(...types.map((one) => h('option', {}, one.type)));
      fillFields();
      branch.value ||= root;
      where.hidden = !branches;
      asked = undefined;
    },
    shown: ({ type: of, id: one, field: which, branch: at }) => {
      const here = at ?? branch.value;
      if (asked !== here) {
        asked = here;
        const asking = ask('rules', { branch: here });
        void put(graph, asking, (found) => graphOf(found));
        void put(
          list,
          asking.then((found) => found),
          ({ rules }) => rulesOf(rules),
        );
      }
      if (one === undefined) return;
      if (of !== undefined) type.value = of;
      fillFields();
      name.value = which;
      id.value = one;
      void put(trace, ask('trace', { type: of, id: one, field: which, branch: at }), (found) =>
        found === null ? h('p', {}, `There is no ${of} ${one}.`) : traceOf(found),
      );
    },
  };
}

function rulesOf(rules) {
  if (rules.length === 0) return h('p', { class: 'soft' }, 'There are no rules in this branch.');
  return h(
    'ul',
    { class: 'rows' },
    rules.map(({ id, entityType, entityId, field: name, priority, isActive, description, expression }) =>
      h(
        'li',
        {},
        h(
          'details',
          {},
          h(
            'summary',
            {},
            h('b', {}, `${entityType}.${name}`),
            ' ',
            h(
              'span',
              { class: 'soft' },
              `${id}, priority ${number(priority)}${entityId === null ? '' : `, for ${entityId} only`}`,
            ),
            isActive ? null : [' ', pill('not active', 'odd')],
          ),
          description === undefined ? null : h('p', { class: 'soft' }, description),
          h('pre', { tabindex: '0' }, expression),
        ),
      ),
    ),
  );
}

// ── The graph ───────────────────────────────────────────────────────────────────────────────────────────────────

const [WIDTH, LINE, GAP] = [210, 34, 90];

/** What is read on the left, fields to the right of all that they read. */
function graphOf({ fields, problem }) {
  if (problem !== null) return h('p', { class: 'bad' }, problem);
  if (fields.length === 0) return h('p', { class: 'soft' }, 'There are no computed fields.');
  const names = new Set(fields.map(({ field: name }) => name));
  const columnOf = new Map();
  for (const { field: name, reads } of fields) {
    const before = reads.map((read) => columnOf.get(read.field) ?? 0);
    columnOf.set(name, 1 + Math.max(0, ...before));
  }
  const facts = [
    ...new Set(
      fields.flatMap(({ reads }) =>
        reads.filter((read) => !names.has(read.field)).map(({ text }) => text || 'everything'),
      ),
    ),
  ];
  const columns = [];
  const place = (name, column, is) => {
    const at = (columns[column] ??= []);
    at.push({ name, is });
    return [column * (WIDTH + GAP), (at.length - 1) * (LINE + 10)];
  };
  const places = new Map(facts.map((text) => [`fact ${text}`, place(text, 0, 'fact')]));
  for (const { field: name } of fields) places.set(`field ${name}`, place(name, columnOf.get(name), 'field'));
  const edges = fields.flatMap(({ field: name, reads }) =>
    [
      ...new Set(
        reads.map((read) => (names.has(read.field) ? `field ${read.field}` : `fact ${read.text || 'everything'}`)),
      ),
    ].map((from) => {
      const [[x, y], [toX, toY]] = [places.get(from), places.get(`field ${name}`)];
      const [a, b] = [x + WIDTH, toX];
      return svg('path', {
        class: 'edge',
        d: `M${a} ${y + LINE / 2}C${a + GAP / 2} ${y + LINE / 2} ${b - GAP / 2} ${toY + LINE / 2} ${b} ${toY + LINE / 2}`,
      });
    }),
  );
  const nodes = [...places].map(([key, [x, y]]) => {
    const [is] = key.split(' ', 1);
    const name = key.slice(is.length + 1);
    const short = name.length > 30 ? `${name.slice(0, 29)}…` : name;
    return svg(
      'g',
      { class: 'node', 'data-is': is, transform: `translate(${x} ${y})` },
      svg('title', {}, name),
      svg('rect', { width: WIDTH, height: LINE, rx: 8 }),
      svg('text', { x: 10, y: 21 }, short),
    );
  });
  const width = Math.max(...[...places.values()].map(([x]) => x)) + WIDTH;
  const height = Math.max(...columns.map((column) => (column ?? []).length)) * (LINE + 10);
  const drawn = svg(
    'svg',
    {
      viewBox: `-1 -1 ${width + 2} ${height + 2}`,
      width: width + 2,
      height: height + 2,
      role: 'img',
      'aria-label': 'Computed fields and what they read; the list beneath says the same',
    },
    edges,
    nodes,
  );
  drawn.style.width = `${width + 2}px`;
  return [
    drawn,
    h(
      'details',
      {},
      h('summary', {}, `In words: ${counted(fields.length, 'field')}`),
      h(
        'ol',
        { class: 'tree' },
        fields.map(({ field: name, kind, reads }) =>
          h(
            'li',
            {},
            h('b', {}, name),
            h(
              'span',
              { class: 'soft' },
              ` ${kind}, reads ${[...new Set(reads.map(({ text }) => text))].join(', ') || 'nothing'}`,
            ),
          ),
        ),
      ),
    ),
  ];
}

// ── A trace ─────────────────────────────────────────────────────────────────────────────────────────────────────

const OUTCOMES = { taken: 'good', failed: 'bad', inactive: undefined, 'not asked': undefined };

function traceOf({ value, by, candidates }) {
  return h(
    'div',
    { 'data-test': 'trace' },
    h('p', {}, 'Value ', h('code', {}, value), by === null ? ': no rule gives one' : [' by rule ', h('b', {}, by)]),
    candidates.map(({ rule, priority, outcome, error, trace }) =>
      h(
        'div',
        {},
        h(
          'p',
          {},
          pill(outcome, OUTCOMES[outcome]),
          ` ${rule}`,
          h('span', { class: 'soft' }, ` priority ${number(priority)}`),
          error === null ? null : h('span', { class: 'bad' }, ` ${error}`),
        ),
        trace === null ? null : h('ul', { class: 'tree' }, nodeOf(trace)),
      ),
    ),
  );
}

const nodeOf = ({ pointer, operator, value, failed, taken, children, hidden }) =>
  h(
    'li',
    { title: pointer || '/' },
    h('b', {}, operator),
    ' → ',
    h('code', { class: failed ? 'bad' : undefined }, value),
    taken === null ? null : h('span', { class: 'soft' }, ` by ${taken}`),
    children.length + hidden === 0
      ? null
      : h('ul', {}, children.map(nodeOf), hidden > 0 ? h('li', { class: 'soft' }, `… ${number(hidden)} more`) : null),
  );
