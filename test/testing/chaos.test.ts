import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { memory, memoryBus, memoryStore } from '../../src/adapters/memory/index.js';
import type { OriginContext, SubjectKey } from '../../src/contract.js';
import {
  type ChaosOptions,
  busCases,
  casesFor,
  chaosBus,
  chaosMarks,
  chaosOrigin,
  chaosStore,
  fakeClock,
  fakeOrigin,
  marksCases,
  seededRandom,
  storeCases,
} from '../../src/testing/index.js';
import { besideText } from '../contract/beside.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const entry = { key: 'k', value: text('v') };
const subjects = ['entity:settlement:s1:main' as SubjectKey];

function chaotic(options: Partial<ChaosOptions> = {}) {
  const clock = fakeClock();
  return { clock, options: { random: seededRandom(1), clock, ...options } };
}

describe('without a rate or a delay it is what it wraps', () => {
  for (const { name, run } of casesFor(storeCases)) {
    const { clock, options } = chaotic();
    test(`store: ${name}`, () =>
      run(() => ({ store: chaosStore(memoryStore({ clock }), options), elapse: clock.advance })));
  }
  const skips = [
    ['a replica configured with another number of partitions is refused', 'replicas in one process share the object'],
    ['a store that lost everything has other epochs, and no token of before', 'a process loses nothing and lives on'],
  ] as const;
  for (const { name, run, skip } of casesFor(marksCases, skips)) {
    test(`marks: ${name}`, { skip: skip !== undefined }, () =>
      run(() => {
        const { clock, options } = chaotic();
        const shared = memory({ partitions: 4, clock });
        const marks = chaosMarks(shared.marks, options);
        return { marks, peer: shared.marks, elapse: clock.advance, beside: { ...besideText, store: shared.store } };
      }),
    );
  }
  for (const { name, run } of casesFor(busCases)) {
    test(`bus: ${name}`, () =>
      run(() => {
        const { clock, options } = chaotic();
        const bus = memoryBus({ history: 40, maxTopics: 100 });
        const forget = async (): Promise<void> => {
          for (let i = 0; i < 100; i++) await bus.read(`newer topic ${String(i)}`, undefined, 0);
        };
        return { bus: chaosBus(bus, options), peer: bus, elapse: clock.advance, history: 40, forget };
      }));
  }
});

describe('failing', () => {
  test('always: every call rejects with an error that names it, and nothing takes effect', async () => {
    const inner = memoryStore();
    const store = chaosStore(inner, chaotic({ failRate: 1 }).options);
    await expect(store.setMany([entry])).rejects.toThrow('store.setMany: failed by chance');
    expect(await inner.getMany(['k'])).toEqual([undefined]);
    expect([store.calls, store.failures]).toEqual([1, 1]);
  });

  test('a lost reply: the call rejects although it took effect', async () => {
    const inner = memoryStore();
    const store = chaosStore(inner, chaotic({ failRate: 1, lostReplyRate: 1 }).options);
    await expect(store.setMany([entry])).rejects.toThrow();
    expect((await inner.getMany(['k']))[0]?.value).toEqual(entry.value);
  });

  test('with a probability: about that share, and the same one for the same seed', async () => {
    const outcomes = async (): Promise<string> => {
      const store = chaosStore(memoryStore(), chaotic({ failRate: 0.3 }).options);
      let text = '';
      for (let i = 0; i < 1000; i++)
        text += await store.getMany(['k']).then(
          () => '.',
          () => 'x',
        );
      return text;
    };
    const first = await outcomes();
    const failed = first.split('x').length - 1;
    assert(failed > 250 && failed < 350, `expected about 300 of 1,000, got ${String(failed)}`);
    expect(await outcomes()).toBe(first);
  });

  test('can be begun, ended and shared out while it runs', async () => {
    const marks = chaosMarks(memory().marks, chaotic().options);
    await marks.read(subjects);
    marks.failAlways();
    await expect(marks.read(subjects)).rejects.toThrow('marks.read');
    await expect(marks.bump(subjects, { changeId: 'c', nonce: 'n' })).rejects.toThrow('marks.bump');
    marks.failNever();
    await marks.heads();
    marks.fail(1);
    await expect(marks.heads()).rejects.toThrow('marks.heads');
    expect([marks.calls, marks.failures]).toEqual([5, 3]);
  });

  test('with an error of the host’s own', async () => {
    const bus = chaosBus(memoryBus(), chaotic({ failRate: 1, error: (of) => new RangeError(of) }).options);
    await expect(bus.publish('t', text('x'), { id: '1' })).rejects.toThrow(RangeError);
  });

  test('the pages of a scan and a fetch of values with marks fail too', async () => {
    const { options } = chaotic();
    const shared = memory();
    const store = chaosStore(shared.store, options);
    await store.setMany([entry]);
    store.failAlways();
    await expect(
      (async () => {
        for await (const page of store.scan('*')) void page;
      })(),
    ).rejects.toThrow('store.scan');
    const marks = chaosMarks(shared.marks, options);
    const fetch = marks.fetchFrom?.(shared.store);
    assert(fetch);
    await fetch(['k'], [], () => []);
    marks.failAlways();
    await expect(fetch(['k'], [], () => [])).rejects.toThrow('marks.fetch');
    expect(marks.fetchFrom?.(store)).toBeNull();
  });
});

describe('delays', () => {
  test('exactly as long as asked, by the clock that was given', async () => {
    const { clock, options } = chaotic({ delayMs: 50 });
    const store = chaosStore(memoryStore(), options);
    let answered = false;
    void store.getMany(['k']).then(() => (answered = true));
    await clock.advance(49);
    expect(answered).toBe(false);
    await clock.advance(1);
    expect(answered).toBe(true);
  });

  test('somewhere between two bounds, changed while it runs', async () => {
    const { clock, options } = chaotic();
    const bus = chaosBus(memoryBus(), options);
    bus.delay(10, 30);
    const times: number[] = [];
    for (let i = 0; i < 50; i++) void bus.read('t', undefined, 1).then(() => times.push(clock.now()));
    await clock.advance(100);
    expect(times).toHaveLength(50);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...times)).toBeLessThanOrEqual(30);
    expect(new Set(times).size).toBeGreaterThan(10);
  });
});

describe('an origin', () => {
  const context = { branch: 'main' } as OriginContext;
  const rows = [{ id: 's1', kingdomId: 'k1' }];
  const make = () => fakeOrigin({ settlement: { rows, parents: { kingdom: 'kingdomId' } } });

  test('answers as before while nothing fails', async () => {
    const { origin } = chaosOrigin(make().origin, chaotic().options);
    expect(await origin.settlement.byIds(['s1'], context)).toEqual(rows);
    expect(await origin.settlement.childrenOf['kingdom']?.(['k1'], context)).toEqual(rows);
  });

  test('fails by id, by parent and as a whole', async () => {
    const all = async function* (): AsyncGenerator<object> {
      yield* rows;
    };
    const source = { settlement: { ...make().origin.settlement, all } };
    const db = chaosOrigin(source, chaotic().options);
    const read = async (): Promise<object[]> => {
      const found: object[] = [];
      for await (const row of db.origin.settlement.all()) found.push(row);
      return found;
    };
    expect(await read()).toEqual(rows);
    db.failAlways();
    await expect(read()).rejects.toThrow('origin.settlement.all');
    await expect(db.origin.settlement.byIds(['s1'], context)).rejects.toThrow('origin.settlement.byIds');
    await expect(db.origin.settlement.childrenOf['kingdom']?.(['k1'], context)).rejects.toThrow(
      'origin.settlement.childrenOf.kingdom',
    );
  });
});
