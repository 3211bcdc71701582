import assert from 'node:assert/strict';
import * as peers from './peers.mjs';
import { seeded, shuffled } from './random.mjs';
import { byId, forkedModel, structures, warmStructures } from './world.mjs';

const KEYS = 10_000;
const HOT_KEYS = 500;
const BETWEEN_CHANGES = 1000;
const FOUR_MARKS = 'tide.peek, four marks';
const REFERENCE = 'lru-cache with ttl';

const thousands = (count) => count.toLocaleString('en');

const rows = structures(KEYS);
/** One order for all cases. */
const order = shuffled(
  rows.map((row) => row.id),
  seeded(7),
);
const ELSEWHERE = { id: 'elsewhere', settlementId: 'another', name: 'Elsewhere', kind: 'mill', level: 1, built: 1 };

export default {
  title: 'A synchronous hit in tier 1',
  question: 'What does a read from memory cost when each value carries the marks of everything it depends on?',
  setting: `Keys are read in one shuffled order, the same for all cases; rows have six fields. A structure carries four marks (its own, its parent's, its type's and its branch's), in a fork eight. Before anything is timed, each of the four is changed in turn and the record is seen to become unavailable. With a change before every ${thousands(BETWEEN_CHANGES)} reads, each entry looks at its own marks once after every change; the change itself is not timed.`,
  packages: ['lru-cache', 'node-cache', 'cacheable'],
  goals: [
    {
      text: `four marks, ${thousands(KEYS)} keys: ≤ 1.3 × lru-cache with ttl`,
      limit: 1.3,
      actual: ({ ratio }) => ratio(`${thousands(KEYS)} keys`, FOUR_MARKS),
    },
    {
      text: `four marks, ${HOT_KEYS} keys: ≤ 1.3 × lru-cache with ttl`,
      limit: 1.3,
      actual: ({ ratio }) => ratio(`${HOT_KEYS} keys`, FOUR_MARKS),
    },
  ],
  groups: [still(KEYS), near(still(HOT_KEYS)), changing(KEYS), changing(HOT_KEYS)],
};

/** Without the libraries that are far off. */
function near(group) {
  return { ...group, cases: group.cases.filter(({ name }) => !/^node-cache|^Cacheable|without ttl/.test(name)) };
}

/** Nothing changes while it is read. */
function still(keys) {
  const always = () => {};
  return {
    title: `${thousands(keys)} keys`,
    operation: 'read',
    reference: REFERENCE,
    checked: 1000,
    cases: [
      { name: REFERENCE, make: async () => readingLru(await peers.lru(KEYS), keys) },
      { name: 'lru-cache without ttl', make: async () => readingLru(await peers.lru(KEYS, { ttl: 0 }), keys) },
      {
        name: 'Map',
        make: () => {
          const records = byId(rows);
          return {
            run: (from, to) => {
              let sum = 0;
              for (let i = from; i < to; i++) sum += records.get(order[i % keys]).level;
              return sum;
            },
            verify: always,
          };
        },
      },
      {
        name: 'Map of entries with expiry, coarse clock',
        make: () => {
          const entries = entriesOf(rows);
          const now = coarseClock();
          return {
            run: (from, to) => {
              let sum = 0;
              for (let i = from; i < to; i++) {
                const entry = entries.get(order[i % keys]);
                if (entry !== undefined && now() < entry.expiresAt) sum += entry.value.level;
              }
              return sum;
            },
            verify: always,
          };
        },
      },
      {
        name: 'the same behind Maps by type and branch',
        make: () => {
          const types = new Map([['structure', new Map([['main', entriesOf(rows)]])]]);
          const now = coarseClock();
          return {
            run: (from, to) => {
              let sum = 0;
              for (let i = from; i < to; i++) {
                const entry = types
                  .get('structure')
                  .get('main')
                  .get(order[i % keys]);
                if (entry !== undefined && now() < entry.expiresAt) sum += entry.value.level;
              }
              return sum;
            },
            verify: always,
          };
        },
      },
      {
        name: FOUR_MARKS,
        make: async () => {
          const { tide, origin, loaded } = await provenTide();
          return {
            run: (from, to) => {
              let sum = 0;
              for (let i = from; i < to; i++) sum += tide.peek('structure', order[i % keys]).level;
              return sum;
            },
            verify: () => assert.equal(origin.ids, loaded),
          };
        },
      },
      {
        name: 'tide.peek in a fork, eight marks',
        make: async () => {
          const { tide, origin } = await warmStructures(rows, { of: forkedModel, branch: 'fork' });
          const inFork = { branch: 'fork' };
          return {
            run: (from, to) => {
              let sum = 0;
              for (let i = from; i < to; i++) sum += tide.peek('structure', order[i % keys], inFork).level;
              return sum;
            },
            verify: () => assert.equal(origin.ids, KEYS),
          };
        },
      },
      {
        name: 'node-cache without clones',
        make: async () => {
          const cache = await peers.nodeCache();
          for (const row of rows) cache.set(row.id, row);
          return {
            run: (from, to) => {
              let sum = 0;
              for (let i = from; i < to; i++) sum += cache.get(order[i % keys]).level;
              return sum;
            },
            verify: () => assert.equal(cache.keys().length, KEYS),
          };
        },
      },
      {
        name: 'CacheableMemory without clones',
        make: async () => {
          const cache = await peers.cacheableMemory();
          for (const row of rows) cache.set(row.id, row);
          return {
            run: (from, to) => {
              let sum = 0;
              for (let i = from; i < to; i++) sum += cache.get(order[i % keys]).level;
              return sum;
            },
            verify: () => assert.equal([...cache.keys].length, KEYS),
          };
        },
      },
    ],
  };
}

