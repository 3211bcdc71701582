import { button, card, clock, counted, duration, field, h, number, pill } from './dom.js';
import { ask, put } from './server.js';
import { FROM, changeLink, keyLink, reasonWords, subjectItem } from './words.js';

const REFRESH_MS = 2000;

/** What became of one entry: by its key, or by type and id of an entity. */
export function createStory({ go, world }) {
  const result = h('div', { 'aria-live': 'polite', class: 'result' });
  const recent = h('div', {}, h('p', { class: 'soft' }, 'asking …'));
  const type = h('select', { name: 'type' });
  const id = h('input', { name: 'id', required: true, autocomplete: 'off', placeholder: 's1' });
  const branch = h('input', { name: 'branch', autocomplete: 'off' });
  const where = field('branch', branch);
  const form = h(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        go('entry', { type: type.value, id: id.value.trim(), branch: branch.value.trim() });
      },
    },
    field('type', type),
    field('id', id),
    where,
    h('button', { class: 'main' }, 'Tell'),
  );
  const element = h('div', { class: 'panel' }, card('An entity', form), result, card('Loaded again lately', recent));
  let askedAt = 0;
  const look = () => {
    if (element.offsetParent === null || Date.now() - askedAt < REFRESH_MS || recent.contains(document.activeElement))
      return;
    askedAt = Date.now();
    void put(recent, ask('loads'), (loads) => recentOf(loads, go));
  };

  return {
    element,
    hello: ({ types, branches, root }) => {
      type.replaceChildren(...types.map((one) => h('option', {}, one.type)));
      branch.value ||= root;
      where.hidden = !branches;
    },
    sample: look,
    shown: ({ key, type: asked, id: of, branch: at }) => {
      look();
      if (key !== undefined) {
        void put(result, ask('value', { key }), (value) =>
          value === null
            ? card('Not known', h('p', {}, 'Neither held nor remembered here: ', h('code', {}, key)))
            : valueCard(value, { go, world }),
        );
      } else if (of !== undefined) {
        if (asked !== undefined) type.value = asked;
        id.value = of;
        if (at !== undefined) branch.value = at;
        void put(result, ask('story', { type: asked, id: of, branch: at }), (story) => storyOf(story, { go, world }));
      } else result.replaceChildren();
    },
  };
}

function recentOf({ reloaded, recent }, go) {
  const shown = reloaded.length > 0 ? reloaded : recent;
  if (shown.length === 0) return h('p', { class: 'soft' }, 'Nothing was loaded since the inspector was attached.');
  return h(
    'ol',
    { class: 'rows tall', 'data-test': 'reloaded' },
    shown.map((load) =>
      h(
        'li',
        {},
        h('div', { class: 'row' }, keyLink(load.key, go), h('span', { class: 'soft' }, clock(load.at))),
        h('p', { class: 'soft' }, reasonWords(load.why)),
      ),
    ),
  );
}

function storyOf({ type, id, branch, values, more, changes }, context) {
  if (values.length === 0) {
    return card(
      `${type} ${id}`,
      h('p', {}, `Nothing of it is held or remembered here, in ${branch}.`),
      touchButton({ type, id, branch }, context),
    );
  }
  const [first, ...rest] = values;
  return [
    valueCard(first, context),
    rest.length === 0
      ? null
      : card(
          'Beside it',
          h(
            'ul',
            { class: 'rows' },
            rest.map(({ key, kind, own, held }) =>
              h(
                'li',
                { class: 'row' },
                keyLink(key, context.go),
                h('span', {}, stateOf(held), h('span', { class: 'soft' }, ` ${kind}${own ? '' : ', depends on it'}`)),
              ),
            ),
          ),
          more > 0 ? h('p', { class: 'soft' }, `and ${number(more)} more`) : null,
          h('p', { class: 'soft' }, `${counted(changes.length, 'change')} of it remembered.`),
        ),
  ].filter((part) => part !== null);
}

function stateOf(held) {
  if (held === null) return pill('not held');
  return held.stale === null ? pill('held, current', 'good') : pill('held, stale', 'bad');
}

const touchButton = (entity, { go }) =>
  button('What would editing it touch?', () => go('touch', { ...entity, op: 'update' }), { 'data-test': 'touch' });

/** One value: what is held, and its story. */
function valueCard({ key, kind, entity, held, loads }, context) {
  return h(
    'section',
    { class: 'card', 'data-test': 'value' },
    h('h2', {}, h('span', { class: 'key' }, key), ' ', stateOf(held)),
    h('p', { class: 'soft' }, kind),
    h('ol', { class: 'story', 'aria-label': 'Its story, oldest first' }, storyLines(loads, held, context)),
    entity === null ? null : touchButton(entity, context),
    held === null ? null : heldDetails(held),
  );
}

function storyLines(loads, held, { go }) {
  const lines = loads.flatMap((load, i) => [loadLine(load, i === 0, go)]);
  if (lines.length === 0) lines.push(h('li', {}, 'It was loaded before the inspector was attached.'));
  if (held !== null && held.stale !== null) {
    lines.push(
      h(
        'li',
        { 'data-is': 'bad' },
        h('b', {}, 'Stale: '),
        reasonWords(held.stale),
        held.killedBy === null
          ? h('span', { class: 'soft' }, causeUnknown(held.stale))
          : [' · ', changeLink(held.killedBy, go, 'by this change')],
        '. The next read loads it.',
      ),
    );
  }
  return lines;
}

const causeUnknown = ({ kind }) =>
  kind === 'changed' || kind === 'forgotten' ? ' · no change that is remembered says why' : '';

function loadLine({ at, tookMs, from, why, killedBy, outcome, markCount }, isFirst, go) {
  const again = isFirst && why.kind === 'absent' ? 'Loaded' : 'Loaded again';
  return h(
    'li',
    { 'data-is': outcome === 'kept' ? 'good' : 'bad', 'data-why': why.kind },
    clock(at),
    ' ',
    h('b', {}, outcome === 'failed' ? 'A load failed' : again),
    outcome === 'failed' ? '' : ` from ${FROM[from]} in ${duration(tookMs)}`,
    outcome === 'kept' ? `, with ${counted(markCount, 'mark')}` : '',
    outcome === 'overtaken' ? ', and not kept: something it depends on changed meanwhile' : '',
    h(
      'div',
      {},
      'because ',
      reasonWords(why),
      killedBy === null
        ? h('span', { class: 'soft' }, causeUnknown(why))
        : [' · ', changeLink(killedBy, go, 'by this change')],
    ),
  );
}

function heldDetails({ ageMs, expiresInMs, marks, markCount, value }) {
  const life = expiresInMs === null ? 'until it is evicted' : `for ${duration(expiresInMs)} more`;
  return h(
    'div',
    {},
    h('p', { class: 'soft' }, `Loaded ${duration(ageMs)} ago, good ${life} unless something changes.`),
    h(
      'details',
      {},
      h('summary', {}, counted(markCount, 'mark')),
      h(
        'ul',
        { class: 'tree' },
        marks.map(({ subject, moved }) =>
          h('li', { class: moved ? 'moved' : undefined }, subjectItem(subject), moved ? ' · moved' : ''),
        ),
      ),
      markCount > marks.length ? h('p', { class: 'soft' }, `and ${number(markCount - marks.length)} more`) : null,
    ),
    h('details', {}, h('summary', {}, 'Value'), h('pre', { tabindex: '0' }, value)),
  );
}
