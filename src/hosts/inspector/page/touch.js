import { card, counted, field, h, number, pill } from './dom.js';
import { ask, put } from './server.js';
import { keyLink, subjectItem } from './words.js';

const OPS = ['update', 'create', 'delete', 'restore'];

/** What a change would touch. It is asked, never made. */
export function createTouch({ go }) {
  const result = h('div', { 'aria-live': 'polite', class: 'result' });
  const type = h('select', { name: 'type' });
  const id = h('input', { name: 'id', required: true, autocomplete: 'off', placeholder: 's1' });
  const op = h(
    'select',
    { name: 'op' },
    OPS.map((name) => h('option', {}, name)),
  );
  const branch = h('input', { name: 'branch', autocomplete: 'off' });
  const where = field('branch', branch);
  const form = h(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        go('touch', { type: type.value, id: id.value.trim(), op: op.value, branch: branch.value.trim() });
      },
    },
    field('type', type),
    field('id', id),
    field('op', op),
    where,
    h('button', { class: 'main' }, 'Ask'),
  );
  return {
    element: h(
      'div',
      { class: 'panel' },
      card('What would a change touch?', form, h('p', { class: 'soft' }, 'Nothing is run, and nothing is changed.')),
      result,
    ),
    hello: ({ types, branches, root }) => {
      type.replaceChildren(...types.map((one) => h('option', {}, one.type)));
      branch.value ||= root;
      where.hidden = !branches;
    },
    shown: (asked) => {
      if (asked.id === undefined) return;
      if (asked.type !== undefined) type.value = asked.type;
      id.value = asked.id;
      op.value = asked.op ?? 'update';
      if (asked.branch !== undefined) branch.value = asked.branch;
      const { type: of, branch: at } = asked;
      void put(result, ask('explain', { type: of, id: asked.id, op: op.value, branch: at }), (found) =>
        touched(found, go),
      );
    },
  };
}

function touched({ type, id, op, isHeld, subjects, entries, more, views, subscribers, advice, fields }, go) {
  const carrying = (subject) => entries.filter(({ because }) => because.includes(subject));
  const told = (subject) => subscribers.find((one) => one.subject === subject)?.count ?? 0;
  const branch = ({ subject, why }) =>
    h(
      'li',
      {},
      subjectItem(subject),
      h('span', { class: 'soft' }, ` · ${why}`),
      told(subject) > 0 ? [' ', pill(counted(told(subject), 'subscriber'), 'odd')] : null,
      h(
        'ul',
        {},
        carrying(subject).map(({ key, kind }) =>
          h('li', {}, h('span', { class: 'soft' }, `${kind} `), keyLink(key, go)),
        ),
      ),
    );
  const [touching, idle] = [true, false].map((is) =>
    subjects.filter(({ subject }) => (carrying(subject).length > 0 || told(subject) > 0) === is),
  );
  return h(
    'section',
    { class: 'card', 'data-test': 'touched' },
    h('h2', {}, `To ${op} ${type} ${id}`),
    h(
      'p',
      {},
      pill(counted(entries.length + more, 'entry here', 'entries here'), entries.length > 0 ? 'bad' : undefined),
      ' ',
      pill(counted(views.length, 'view')),
      ' ',
      pill(
        counted(
          subscribers.reduce((sum, { count }) => sum + count, 0),
          'subscription',
        ),
      ),
      ' ',
      pill(counted(fields.length, 'computed field')),
    ),
    isHeld
      ? null
      : h('p', { class: 'soft' }, 'Its record is not held here, so that it is not known where it hangs and lies.'),
    advice.map((text) => h('p', { class: 'soft' }, isHeld ? text : `A change: ${text}`)),
    touching.length > 0
      ? [h('h3', {}, 'Would go stale, or be told'), h('ul', { class: 'tree' }, touching.map(branch))]
      : h('p', {}, 'Nothing that is held here would go stale.'),
    more > 0 ? h('p', { class: 'soft' }, `and ${number(more)} entries more`) : null,
    views.length > 0 ? [h('h3', {}, 'Views'), h('p', {}, views.join(', '))] : null,
    fields.length > 0
      ? [
          h('h3', {}, 'Computed fields that read such entities'),
          h(
            'ul',
            { class: 'tree' },
            fields.map((one) =>
              h('li', {}, h('b', {}, one.field), h('span', { class: 'soft' }, ` · reads ${one.through.join(', ')}`)),
            ),
          ),
        ]
      : null,
    idle.length > 0
      ? h(
          'details',
          {},
          h('summary', {}, `${counted(idle.length, 'mark')} that nothing here carries`),
          h(
            'ul',
            { class: 'tree' },
            idle.map(({ subject, why }) =>
              h('li', {}, subjectItem(subject), h('span', { class: 'soft' }, ` · ${why}`)),
            ),
          ),
        )
      : null,
  );
}
