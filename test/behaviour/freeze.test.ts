import { describe, expect, test } from 'vitest';
import { defineView } from '../../src/index.js';
import { type Settlement, model, world } from './setup.js';

const made = new Date(0);
class Money {
  readonly cents = 5;
}
const nested = () => ({
  list: [{ deep: ['a'] }, 'b'],
  record: { inner: { leaf: 1 } },
  made,
  map: new Map([['a', 1]]),
  set: new Set(['a']),
  money: new Money(),
  bytes: new Uint8Array([1]),
  none: null,
  missing: undefined,
  big: 5n,
});
type Nested = ReturnType<typeof nested>;

/** A tide whose origin hands out one and the same object, as an in-memory origin might. */
function sharing(freeze?: boolean) {
  const row: Settlement & { extra: Nested } = { id: 's0', kingdomId: 'k0', name: 'old', extra: nested() };
  const origin = { settlement: { byIds: () => [row], childrenOf: { kingdom: () => [row] } } };
  return { row, ...world({ freeze, origin }) };
}
const extraOf = (value: Readonly<Settlement> | null | undefined): Nested => value?.extra as Nested;

/** Every plain object and array in a value. */
function plainIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return [];
  return [value, ...Object.values(value).flatMap(plainIn)];
}
const view = defineView(model)({ name: 'nested', load: () => nested() });

describe('by default', () => {
  test('plain objects and arrays are frozen at every depth, whatever kind of value holds them', async () => {
    const { tide } = sharing();
    await tide.cache.set('n', nested());
    const values = [
      await tide.get('settlement', 's0'),
      await tide.children('settlement', { kingdom: 'k0' }),
      await tide.view(view, {}),
      await tide.cache.getOrLoad('m', nested),
      await tide.cache.get('n'),
    ];
    for (const value of values) {
      const plain = plainIn(value);
      expect(plain.length).toBeGreaterThanOrEqual(6);
      expect(plain.filter((one) => !Object.isFrozen(one))).toEqual([]);
    }
    const row = values[0] as { name: string };
    expect(() => (row.name = 'changed')).toThrow(TypeError);
  });

  test("the origin's own rows are copied: it may change them, and readers do not see it", async () => {
    const { tide, row } = sharing();
    const read = await tide.get('settlement', 's0');
    expect(plainIn(row).filter((one) => Object.isFrozen(one))).toEqual([]);
    expect(read).not.toBe(row);
    row.name = 'changed';
    row.extra.record.inner.leaf = 2;
    row.extra.list.push('c');
    expect(tide.peek('settlement', 's0')).toMatchObject({ name: 'old', extra: { record: { inner: { leaf: 1 } } } });
    expect(extraOf(tide.peek('settlement', 's0')).list).toHaveLength(2);
  });

  test('a value that was set stays its owner’s', async () => {
    const { tide } = world();
    const value = nested();
    await tide.cache.set('n', value);
    expect(plainIn(value).filter((one) => Object.isFrozen(one))).toEqual([]);
    value.list.push('c');
    expect(((await tide.cache.get('n')) as Nested).list).toHaveLength(2);
  });

  test('Dates, Maps, Sets, bytes and instances are what they were', async () => {
    const { tide } = sharing();
    const extra = extraOf(await tide.get('settlement', 's0'));
    expect(extra).toEqual(nested());
    expect(extra.made).toBeInstanceOf(Date);
    expect(extra.map.get('a')).toBe(1);
    expect(extra.set.has('a')).toBe(true);
    expect(extra.money).toBeInstanceOf(Money);
    expect('missing' in extra).toBe(true);
  });

  test('everybody is handed the same frozen value', async () => {
    const { tide } = sharing();
    const [one, two] = await Promise.all([tide.get('settlement', 's0'), tide.scope().get('settlement', 's0')]);
    expect(one).toBe(two);
    expect(tide.peek('settlement', 's0')).toBe(one);
  });

  test('one object in two places is one object still', async () => {
    const { tide } = world();
    const leaf = { n: 1 };
    const [a, b] = await tide.cache.getOrLoad('n', () => [{ leaf }, { leaf }] as const);
    expect(a.leaf).toEqual({ n: 1 });
    expect(Object.isFrozen(b.leaf)).toBe(true);
  });

  test('a row that contains itself is an error of its own id only', async () => {
    const cyclic: Settlement = { id: 's1', kingdomId: 'k0', name: 'loop' };
    cyclic.extra = { back: cyclic };
    const plain = { id: 's0', kingdomId: 'k0', name: 'old' };
    const { tide } = world({ origin: { settlement: { byIds: () => [plain, cyclic] } } });
    const [good, bad] = await tide.scope().loaders.settlement.loadMany(['s0', 's1']);
    expect([good, bad]).toMatchObject([{ name: 'old' }, { code: 'CYCLIC_VALUE' }]);
  });

  test('a value that contains itself is refused', async () => {
    const { tide } = world();
    const cyclic: Record<string, unknown> = {};
    cyclic['back'] = [cyclic];
    await expect(tide.cache.set('n', cyclic)).rejects.toMatchObject({ code: 'CYCLIC_VALUE' });
    await expect(tide.cache.getOrLoad('n', () => cyclic)).rejects.toMatchObject({ code: 'CYCLIC_VALUE' });
  });
});

test('with freeze: false, readers share the objects of the origin and of the host', async () => {
  const { tide, row } = sharing(false);
  const value = nested();
  await tide.cache.set('n', value);
  expect(await tide.get('settlement', 's0')).toBe(row);
  expect(await tide.cache.get('n')).toBe(value);
  expect([row, value].flatMap(plainIn).filter((one) => Object.isFrozen(one))).toEqual([]);
});
