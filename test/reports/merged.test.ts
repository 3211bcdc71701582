import { describe, expect, test } from 'vitest';
import { memory } from '../../src/index.js';
import { type World, type WorldOptions, world } from '../behaviour/setup.js';
import { ROLL_CALL, after, fleet } from './setup.js';

const MERGED = { merged: true } as const;
const idOf = async ({ tide }: World): Promise<string> =>
  (await tide.stats({ merged: true, waitMs: 1 })).replicas[0]!.id;
const failing = (): Promise<never> => Promise.reject(new Error('refused'));

describe('merged statistics', () => {
  test('are the sums over all replicas, and each replica’s own beside them', async () => {
    const { clock, join } = fleet();
    const [a, b, c] = [await join(), await join(), await join({ namespace: 'elsewhere' })];
    await a.tide.getMany('settlement', ['s0', 's1']);
    await clock.advance(0);
    await b.tide.getMany('settlement', ['s0', 's2']);
    await b.tide.children('structure', { settlement: 's0' });
    await b.tide.cache.delPattern('nothing*');
    await c.tide.get('settlement', 's0');
    await a.rename('s3');
    await clock.advance(7000);
    a.tide.resetStats();
    await a.tide.getMany('settlement', ['s0', 's1', 's2']);
    const merged = await after(clock, 1000, a.tide.stats(MERGED));
    const [own, other] = [a.tide.stats(), b.tide.stats()];
    expect(merged.replicas.map(({ stats }) => stats)).toEqual([own, other]);
    expect(merged.replicas.map((replica) => replica.own)).toEqual([true, false]);
    expect(new Set(merged.replicas.map(({ id }) => id)).size).toBe(2);
    expect(merged.hits + merged.misses).toBe(3 + 3);
    expect(merged).toMatchObject({
      hits: own.hits + other.hits,
      hitRate: (own.hits + other.hits) / 6,
      originCalls: own.originCalls + other.originCalls,
      patternDeletes: other.patternDeletes,
      // Not that one of before the reset.
      changes: 0,
      enabled: true,
      unreachable: null,
      startTime: other.startTime,
    });
    expect(Object.keys(merged.byType)).toEqual(['settlement', 'structures']);
    expect(merged.byType['structures']).toEqual(other.byType['structures']);
    expect(merged.byType['settlement']?.hits).toBe(own.hits + other.hits);
    expect(merged.tier1.entries).toBe(own.tier1.entries + other.tier1.entries);
  });

  test('of a tide on embedded defaults are its own, at once', async () => {
    const { tide } = world();
    await tide.get('settlement', 's0');
    const { replicas, unreachable, ...merged } = await tide.stats(MERGED);
    expect(merged).toEqual(tide.stats());
    expect([replicas.length, unreachable]).toEqual([1, null]);
  });

  test('say which version a replica has, since when it lives, and how long its marks have not been confirmed', async () => {
    const { clock, join } = fleet();
    const early = clock.wallNow();
    const a = await join();
    await clock.advance(60_400);
    const shared = memory({ clock });
    const deaf = { ...shared.marks, heads: shared.marks.heads };
    const b = await join({ marks: deaf });
    await clock.advance(300);
    // The marks of the second cannot be reached from here on: it was confirmed for the last time at its start.
    deaf.heads = failing;
    await clock.advance(5000);
    const { replicas } = await after(clock, 500, a.tide.stats({ merged: true, waitMs: 500 }));
    expect(replicas).toMatchObject([
      { own: true, version: '0.1.0', startTime: new Date(early) },
      { own: false, version: '0.1.0', startTime: new Date(early + 60_400), unconfirmedMs: 5300 },
    ]);
    expect(replicas[0]?.unconfirmedMs).toBeLessThan(1500);
    await Promise.all([a.tide.close(), b.tide.close()]);
  });

  test('say of a replica that has read nothing that nothing is known of its marks', async () => {
    const { tide } = world();
    expect((await tide.stats(MERGED)).replicas).toMatchObject([{ unconfirmedMs: null }]);
  });

  test('say for how long a replica that hears no more of a part of its marks has not had all of them confirmed', async () => {
    const { clock, join } = fleet();
    const { marks } = memory({ clock, partitions: 4 });
    const partial = { ...marks };
    const [a, b] = [await join(), await join({ marks: partial })];
    partial.heads = async () => (await marks.heads()).slice(1);
    await clock.advance(5000);
    const { replicas } = await after(clock, 100, a.tide.stats({ merged: true, waitMs: 100 }));
    const [fine = NaN, behind = NaN] = replicas.map(({ unconfirmedMs }) => unconfirmedMs ?? NaN);
    expect(fine).toBeLessThan(1500);
    expect(behind).toBeGreaterThanOrEqual(4000);
    await Promise.all([a.tide.close(), b.tide.close()]);
  });

  test('compare no two wall clocks', async () => {
    const { clock, join } = fleet();
    const a = await join();
    const hours = 5 * 3_600_000;
    const b = await join({ clock: { ...clock, wallNow: () => clock.wallNow() - hours } });
    const now = clock.wallNow();
    await clock.advance(2000);
    expect(b.tide.stats().startTime).toEqual(new Date(now - hours));
    const merged = await after(clock, 1000, a.tide.stats(MERGED));
    expect(merged.replicas.map(({ startTime, stats }) => [startTime, stats.startTime])).toEqual([
      [new Date(now), new Date(now)],
      [new Date(now), new Date(now)],
    ]);
    expect(merged.startTime).toEqual(new Date(now));
  });

  test('are not enabled where one replica does not count', async () => {
    const { clock, join } = fleet();
    const [a] = [await join(), await join({ metrics: false })];
    const merged = await after(clock, 1000, a.tide.stats(MERGED));
    expect([merged.enabled, merged.replicas.map(({ stats }) => stats.enabled)]).toEqual([false, [true, false]]);
  });

  test('wait as long as they are told', async () => {
    const { clock, join } = fleet();
    const [a] = [await join(), await join()];
    expect((await after(clock, 30, a.tide.stats({ merged: true, waitMs: 30 }))).replicas).toHaveLength(2);
  });

  test.each([
    ['a wait of nothing', { merged: true, waitMs: 0 }, 'waitMs: expected a whole number of at least 1, got 0.'],
    ['what is not merged', { merged: false }, 'merged: expected true, got false.'],
    ['no options', {}, 'merged: expected true, got undefined.'],
  ])('refuse %s', async (_, options, message) => {
    const { tide } = world();
    const invalid = { code: 'INVALID_OPTION', message };
    await expect(tide.stats(options as typeof MERGED)).rejects.toMatchObject(invalid);
    await expect(tide.health(options as typeof MERGED)).rejects.toMatchObject(invalid);
  });
});

