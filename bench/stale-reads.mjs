import * as experiments from './experiments.mjs';
import { versionsOf } from './versions.mjs';

/** Not a matter of time: which reads are older than a write that was announced before they began. */

const LIBRARIES = [
  { name: 'tidemark', library: 'tidemark', hasBus: true, has: ['key', 'tag', 'receipt'] },
  { name: 'bentocache', library: 'bento', hasBus: true, has: ['key', 'tag'] },
  { name: 'cacheable', library: 'cacheable', hasBus: true, has: ['key', 'tag'] },
  { name: 'cache-manager', library: 'cacheManager', hasBus: false, has: ['key'] },
  { name: 'async-cache-dedupe', library: 'dedupe', hasBus: false, has: ['key', 'tag'], oneTier: true },
  { name: 'layered-loader', library: 'layeredLoader', hasBus: true, has: ['key', 'tag'] },
];
const GROUP = 'what a later read gets';
const AT_ONCE = 2;

/** `kinds`: of invalidation. `needs`: what a library must have for the question to make sense. */
const ROWS = [
  row('E1 one process, in memory', experiments.staleSet, { memoryOnly: true }),
  row('E1 one process, on Redis', experiments.staleSet),
  row('E2 load on B, invalidated on A: B, A, a new C', experiments.staleSetElsewhere),
  row('E3 a read after the invalidation joins the load', experiments.joinedLoad),
  row('E4 B’s bus cut, A invalidates, the bus heals', experiments.busCut, { needs: ({ hasBus }) => hasBus }),
  row('E5 B has read Redis, A invalidates, B fills its memory', experiments.lateFill, {
    needs: ({ oneTier = false }) => !oneTier,
  }),
  row('E6 invalidated by a clock 5 s behind', experiments.slowClock, { kinds: ['tag'] }),
  row('E6b by a clock 5 s ahead: loads in 5 reads', experiments.fastClock, { kinds: ['tag'] }),
  row('E8 Redis refuses the write of the invalidation', experiments.failedDelete),
  row('a read on B with the receipt of A’s change, B’s bus held up', experiments.receipt, {
    kinds: ['key'],
    needs: ({ has }) => has.includes('receipt'),
  }),
];

function row(name, experiment, { kinds = ['key', 'tag'], needs = () => true, memoryOnly = false } = {}) {
  return { name, experiment, kinds, needs, memoryOnly };
}

export default {
  title: 'Reads that are older than they may be',
  question:
    'A write is committed and announced while something else is under way: does a later read still get what was before?',
  setting: `Every cell is a run of its own: processes of one library over a Redis of their own, in front of one origin; both tiers and the bus where the library has them, with ten minutes or more to live. Where there are two answers, the first is for the invalidation of a key, the second for that of a tag (a reference, a group, a parent entity). Gates order the steps, not time: the origin answers when it is told to, links to Redis are cut or held up, Redis is told to refuse writes. STALE: the read began after the invalidation had resolved everywhere, and got the value of before the write. n/a: the library has no such thing.`,
  packages: [...LIBRARIES.slice(1).map(({ name }) => name), '@keyv/redis', '@qified/redis', 'ioredis'],
  goals: [
    {
      text: 'stale answers of tidemark, at most',
      limit: 0,
      actual: ({ words }) => words(GROUP).stale.tidemark,
    },
  ],
  measure: async (_, group) => group.run(),
  groups: [{ run: runAll }, { run: () => FEATURES }],
};

async function runAll() {
  const cells = new Map();
  const runs = ROWS.flatMap((one) => LIBRARIES.map((library) => ({ one, library })));
  const next = async () => {
    for (let run = runs.shift(); run !== undefined; run = runs.shift()) cells.set(keyOf(run), await cellOf(run));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  const rows = ROWS.map((one) => [one.name, ...LIBRARIES.map((library) => cells.get(keyOf({ one, library })))]);
  const stale = LIBRARIES.map(({ name }, i) => [
    name,
    rows.filter((cells) => /STALE|NOT|error/.test(cells[i + 1])).length,
  ]);
  return {
    title: GROUP,
    head: ['experiment', ...LIBRARIES.map(({ name }) => (name === 'tidemark' ? name : versionsOf([name])[0]))],
    rows,
    notes: NOTES,
    stale: Object.fromEntries(stale),
  };
}

const keyOf = ({ one, library }) => `${one.name} ${library.name}`;

async function cellOf({ one: { experiment, kinds, needs, memoryOnly }, library }) {
  if (!needs(library)) return 'n/a';
  const answers = [];
  for (const kind of kinds) {
    const run = () => experiments.staged({ ...library, memoryOnly }, kind, experiment);
    answers.push(library.has.includes(kind) ? await run().catch((error) => `error: ${error.message}`) : 'n/a');
  }
  return answers.join(' / ');
}

const NOTES = [
  `cacheable's getOrSet takes no tags: with tags it is get, load, set, so that in E3 there is no load to join. async-cache-dedupe keeps values in one place, memory or Redis, so that there is no bus to cut and no second fill. cache-manager has neither tags nor a bus. In E4, B reads six seconds after the bus has healed; "next" is whether B hears of the invalidation after that. In E6b one load is right: five mean that nothing is cached until the clocks agree.`,
];

const FEATURES = {
  title: 'what else they offer',
  head: ['library', 'good to know'],
  rows: [
    [
      'tidemark',
      'all of the above, cascade along a declared tree, live updates from the same marks; one driver for shared stores (Redis, Valkey) beside Keyv, no OpenTelemetry yet, and new',
    ],
    [
      'bentocache',
      'soft and hard timeouts of the factory, grace periods, drivers for Redis, DynamoDB and SQL, Prometheus and OpenTelemetry, a debugging channel; values without tags cost no Redis command in memory',
    ],
    [
      'cacheable',
      'any Keyv store as either tier, tags by version counters that no clock decides, non-blocking second tier, statistics, hooks; its tags and `clear()` work on a cluster',
    ],
    [
      'cache-manager',
      'the most widely used; any number of Keyv stores in a row, background refresh before expiry, Nest’s cache module builds on it',
    ],
    [
      'async-cache-dedupe',
      'the fastest of these on an awaited hit; references by wildcard, serving stale while it revalidates, custom transformers',
    ],
    [
      'layered-loader',
      'a load that an invalidation overtakes is not kept in memory; synchronous hits, bulk loads, groups by a generation counter, refresh ahead with a staleness check, an SNS/SQS bus',
    ],
  ],
  notes: ['Read in their documentation and source in November 2026.'],
};