function readingLru(cache, keys) {
  for (const row of rows) cache.set(row.id, row);
  return {
    run: (from, to) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += cache.get(order[i % keys]).level;
      return sum;
    },
    verify: () => assert.equal(cache.size, KEYS),
  };
}

/** A record that is held, but none of those read, changes again and again. */
function changing(keys) {
  return {
    title: `an unrelated change before every ${thousands(BETWEEN_CHANGES)} reads of ${thousands(keys)} keys`,
    operation: 'read',
    reference: REFERENCE,
    checked: 1000,
    cases: [
      {
        name: REFERENCE,
        make: async () => {
          const cache = await peers.lru(KEYS + 1);
          for (const row of rows) cache.set(row.id, row);
          const read = (from, to) => {
            let sum = 0;
            for (let i = from; i < to; i++) sum += cache.get(order[i % keys]).level;
            return sum;
          };
          const change = async () => {
            cache.delete(ELSEWHERE.id);
            await null;
            cache.set(ELSEWHERE.id, ELSEWHERE);
          };
          return { timed: inBlocks(read, change), verify: () => assert.equal(cache.size, KEYS + 1) };
        },
      },
      {
        name: FOUR_MARKS,
        make: async () => {
          const { tide, origin, loaded } = await provenTide();
          let changes = 0;
          const read = (from, to) => {
            let sum = 0;
            for (let i = from; i < to; i++) sum += tide.peek('structure', order[i % keys]).level;
            return sum;
          };
          const change = async () => {
            changes++;
            await tide.change({
              type: 'structure',
              id: 'elsewhere',
              op: 'update',
              before: ELSEWHERE,
              after: ELSEWHERE,
            });
            await tide.get('structure', 'elsewhere');
          };
          // The changed record was loaded anew after each change, nothing else was.
          return { timed: inBlocks(read, change), verify: () => assert.equal(origin.ids, loaded + changes) };
        },
      },
    ],
  };
}

function inBlocks(read, change) {
  return async (n, watch) => {
    let sum = 0;
    for (let from = 0; from < n; from += BETWEEN_CHANGES) {
      await change();
      watch.start();
      sum += read(from, Math.min(n, from + BETWEEN_CHANGES));
      watch.stop();
    }
    return sum;
  };
}

/** A warm tide in which each of a record's four marks was seen to matter. */
async function provenTide() {
  const { tide, origin } = await warmStructures([...rows, ELSEWHERE]);
  const [row] = rows;
  const changes = [
    { type: 'structure', id: row.id, op: 'update', before: row, after: row },
    {
      type: 'settlement',
      id: row.settlementId,
      op: 'delete',
      before: { id: row.settlementId, kingdomId: 'kingdom-0' },
    },
    { subjects: [tide.subject.type('structure')] },
    { subjects: [tide.subject.branch('main')] },
  ];
  for (const change of changes) {
    assert.notEqual(tide.peek('structure', row.id), undefined);
    await tide.change(change);
    assert.equal(tide.peek('structure', row.id), undefined);
    await tide.getMany('structure', [...order, ELSEWHERE.id]);
  }
  return { tide, origin, loaded: origin.ids };
}

function entriesOf(all) {
  const expiresAt = performance.now() + 3_600_000;
  return new Map(all.map((row) => [row.id, { value: row, expiresAt }]));
}

/** Read again after 1,024 uses. */
function coarseClock() {
  let now = 0;
  let left = 0;
  return () => {
    if (left-- > 0) return now;
    left = 1024;
    return (now = performance.now());
  };
}