describe('merged health', () => {
  const saying = (pingMs: number, megabytes: number): WorldOptions => {
    const { store } = memory();
    const memoryUsedBytes = megabytes * 1024 * 1024;
    return { store: { ...store, info: async () => ({ ...(await store.info()), pingMs, memoryUsedBytes }) } };
  };

  test('of a tide on embedded defaults is its own, at once, with its name', async () => {
    const { tide } = world();
    const { replicas, unreachable, ...merged } = await tide.health(MERGED);
    expect(merged).toEqual(await tide.health());
    expect([replicas.length, unreachable]).toEqual([1, null]);
  });

  test('is the worst of all, and every issue names its replica', async () => {
    const { clock, join } = fleet();
    const broken = { ...memory({ clock }).store, info: failing };
    const [a, b, c, d] = [
      await join(saying(1, 2)),
      await join(saying(60, 3)),
      await join({ store: broken }),
      await join(),
    ];
    const health = await after(clock, 1000, a.tide.health(MERGED));
    const [second, third] = await Promise.all([b, c].map((one) => idOf(one)).concat(clock.advance(1) as never));
    expect(health.status).toBe('down');
    expect([...health.issues].sort()).toEqual(
      [
        `replica ${String(second)}: Slow store: expected a round trip within 50 ms, got 60.0 ms.`,
        `replica ${String(third)}: Unreachable store: refused.`,
      ].sort(),
    );
    expect(health.metrics).toMatchObject({ redisPingMs: 60, memoryUsageMB: 3 });
    expect(health.replicas.find(({ id }) => id === second)?.health).toEqual(await b.tide.health());
    expect(health.replicas).toHaveLength(4);
    await c.tide.close();
    expect((await after(clock, 1000, a.tide.health(MERGED))).status).toBe('degraded');
    await b.tide.close();
    expect(await after(clock, 1000, d.tide.health(MERGED))).toMatchObject({ status: 'up', issues: [] });
  });

  test('has the hit rate of all reads, and the keys of the store once', async () => {
    const { clock, join } = fleet();
    const [a, b] = [await join(), await join()];
    await a.tide.getMany('settlement', ['s0', 's1']);
    await clock.advance(0);
    await b.tide.getMany('settlement', ['s0', 's1']);
    await b.tide.getMany('settlement', ['s0', 's1']);
    const { metrics } = await after(clock, 1000, b.tide.health(MERGED));
    expect(metrics).toMatchObject({ hitRate: 4 / 6, keyCountByType: { settlement: 2 } });
  });

  test('without a store has the keys and the memory of all together', async () => {
    const { clock, join } = fleet();
    const own = { store: undefined, maxBytes: 1e9, bytesOf: () => 1024 * 1024 };
    const [a, b] = [await join(own), await join(own)];
    await a.tide.getMany('settlement', ['s0', 's1']);
    await b.tide.get('settlement', 's0');
    await b.tide.get('kingdom', 'k0');
    const { metrics } = await after(clock, 1000, a.tide.health(MERGED));
    expect(metrics).toMatchObject({
      redisPingMs: null,
      memoryUsageMB: 4,
      keyCountByType: { kingdom: 1, settlement: 3 },
    });
  });

  test('hears of a store that hangs from the replica that waits for it', async () => {
    const { clock, join } = fleet();
    const a = await join();
    await join({ store: { ...memory().store, info: () => new Promise(() => {}) } });
    const { status, issues, replicas } = await after(clock, 1000, a.tide.health(MERGED));
    expect([status, replicas.length]).toEqual(['down', 2]);
    expect(issues).toEqual([expect.stringContaining('Unreachable store: no answer within 750 ms')]);
  });

  test('passes thresholds and an outbox on', async () => {
    const { clock, join } = fleet();
    const [a, b] = [await join(), await join({ thresholds: { maxMemory: Infinity, minHitRate: 0.9 } })];
    const { replicas, thresholds } = await after(clock, 1000, a.tide.health(MERGED));
    expect(replicas[1]?.health).toEqual(await b.tide.health());
    expect(thresholds).toEqual((await a.tide.health()).thresholds);
  });
});

