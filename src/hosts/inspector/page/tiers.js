import { card, counted, duration, figures, h, number, percent, pill, svg } from './dom.js';
import { drawPlot } from './plot.js';
import { ask, put } from './server.js';

const HEALTH_EVERY_MS = 10_000;
const SHOWN = 300;

/** Hit rates over time, what is held, and how long tier 2 takes. */
export function createTiers() {
  const samples = [];
  const [rate, loads, held, store] = [svg('svg'), svg('svg'), svg('svg'), svg('svg')];
  const now = h('div');
  const types = h('div', { class: 'scroll' });
  const health = h('div', {}, h('p', { class: 'soft' }, 'asking …'));
  const legend = h(
    'p',
    { class: 'legend', 'aria-hidden': 'true' },
    h('span', {}, 'both tiers'),
    h('span', { class: 'two' }, 'of these, tier 2'),
  );
  const element = h(
    'div',
    { class: 'panel' },
    h('section', { class: 'card' }, h('h2', {}, 'Now'), now),
    h(
      'div',
      { class: 'columns' },
      card('Hit rate', rate, legend),
      card('Origin calls per second', loads),
      card('Entries in tier 1', held),
      card('Store and marks, per call', store),
    ),
    h('div', { class: 'columns' }, card('Reads by type of key', types), card('Health of this replica', health)),
  );
  let askedAt = 0;

  const draw = (standing) => {
    if (element.offsetParent === null) return;
    const steps = samples.slice(1).map((sample, i) => [samples[i], sample]);
    const over = (of) => steps.map(([before, after]) => [after.at, of(before, after)]);
    const reads = (a, b) => b.hits + b.misses - a.hits - a.misses;
    const lines = (...some) => some.map((points, i) => ({ kind: i === 0 ? 'one' : 'two', points }));
    const asPercent = (value) => `${Math.round(value)} %`;
    drawPlot(rate, {
      ...{ label: 'Hit rate', say: asPercent, most: 100 },
      lines: lines(
        over((a, b) => (reads(a, b) === 0 ? null : (100 * (b.hits - a.hits)) / reads(a, b))),
        over((a, b) => (reads(a, b) === 0 ? null : (100 * (b.tier2Hits - a.tier2Hits)) / reads(a, b))),
      ),
    });
    drawPlot(loads, {
      ...{ label: 'Origin calls per second', say: (value) => number(Math.round(value)), most: 5 },
      lines: lines(over((a, b) => (1000 * (b.originCalls - a.originCalls)) / (b.at - a.at || 1))),
    });
    drawPlot(held, {
      ...{ label: 'Entries in tier 1', say: (value) => number(Math.round(value)), most: 10 },
      lines: lines(samples.map(({ at, entries }) => [at, entries])),
    });
    drawPlot(store, {
      ...{ label: 'Milliseconds per call', say: (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`, most: 1 },
      lines: lines(
        over((a, b) =>
          b.storeCalls === a.storeCalls
            ? null
            : (1000 * (b.storeSeconds - a.storeSeconds)) / (b.storeCalls - a.storeCalls),
        ),
      ),
    });
    const last = samples.at(-1);
    if (last === undefined) return;
    const { marks, changes, open } = standing;
    now.replaceChildren(
      figures({
        'hit rate since it began': percent(last.hits, last.hits + last.misses),
        'entries in tier 1': number(last.entries),
        ...(last.bytes > 0 ? { 'bytes in tier 1': number(last.bytes) } : {}),
        'marks they carry': number(last.marks),
        'marks held': number(marks.held),
        evicted: number(standing.evictions),
        'marks confirmed': marks.unconfirmedMs === null ? 'never yet' : `${duration(marks.unconfirmedMs)} ago`,
        'changes that wait': number(changes.waiting),
        gaps: number(marks.gaps),
      }),
      h(
        'p',
        {},
        open.filter((part) => part.open).map(({ part }) => pill(`${part}: not asked, as calls fail`, 'bad')),
        marks.distrusted > 0 ? pill(`${counted(marks.distrusted, 'partition')} not trusted`, 'odd') : null,
        standing.enabled ? null : pill('counting is off (metrics: false)', 'odd'),
      ),
    );
    types.replaceChildren(typesTable(standing.byType));
  };

  return {
    element,
    shown: () => {
      if (Date.now() - askedAt < HEALTH_EVERY_MS) return;
      askedAt = Date.now();
      void put(health, ask('health'), healthOf);
    },
    hello: ({ samples: past, standing }) => {
      samples.splice(0, samples.length, ...past);
      draw(standing);
    },
    sample: ({ sample, ...standing }) => {
      samples.push(sample);
      if (samples.length > SHOWN) samples.shift();
      draw(standing);
    },
  };
}

function typesTable(byType) {
  const rows = Object.entries(byType)
    .filter(([, { hits, misses }]) => hits + misses > 0)
    .sort(([, a], [, b]) => b.hits + b.misses - a.hits - a.misses);
  if (rows.length === 0) return h('p', { class: 'soft' }, 'Nothing was read yet.');
  const head = ['type', 'hits', 'of tier 2', 'misses', 'hit rate'].map((name) => h('th', { scope: 'col' }, name));
  const line = ([type, { hits, tier2Hits, misses }]) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, h('code', {}, type)),
      [number(hits), number(tier2Hits), number(misses), percent(hits, hits + misses)].map((text) => h('td', {}, text)),
    );
  return h('table', {}, h('thead', {}, h('tr', {}, head)), h('tbody', {}, rows.map(line)));
}

function healthOf({ health: { status, issues, metrics }, held }) {
  const is = { up: 'good', degraded: 'odd', down: 'bad' }[status];
  const list = (counts) =>
    Object.entries(counts)
      .map(([type, count]) => `${type} ${number(count)}`)
      .join(' · ') || 'nothing';
  return [
    h(
      'p',
      {},
      pill(status, is),
      issues.map((issue) => h('p', { class: 'soft' }, issue)),
    ),
    metrics.redisPingMs === null ? null : h('p', {}, `Round trip to the store: ${duration(metrics.redisPingMs)}`),
    h('p', { class: 'soft' }, `Keys by type in tier 1: ${list(held)}`),
    metrics.redisPingMs === null
      ? null
      : h('p', { class: 'soft' }, `In the store, about: ${list(metrics.keyCountByType)}`),
  ].filter((part) => part !== null);
}
