import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { engineOf, sizesOf, treeOf, verify, wideOf } from './fields-world.mjs';
import { measure, round3, summary } from './measure.mjs';
import { seeded } from './random.mjs';

const FILE = fileURLToPath(import.meta.url);
const TREE = 'a tree of 10,000 entities, 50,000 dependencies, one row changed';
const WIDE = '100 rules over 1,000 entities';
const BYTES = '100,000 fields, beyond their rows';
const RUNS = 5;
const MANY = 1000;

const ONE_STRUCTURE = 'the level of a structure';
const ONE_WIDE = 'a number of one entity';

const question = {
  title: 'Computed fields, kept current',
  question: 'What does it cost to bring computed fields up to date when a row changes?',
  setting: `The tree has 20 kingdoms, 1,000 settlements and 9,000 structures with eleven fields: a structure's read its settlement and kingdom, a settlement's add up its structures', a kingdom's its settlements'. Dependencies are counted as values that are read: 70,020. Each operation changes one row (a kingdom's tax rate changes all structures' upkeep and settlements' taxes beneath it) to another value, and gives the list of values that changed; which row is chosen by a seeded generator. "All values anew" loads the same rows into a new engine. The other world has 100 rules of ten numbers of a row each, a fifth of which read another field. After it was timed every value is compared with an engine that is given the rows as they are then. Bytes are heap and typed arrays together after collections, with the compiled rules and a first change. The machine was shared with others while this ran.`,
  packages: [],
  goals: [
    goal('any one row of 10,000 entities < 50 ms', TREE, 'the tax rate of a kingdom', 50),
    goal('one of 1,000 entities with 100,000 fields ≤ 0.5 ms', WIDE, ONE_WIDE, 0.5),
    {
      text: '100,000 fields take ≤ 5 MB beyond their rows',
      limit: 5,
      actual: ({ of }) => of(BYTES, 'rules, engine and values') / 1e6,
    },
  ],
  measure: (name, group, number, options) =>
    group.bytes ? measureBytes(group, number) : measure(name, group, number, options),
  groups: [
    {
      title: TREE,
      operation: 'change',
      reference: ONE_STRUCTURE,
      cases: [
        {
          name: ONE_STRUCTURE,
          make: () => changing(treeOf(), 'structure', (row, n) => ({ ...row, level: 1 + (n % 5) })),
        },
        {
          name: 'a structure moves to another settlement',
          make: () =>
            changing(treeOf(), 'structure', (row, n) => ({
              ...row,
              settlementId: `s${(Number(row.settlementId.slice(1)) + 1 + (n % 900)) % 1000}`,
            })),
        },
        {
          name: 'the level of a settlement',
          make: () => changing(treeOf(), 'settlement', (row, n) => ({ ...row, level: 1 + (n % 10) })),
        },
        {
          name: 'the tax rate of a kingdom',
          make: () => changing(treeOf(), 'kingdom', (row, n) => ({ ...row, taxRate: 1 + (n % 5) })),
        },
        { name: 'all values anew', make: () => anew(treeOf()) },
      ],
    },
    {
      title: WIDE,
      operation: 'change',
      reference: ONE_WIDE,
      cases: [
        { name: ONE_WIDE, make: () => changing(wideOf(), 'settlement', (row, n) => ({ ...row, level: n % 100 })) },
        { name: 'all ten numbers of one entity', make: () => changing(wideOf(), 'settlement', another) },
        { name: 'a number of 10 entities at once', make: () => changingMany(10) },
        { name: 'a number of 1,000 entities at once', make: () => changingMany(MANY) },
        { name: 'all values anew', make: () => anew(wideOf()) },
      ],
    },
    {
      title: BYTES,
      operation: 'engine',
      reference: 'rules, engine and values',
      bytes: true,
      cases: [
        { name: 'rules, engine and values', make: (rows) => used(rows, engineOf({ ...wideOf(), rows })) },
        { name: 'a Map of values by field and id', make: (rows) => mapped(rows) },
      ],
    },
  ],
};

export default question;

function goal(text, group, name, limit) {
  return { text, limit, actual: ({ of }) => of(group, name) / 1e6 };
}

