import fc from 'fast-check';
import type * as Tidemark from '../../src/index.js';
import type { Library } from '../plant.js';
import { delayedMarks, delayedStore, fakeClock, seededRandom } from '../../src/testing/index.js';
import {
  type Commit,
  IDS,
  PARENT,
  type Row,
  type Type,
  type ValueName,
  World,
  gatedOrigin,
  model,
  openOrigin,
} from './world.js';

const TYPES = ['kingdom', 'settlement', 'structure'] as const;

/** What a history is made of, and how often each occurs. */
const WEIGHTS = {
  // readers
  read: 6,
  children: 4,
  view: 6,
  keyed: 2,
  scopeRead: 8,
  scopeChildren: 4,
  newScope: 1,
  peek: 1,
  afterRead: 3,
  // writers
  commit: 3,
  announce: 2,
  change: 4,
  transact: 2,
  bulk: 1,
  delPattern: 3,
  // another replica, over a perfect connection
  foreign: 5,
  foreignRead: 5,
  // connections
  answer: 5,
  reply: 7,
  message: 6,
  stored: 4,
  lose: 3,
  gap: 1,
  epoch: 1,
  // time, and all connections at once
  wait: 1,
  settle: 5,
  audit: 2,
  // rare meetings, arranged
  sweep: 1,
  hole: 1,
  overtake: 1,
  echo: 1,
  expire: 1,
  race: 1,
} as const;

/** One step of a history. Numbers are dice: they choose among what there is. */
export type Step = readonly [what: keyof typeof WEIGHTS, a: number, b: number];

export const history: fc.Arbitrary<readonly Step[]> = fc.noBias(
  fc.array(
    fc.oneof(
      ...Object.entries(WEIGHTS).map(([what, weight]) => ({
        arbitrary: fc.tuple(fc.constant(what as Step[0]), fc.nat(9999), fc.nat(9999)),
        weight,
      })),
    ),
    { minLength: 1, maxLength: 90, size: 'max' },
  ),
);

/**
 * Runs one history on a tide whose marks, store and origin answer only when the history says so, and throws at the
 * first answer that is older than a change whose announcement had been resolved, or heard, when the read began.
 */
