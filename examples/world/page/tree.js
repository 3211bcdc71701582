import { counted, h, number } from '/page/dom.js';

const MOST_STAYED = 12;

/** What an edit did: the change at the root, why something became stale, and beneath it the held values concerned. */
export function tree({ name, edited, changed: { stale, stayed, subjects } }) {
  const shown = stayed.slice(0, MOST_STAYED);
  const hidden = stayed.length - shown.length;
  let n = 0;
  const value = (kind) => (entry) =>
    h(
      'li',
      { class: kind, 'data-test': `${kind}-item`, style: `--n:${n++}` },
      h('span', {}, entry.label),
      h('span', {}, kind === 'stale' ? '✕ stale' : '✓ stayed'),
    );
  const group = (title, kind, entries) =>
    entries.length === 0
      ? null
      : h('li', { class: 'group', style: `--n:${n++}` }, h('span', {}, title), h('ul', {}, entries.map(value(kind))));
  return h(
    'section',
    { class: 'tree', 'data-test': 'tree', 'aria-label': 'What the change made stale, and what stayed' },
    h('h3', {}, 'What that change did'),
    balance(stale.length, stayed.length),
    h('p', { class: 'root' }, h('b', {}, name), ` · ${edited.map(inWords).join(', ')}`),
    h(
      'ul',
      {},
      groupedByReason(stale).map(([reason, entries]) => group(`Stale: ${reason}`, 'stale', entries)),
      group('Stayed: nothing that they were made from has changed', 'stayed', shown),
      hidden > 0 ? h('li', { class: 'group' }, h('span', {}, `… and ${counted(hidden, 'more value')} stayed`)) : null,
    ),
    h(
      'p',
      { class: 'note' },
      `All of it by renewing ${counted(subjects.length, 'mark')} at once: no value was looked for, and none deleted.`,
    ),
  );
}

const inWords = ({ field, from, to }) => `${field} ${shown(from)} → ${shown(to)}`;
const shown = (value) => (typeof value === 'number' ? number(value) : value);

function balance(stale, stayed) {
  return h(
    'div',
    { class: 'balance' },
    h('span', { class: 'stale', style: `flex-grow:${stale}` }, `${stale} stale`),
    h('span', { class: 'stayed', style: `flex-grow:${stayed}` }, `${stayed} stayed`),
  );
}

/** Each stale value once, under the first reason that it has. */
function groupedByReason(stale) {
  const groups = new Map();
  for (const entry of stale) {
    const reason = entry.because[0] ?? 'what it was made from is';
    groups.set(reason, [...(groups.get(reason) ?? []), entry]);
  }
  return [...groups];
}
