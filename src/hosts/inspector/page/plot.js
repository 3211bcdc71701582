import { svg } from './dom.js';

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [46, 8, 12, 104, 124];

/**
 * Lines over time. `lines`: of each a class, and its points `[at, value]`, null where there is nothing. `say` makes words of a
 * value, `most` is the least that the axis reaches to.
 */
export function drawPlot(element, { lines, say, most, label }) {
  const width = element.clientWidth || 380;
  element.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
  element.setAttribute('role', 'img');
  const points = lines.flatMap(({ points: some }) => some);
  const values = points.flatMap(([, value]) => (value === null ? [] : [value]));
  const last = lines.map(({ points: some }) => some.findLast(([, value]) => value !== null)?.[1]);
  element.setAttribute('aria-label', `${label}: now ${last[0] === undefined ? 'nothing' : say(last[0])}`);
  const top = Math.max(most, ...values);
  const [from, to] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 1];
  const x = (at) => LEFT + ((at - from) / (to - from || 1)) * (width - LEFT - RIGHT);
  const y = (value) => BOTTOM - (value / top) * (BOTTOM - TOP);
  const text = (at, where, words, anchor) => svg('text', { x: at, y: where, 'text-anchor': anchor }, words);
  element.replaceChildren(
    ...[TOP, BOTTOM].map((at) => svg('line', { class: 'axis', x1: LEFT, x2: width - RIGHT, y1: at, y2: at })),
    text(LEFT - 5, TOP + 4, say(top), 'end'),
    text(LEFT - 5, BOTTOM + 4, say(0), 'end'),
    text(LEFT, HEIGHT - 4, to > from ? `${Math.round((to - from) / 1000)} s ago` : '', 'start'),
    text(width - RIGHT, HEIGHT - 4, 'now', 'end'),
    ...lines.map(({ kind, points: some }) => svg('path', { class: kind, d: pathOf(some, x, y) })),
  );
}

/** Broken where there is nothing. */
function pathOf(points, x, y) {
  let path = '';
  let pen = 'M';
  for (const [at, value] of points) {
    if (value !== null) path += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = value === null ? 'M' : 'L';
  }
  return path;
}
