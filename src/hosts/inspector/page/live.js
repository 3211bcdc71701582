import { card, counted, figures, h, number, pill } from './dom.js';
import { ask, put } from './server.js';
import { partsOf, subjectWords } from './words.js';

/** Who follows what, and how far behind each is. */
export function createLive() {
  const now = h('div', {}, h('p', { class: 'soft' }, 'asking …'));
  const look = () => {
    if (now.offsetParent !== null) void put(now, ask('subscriptions'), shown);
  };
  return {
    element: h('div', { class: 'panel' }, card('Subscriptions of this replica', now)),
    shown: look,
    sample: look,
  };
}

function shown({ subscriptions, connections, behind, furthestBehind, delivered, resyncs }) {
  const sum = (counts) => counts.reduce((all, { count }) => all + count, 0);
  return [
    figures({
      connections: number(connections),
      subscriptions: number(subscriptions.reduce((all, { count }) => all + count, 0)),
      'with items to read': number(behind),
      'furthest behind': counted(furthestBehind, 'item'),
      delivered: number(sum(delivered)),
      resyncs: number(sum(resyncs)),
    }),
    subscriptions.length === 0
      ? h('p', { class: 'soft' }, 'Nobody follows anything here.')
      : h(
          'div',
          { class: 'scroll' },
          h(
            'table',
            {},
            h(
              'thead',
              {},
              h(
                'tr',
                {},
                ['what is followed', 'room', 'by how many', 'lag'].map((name) => h('th', { scope: 'col' }, name)),
              ),
            ),
            h(
              'tbody',
              {},
              [...subscriptions]
                .sort((a, b) => b.behind - a.behind || b.count - a.count)
                .slice(0, 300)
                .map(line),
            ),
          ),
        ),
    subscriptions.length > 300 ? h('p', { class: 'soft' }, `and ${number(subscriptions.length - 300)} more`) : null,
  ].filter((part) => part !== null);
}

/** A room is the entity that a target begins with: `settlement:7` are its own changes and those of its children. */
function roomOf(target) {
  const [kind, type, id] = partsOf(target.split(', ')[0]);
  return kind === 'entity' ? `${type}:${id}` : '';
}

const line = ({ target, count, behind }) =>
  h(
    'tr',
    {},
    h('th', { scope: 'row', title: target }, target.split(', ').map(subjectWords).join('; ')),
    h('td', {}, h('code', {}, roomOf(target))),
    h('td', {}, number(count)),
    h('td', {}, behind === 0 ? pill('none', 'good') : pill(counted(behind, 'item'), 'odd')),
  );
