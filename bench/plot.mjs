import { amount } from './amount.mjs';
import { isMeasured } from './results.mjs';

/**
 * A question's figures as an SVG: one panel per group, one line per case. Bars from zero to the minimum where the
 * longest is at most 30 times the shortest, else dots on a logarithmic axis; the whisker reaches to the 90th percentile,
 * the dashed line is the reference.
 */
export function plot({ title, groups }) {
  let y = MARGIN + 24;
  const panels = groups.filter(isMeasured).map((group) => {
    const drawn = panel(group, y);
    y += drawn.height;
    return drawn.svg;
  });
  const height = y + MARGIN - 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>
  .page { fill: #ffffff } text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
  .title { font-size: 15px; font-weight: 600 } .panel { font-weight: 600 } .small { font-size: 11px; fill: #59636e }
  .axis { stroke: #59636e; stroke-width: 1 } .grid { stroke: #d1d9e0; stroke-width: 1 } .reference { stroke: #59636e; stroke-width: 1; stroke-dasharray: 4 3 }
  .ours { fill: #0969da } .theirs { fill: #8c959f } .control { fill: #c4cbd2 } .whisker { stroke: #1f2328; stroke-width: 1.25 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #f0f6fc } .small { fill: #9198a1 }
    .axis, .reference { stroke: #9198a1 } .grid { stroke: #2a313c }
    .ours { fill: #4493f8 } .theirs { fill: #6e7681 } .control { fill: #484f58 } .whisker { stroke: #f0f6fc }
  }
</style>
<rect class="page" width="${WIDTH}" height="${height}"/>
<text class="title" x="${MARGIN}" y="${MARGIN + 8}">${escaped(title)}</text>
${panels.join('\n')}
</svg>
`;
}

const WIDTH = 860;
const MARGIN = 20;
const LEFT = 320;
const RIGHT = WIDTH - 130;
const LINE = 22;
const BAR = 12;
/** Above this ratio bars from zero would show nothing of the short ones. */
const LINEAR_UP_TO = 30;

function panel({ title, unit, operation, reference, rows }, top) {
  const minima = rows.map((row) => row.min);
  const smallest = Math.min(...minima);
  const largest = Math.max(...rows.map((row) => row.p90));
  const linear = Math.max(...minima) <= smallest * LINEAR_UP_TO;
  const scale = linear ? linearScale(largest) : logScale(smallest, largest);
  const from = top + 34;
  const to = from + rows.length * LINE;
  const svg = [`<text class="panel" x="${MARGIN}" y="${top + 20}">${escaped(title)}</text>`];
  for (const tick of scale.ticks) {
    const x = at(scale, tick);
    svg.push(`<line class="grid" x1="${x}" x2="${x}" y1="${from}" y2="${to}"/>`);
    svg.push(
      `<text class="small" x="${x}" y="${to + 16}" text-anchor="middle">${tick === 0 ? '0' : shortened(amount(tick, unit))}</text>`,
    );
  }
  svg.push(`<line class="axis" x1="${LEFT}" x2="${RIGHT}" y1="${to}" y2="${to}"/>`);
  for (const [i, row] of rows.entries()) svg.push(line(row, { scale, linear, unit, y: from + i * LINE + LINE / 2 }));
  const referenceMin = Math.min(...rows.filter((row) => row.control || row.name === reference).map((row) => row.min));
  const referenceX = at(scale, referenceMin);
  svg.push(`<line class="reference" x1="${referenceX}" x2="${referenceX}" y1="${from}" y2="${to}"/>`);
  const axis = `per ${operation}${linear ? '' : ', logarithmic'}: ${linear ? 'bar' : 'dot'} = minimum, whisker to the 90th percentile`;
  svg.push(`<text class="small" x="${(LEFT + RIGHT) / 2}" y="${to + 32}" text-anchor="middle">${escaped(axis)}</text>`);
  return { svg: svg.join('\n'), height: to + 44 - top };
}

function line(row, { scale, linear, unit, y }) {
  const x = at(scale, row.min);
  const end = at(scale, row.p90);
  const kind = row.control ? 'control' : /^(tide|scope|typedJson)/.test(row.name) ? 'ours' : 'theirs';
  const shape = linear
    ? `<rect class="${kind}" x="${LEFT}" y="${y - BAR / 2}" width="${round(x - LEFT)}" height="${BAR}"/>`
    : `<circle class="${kind}" cx="${x}" cy="${y}" r="5"/>`;
  return [
    `<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${escaped(row.name)}</text>`,
    shape,
    `<path class="whisker" fill="none" d="M${x} ${y}H${end}M${end} ${y - 4}V${y + 4}"/>`,
    `<text class="small" x="${round(Math.max(end, x) + 8)}" y="${y + 4}">${escaped(amount(row.min, unit))} · ${row.ratio.toFixed(2)} ×</text>`,
  ].join('\n');
}

function linearScale(largest) {
  const step = niceStep(largest / 5);
  const ticks = [];
  for (let tick = 0; tick <= largest + step / 2; tick += step) ticks.push(round(tick));
  const end = Math.max(largest, ticks.at(-1));
  return { ticks, position: (value) => value / end };
}

function logScale(smallest, largest) {
  const from = Math.floor(Math.log10(smallest));
  const to = Math.max(from + 1, Math.ceil(Math.log10(largest)));
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  return { ticks, position: (value) => (Math.log10(value) - from) / (to - from) };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

const at = (scale, value) => round(LEFT + scale.position(value) * (RIGHT - LEFT));
const round = (value) => Math.round(value * 100) / 100;
/** '1.50 ms' as '1.5 ms', '2.00 ms' as '2 ms'. */
const shortened = (text) => text.replace(/(\.\d*?)0+ /, '$1 ').replace('. ', ' ');
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
