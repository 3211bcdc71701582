import { h, number } from '/page/dom.js';

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [38, 30, 8, 18, 104];
const SECONDS = 120;

/** Hit rate as a line, calls of the origin as bars, a second each; the figures so far beneath. */
export function createPlot({ svg, rate, totals }) {
  const samples = [];
  let last = null;

  function draw() {
    const WIDTH = svg.clientWidth || 280;
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    const [width, height] = [WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP];
    const x = (i) => LEFT + ((SECONDS - samples.length + i) / SECONDS) * width;
    const y = (share) => TOP + (1 - share) * height;
    const most = Math.max(4, ...samples.map(({ calls }) => calls));
    const parts = [];
    for (const share of [0, 0.5, 1]) {
      parts.push(drawn('line', { class: 'axis', x1: LEFT, x2: WIDTH - RIGHT, y1: y(share), y2: y(share) }));
      parts.push(drawn('text', { x: LEFT - 5, y: y(share) + 4, 'text-anchor': 'end' }, `${share * 100} %`));
    }
    for (const share of [0, 1])
      parts.push(drawn('text', { class: 'calls', x: WIDTH - RIGHT + 5, y: y(share) + 4 }, number(most * share)));
    const thick = Math.max(2, width / SECONDS - 0.5);
    samples.forEach(({ calls }, i) => {
      const tall = (calls / most) * height;
      if (calls > 0) parts.push(drawn('rect', { class: 'calls', x: x(i), y: y(0) - tall, width: thick, height: tall }));
    });
    const points = samples.flatMap(({ rate }, i) =>
      rate === null ? [] : [`${x(i).toFixed(1)},${y(rate).toFixed(1)}`],
    );
    parts.push(drawn('polyline', { class: 'rate', points: points.join(' ') }));
    parts.push(drawn('text', { x: LEFT, y: HEIGHT - 2 }, '2 min ago'));
    parts.push(drawn('text', { x: WIDTH - RIGHT, y: HEIGHT - 2, 'text-anchor': 'end' }, 'now'));
    svg.replaceChildren(...parts);
  }

  return (now) => {
    if (last !== null) {
      const reads = now.hits + now.misses - last.hits - last.misses;
      const before = samples.at(-1)?.rate ?? null;
      samples.push({
        rate: reads > 0 ? (now.hits - last.hits) / reads : before,
        calls: Math.max(0, now.originCalls - last.originCalls),
      });
      if (samples.length > SECONDS) samples.shift();
    }
    last = now;
    const all = now.hits + now.misses;
    rate.textContent = all === 0 ? 'nothing read yet' : `${Math.round((100 * now.hits) / all)} % hits`;
    const figures = { hits: now.hits, misses: now.misses, 'origin calls': now.originCalls, 'values held': now.entries };
    totals.replaceChildren(
      ...Object.entries(figures).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, number(value)))),
    );
    draw();
  };
}

function drawn(name, attributes, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
