const [LEFT, RIGHT, HEIGHT] = [34, 6, 196];
/** The two tracks: versions above, seconds behind the truth beneath. */
const [VERSIONS, BEHIND] = [
  { top: 18, bottom: 106 },
  { top: 118, bottom: 178 },
];
export const WINDOW_MS = 40_000;
const NAMES = { bus: 'bus cut', client: 'client cut', redis: 'no Redis', paused: 'paused', down: 'killed' };

/** What one replica answered of late, against the truth; and how long that had not been true any more. */
export function drawPlot(svg, { samples, at, faults, boundMs }) {
  const width = svg.clientWidth || 380;
  svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
  const now = samples.at(-1)?.at ?? Date.now();
  const x = (time) => LEFT + Math.max(0, 1 - (now - time) / WINDOW_MS) * (width - LEFT - RIGHT);
  const shown = samples.filter((sample) => now - sample.at < WINDOW_MS);
  const answers = shown.map((sample) => sample.answers[at]);
  const versions = [...shown.map(({ truth }) => truth), ...answers.flatMap((answer) => answer?.version ?? [])];
  const [least, most] = [Math.min(...versions), Math.max(...versions)];
  const version = scale(VERSIONS, least, Math.max(most, least + 4));
  const mostMs = Math.max(boundMs * 1.25, ...answers.map((answer) => answer?.staleMs ?? 0));
  const behind = scale(BEHIND, 0, mostMs);

  const parts = faults.map(({ kind, from, to }) => {
    const [left, right] = [x(from), x(to ?? now)];
    const name = drawn('text', { class: 'fault', x: left + 3, y: 12 }, right - left > 50 ? NAMES[kind] : '');
    const band = { class: 'fault', x: left, width: Math.max(1, right - left), y: 0, height: BEHIND.bottom };
    return drawn('g', {}, drawn('rect', band), name);
  });
  for (const y of [VERSIONS.top, VERSIONS.bottom, BEHIND.bottom])
    parts.push(drawn('line', { class: 'axis', x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
  const label = (y, text, kind) =>
    parts.push(drawn('text', { class: kind, x: LEFT - 5, y: y + 4, 'text-anchor': 'end' }, text));
  if (versions.length > 0) {
    label(version(most), `v${most}`);
    if (version(least) - version(most) > 12) label(version(least), `v${least}`);
  }
  label(behind(0), '0 s');
  label(behind(boundMs), `${boundMs / 1000} s`, 'bound');
  parts.push(drawn('line', { class: 'bound', x1: LEFT, x2: width - RIGHT, y1: behind(boundMs), y2: behind(boundMs) }));

  shown.forEach((sample, i) => {
    const [left, right] = [x(sample.at), x(shown[i + 1]?.at ?? now)];
    const answer = answers[i];
    const span = { x: left, width: Math.max(1, right - left + 0.3) };
    if (answer === null || answer === undefined)
      parts.push(drawn('rect', { class: 'none', ...span, y: BEHIND.bottom - 5, height: 5 }));
    else if (answer.staleMs > 0) {
      const y = behind(answer.staleMs);
      parts.push(drawn('rect', { class: 'stale', ...span, y, height: BEHIND.bottom - y }));
      const [top, bottom] = [version(sample.truth), version(answer.version)];
      parts.push(drawn('rect', { class: 'lag', ...span, y: top, height: Math.max(0, bottom - top) }));
    }
  });
  const truths = shown.map(({ at: time, truth }) => ({ time, value: truth }));
  const said = shown.map(({ at: time }, i) => ({
    time: answers[i]?.askedAt ?? time,
    value: answers[i]?.version ?? null,
  }));
  parts.push(drawn('path', { class: 'truth', d: stairs(truths, x, version) }));
  parts.push(drawn('path', { class: 'said', d: stairs(said, x, version) }));
  parts.push(drawn('text', { x: LEFT, y: HEIGHT - 4 }, `${WINDOW_MS / 1000} s ago`));
  parts.push(drawn('text', { x: width - RIGHT, y: HEIGHT - 4, 'text-anchor': 'end' }, 'now'));
  svg.replaceChildren(...parts);
}

const scale =
  ({ top, bottom }, least, most) =>
  (value) =>
    bottom - ((value - least) / (most - least || 1)) * (bottom - top);

/** Level until the next value, broken where there is none. */
function stairs(points, x, y) {
  let path = '';
  let before = null;
  for (const { time, value } of points) {
    const to = x(time).toFixed(1);
    if (value !== null) path += before === null ? `M${to} ${y(value).toFixed(1)}` : `H${to}V${y(value).toFixed(1)}`;
    before = value;
  }
  return path;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
