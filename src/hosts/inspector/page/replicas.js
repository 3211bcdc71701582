import { card, clock, duration, h, number, percent, pill } from './dom.js';

const WORDS = {
  current: ['current', 'good'],
  behind: ['behind', 'bad'],
  silent: ['silent', 'bad'],
  idle: ['has read nothing yet', undefined],
};

/** All replicas as they say of themselves, and those that fell silent. */
export function createReplicas({ alarm }) {
  const list = h('div', { class: 'scroll' }, h('p', { class: 'soft' }, 'asking …'));
  const said = h('p', { role: 'status', 'data-test': 'verdict' });
  return {
    element: h(
      'div',
      { class: 'panel' },
      card('Which replica is behind', said, list),
      h(
        'p',
        { class: 'soft' },
        'Asked over the bus every two seconds, while a page is open. Nobody knows how many there are: one that ended before it was ever heard is not listed.',
      ),
    ),
    replicas: ({ at, replicas, unreachable }) => {
      const wrong = replicas.filter(({ state }) => state === 'behind' || state === 'silent');
      const sentences = wrong.map((one) => sentence(one, at));
      if (unreachable !== null) sentences.unshift(`The others could not be asked: ${unreachable}`);
      const text = sentences.length === 0 ? 'None: all that answer are current.' : sentences.join(' ');
      if (said.textContent !== text) said.textContent = text;
      said.className = sentences.length === 0 ? '' : 'bad';
      alarm(sentences.length === 0 ? null : text);
      list.replaceChildren(table(replicas, at));
    },
  };
}

function sentence({ id, own, state, since, unconfirmedMs }, now) {
  const name = own ? `Replica ${id} (this one)` : `Replica ${id}`;
  if (state === 'silent')
    return `${name} has been silent since ${clock(since).textContent}, for ${duration(now - since)}: killed, paused or cut off.`;
  return `${name} has been behind since ${clock(since).textContent}: its marks were not confirmed for ${duration(unconfirmedMs)}, and it trusts none of them.`;
}

function table(replicas, now) {
  const head = ['replica', 'state', 'since', 'marks confirmed', 'up for', 'hit rate', 'entries', 'version'];
  const line = ({ id, own, state, since, unconfirmedMs, heardAt, startedAt, hits, misses, entries, version }) =>
    h(
      'tr',
      { 'data-replica': id, 'data-state': state },
      h('th', { scope: 'row' }, h('code', {}, id), own ? ' (this one)' : ''),
      h('td', {}, pill(...WORDS[state])),
      h('td', {}, since === null ? '' : clock(since)),
      h('td', {}, unconfirmedMs === null ? 'never yet' : `${duration(unconfirmedMs + now - heardAt)} ago`),
      h('td', {}, duration(heardAt - startedAt)),
      h('td', {}, percent(hits, hits + misses)),
      h('td', {}, number(entries)),
      h('td', {}, version),
    );
  return h(
    'table',
    {},
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        head.map((name) => h('th', { scope: 'col' }, name)),
      ),
    ),
    h('tbody', {}, replicas.map(line)),
  );
}
