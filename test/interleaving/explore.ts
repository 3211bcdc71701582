import fc from 'fast-check';
import type * as Tidemark from '../../src/index.js';
import { delayedMarks, delayedStore, fakeClock, seededRandom } from '../../src/testing/index.js';
import { type Commit, IDS, type Row, type Type, type ValueName, World, gatedOrigin, model } from './world.js';

/** The library under test: the real one, or a copy with a fault planted in it. */
export type Library = Pick<typeof Tidemark, 'createTidemark' | 'defineView' | 'memory'>;

const TYPES = ['kingdom', 'settlement', 'structure'] as const;

/** One step of a history. Numbers are dice: they choose among what there is. */
export type Step = readonly [
  what:
    | 'read' | 'children' | 'view' | 'keyed' | 'scopeRead' | 'scopeChildren' | 'newScope' | 'peek'
    | 'commit' | 'announce' | 'transact' | 'foreign'
    | 'answer' | 'reply' | 'message' | 'stored' | 'wait' | 'delPattern' | 'gap',
  a: number,
  b: number,
];

const step = (what: Step[0], weight: number): { arbitrary: fc.Arbitrary<Step>; weight: number } => ({
  arbitrary: fc.tuple(fc.constant(what), fc.nat(1000), fc.nat(1000)),
  weight,
});

export const history: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    step('read', 5), step('children', 4), step('view', 4), step('keyed', 2), step('scopeRead', 4), step('scopeChildren', 2),
    step('newScope', 1), step('peek', 2), step('commit', 5), step('announce', 5), step('transact', 2), step('foreign', 4),
    step('answer', 9), step('reply', 8), step('message', 6), step('stored', 3), step('wait', 1), step('delPattern', 1), step('gap', 1),
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
);

/**
 * Runs one history on a tide whose marks, store and origin answer only when the history says so, and throws at the
 * first answer that is older than a change whose announcement had been resolved, or heard, when the read began.
 */
