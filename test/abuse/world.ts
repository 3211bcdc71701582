import { afterEach, expect } from 'vitest';
import { ERROR_CODES, createTidemark, defineModel, entity, isTidemarkError } from '../../src/index.js';
import { type FakeClock, fakeClock, seededRandom } from '../../src/testing/index.js';

export interface Kingdom {
  readonly id: string;
}
export interface Town {
  readonly id: string;
  readonly kingdomId: string;
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({}),
    town: entity<Town>()({ parents: { kingdom: 'kingdomId' }, geometry: ({ x, y }) => ({ x, y }), announce: ['name'] }),
  },
});

export const town = (id: string, more: object = {}): Town => ({ id, kingdomId: 'k1', name: id, x: 1, y: 2, ...more });

/** What `byIds` of towns answers; anything at all, since that is what hosts give. */
export type Answer = (ids: readonly string[]) => unknown;

/** A tide that holds 'kept', its list and a hand-set key, and whose origin then answers as the test says. */
export async function setUp(answer: Answer = (ids) => ids.map((id) => town(id)), children?: Answer) {
  const clock: FakeClock = fakeClock();
  let current: Answer = (ids) => ids.map((id) => town(id));
  let currentChildren: Answer = () => [town('kept')];
  const tide = createTidemark({
    model,
    clock,
    random: seededRandom(1),
    originTimeoutMs: 1000,
    origin: {
      kingdom: { byIds: (ids) => ids.map((id) => ({ id })) },
      town: {
        byIds: (ids) => current(ids) as Town[],
        childrenOf: { kingdom: (ids) => currentChildren(ids) as Town[] },
      },
    },
  });
  await tide.get('town', 'kept');
  await tide.children('town', { kingdom: 'k1' });
  await tide.cache.set('mine', { value: 1 });
  current = answer;
  if (children !== undefined) currentChildren = children;
  /** Nothing that was cached is lost, and what is read rightly afterwards is right. */
  const unharmed = async (): Promise<void> => {
    expect(tide.peek('town', 'kept')).toEqual(town('kept'));
    expect(tide.peekChildren('town', { kingdom: 'k1' })).toEqual([town('kept')]);
    expect(await tide.cache.get('mine')).toEqual({ value: 1 });
    current = (ids) => ids.map((id) => town(id));
    currentChildren = () => [town('kept')];
    expect(await tide.getMany('town', ['a', 'b'])).toEqual([town('a'), town('b')]);
  };
  return { tide, clock, unharmed };
}

/** What a call throws or rejects with: an error of the library with a documented code. */
export async function failureOf(call: () => unknown, clock?: FakeClock): Promise<{ code: string; message: string }> {
  let failure: unknown = null;
  const settled = (async () => {
    try {
      await call();
    } catch (error) {
      failure = error;
    }
  })();
  if (clock !== undefined) await clock.advance(5000);
  await settled;
  expect(isTidemarkError(failure), `expected an error of the library, got ${String(failure)}`).toBe(true);
  const { code, message } = failure as { code: string; message: string };
  expect(Object.keys(ERROR_CODES)).toContain(code);
  return { code, message };
}

const unhandled: unknown[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error));
afterEach(() => {
  expect(unhandled.splice(0), 'nothing is rejected behind anybody’s back').toEqual([]);
});
