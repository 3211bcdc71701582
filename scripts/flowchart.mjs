/** Draws a flowchart of Mermaid's notation as SVG, top down, for a page that runs no script for it. Arrows only, and nodes in brackets. */

const BOX = { width: 176, line: 18, padding: 11 };
const GAP = { across: 28, down: 62 };
const MOST_LETTERS = 23;

/**
 * @typedef {{ id: string, lines: string[], rank: number, x: number, y: number, height: number }} Node
 * @typedef {{ from: string, to: string, label: string }} Arrow
 */

const ARROW = /^\s*(\w+)(?:\[([^\]]+)\])? (?:-- "?([^"]*?)"? )?--> (\w+)(?:\[([^\]]+)\])?$/;

/** Throws for a line that is no arrow. */
export function flowchart(/** @type {string} */ text) {
  /** @type {Map<string, Node>} */
  const nodes = new Map();
  /** @type {Arrow[]} */
  const arrows = [];
  const node = (/** @type {string} */ id, /** @type {string | undefined} */ label) => {
    const known = nodes.get(id);
    const one = known ?? { id, lines: [id], rank: 0, x: 0, y: 0, height: 0 };
    if (label !== undefined) one.lines = wrapped(label);
    nodes.set(id, one);
  };
  for (const line of text.trim().split('\n').slice(1)) {
    const [, from, fromLabel, label = '', to, toLabel] = ARROW.exec(line) ?? [];
    if (from === undefined || to === undefined) throw new Error(`flowchart: expected an arrow, got '${line}'.`);
    node(from, fromLabel);
    node(to, toLabel);
    arrows.push({ from, to, label });
  }
  const size = place([...nodes.values()], arrows);
  return draw(nodes, arrows, size);
}

/** Each below all that lead to it, and beneath their middle. */
function place(/** @type {Node[]} */ nodes, /** @type {Arrow[]} */ arrows) {
  const byId = new Map(nodes.map((one) => [one.id, one]));
  const before = (/** @type {Node} */ { id }) =>
    arrows.flatMap(({ from, to }) => (to === id ? [/** @type {Node} */ (byId.get(from))] : []));
  for (let round = 0; round < nodes.length; round++)
    for (const one of nodes) one.rank = Math.max(0, ...before(one).map(({ rank }) => rank + 1));
  if (nodes.some(({ rank }) => rank >= nodes.length)) throw new Error('flowchart: expected no circle.');
  const [step, rows] = [BOX.width + GAP.across, Math.max(...nodes.map(({ rank }) => rank)) + 1];
  let y = 1;
  for (let rank = 0; rank < rows; rank++) {
    const row = nodes.filter((one) => one.rank === rank);
    const wanted = row.map((one) => mean(before(one).map(({ x }) => x)));
    const middle = mean(wanted);
    for (const [at, one] of row.entries()) {
      one.x = row.length === 1 ? middle : middle + (at - (row.length - 1) / 2) * step;
      one.height = one.lines.length * BOX.line + 2 * BOX.padding;
      one.y = y;
    }
    y += Math.max(...row.map(({ height }) => height)) + GAP.down;
  }
  const left = Math.min(...nodes.map(({ x }) => x)) - BOX.width / 2 - 1;
  for (const one of nodes) one.x -= left;
  return { width: Math.max(...nodes.map(({ x }) => x)) + BOX.width / 2 + 1, height: y - GAP.down + 1 };
}

function draw(
  /** @type {ReadonlyMap<string, Node>} */ nodes,
  /** @type {readonly Arrow[]} */ arrows,
  /** @type {{ width: number, height: number }} */ { width, height },
) {
  const lines = arrows.map(({ from, to, label }) => {
    const [a, b] = /** @type {[Node, Node]} */ ([nodes.get(from), nodes.get(to)]);
    const [top, bottom] = [a.y + a.height, b.y - 7];
    const bend = (bottom - top) / 2;
    const path = `<path d="M${a.x} ${top}C${a.x} ${top + bend} ${b.x} ${bottom - bend} ${b.x} ${bottom}" marker-end="url(#flow-head)"/>`;
    // Nearer to where it leads: arrows from one node begin in one place.
    const [x, y] = [a.x + (b.x - a.x) * 0.92, top + (bottom - top) * 0.68];
    return label === '' ? path : `${path}<text class="flow-label" x="${x}" y="${y}">${escaped(label)}</text>`;
  });
  const boxes = [...nodes.values()].map((one) => {
    const texts = one.lines.map(
      (line, at) => `<text x="${one.x}" y="${one.y + BOX.padding + (at + 0.75) * BOX.line}">${escaped(line)}</text>`,
    );
    const box = `<rect x="${one.x - BOX.width / 2}" y="${one.y}" width="${BOX.width}" height="${one.height}" rx="6"/>`;
    return box + texts.join('');
  });
  const head =
    '<marker id="flow-head" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8Z"/></marker>';
  const named = 'role="img" aria-label="Flowchart, described in the text below"';
  return `<svg class="flowchart" viewBox="0 0 ${width} ${height}" width="${width}" ${named}><defs>${head}</defs>${lines.join('')}${boxes.join('')}</svg>`;
}

function wrapped(/** @type {string} */ label) {
  /** @type {string[]} */
  const lines = [];
  for (const word of label.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= MOST_LETTERS) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

const mean = (/** @type {readonly number[]} */ values) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
const escaped = (/** @type {string} */ text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
