import assert from 'node:assert/strict';
import * as peers from './peers.mjs';
import { seeded } from './random.mjs';
import { structures, warmStructures } from './world.mjs';

const SIZES = [100, 10_000, 100_000];
const PER_SETTLEMENT = 10;
/** As many settlements change at any size, so that only what is held differs. */
const CHANGING = 10;
const MANY = 10_000;
const GROUP = 'one settlement changes';
const tideWith = (size) => `tide.change, ${size.toLocaleString('en')} entries`;

export default {
  title: 'Announcing a change',
  question: 'What does it cost to make a settlement and what hangs beneath it stale, as the cache grows?',
  setting: `Structures are held, ten under each settlement; one of ${CHANGING} settlements (chosen by a seeded generator) is deleted, so that its ten structures must go. One of them is loaded again between, untimed. The prefix scan looks at every key of a Map and deletes those of the settlement; bentocache deletes the settlement's tag. After each change it is checked that a structure of that settlement is gone and, bentocache apart, that one of its neighbour is not.`,
  packages: ['bentocache'],
  goals: [
    {
      text: 'tide.change with 100,000 entries ≤ 1.5 × with 100',
      limit: 1.5,
      actual: ({ between }) => between(GROUP, tideWith(100_000), tideWith(100)),
    },
  ],
  groups: [
    {
      title: GROUP,
      operation: 'change',
      reference: tideWith(100),
      cases: [
        ...SIZES.flatMap((size) => [
          { name: tideWith(size), make: () => changingTide(size) },
          { name: `deleteByTag of bentocache, ${size.toLocaleString('en')} entries`, make: () => changingBento(size) },
          { name: `prefix scan of a Map, ${size.toLocaleString('en')} entries`, make: () => changingMap(size) },
        ]),
        {
          name: `${tideWith(100_000)}, any of ${MANY.toLocaleString('en')} settlements`,
          make: () => changingTide(100_000, MANY),
        },
      ],
    },
  ],
};

/** Times `change(settlement)`, then checks and repairs. */
function changing(size, { change, isHeld, reload, spares = true, among = CHANGING }) {
  const random = seeded(3);
  const apart = size / PER_SETTLEMENT / among;
  let wrong = 0;
  return {
    timed: async (n, watch) => {
      let done = 0;
      for (let i = 0; i < n; i++) {
        const at = Math.floor(random() * among) * apart;
        const first = at * PER_SETTLEMENT;
        watch.start();
        await change(at);
        watch.stop();
        if (await isHeld(first)) wrong++;
        if (spares && !(await isHeld((first + PER_SETTLEMENT) % size))) wrong++;
        await reload(at);
        done++;
      }
      return done;
    },
    verify: () => assert.equal(wrong, 0),
  };
}

async function changingTide(size, among) {
  const rows = structures(size);
  const { tide } = await warmStructures(rows, { maxEntries: size + 100 });
  const images = rows
    .filter((_, i) => i % PER_SETTLEMENT === 0)
    .map(({ settlementId }) => ({ id: settlementId, kingdomId: 'kingdom-0' }));
  return changing(size, {
    change: (at) => tide.change({ type: 'settlement', id: images[at].id, op: 'delete', before: images[at] }),
    isHeld: (i) => tide.peek('structure', rows[i].id) !== undefined,
    reload: (at) => tide.get('structure', rows[at * PER_SETTLEMENT].id),
    among,
  });
}

async function changingMap(size) {
  const rows = structures(size);
  const keyOf = ({ settlementId, id }) => `settlement:${settlementId}:structure:${id}`;
  const cache = new Map(rows.map((row) => [keyOf(row), row]));
  return changing(size, {
    change: (at) => {
      const prefix = `settlement:${rows[at * PER_SETTLEMENT].settlementId}:`;
      for (const key of cache.keys()) if (key.startsWith(prefix)) cache.delete(key);
    },
    isHeld: (i) => cache.has(keyOf(rows[i])),
    reload: (at) => {
      for (const row of rowsOf(rows, at)) cache.set(keyOf(row), row);
    },
  });
}

async function changingBento(size) {
  const rows = structures(size);
  const cache = await peers.bento(size + 10_000);
  const load = (row) => cache.getOrSet({ key: row.id, tags: [row.settlementId], factory: () => row });
  for (const row of rows) await load(row);
  return changing(size, {
    change: (at) => cache.deleteByTag({ tags: [rows[at * PER_SETTLEMENT].settlementId] }),
    isHeld: async (i) => (await cache.get({ key: rows[i].id })) !== undefined,
    reload: (at) => load(rows[at * PER_SETTLEMENT]),
    // It compares times of creation in whole milliseconds: what is loaded again at once may count as deleted again.
    spares: false,
  });
}

const rowsOf = (rows, at) => rows.slice(at * PER_SETTLEMENT, (at + 1) * PER_SETTLEMENT);