describe('a question', () => {
  test('to nobody but this one: what it knows, and that it was asked', async () => {
    const { clock, join } = fleet();
    const a = await join();
    const merged = await after(clock, 1000, a.tide.stats(MERGED));
    expect([merged.replicas.length, merged.unreachable]).toEqual([1, null]);
  });

  test('that the bus refuses is answered at once with what is known here, and health says so', async () => {
    const passing = fleet();
    const [a] = [await passing.join(), await passing.join()];
    passing.sending = failing;
    expect(await a.tide.stats(MERGED)).toMatchObject({ unreachable: 'refused' });
    const { status, issues, replicas } = await a.tide.health(MERGED);
    expect([status, issues, replicas.length]).toEqual(['degraded', ['Unreachable replicas: refused'], 1]);
  });

  test.each(['sending', 'listening'] as const)(
    'on a bus whose %s hangs is answered in time all the same',
    async (verb) => {
      const passing = fleet();
      const [a] = [await passing.join(), await passing.join()];
      passing[verb] = () => new Promise(() => {});
      const merged = await after(passing.clock, 1000, a.tide.stats(MERGED));
      expect(merged).toMatchObject({ unreachable: 'the bus was silent for 1000 ms.' });
      expect(merged.replicas).toHaveLength(1);
    },
  );

  test('on a bus that loses it says that it was silent', async () => {
    const passing = fleet();
    const [a] = [await passing.join(), await passing.join()];
    passing.fate = () => [];
    expect(await after(passing.clock, 1000, a.tide.stats(MERGED))).toMatchObject({
      unreachable: 'the bus was silent for 1000 ms.',
    });
  });

  test('on a bus without ephemeral topics is answered from here, and says so', async () => {
    const { tide } = world({ bus: { ...memory().bus, ephemeral: undefined } });
    expect(await tide.stats(MERGED)).toMatchObject({ unreachable: 'the bus has no ephemeral topics.' });
    expect(await tide.health(MERGED)).toMatchObject({
      status: 'degraded',
      issues: ['Unreachable replicas: the bus has no ephemeral topics.'],
    });
  });

  test('of two at once: each gets every answer once', async () => {
    const { clock, join } = fleet();
    const [a, b, c] = [await join(), await join(), await join()];
    for (const { tide } of [a, b, c]) await tide.get('settlement', 's0');
    const asked = [a.tide.stats(MERGED), b.tide.stats(MERGED), b.tide.stats(MERGED), c.tide.health(MERGED)];
    await clock.advance(1000);
    const ids = (await Promise.all(asked)).map(({ replicas }) => replicas.map(({ id }) => id).sort());
    expect(new Set(ids[0]).size).toBe(3);
    for (const each of ids) expect(each).toEqual(ids[0]);
  });

  test('is no business of another namespace', async () => {
    const { clock, join } = fleet();
    const [a, b] = [await join({ namespace: 'a' }), await join({ namespace: 'b' })];
    await join();
    await b.tide.get('settlement', 's0');
    const merged = await after(clock, 1000, a.tide.stats(MERGED));
    expect([merged.replicas.length, merged.misses]).toEqual([1, 0]);
  });

  test('is not answered by who has closed, and ends with CLOSED if the asker does', async () => {
    const { clock, join, listened, sent } = fleet();
    const [a, b, c] = [await join(), await join(), await join()];
    await c.tide.close();
    const asked = [a.tide.stats(MERGED), a.tide.health(MERGED)];
    const outcomes = Promise.allSettled(asked);
    await clock.advance(10);
    expect(sent.filter((message) => !message.startsWith(`${ROLL_CALL} `))).toHaveLength(2);
    await a.tide.close();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } });
    await expect(a.tide.stats(MERGED)).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(a.tide.health(MERGED)).rejects.toMatchObject({ code: 'CLOSED' });
    await b.tide.close();
    await clock.advance(0);
    expect([clock.timers, listened]).toEqual([0, []]);
  });

  test('costs nothing while nobody asks, but that one topic is listened to', async () => {
    const { clock, join, listened, sent } = fleet();
    const a = await join();
    await a.tide.get('settlement', 's0');
    await a.rename('s0');
    await clock.advance(60_000);
    expect([listened, sent]).toEqual([[ROLL_CALL], []]);
  });

  test('leaves nothing behind', async () => {
    const { clock, join, listened } = fleet();
    const [a] = [await join(), await join()];
    const before = [clock.timers, [...listened]];
    await after(clock, 1000, a.tide.stats(MERGED));
    expect([clock.timers, listened]).toEqual(before);
  });

  test('reaches who is in use only: a tide that nobody has used listens to nothing', async () => {
    const passing = fleet();
    const a = await passing.join();
    const idle = world({ bus: passing.bus }, { clock: passing.clock, from: 900_000 });
    expect((await after(passing.clock, 1000, a.tide.stats(MERGED))).replicas).toHaveLength(1);
    await idle.tide.get('settlement', 's0');
    expect((await after(passing.clock, 1000, a.tide.stats(MERGED))).replicas).toHaveLength(2);
  });
});