export async function run(
  library: Library,
  steps: readonly Step[],
  options: { readonly tier2: boolean; readonly maxEntries: number },
): Promise<void> {
  const world = new World();
  const clock = fakeClock();
  const random = seededRandom(7);
  const shared = library.memory({ clock, random });
  const marks = delayedMarks(shared.marks);
  const store = delayedStore(shared.store);
  const { origin, waiting } = gatedOrigin(world);
  const tide = library.createTidemark({
    model,
    origin: origin,
    marks,
    bus: shared.bus,
    ...(options.tier2 ? { store } : {}),
    clock,
    random,
    maxEntries: options.maxEntries,
    maxBatchSize: 3,
    ttlMs: 1000,
    graceMs: 1000,
    absentTtlMs: 1000,
    originTimeoutMs: 1e9,
    storeTimeoutMs: 1e9,
  });
  const foreign = library.createTidemark({
    model,
    origin: openOrigin(world),
    marks: shared.marks,
    // It waits for nobody: its loads are not shared.
    ...(options.tier2 ? { store: { ...shared.store, capabilities: { atomic: false } } } : {}),
    clock,
    random,
  });
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
    const settled = promise
      .catch((error: unknown) => failures.push(error as Error))
      .finally(() => running.delete(settled));
    running.add(settled);
  };
  let log: string[] = [];
  const judge = (name: ValueName, content: unknown, since: ReadonlyMap<ValueName, number>): void => {
    const least = since.get(name) ?? 0;
    if (world.wasEver(name, content, least)) return;
    throw new Error(
      `stale ${name}: got ${JSON.stringify(content)}, which it was not after commit ${String(least)}\n${log.join('\n')}`,
    );
  };
  const bindings = (): ReadonlyMap<ValueName, number> =>
    new Map(world.names().map((name) => [name, world.bindingFor(name)]));
  const judged = (name: ValueName, read: () => Promise<unknown>, least = 0): void => {
    const since = new Map(bindings());
    since.set(name, Math.max(least, since.get(name) ?? 0));
    track(read().then((content) => judge(name, content, since)));
  };
  const judgedRealm = (
    read: () => Promise<{ kingdom: Row | null; settlements: readonly Row[]; structures: (readonly Row[])[] }>,
    kingdom: string,
  ): void => {
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
  // Half of the dice fall on a few values, so that histories meet themselves.
  const someEntity = (a: number, b: number): [Type, string] => {
    if (b % 2 === 0)
      return pick(
        [
          ['settlement', 's1'],
          ['structure', 't1'],
        ] as const,
        a,
      );
    const type = pick(TYPES, a);
    return [type, pick(IDS[type], b >> 1)];
  };
  const someParent = (a: number, b: number): ['settlement' | 'structure', 'kingdom' | 'settlement', string] =>
    a % 2 === 0
      ? ['settlement', 'kingdom', pick(IDS.kingdom, b)]
      : ['structure', 'settlement', pick(IDS.settlement, b)];
  const changeOf = (commit: Commit, dice: number): never => {
    const { type, id, op, before, after } = commit;
    // Sometimes without the images, sometimes with an image of an older version.
    const stale = before === null ? null : { ...before, version: before.version - 1, parentId: 'elsewhere' };
    // An update without both images asserts that it moved nothing.
    const moved = op === 'update' && before?.parentId !== after.parentId;
    const images =
      op === 'update' && dice % 7 === 2
        ? { before: stale, after }
        : moved
          ? { before, after }
          : dice % 5 === 0
            ? {}
            : dice % 5 === 1
              ? { after }
              : { before, after };
    return { type, id, op, ...images } as never;
  };

  const unannounced: Commit[] = [];
  /** Commits of the other replica, each with the position at which this one has heard of it. */
  const toHear: { readonly commit: Commit; readonly epoch: string; readonly position: number }[] = [];
  let lastForeign: { readonly commit: Commit; readonly receipt: Tidemark.Receipt } | undefined;
  const changeElsewhere = async (commit: Commit): Promise<void> => {
    const receipt = await foreign.change(changeOf(commit, 3));
    lastForeign = { commit, receipt };
    toHear.push({ commit, ...(receipt.marks[0] as { epoch: string; position: number }) });
    await flush();
  };
  const hear = (): void => {
    const next = marks.pendingMessages[0];
    if (!marks.deliverMessage() || next === undefined) return;
    const [, position, inEpoch] = /bump 0:(\d+)@(.*)/.exec(next) ?? [];
    if (position === undefined) return;
    // Hearing of a change binds; so does hearing of a later one, since the hole is noticed.
    for (const one of toHear) if (one.epoch === inEpoch && one.position <= Number(position)) one.commit.binding = true;
  };
  let { epoch } = (await shared.marks.heads())[0] as { epoch: string };
  const bindSoFar = (): (() => void) => {
    const commits = [...world.commits];
    return () => commits.forEach((commit) => (commit.binding = true));
  };
  let scope = tide.scope();
  let races = 0;
  // A subscriber that reads again on each event must not get anything older than the event.
  for (const type of TYPES) {
    const items = tide.subscribe({ type });
    void (async () => {
      for await (const item of items) {
        if (item.kind !== 'change' || item.entityId === null) continue;
        const [of, id] = [item.entityType as Type, String(item.entityId)];
        const name = `${of}:${id}`;
        const told = world.commits.filter(
          (commit) => commit.type === of && commit.id === id && commit.after.version <= (item.version ?? 0),
        );
        judged(
          name,
          () => tide.get(of, id),
          Math.max(0, ...told.filter(({ touched }) => touched.has(name)).map(({ number }) => number)),
        );
      }
    })();
  }

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
        unannounced.push(world.commit(...someEntity(a, b), a >> 3));
        break;
      case 'announce': {
        const commit = unannounced.shift();
        if (commit === undefined) break;
        track(tide.change(changeOf(commit, b)).then(() => (commit.binding = true)));
        break;
      }
      case 'change': {
        const commit = world.commit(...someEntity(a, b), a >> 3);
        track(tide.change(changeOf(commit, b)).then(() => (commit.binding = true)));
        break;
      }
      case 'transact': {
        const [type, id] = someEntity(a, b);
        const throws = b % 3 === 0;
        const commits: Commit[] = [];
        const done = tide.transaction(async (changes) => {
          if (throws) {
            void changes.add({ type, id, op: 'update' });
            throw new Error('rolled back');
          }
          commits.push(world.commit(type, id, a >> 3));
          void changes.add(changeOf(commits[0] as Commit, 3));
        });
        track(
          done.then(
            () => commits.forEach((commit) => (commit.binding = true)),
            (error: Error) => {
              if (error.message !== 'rolled back') throw error;
            },
          ),
        );
        break;
      }
      case 'foreign': {
        const commit = world.commit(...someEntity(a, b), a >> 3);
        await changeElsewhere(commit);
        break;
      }
      case 'foreignRead': {
        const [type, parent, id] = someParent(a, b);
        await foreign.children(type, { [parent]: id } as never);
        await foreign.get(...someEntity(b, a));
        break;
      }
      case 'bulk': {
        const type = pick(TYPES, a);
        for (let i = 0; i <= b % 3; i++) world.commit(type, pick(IDS[type], b + i), a + i);
        const bound = world.commits.slice(-1 - (b % 3));
        track(
          tide
            .change({ subjects: [tide.subject.type(type)] })
            .then(() => bound.forEach((commit) => (commit.binding = true))),
        );
        break;
      }
      case 'afterRead': {
        if (lastForeign === undefined) break;
        const { type, id, touched, number } = lastForeign.commit;
        const after = b % 2 === 0 ? lastForeign.receipt : lastForeign.receipt.toString();
        const name = `${type}:${id}`;
        judged(
          name,
          () => (a % 2 === 0 ? tide.get(type, id, { after }) : tide.scope({ after }).get(type, id)),
          touched.has(name) ? number : 0,
        );
        break;
      }
      case 'lose':
        marks.dropMessage();
        break;
      case 'epoch':
        epoch = (await shared.marks.newEpoch(0, epoch)).epoch;
        break;
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
        await clock.advance(a % 500);
        break;
      case 'sweep': {
        // A deletion of everything instead of an announcement.
        world.commit(...someEntity(a, b), a >> 3);
        track(tide.cache.delPattern('*').then(bindSoFar()));
        break;
      }
      case 'hole': {
        // A message is lost, the next one shows it: at once nothing that was held may be served.
        const [type, id] = someEntity(a, b);
        judged(`${type}:${id}`, () => tide.get(type, id));
        await drain();
        const commit = world.commit(type, id, a >> 3);
        if (b % 3 === 0) {
          await foreign.cache.delPattern('*'); // instead of announcing it
          const at = (await shared.marks.heads())[0] as { epoch: string; head: number };
          toHear.push({ commit, epoch: at.epoch, position: at.head });
          await flush();
        } else await changeElsewhere(commit);
        while (marks.dropMessage());
        const next = world.commit('kingdom', 'k2', b);
        await changeElsewhere(next);
        hear();
        judged(`${type}:${id}`, () => tide.get(type, id));
        break;
      }
      case 'overtake': {
        // The same request reads twice, with a change of it or of its parent between, while its first load is still out.
        const [type, id] = someEntity(a, b);
        judged(`${type}:${id}`, () => scope.get(type, id));
        await flush();
        while (marks.deliverReply() || store.deliverReply()) await flush();
        const [above, parentId] = [PARENT[type], world.row(type, id)?.parentId];
        const commit =
          b % 3 === 0 && above !== null && parentId !== undefined
            ? world.commit(above, parentId, 0)
            : world.commit(type, id, a >> 3);
        track(tide.change(changeOf(commit, 3)).then(() => (commit.binding = true)));
        await flush();
        while (marks.deliverReply()) await flush();
        judged(`${type}:${id}`, () => scope.get(type, id));
        break;
      }
      case 'echo': {
        // The reply to our own bump arrives after the message of a later foreign one; tier 2 holds what lay between.
        const [type, id] = someEntity(a, b);
        judged(`${type}:${id}`, () => tide.get(type, id));
        await drain();
        const own = world.commit(type, id, a >> 3);
        track(tide.change(changeOf(own, 3)).then(() => (own.binding = true)));
        await flush();
        await foreign.get(type, id);
        const commit = world.commit(type, id, b >> 3);
        await changeElsewhere(commit);
        while (marks.pendingMessages.length > 0) hear();
        await drain();
        judged(`${type}:${id}`, () => tide.get(type, id));
        break;
      }
      case 'race': {
        // A mark is asked for and changes before the reply arrives, behind the message of the change.
        const key = `race:${String(races++)}`;
        track(tide.ready());
        await drain();
        await foreign.cache.set(key, 1);
        track(tide.cache.get(key));
        await flush();
        while (store.deliverReply()) await flush();
        await foreign.cache.set(key, 2);
        await flush();
        while (marks.pendingMessages.length > 0) hear();
        await drain();
        track(
          tide.cache.get(key).then((value) => {
            if (value === 1) throw new Error(`stale ${key}\n${log.join('\n')}`);
          }),
        );
        break;
      }
      case 'expire': {
        // Changed first, expired then: grace is for what is merely old.
        const [type, id] = someEntity(a, b);
        judged(`${type}:${id}`, () => tide.get(type, id));
        await drain();
        const commit = world.commit(type, id, a >> 3);
        track(tide.change(changeOf(commit, 3)).then(() => (commit.binding = true)));
        await drain();
        await clock.advance(1001);
        judged(`${type}:${id}`, () => tide.get(type, id));
        break;
      }
      case 'settle':
        await drain();
        break;
      case 'audit':
        await audit();
        break;
      case 'delPattern': {
        const glob = pick(['*', '*', '*', 'settlement:*', '*:s1:*', 'view:*'], a);
        // Deleting everything is as good as announcing everything.
        const bind = glob === '*' ? bindSoFar() : () => undefined;
        track(tide.cache.delPattern(glob).then(bind));
        break;
      }
      case 'gap':
        marks.gap();
        break;
    }
    await flush();
  };
  const check = (): void => {
    if (failures[0] !== undefined) throw failures[0];
  };
  /** Everything that was sent arrives, and every load that waits for it ends. */
  const drain = async (): Promise<void> => {
    for (let idle = 0; idle < 2;) {
      let moved = false;
      while (marks.pendingMessages.length > 0) hear();
      while (marks.deliverReply() || store.deliverReply()) moved = true;
      for (const answer of waiting.splice(0)) {
        answer();
        moved = true;
      }
      // Whoever waits for another replica's load looks for its end from time to time.
      await clock.advance(moved ? 0 : 20);
      idle = moved ? 0 : idle + 1;
    }
  };
  /** Reads everything: a stale value that lies somewhere is found before something else drops it. */
  const audit = async (): Promise<void> => {
    await drain();
    for (const type of TYPES) for (const id of IDS[type]) judged(`${type}:${id}`, () => tide.get(type, id));
    for (const id of IDS.kingdom) judgedRealm(() => tide.view(realm, { kingdom: id }), id);
    for (const id of IDS.settlement) judged(`structure<${id}`, () => tide.children('structure', { settlement: id }));
    await drain();
  };

  try {
    for (const one of steps) {
      log.push(one.join(' '));
      await act(one);
      check();
    }
    for (const commit of unannounced.splice(0))
      track(tide.change(changeOf(commit, 3)).then(() => (commit.binding = true)));
    await drain();
    check();
    if (running.size > 0) throw new Error(`${String(running.size)} reads or changes never settled\n${log.join('\n')}`);
    log = ['(at rest)', ...log];
    await audit();
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
  const property = fc.asyncProperty(
    history,
    fc.constantFrom(true, true, false),
    fc.constantFrom(4, 12, 100),
    (steps, tier2, maxEntries) => run(library, steps, { tier2, maxEntries }),
  );
  const result = await fc.check(property, { seed, numRuns: runs, endOnFailure: !shrink });
  if (!result.failed) return null;
  const error = result.errorInstance;
  return { runs: result.numRuns, message: error instanceof Error ? error.message : String(error) };
}
