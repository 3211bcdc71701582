import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { World } from '../behaviour/setup.js';
import { fleet } from './setup.js';

type Act =
  | { readonly do: 'join'; readonly namespace: string | undefined }
  | {
      readonly do: 'read' | 'change' | 'reset' | 'close' | 'ask' | 'probe';
      readonly who: number;
      readonly what: number;
    }
  | { readonly do: 'wait'; readonly ms: number };

const who = fc.nat(9);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join'), namespace: fc.constantFrom(undefined, 'a', 'b') }) },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom('read', 'read', 'read', 'change', 'reset', 'close', 'ask', 'ask', 'probe'),
      who,
      what: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.nat(5000) }) },
);
/** What the bus does to each message: how often it arrives, and how late. */
const fates = fc.array(fc.array(fc.constantFrom(0, 0, 0, 20, 90), { minLength: 1, maxLength: 2 }), { minLength: 1 });

/** What a test counts of a replica by itself. */
interface Counted {
  readonly id: string;
  readonly world: World;
  readonly namespace: string | undefined;
  reads: number;
  changes: number;
  since: number;
  readonly made: number;
}

test('whatever replicas do and however their answers come, what is merged is what each of them did', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 40 }), fates, async (acts, late) => {
      const passing = fleet();
      const { clock, join } = passing;
      let messages = 0;
      // Copies, late or not, of every message: order is lost between them.
      passing.fate = (topic, bytes) => {
        for (const ms of late[messages++ % late.length] as number[])
          clock.after(ms, () => void passing.say(topic, bytes));
        return [];
      };
      const live: Counted[] = [];
      const enter = async (namespace: string | undefined): Promise<void> => {
        const now = clock.now();
        const world = await join({ namespace });
        const alone = world.tide.stats({ merged: true, waitMs: 1 });
        await clock.advance(1);
        const { id } = (await alone).replicas[0]!;
        live.push({ id, world, namespace, reads: 0, changes: 0, since: now, made: now });
      };
      const ask = async (one: Counted, verb: 'stats' | 'health'): Promise<void> => {
        const group = [one, ...live.filter((each) => each !== one && each.namespace === one.namespace)];
        const expected = new Map(
          group.map(({ id, reads, changes, since, made }) => [id, { reads, changes, since, made }]),
        );
        const asked = one.world.tide[verb]({ merged: true });
        await clock.advance(1000);
        const merged = await asked;
        expect(merged.replicas[0]).toMatchObject({ id: one.id, own: true });
        expect(merged.replicas.map(({ id }) => id).sort()).toEqual([...expected.keys()].sort());
        const began = clock.wallNow() - clock.now();
        for (const { id, stats, startTime } of merged.replicas) {
          const { reads, changes, since, made } = expected.get(id)!;
          expect([stats.hits + stats.misses, stats.changes]).toEqual([reads, changes]);
          // Counted back from when it was heard, of how long it was when it was sent.
          for (const late of [stats.startTime.getTime() - began - since, startTime.getTime() - began - made]) {
            expect(late).toBeGreaterThanOrEqual(0);
            expect(late).toBeLessThanOrEqual(id === one.id ? 0 : 90);
          }
        }
        expect(merged.unreachable).toBeNull();
        if (!('hits' in merged)) return;
        expect(merged.hits + merged.misses).toBe(group.reduce((sum, { reads }) => sum + reads, 0));
        expect(merged.changes).toBe(group.reduce((sum, { changes }) => sum + changes, 0));
        const kinds = Object.values(merged.byType);
        for (const field of ['hits', 'misses', 'sets', 'loads', 'tier2Hits'] as const)
          expect(kinds.reduce((sum, kind) => sum + kind[field], 0)).toBe(merged[field]);
      };
      await enter(undefined);
      for (const each of acts) {
        if (each.do === 'join') await enter(each.namespace);
        else if (each.do === 'wait') await clock.advance(each.ms);
        else {
          const one = live[each.who % live.length];
          if (one === undefined) continue;
          const { tide } = one.world;
          if (each.do === 'read') {
            await tide.get('settlement', `s${String(each.what)}`);
            one.reads++;
          } else if (each.do === 'change') {
            await tide.change({ type: 'settlement', id: `s${String(each.what)}`, op: 'update' });
            one.changes++;
          } else if (each.do === 'reset') {
            tide.resetStats();
            Object.assign(one, { reads: 0, changes: 0, since: clock.now() });
          } else if (each.do === 'close') {
            await tide.close();
            live.splice(live.indexOf(one), 1);
          } else await ask(one, each.do === 'ask' ? 'stats' : 'health');
        }
      }
      for (const { world } of live) await world.tide.close();
      await clock.advance(200);
      expect([clock.timers, passing.listened]).toEqual([0, []]);
    }),
    { numRuns: process.env['TIDEMARK_LONG'] === undefined ? 150 : 5000 },
  );
});
