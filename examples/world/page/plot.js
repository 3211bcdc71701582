const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [280, 96, 30, 14, 8];
const SECONDS = 120;

/** Hit rate as a line, calls of the origin as bars, a second each. */
export function createPlot(svg, totals) {
  const samples = [];
  let last = null;

  const element = (name, attributes, text) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  function draw() {
    const [width, height] = [WIDTH - LEFT, HEIGHT - BOTTOM - TOP];
    const x = (i) => LEFT + ((SECONDS - samples.length + i) / SECONDS) * width;
    const y = (share) => TOP + (1 - share) * height;
    const most = Math.max(5, ...samples.map(({ calls }) => calls));
    const parts = [];
    for (const share of [0, 0.5, 1]) {
      parts.push(element('line', { class: 'axis', x1: LEFT, x2: WIDTH, y1: y(share), y2: y(share) }));
      parts.push(element('text', { x: LEFT - 4, y: y(share) + 3, 'text-anchor': 'end' }, `${share * 100} %`));
    }
    samples.forEach(({ calls }, i) => {
      const tall = (calls / most) * height;
      if (calls > 0) parts.push(element('rect', { class: 'calls', x: x(i), y: y(0) - tall, width: 2, height: tall }));
    });
    const points = samples.flatMap(({ rate }, i) =>
      rate === null ? [] : [`${x(i).toFixed(1)},${y(rate).toFixed(1)}`],
    );
    parts.push(element('polyline', { class: 'rate', points: points.join(' ') }));
    parts.push(element('text', { x: LEFT, y: HEIGHT - 2 }, 'two minutes ago'));
    parts.push(
      element(
        'text',
        { x: WIDTH, y: HEIGHT - 2, 'text-anchor': 'end' },
        `line: hits · bars: origin calls (most ${most}/s)`,
      ),
    );
    svg.replaceChildren(...parts);
  }

  return (now) => {
    if (last !== null) {
      const reads = now.hits + now.misses - last.hits - last.misses;
      const before = samples.at(-1)?.rate ?? null;
      samples.push({
        rate: reads > 0 ? (now.hits - last.hits) / reads : before,
        calls: now.originCalls - last.originCalls,
      });
      if (samples.length > SECONDS) samples.shift();
    }
    last = now;
    totals.textContent = `${now.hits.toLocaleString('en')} hits · ${now.misses.toLocaleString('en')} misses · ${now.originCalls.toLocaleString('en')} origin calls · ${now.entries.toLocaleString('en')} values held`;
    draw();
  };
}
