import type { Message, Span, Trace } from './trace.js';

/** One history as an SVG: time runs down, a lane for each server and replica, long silences drawn short. */

const LANE_WIDTH = 290;
const LEFT = 90;
const TOP = 96;
/** Messages of the same kind at the same time are told apart by these. */
const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/✓$/, '#b8bec8'],
  [/^heads|^watch|^subscribe/, '#cdd3dc'],
  [/^bump \d+:|^event/, '#d9822b'],
  [/^bump|^newEpoch|^publish/, '#b3427a'],
  [/^(kingdom|guild|settlement|structure|every|herd)/, '#7a5bc4'],
  [/./, '#3b7dd8'],
];
const RED = '#d21f3c';

export function drawn(trace: Trace, title: string): string {
  const until = trace.wrong?.endAt ?? Infinity;
  const messages = trace.messages.filter(({ sent }) => sent <= until);
  const ops = trace.ops.filter(({ from }) => from <= until);
  const faults = trace.faults.filter(({ from }) => from <= until);
  const lanes = lanesOf(messages, [...ops, ...faults]);
  const xOf = (lane: string): number => LEFT + lanes.indexOf(lane) * LANE_WIDTH + 40;
  const time = axisOf([
    ...messages.flatMap(({ sent, arrived }) => [sent, arrived]),
    ...[...ops, ...faults].flatMap(({ from, to }) => [from, Math.min(to, until)]),
  ]);
  const width = LEFT + lanes.length * LANE_WIDTH + 60;
  const height = Math.ceil(time.height) + TOP + 50;
  const y = (at: number): number => TOP + time.y(Math.min(at, until));
  const isWrong = ({ lane, label, from, to }: Span): boolean =>
    trace.wrong?.label === label &&
    trace.wrong.process.name === lane &&
    trace.wrong.startAt === from &&
    trace.wrong.endAt === to;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}" font-family="sans-serif" font-size="11">`,
    '<defs><marker id="tip" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0 6 3 0 6z" fill="context-stroke"/></marker></defs>',
    `<rect width="100%" height="100%" fill="#fcfcfa"/>`,
    `<foreignObject x="12" y="8" width="${String(width - 24)}" height="48"><div xmlns="http://www.w3.org/1999/xhtml" style="font:600 13px sans-serif;color:${RED}">${escaped(title)}</div></foreignObject>`,
    ...lanes.map((lane) => laneOf(lane, xOf(lane), height)),
    ...time.marks.map(([at, top]) => timeMark(at, TOP + top, width)),
    ...faults.map((fault) => faultOf(fault, xOf(fault.lane), y)),
    ...messages.map((message) => arrowOf(message, xOf, y)),
    ...sentTogether(messages).map((message) => arrowLabelOf(message, xOf, y)),
    ...stacked(ops, y).map(([op, top]) => opOf(op, xOf(op.lane), y, { top, wrong: isWrong(op) })),
    '</svg>',
  ].join('\n');
}