describe('an answer', () => {
  const FROM = 'abc123';
  const answer = (hits: number, beside: object = {}): string =>
    JSON.stringify({
      ...{ version: '9.9.9', upMs: 10, countedMs: 5, unconfirmedMs: null, mood: 'fine' },
      stats: { enabled: true, hits, byType: {}, tier1: {}, ...beside },
    });
  /** What a tide makes of these messages of a foreign replica. */
  async function answered(...messages: readonly string[]) {
    const passing = fleet();
    const [a] = [await passing.join(), await passing.join()];
    const asked = a.tide.stats(MERGED);
    await passing.clock.advance(10);
    const topic = passing.listened.find((each) => each !== ROLL_CALL) as string;
    for (const message of messages) await passing.say(topic, message);
    await passing.clock.advance(990);
    const { replicas } = await asked;
    return { foreign: replicas.filter(({ id }) => id === FROM), count: replicas.length, errors: a.seen.error };
  }

  test('of another version counts, with what is known here of what it says', async () => {
    const { foreign, count, errors } = await answered(`1 ${FROM} 1 1/1\n${answer(7, { waits: 4 })}`);
    expect([count, errors]).toEqual([3, []]);
    expect(foreign).toMatchObject([{ version: '9.9.9', own: false, stats: { hits: 7, misses: 0, hitRate: 1 } }]);
    expect(foreign[0]).not.toHaveProperty('mood');
  });

  test('that comes twice counts once: the first that is whole', async () => {
    const half = (text: string): number => text.indexOf('"byType"');
    const [first, second] = [answer(7), answer(8)].map((text) => [text.slice(0, half(text)), text.slice(half(text))]);
    const { foreign, errors } = await answered(
      `1 ${FROM} 1 2/2\n${String(first?.[1])}`,
      `1 ${FROM} 2 1/2\n${String(second?.[0])}`,
      `1 ${FROM} 1 2/2\n${String(first?.[1])}`,
      `1 ${FROM} 1 1/2\n${String(first?.[0])}`,
      `1 ${FROM} 2 2/2\n${String(second?.[1])}`,
      `1 ${FROM} 3 1/1\n${answer(9)}`,
    );
    expect([foreign.map(({ stats }) => stats.hits), errors]).toEqual([[7], []]);
  });

  test('of which a part is missing counts for nothing', async () => {
    expect(await answered(`1 ${FROM} 1 1/2\n${answer(7)}`)).toMatchObject({ foreign: [], errors: [] });
  });

  test('in a form of later is passed over', async () => {
    expect(await answered(`2 ${FROM} anything`, `3 ${FROM} 1 1/1\n{}`)).toMatchObject({ foreign: [], count: 2 });
  });

  test.each([`1 ${FROM} 1 1/1\n{`, `1 ${FROM} 1 1/1\n{"version":1}`, '\xff', '', `1 ${FROM} 1 9/2\n{}`])(
    'that is none, such as %j, is told as an error, and the others count',
    async (message) => {
      const { foreign, count, errors } = await answered(message);
      expect([foreign, count]).toEqual([[], 2]);
      expect(errors).toMatchObject([{ where: expect.stringMatching(/^roll call on replicas-of:/) as string }]);
    },
  );

  test('is given to no question that is none, which is told as an error', async () => {
    const passing = fleet();
    const [a, b] = [await passing.join(), await passing.join()];
    for (const message of ['', '{', '{"v":1}', `{"v":1,"id":"x","about":"stats","waitMs":1}`])
      await passing.say(ROLL_CALL, message);
    await passing.say(ROLL_CALL, `{"v":2,"id":"x"}`);
    await passing.clock.advance(10);
    expect([passing.sent, a.seen.error.length, b.seen.error.length]).toEqual([[], 4, 4]);
    expect((await after(passing.clock, 1000, a.tide.stats(MERGED))).replicas).toHaveLength(2);
  });

  test('that the bus does not take is told as an error by who gave it', async () => {
    const passing = fleet();
    const [a, b] = [await passing.join(), await passing.join()];
    const asked = a.tide.stats(MERGED);
    passing.sending = failing;
    await passing.clock.advance(1000);
    expect((await asked).unreachable).toBe('refused');
    passing.sending = undefined;
    const id = 'f'.repeat(32);
    passing.sending = failing;
    await passing.say(ROLL_CALL, JSON.stringify({ v: 1, id, about: 'health', waitMs: 100 }));
    await passing.clock.advance(100);
    expect(b.seen.error).toMatchObject([{ where: 'roll call: answer', error: { message: 'refused' } }]);
  });
});