/** Changes one row after another, each to another state than it has. */
function changing(world, type, to) {
  const engine = engineOf(world);
  if (type === 'structure') {
    const { entities, dependencies } = sizesOf(world);
    assert.ok(entities >= 10_000 && dependencies >= 50_000, `${entities} entities, ${dependencies} dependencies`);
  }
  const random = seeded(3);
  const rows = world.rows[type];
  let turn = 0;
  let changed = 0;
  return {
    timed: async (n, watch) => {
      for (let i = 0; i < n; i++) {
        const at = Math.floor(random() * rows.length);
        const before = rows[at];
        let after = to(before, turn++);
        while (JSON.stringify(after) === JSON.stringify(before)) after = to(before, turn++);
        watch.start();
        const changes = engine.change(type, before, after);
        watch.stop();
        changed += changes.length;
        rows[at] = after;
      }
      return n;
    },
    verify: () => {
      if (turn === 0) return;
      assert.ok(changed > 0, 'nothing ever changed');
      verify(engine, world);
    },
  };
}

function another(row, n) {
  const next = Object.entries(row).map(([name, value], i) => [name, name === 'id' ? value : (value + n + i) % 100]);
  return Object.fromEntries(next);
}

function changingMany(many) {
  const world = wideOf();
  const engine = engineOf(world);
  const rows = world.rows.settlement;
  let turn = 0;
  return {
    timed: async (n, watch) => {
      for (let i = 0; i < n; i++) {
        turn++;
        const from = (turn * many) % rows.length;
        const changes = rows.slice(from, from + many).map((before) => {
          return { type: 'settlement', before, after: { ...before, level: (before.level + turn) % 100 } };
        });
        watch.start();
        engine.changeMany(changes);
        watch.stop();
        changes.forEach(({ after }, at) => (rows[from + at] = after));
      }
      return n;
    },
    verify: () => verify(engine, world),
  };
}

function anew(world) {
  let engine;
  return {
    timed: async (n, watch) => {
      for (let i = 0; i < n; i++) {
        watch.start();
        engine = engineOf(world);
        watch.stop();
      }
      return n;
    },
    verify: () => engine && verify(engine, world),
  };
}

// ── Bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────

function used(rows, engine) {
  const [first] = rows.settlement;
  const changes = engine.change('settlement', first, { ...first, level: (first.level + 50) % 100 });
  assert.ok(changes.length > 0);
  engine.change('settlement', first, first);
  return engine;
}

function mapped(rows) {
  const engine = engineOf({ ...wideOf(), rows });
  return new Map(
    rows.settlement.flatMap(({ id }) =>
      Object.entries(engine.valuesOf('settlement', id)).map(([field, value]) => [`${field}:${id}`, value]),
    ),
  );
}

async function measureBytes(group, number) {
  const samples = [];
  for (const at of group.cases.keys()) samples.push(await bytesOf(number, at));
  const least = Math.min(...samples[0]);
  const rows = group.cases.map(({ name }, at) => {
    const ratio = round3(Math.min(...samples[at]) / least);
    return { name, ...summary(samples[at]), ratio, roundRatio: ratio, control: false };
  });
  const { title, operation, reference } = group;
  return { title, operation, unit: 'B', reference, rounds: RUNS, roundRatioMeans: '× by min', rows };
}

function bytesOf(group, at) {
  return new Promise((resolve, reject) => {
    const child = fork(FILE, [String(group), String(at)], { execArgv: ['--expose-gc'] });
    child.on('message', ({ bytes, error }) => {
      if (error === undefined) resolve(bytes);
      else reject(new Error(error));
    });
    child.on('exit', (code) => reject(new Error(`bytes ${at}: its process ended with ${String(code)}`)));
  });
}

async function serve(group, at) {
  const { make } = question.groups[group].cases[at];
  const bytes = [];
  for (let run = 0; run < RUNS; run++) bytes.push(await bytesOfOne(make));
  return bytes;
}

/** On its own, so that nothing of it is alive when the next one begins. */
async function bytesOfOne(make) {
  const { rows } = wideOf();
  const before = await bytesUsed();
  const held = make(rows);
  const taken = (await bytesUsed()) - before;
  assert.ok(held && rows);
  return taken;
}

async function bytesUsed() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

if (process.argv[1] === FILE) {
  const [group, at] = process.argv.slice(2).map(Number);
  serve(group, at).then(
    (bytes) => process.send({ bytes }, () => process.exit()),
    (error) => process.send({ error: error.stack }, () => process.exit(1)),
  );
}
