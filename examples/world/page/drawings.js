import { counted, h } from '/page/dom.js';
import { createPencil } from '/page/pencil.js';
import { ask } from '/page/server.js';

const DRAWN = `query Drawn($polygon: [[Float!]!]!, $branch: String) {
  drawn(polygon: $polygon, branch: $branch, limit: 2000) {
    state ageMs settlements { id name population lon lat }
  }
}`;
const AT = `query At($lon: Float!, $lat: Float!, $branch: String) {
  at(lon: $lon, lat: $lat, branch: $branch) { state kingdoms { name } }
}`;
const MOST = 6;
const UNDER_AFTER_MS = 120;

/**
 * What somebody drew on the map, each a question that stays: how many settlements are in it, and whether its answer was held.
 * After a change all are asked again: those that it concerns are worked out anew, and flash; the others stay.
 */
export function createDrawings(card, { map, branch, open, say }) {
  const list = card.querySelector('ul');
  const hint = card.querySelector('.hint');
  const drawings = [];
  let made = 0;

  const pencil = createPencil(map, {
    done: (shape) => void add(shape),
    hint: (text) => {
      hint.textContent = text;
      for (const button of card.querySelectorAll('[data-tool]')) {
        button.setAttribute('aria-pressed', String(button.dataset.tool === pencil?.tool));
      }
    },
  });
  for (const button of card.querySelectorAll('[data-tool]')) {
    button.addEventListener('click', () => pencil.take(button.dataset.tool));
  }

  async function add(shape) {
    if (drawings.length === MOST) remove(drawings[0]);
    const drawing = {
      ...shape,
      name: `${shape.tool === 'circle' ? 'Circle' : 'Polygon'} ${++made}`,
      stayed: 0,
      worked: 0,
    };
    drawing.row = h('li', { 'data-test': 'drawing' });
    drawings.push(drawing);
    list.append(drawing.row);
    card.hidden = false;
    await look(drawing);
    if (drawing.fault === undefined) say(`${drawing.name}: ${counted(drawing.found.length, 'place')}`);
  }

  function remove(drawing) {
    drawings.splice(drawings.indexOf(drawing), 1);
    drawing.row.remove();
    show();
  }

  /** Asks once more. */
  async function look(drawing) {
    const { polygon } = drawing;
    const mine = (drawing.asked = (drawing.asked ?? 0) + 1);
    try {
      const { drawn } = await ask(DRAWN, { polygon, branch: branch() });
      if (mine !== drawing.asked) return;
      const isNew = drawn.state === 'MISS';
      if (isNew) drawing.worked++;
      else drawing.stayed++;
      Object.assign(drawing, { fault: undefined, state: drawn.state, ageMs: drawn.ageMs, found: drawn.settlements });
      draw(drawing);
      if (isNew && drawing.worked > 1) flash(drawing);
    } catch (error) {
      Object.assign(drawing, { fault: error.message, found: [] });
      draw(drawing);
    }
    show();
  }

  function draw(drawing) {
    const { row, name, state, ageMs, found, stayed, worked, fault } = drawing;
    const isHit = state === 'HIT';
    const asked = `worked out ${worked === 1 ? 'once' : `${worked} times`}, from the cache ${stayed === 1 ? 'once' : `${stayed} times`}`;
    row.replaceChildren(
      h(
        'button',
        { type: 'button', class: 'name', title: 'Open its largest place', onclick: () => openLargest(found) },
        `${name}: `,
        h('b', { 'data-test': 'drawing-count' }, fault === undefined ? counted(found.length, 'place') : 'no answer'),
      ),
      h('span', { class: `state ${isHit ? 'hit' : 'miss'}`, 'data-test': 'drawing-state' }, isHit ? 'hit' : 'miss'),
      h(
        'button',
        { type: 'button', class: 'close', 'aria-label': `Remove ${name}`, onclick: () => remove(drawing) },
        '✕',
      ),
      h('small', {}, fault ?? `${asked}${isHit ? `, ${Math.round(ageMs / 1000)} s old` : ''}`),
    );
    Object.assign(row.dataset, { worked, stayed });
  }

  const openLargest = (found) => {
    const [largest] = [...found].sort((a, b) => b.population - a.population);
    if (largest !== undefined) open(largest.id);
  };

  function flash(drawing) {
    drawing.row.classList.remove('worked');
    void drawing.row.offsetWidth; // begins anew
    drawing.row.classList.add('worked');
    map.flashShape(outline(drawing));
  }

  const show = () => {
    map.showDrawn(
      drawings.map(outline),
      drawings.flatMap(({ found = [] }) => found),
    );
  };

  // ── The country under the pointer ────────────────────────────────────────────────────────────────────────────

  const under = document.querySelector('#under');
  let waiting;
  let last = '';
  map.onPoint((at) => {
    clearTimeout(waiting);
    if (at === null) return void (under.hidden = true);
    // To half a degree, so that pointing at one place is one question.
    const [lon, lat] = [at.lng, at.lat].map((degrees) => Math.round(degrees * 2) / 2);
    if (`${lon} ${lat}` === last && !under.hidden) return;
    waiting = setTimeout(async () => {
      last = `${lon} ${lat}`;
      const { at: found } = await ask(AT, { lon: ((lon + 540) % 360) - 180, lat, branch: branch() });
      if (`${lon} ${lat}` !== last) return;
      under.hidden = false;
      under.replaceChildren(
        found.kingdoms.map(({ name }) => name).join(', ') || 'the sea',
        h('span', { class: `state ${found.state === 'HIT' ? 'hit' : 'miss'}` }, found.state === 'HIT' ? 'hit' : 'miss'),
      );
    }, UNDER_AFTER_MS);
  });

  return {
    pencil,
    /** Something changed: who is concerned is worked out anew. */
    again: () => Promise.all(drawings.map(look)),
    get count() {
      return drawings.length;
    },
  };
}

const outline = ({ polygon }) => ({ type: 'Polygon', coordinates: [polygon] });