/** The database, the servers, the replicas: whatever took part. */
function lanesOf(messages: readonly Message[], spans: readonly Span[]): readonly string[] {
  const names = new Set([...messages.flatMap(({ from, to }) => [from, to]), ...spans.map(({ lane }) => lane)]);
  const rank = (name: string): string => (name === 'origin' ? '0' : /^S\d/.test(name) ? `1${name}` : `2${name}`);
  return [...names].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** Where a time is: steps in proportion while short, by their logarithm when long. */
function axisOf(times: readonly number[]): {
  readonly y: (at: number) => number;
  readonly height: number;
  readonly marks: readonly (readonly [at: number, y: number])[];
} {
  const sorted = [...new Set(times.filter(Number.isFinite))].sort((a, b) => a - b);
  const places = new Map<number, number>();
  const marks: [number, number][] = [];
  let top = 0;
  let last = sorted[0] ?? 0;
  let marked = -Infinity;
  for (const at of sorted) {
    const gap = at - last;
    top += gap < 1 ? 9 * gap : 9 + 9 * Math.log2(gap);
    if (top - marked > 30 || gap > 200) {
      marks.push([at, top]);
      marked = top;
    }
    places.set(at, top);
    last = at;
  }
  return { height: top, marks, y: (at) => places.get(at) ?? (at > last ? top : 0) };
}

function laneOf(name: string, x: number, height: number): string {
  const what = name === 'origin' ? 'database' : /^S\d/.test(name) ? `server ${name}` : `replica ${name}`;
  return [
    `<line x1="${String(x)}" x2="${String(x)}" y1="${String(TOP - 14)}" y2="${String(height - 20)}" stroke="#8a93a3"/>`,
    `<text x="${String(x)}" y="${String(TOP - 22)}" text-anchor="middle" font-weight="600" font-size="13">${what}</text>`,
  ].join('');
}

function timeMark(at: number, y: number, width: number): string {
  return `<line x1="58" x2="${String(width)}" y1="${fixed(y)}" y2="${fixed(y)}" stroke="#eeeeea"/><text x="54" y="${fixed(y + 4)}" text-anchor="end" fill="#777">${at.toFixed(1)}</text>`;
}

function faultOf({ label, from, to }: Span, x: number, y: (at: number) => number): string {
  const top = y(from);
  const tall = Math.max(16, y(to) - top);
  return [
    `<rect x="${String(x - 9)}" y="${fixed(top)}" width="18" height="${fixed(tall)}" fill="#e8a33d" opacity="0.45"/>`,
    `<text x="${String(x - 14)}" y="${fixed(top + 12)}" text-anchor="end" fill="#9a5b00" font-weight="600">${escaped(label)}</text>`,
  ].join('');
}

function arrowOf(
  { what, from, to, sent, arrived }: Message,
  xOf: (lane: string) => number,
  y: (at: number) => number,
): string {
  const [x1, x2] = [xOf(from), xOf(to)];
  const dashes = what.endsWith('✓') ? ' stroke-dasharray="4 3"' : '';
  return `<line x1="${String(x1)}" y1="${fixed(y(sent))}" x2="${String(x2)}" y2="${fixed(y(arrived))}" stroke="${colourOf(what)}" stroke-width="1.2" marker-end="url(#tip)"${dashes}/>`;
}

/** Near the sender, where few arrows cross. */
function arrowLabelOf(
  { what, from, to, sent, arrived }: Message,
  xOf: (lane: string) => number,
  y: (at: number) => number,
): string {
  const [x1, x2] = [xOf(from), xOf(to)];
  const top = y(sent) + (y(arrived) - y(sent)) * 0.1 - 2;
  return `<text x="${fixed(x1 + (x2 - x1) * 0.1)}" y="${fixed(top)}" text-anchor="${x2 > x1 ? 'start' : 'end'}" fill="${colourOf(what)}" font-size="9">${escaped(what)}</text>`;
}

/** What is worth a label: requests and messages, those of one moment on one link as one. */
function sentTogether(messages: readonly Message[]): Message[] {
  const together = new Map<string, Message>();
  for (const message of messages) {
    if (message.what.endsWith('✓') || /^(heads|history|subscribe)/.test(message.what)) continue;
    const key = `${message.from} ${message.to} ${String(message.sent)}`;
    const first = together.get(key);
    if (first === undefined) together.set(key, message);
    else if (!first.what.includes(message.what))
      together.set(key, { ...first, what: `${first.what}, ${message.what}` });
  }
  return [...together.values()];
}

const colourOf = (what: string): string => (COLOURS.find(([kind]) => kind.test(what)) as readonly [RegExp, string])[1];

/** Labels of one lane that would lie on each other are put below one another. */
function stacked(ops: readonly Span[], y: (at: number) => number): (readonly [Span, number])[] {
  const below = new Map<string, number>();
  return [...ops]
    .sort((a, b) => a.from - b.from)
    .map((op) => {
      const top = Math.max(y(op.from), below.get(op.lane) ?? -Infinity);
      below.set(op.lane, top + 17);
      return [op, top] as const;
    });
}

function opOf(
  { label, from, to }: Span,
  x: number,
  y: (at: number) => number,
  { top, wrong }: { readonly top: number; readonly wrong: boolean },
): string {
  const colour = wrong ? RED : label.startsWith('#') ? '#1f7a4d' : '#31507a';
  const wide = Math.min(LANE_WIDTH - 40, 14 + label.length * 6);
  return [
    `<line x1="${String(x + 5)}" x2="${String(x + 5)}" y1="${fixed(y(from))}" y2="${fixed(Math.max(y(to), y(from) + 3))}" stroke="${colour}" stroke-width="4"/>`,
    `<rect x="${String(x + 10)}" y="${fixed(top - 2)}" width="${fixed(wide)}" height="15" rx="4" fill="${wrong ? colour : '#ffffff'}" stroke="${colour}" opacity="0.95"/>`,
    `<text x="${String(x + 16)}" y="${fixed(top + 9.5)}" fill="${wrong ? '#ffffff' : colour}">${escaped(label)}</text>`,
  ].join('');
}

const fixed = (value: number): string => value.toFixed(1);
const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