export async function run(library: Library, steps: readonly Step[], options: { readonly tier2: boolean }): Promise<void> {
  const world = new World();
  const clock = fakeClock();
  const random = seededRandom(7);
  const shared = library.memory({ clock, random });
  const marks = delayedMarks(shared.marks);
  const store = delayedStore(shared.store);
  const { origin, waiting } = gatedOrigin(world);
  const tide = library.createTidemark({
    model,
    origin: origin as never,
    marks,
    bus: shared.bus,
    ...(options.tier2 ? { store } : {}),
    clock,
    random,
    maxEntries: 6,
    maxBatchSize: 3,
    ttlMs: 1000,
    graceMs: 1000,
    absentTtlMs: 1000,
    originTimeoutMs: 1e9,
    storeTimeoutMs: 1e9,
  });
  const foreign = library.createTidemark({ model, origin: {}, marks: shared.marks, bus: shared.bus, clock, random });
  const realm = library.defineView(model)({
    name: 'realm',
    load: async (read, { kingdom }: { kingdom: string }) => {
      const settlements = await read.children('settlement', { kingdom });
      const structures = await Promise.all(settlements.map(({ id }) => read.children('structure', { settlement: id })));
      return { kingdom: await read.get('kingdom', kingdom), settlements, structures };
    },
  });

  const flush = (): Promise<void> => clock.advance(0);
  const failures: Error[] = [];
  const running = new Set<Promise<unknown>>();
  const track = (promise: Promise<unknown>): void => {
    const settled = promise.catch((error: unknown) => failures.push(error as Error)).finally(() => running.delete(settled));
    running.add(settled);
  };
  let log: string[] = [];
  const judge = (name: ValueName, content: unknown, since: ReadonlyMap<ValueName, number>): void => {
    const least = since.get(name) ?? 0;
    if (world.wasEver(name, content, least)) return;
    throw new Error(`stale ${name}: got ${JSON.stringify(content)}, which it was not after commit ${String(least)}\n${log.join('\n')}`);
  };
  const bindings = (): ReadonlyMap<ValueName, number> => new Map(world.names().map((name) => [name, world.bindingFor(name)]));
  const judged = (name: ValueName, read: () => Promise<unknown>): void => {
    const since = bindings();
    track(read().then((content) => judge(name, content, since)));
  };
  const judgedRealm = (read: () => Promise<{ kingdom: Row | null; settlements: readonly Row[]; structures: (readonly Row[])[] }>, kingdom: string): void => {
    const since = bindings();
    track(
      read().then((realm) => {
        judge(`kingdom:${kingdom}`, realm.kingdom, since);
        judge(`settlement<${kingdom}`, realm.settlements, since);
        realm.settlements.forEach(({ id }, i) => judge(`structure<${id}`, realm.structures[i], since));
      }),
    );
  };

  const pick = <T>(items: readonly T[], dice: number): T => items[dice % items.length] as T;
  const someEntity = (a: number, b: number): [Type, string] => {
    const type = pick(TYPES, a);
    return [type, pick(IDS[type], b)];
  };
  const someParent = (a: number, b: number): ['settlement' | 'structure', 'kingdom' | 'settlement', string] =>
    a % 2 === 0 ? ['settlement', 'kingdom', pick(IDS.kingdom, b)] : ['structure', 'settlement', pick(IDS.settlement, b)];
  const changeOf = (commit: Commit, dice: number): never => {
    const { type, id, op, before, after } = commit;
    // Sometimes without the images, sometimes with an image of an older version.
    const stale = before === null ? null : { ...before, version: before.version - 1, parentId: 'elsewhere' };
    const images = dice % 5 === 0 ? {} : dice % 5 === 1 ? { after } : dice % 7 === 2 && op === 'update' ? { before: stale, after } : { before, after };
    return { type, id, op, ...images } as never;
  };

  const unannounced: Commit[] = [];
  const unheard: { readonly commit: Commit; readonly head: number }[] = [];
  let heard = 0;
  const hear = (): void => {
    const next = marks.pendingMessages[0];
    if (!marks.deliverMessage() || next === undefined) return;
    const position = /bump 0:(\d+)/.exec(next)?.[1];
    if (position !== undefined) heard = Number(position);
    for (const { commit, head } of unheard) if (head <= heard) commit.binding = true;
  };
  let scope = tide.scope();

  const act = async ([what, a, b]: Step): Promise<void> => {
    switch (what) {
      case 'read': {
        const [type, id] = someEntity(a, b);
        judged(`${type}:${id}`, () => tide.get(type, id));
        break;
      }
      case 'children': {
        const [type, parent, id] = someParent(a, b);
        judged(`${type}<${id}`, () => tide.children(type, { [parent]: id } as never));
        break;
      }
      case 'view': {
        const kingdom = pick(IDS.kingdom, a);
        judgedRealm(() => tide.view(realm, { kingdom }), kingdom);
        break;
      }
      case 'keyed': {
        const kingdom = pick(IDS.kingdom, a);
        judgedRealm(() => tide.cache.getOrLoad(`realm:${kingdom}`, (read) => realm.load(read, { kingdom })), kingdom);
        break;
      }
      case 'scopeRead': {
        const [type, id] = someEntity(a, b);
        judged(`${type}:${id}`, () => (b % 2 === 0 ? scope.get(type, id) : scope.loaders[type].load(id)));
        break;
      }
      case 'scopeChildren': {
        const [type, parent, id] = someParent(a, b);
        judged(`${type}<${id}`, () => scope.children(type, { [parent]: id } as never));
        break;
      }
      case 'newScope':
        scope = tide.scope();
        break;
      case 'peek': {
        const [type, id] = someEntity(a, b);
        const found = tide.peek(type, id);
        if (found !== undefined) judge(`${type}:${id}`, found, bindings());
        break;
      }
      case 'commit':
        unannounced.push(world.commit(...someEntity(a, b), a));
        break;
      case 'announce': {
        const commit = unannounced.shift();
        if (commit === undefined) break;
        track(tide.change(changeOf(commit, b)).then(() => (commit.binding = true)));
        break;
      }
      case 'transact': {
        const [type, id] = someEntity(a, b);
        const throws = b % 3 === 0;
        const commits: Commit[] = [];
        const done = tide.transaction(async (changes) => {
          if (throws) {
            changes.add({ type, id, op: 'update' });
            throw new Error('rolled back');
          }
          commits.push(world.commit(type, id, a));
          changes.add(changeOf(commits[0] as Commit, 3));
        });
        track(done.then(() => commits.forEach((commit) => (commit.binding = true)), (error: Error) => {
          if (error.message !== 'rolled back') throw error;
        }));
        break;
      }
      case 'foreign': {
        const commit = world.commit(...someEntity(a, b), a);
        const receipt = await foreign.change(changeOf(commit, 3));
        const head = receipt.marks[0]?.position ?? 0;
        unheard.push({ commit, head });
        break;
      }
      case 'answer':
        waiting.splice(a % Math.max(1, waiting.length), 1)[0]?.();
        break;
      case 'reply':
        marks.deliverReply();
        break;
      case 'message':
        hear();
        break;
      case 'stored':
        store.deliverReply();
        break;
      case 'wait':
        await clock.advance(a);
        break;
      case 'delPattern':
        track(tide.cache.delPattern(pick(['settlement:*', '*:s1:*', 'realm:*', 'view:*', '*'], a)));
        break;
      case 'gap':
        marks.gap();
        break;
    }
    await flush();
  };
  const check = (): void => {
    if (failures[0] !== undefined) throw failures[0];
  };
  const drain = async (): Promise<void> => {
    // Marks first: everything that was sent is heard; then the loads that wait for it.
    for (let idle = 0; idle < 3; ) {
      const moved = marks.pendingMessages.length > 0 || marks.pendingReplies.length > 0 || store.pendingReplies.length > 0 || waiting.length > 0;
      while (marks.pendingMessages.length > 0) hear();
      marks.deliverReply();
      store.deliverReply();
      waiting.shift()?.();
      await clock.advance(1);
      idle = moved ? 0 : idle + 1;
    }
  };

  try {
    for (const one of steps) {
      log.push(one.join(' '));
      await act(one);
      check();
    }
    for (const commit of unannounced.splice(0)) track(tide.change(changeOf(commit, 3)).then(() => (commit.binding = true)));
    await drain();
    check();
    if (running.size > 0) throw new Error(`${String(running.size)} reads or changes never settled\n${log.join('\n')}`);
    log = ['(at rest)', ...log];
    for (const type of TYPES) for (const id of IDS[type]) judged(`${type}:${id}`, () => tide.get(type, id));
    for (const id of IDS.kingdom) judgedRealm(() => tide.view(realm, { kingdom: id }), id);
    for (const id of IDS.settlement) judged(`structure<${id}`, () => tide.children('structure', { settlement: id }));
    await drain();
    check();
  } finally {
    marks.flow();
    store.flow();
    await tide.close();
    await foreign.close();
  }
}

/** Explores `runs` histories from a seed. Resolves with the failure, shrunk, or null. */
export async function explore(
  library: Library,
  { seed, runs, shrink }: { readonly seed: number; readonly runs: number; readonly shrink: boolean },
): Promise<{ readonly runs: number; readonly message: string } | null> {
  const property = fc.asyncProperty(history, fc.boolean(), (steps, tier2) => run(library, steps, { tier2 }));
  const result = await fc.check(property, { seed, numRuns: runs, endOnFailure: !shrink });
  if (!result.failed) return null;
  const error = result.errorInstance;
  return { runs: result.numRuns, message: error instanceof Error ? error.message : String(error) };
}
