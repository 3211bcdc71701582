import { button, card, counted, duration, field, h, number, pill, svg } from './dom.js';
import { ask, put } from './server.js';
import { keyLink } from './words.js';

const HEIGHT = 420;

/** Where things of a type lie that are held here, and the cells whose marks the cached answers about them carry. */
export function createMap({ go }) {
  const result = h('div', { 'aria-live': 'polite', class: 'result' });
  const type = h('select', { name: 'type' });
  const branch = h('input', { name: 'branch', autocomplete: 'off' });
  const where = field('branch', branch);
  const form = h(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        go('map', { type: type.value, branch: branch.value.trim() });
      },
    },
    field('type', type),
    where,
    h('button', { class: 'main' }, 'Draw'),
  );
  const none = h('p', { class: 'soft', hidden: true }, 'No type of the model lies anywhere.');
  return {
    element: h('div', { class: 'panel' }, card('Places, and the cells of cached answers', none, form), result),
    hello: ({ types, branches, root }) => {
      const located = types.filter((one) => one.located);
      type.replaceChildren(...located.map((one) => h('option', {}, one.type)));
      branch.value ||= root;
      where.hidden = !branches;
      none.hidden = located.length > 0;
      form.hidden = located.length === 0;
    },
    shown: ({ type: asked, branch: at }) => {
      if (asked !== undefined) type.value = asked;
      if (at !== undefined) branch.value = at;
      if (type.value === '') return;
      void put(result, ask('map', { type: type.value, branch: branch.value }), (map) => drawn(map, go));
    },
  };
}

function drawn({ type, extent, places, answers, more }, go) {
  const box = frameOf(extent, [...places, ...answers.flatMap(({ cells }) => cells)]);
  const [width, height] = [box.maxX - box.minX, box.maxY - box.minY];
  const dot = Math.max(width, height) / 220;
  const rect = ({ minX, minY, maxX, maxY }, attributes, ...children) =>
    svg(
      'rect',
      {
        x: minX,
        y: -maxY,
        width: Math.max(maxX - minX, dot / 8),
        height: Math.max(maxY - minY, dot / 8),
        ...attributes,
      },
      children,
    );
  const groups = new Map();
  const picture = svg(
    'svg',
    {
      viewBox: `${box.minX} ${-box.maxY} ${width} ${height}`,
      height: HEIGHT,
      role: 'img',
      'aria-label': `${counted(places.length, 'place')} and the cells of ${counted(answers.length, 'cached answer')}; the list beneath names the answers`,
    },
    rect(extent, { class: 'sea' }),
    answers.map(({ key, fresh, cells }) => {
      const group = svg(
        'g',
        {},
        cells.map((cell) =>
          rect(
            cell,
            { class: 'cell', 'data-is': fresh ? 'fresh' : 'stale' },
            svg('title', {}, `${key}, cell ${cell.cell}`),
          ),
        ),
      );
      groups.set(key, group);
      return group;
    }),
    places.map(({ id, minX, minY, maxX, maxY }) =>
      svg(
        'circle',
        { class: 'place', cx: (minX + maxX) / 2, cy: -(minY + maxY) / 2, r: dot },
        svg('title', {}, `${type} ${id}`),
      ),
    ),
  );
  picture.style.height = `${HEIGHT}px`;
  const only = (key) => {
    for (const [each, group] of groups) group.style.opacity = key === null || each === key ? '1' : '0.08';
  };
  return [
    h(
      'section',
      { class: 'card' },
      picture,
      h(
        'p',
        { class: 'soft' },
        `${counted(places.length, 'place')} held${more.places > 0 ? `, and ${number(more.places)} that are not drawn` : ''}. A change in a cell makes the answers stale that carry it.`,
      ),
    ),
    card(
      `${counted(answers.length + more.answers, 'cached answer')} about ${type}`,
      answers.length === 0
        ? h('p', { class: 'soft' }, 'None is held: ask something about places first.')
        : [
            button('Show all', () => only(null)),
            h(
              'ul',
              { class: 'rows tall' },
              answers.map(({ key, fresh, ageMs, cells }) =>
                h(
                  'li',
                  { class: 'row' },
                  keyLink(key, go),
                  h(
                    'span',
                    {},
                    pill(fresh ? 'current' : 'stale', fresh ? 'good' : 'bad'),
                    h('span', { class: 'soft' }, ` ${duration(ageMs)} old, ${counted(cells.length, 'cell')} `),
                    button('Only this', () => only(key), { class: 'link', 'aria-label': `Only the cells of ${key}` }),
                  ),
                ),
              ),
            ),
          ],
    ),
  ];
}

/** Around what there is, with some room; the whole map where there is nothing. */
function frameOf(extent, boxes) {
  if (boxes.length === 0) return extent;
  const edge = (name, of) => of(...boxes.map((box) => box[name]));
  const [minX, minY, maxX, maxY] = [
    edge('minX', Math.min),
    edge('minY', Math.min),
    edge('maxX', Math.max),
    edge('maxY', Math.max),
  ];
  const room = Math.max(maxX - minX, maxY - minY, (extent.maxX - extent.minX) / 1000) * 0.08;
  return { minX: minX - room, minY: minY - room, maxX: maxX + room, maxY: maxY + room };
}
