import { button, card, clock, counted, h, number, pill } from './dom.js';
import { ask, put } from './server.js';
import { changeWords, keyLink, subjectItem } from './words.js';

const SHOWN = 100;

/** What changed, newest first; and of one change what went stale, what was loaded again and what stayed, as a tree. */
export function createChanges({ go }) {
  const list = h('ol', { class: 'rows tall', 'aria-label': 'Changes, newest first' });
  const notes = h('ol', { class: 'rows tall', 'aria-label': 'What else happened, newest first' });
  const tree = h('div', {}, h('p', { class: 'soft' }, 'Choose a change.'));
  const element = h(
    'div',
    { class: 'panel' },
    h(
      'div',
      { class: 'columns' },
      card('Changes heard here', list),
      h('section', { class: 'card', 'aria-live': 'polite', id: 'cascade' }, h('h2', {}, 'What it did'), tree),
    ),
    card('What else happened', notes),
  );
  const empty = (of, text) => {
    if (of.childElementCount === 0) of.append(h('li', { class: 'soft empty' }, text));
  };
  const add = (to, item) => {
    to.querySelector('.empty')?.remove();
    to.prepend(item);
    while (to.childElementCount > SHOWN) to.lastElementChild.remove();
  };
  const line = (change) =>
    h(
      'li',
      { class: 'row' },
      button(changeWords(change), () => go('changes', { change: change.changeId }), {
        class: 'link',
        'data-change': change.changeId,
      }),
      h('span', { class: 'soft' }, counted(change.subjectCount, 'mark'), ' · ', clock(change.at)),
    );

  const show = ({ change }) => {
    for (const each of list.querySelectorAll('button')) {
      each.setAttribute('aria-current', String(each.dataset.change === change));
    }
    if (change === undefined) return;
    void put(tree, ask('cascade', { change }), (found) =>
      found === null ? h('p', { class: 'soft' }, 'This change is not remembered any more.') : treeOf(found, go),
    );
  };

  return {
    element,
    shown: show,
    hello: ({ changes, notes: past }) => {
      list.replaceChildren();
      notes.replaceChildren();
      for (const change of changes) add(list, line(change));
      for (const note of past) add(notes, noteLine(note));
      empty(list, 'None since the inspector was attached.');
      empty(notes, 'No gap, no outage, no error.');
    },
    changes: ({ changes, left }) => {
      for (const change of changes) {
        const item = line(change);
        item.classList.add('new');
        add(list, item);
      }
      if (left > 0) add(list, h('li', { class: 'soft' }, `and ${number(left)} before these, too many to list`));
    },
    notes: (fresh) => {
      for (const note of fresh) add(notes, noteLine(note));
    },
  };
}

const noteLine = ({ at, kind, text }) =>
  h(
    'li',
    { class: 'row' },
    h('span', {}, pill(kind, ['error', 'gap', 'outage', 'queued', 'stale'].includes(kind) ? 'bad' : 'good'), ' ', text),
    h('span', { class: 'soft' }, clock(at)),
  );

/** The change, the marks that it wrote, and beneath each what carried it. */
function treeOf({ change, stale, reloaded, stayed, spared, more }, go) {
  const carriers = (subject) =>
    [
      ...stale.map((entry) => ({ ...entry, is: 'stale', state: 'bad' })),
      ...reloaded.map((entry) => ({ ...entry, is: 'loaded again', state: 'good' })),
    ].filter(({ because }) => because.includes(subject));
  const touched = change.subjects.filter(({ subject }) => carriers(subject).length > 0);
  const untouched = change.subjects.filter(({ subject }) => carriers(subject).length === 0);
  const branch = ({ subject, why }) =>
    h(
      'li',
      {},
      subjectItem(subject),
      why === null ? null : h('span', { class: 'soft' }, ` · ${why}`),
      h(
        'ul',
        {},
        unique(carriers(subject)).map(({ key, kind, is, state }) =>
          h('li', {}, pill(is, state), ' ', h('span', { class: 'soft' }, `${kind} `), keyLink(key, go)),
        ),
      ),
    );
  return [
    h('p', {}, changeWords(change), ' · ', clock(change.at)),
    h(
      'p',
      {},
      pill(`${number(stale.length)} stale`, stale.length > 0 ? 'bad' : undefined),
      ' ',
      pill(`${number(unique(reloaded).length)} loaded again`, 'good'),
      ' ',
      pill(`${number(stayed.reduce((sum, { count }) => sum + count, 0) + spared.length)} stayed`),
      more > 0 ? ` and ${number(more)} more` : null,
    ),
    touched.length > 0
      ? [h('h3', {}, 'Went stale'), h('ul', { class: 'tree', 'data-test': 'stale' }, touched.map(branch))]
      : h('p', { class: 'soft' }, 'Nothing that this replica holds carried one of its marks.'),
    stayed.length + spared.length > 0
      ? [
          h('h3', {}, 'Stayed'),
          h('p', { class: 'soft' }, 'They carry none of these marks.'),
          h(
            'ul',
            { class: 'tree', 'data-test': 'stayed' },
            spared.map((key) =>
              h('li', {}, keyLink(key, go), h('span', { class: 'soft' }, ' · it lay beside its area')),
            ),
            stayed.map(({ kind, type, count, keys }) =>
              h(
                'li',
                {},
                `${counted(count, `${kind} of ${type}`, `${kind}s of ${type}`)}: `,
                keys.map((key, i) => [i === 0 ? '' : ', ', keyLink(key, go)]),
                count > keys.length ? ' …' : '',
              ),
            ),
          ),
        ]
      : null,
    untouched.length > 0
      ? h(
          'details',
          {},
          h('summary', {}, `${counted(untouched.length, 'mark')} that nothing held here carried`),
          h(
            'ul',
            { class: 'tree' },
            untouched.map(({ subject, why }) =>
              h('li', {}, subjectItem(subject), why === null ? null : h('span', { class: 'soft' }, ` · ${why}`)),
            ),
          ),
        )
      : null,
  ].filter((part) => part !== null);
}

const unique = (entries) => [...new Map(entries.map((entry) => [entry.key, entry])).values()];
