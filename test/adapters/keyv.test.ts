import { Keyv as Keyv6 } from 'keyv';
import { Keyv as Keyv5 } from 'keyv-5';
import { describe, expect, test, vi } from 'vitest';
import { type KeyvClient, keyvStore } from '../../src/adapters/keyv/index.js';
import type { Store } from '../../src/contract.js';
import { BatchStorage, Storage } from './keyv-storage.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const at = (position: number) => ({ epoch: 'e', position });

const versions: Readonly<Record<string, (store: object) => KeyvClient>> = {
  'Keyv 5': (store) => new Keyv5({ store }),
  'Keyv 6': (store) => new Keyv6({ store }),
};

async function scanned(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.scan('*')) keys.push(...page);
  return keys;
}

const operations: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  getMany: (store) => store.getMany(['lease', 'absent']),
  setMany: (store) => store.setMany([{ key: 'b', value: bytes('1') }]),
  setIfAbsent: (store) => store.setIfAbsent('b', bytes('1'), 1000),
  setIfNewer: (store) => store.setIfNewer('b', bytes('1'), at(1)),
  'setIfNewer, a deletion': (store) => store.setIfNewer('b', null, at(1)),
  renewIf: (store) => store.renewIf('lease', bytes('mine'), 1000),
  deleteIf: (store) => store.deleteIf('lease', bytes('mine')),
  deleteMany: (store) => store.deleteMany(['lease']),
  info: (store) => store.info(),
};

// ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────────

describe.each(Object.entries(versions))('%s', (_, keyvOver) => {
  describe.each([
    ['one by one', Storage],
    ['in batches', BatchStorage],
  ])('over a storage that works %s', (kind, Kind) => {
    for (const failing of ['rejects', 'emits'] as const) {
      test.each(Object.entries(operations))(`%s fails at whatever call the storage ${failing}`, async (_, run) => {
        for (let fine = 0; ; fine++) {
          expect(fine).toBeLessThan(5);
          const storage = new Kind();
          const store = keyvStore(keyvOver(storage));
          await store.setMany([{ key: 'lease', value: bytes('mine') }]);
          Object.assign(storage, { failing, left: fine });
          const outcome = await run(store).catch((error: unknown) => error);
          if (storage.left >= 0) break; // it needs no more calls than that
          const message = expect.stringContaining('READONLY the server refuses') as unknown;
          expect(outcome).toMatchObject({ code: 'STORE_FAILED', message, cause: { message } });
        }
      });

      if (kind === 'in batches')
        test(`scan fails at whatever call the storage ${failing}`, async () => {
          for (const fine of [0, 1, 2]) {
            const storage = new Kind();
            const store = keyvStore(keyvOver(storage));
            await store.setMany(['a', 'b', 'c'].map((key) => ({ key, value: bytes(key) })));
            Object.assign(storage, { failing, left: fine });
            await expect(scanned(store)).rejects.toMatchObject({ code: 'STORE_FAILED' });
          }
        });
    }

    test('capabilities say whether it can be scanned, and scan rejects where it cannot', async () => {
      const store = keyvStore(keyvOver(new Kind()));
      const scan = kind === 'in batches';
      expect(store.capabilities).toEqual({ atomic: false, scan, count: false });
      await store.setMany([{ key: 'a', value: bytes('1') }]);
      if (scan) expect(await scanned(store)).toEqual(['a']);
      else await expect(scanned(store)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    });
  });

  test('an error that the storage emits while nothing is asked is not unhandled, and fails nothing later', async () => {
    const storage = new BatchStorage();
    const store = keyvStore(keyvOver(storage));
    storage.emit('error', new Error('connection lost'));
    expect(await store.getMany(['a'])).toEqual([undefined]);
  });

  test('an error of nobody in particular fails every call under way', async () => {
    const storage = new BatchStorage();
    const store = keyvStore(keyvOver(storage));
    const calls = [store.getMany(['a']), store.setMany([{ key: 'b', value: bytes('1') }])];
    storage.emit('error', new Error('connection lost'));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('a storage that says that it did not store something has failed', async () => {
    class Refusing extends Storage {
      override set = async () => false as never;
    }
    const store = keyvStore(keyvOver(new Refusing()));
    await expect(store.setMany([{ key: 'a', value: bytes('1') }])).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  test('a call that fails while the store closes is not taken for done', async () => {
    const storage = new BatchStorage();
    const store = keyvStore(keyvOver(storage));
    Object.assign(storage, { failing: 'emits', left: 0 });
    const written = store.setMany([{ key: 'a', value: bytes('1') }]);
    const [, outcome] = await Promise.allSettled([store.close(), written]);
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'STORE_FAILED' } });
  });

  test('close waits for calls under way, takes back its listener, and later calls reject', async () => {
    const storage = new BatchStorage();
    const keyv = keyvOver(storage);
    const off = vi.spyOn(keyv, 'off');
    const store = keyvStore(keyv);
    const written = store.setMany([{ key: 'a', value: bytes('1') }]);
    await store.close();
    await store.close();
    await written;
    expect(storage.map.size).toBe(1);
    expect(off).toHaveBeenCalledTimes(1);
    await expect(store.getMany(['a'])).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(store.setIfAbsent('a', bytes('1'), 1)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('two processes may both take what is absent: why capabilities.atomic is false', async () => {
    const storage = new BatchStorage();
    const [one, other] = [keyvStore(keyvOver(storage)), keyvStore(keyvOver(storage))];
    expect(
      await Promise.all([one.setIfAbsent('lease', bytes('1'), 1000), other.setIfAbsent('lease', bytes('2'), 1000)]),
    ).toEqual([true, true]);
  });

  test('a storage that takes two keys for one never gives the value of another', async () => {
    class Folding extends BatchStorage {
      override getMany = (keys: string[]) => super.getMany(keys.map((key) => key.toLowerCase()));
      override setMany = (entries: { key: string; value: string }[]) =>
        super.setMany(entries.map(({ key, value }) => ({ key: key.toLowerCase(), value })));
    }
    const store = keyvStore(keyvOver(new Folding()));
    await store.setMany([{ key: 'tenant:A', value: bytes('secret') }]);
    expect(await store.getMany(['tenant:a'])).toEqual([undefined]);
    expect((await store.getMany(['tenant:A']))[0]?.value).toEqual(Buffer.from('secret'));
  });

  test('what something else wrote under its keys is CORRUPT_ENTRY, and is no key of a scan', async () => {
    const keyv = keyvOver(new BatchStorage());
    const store = keyvStore(keyv);
    await keyv.setMany([
      { key: ':a', value: 'not of tidemark' },
      { key: 'of the host', value: 'its own' },
      { key: ':b', value: '1.AAAA.[1]' },
    ]);
    await expect(store.getMany(['a'])).rejects.toMatchObject({ code: 'CORRUPT_ENTRY' });
    await expect(store.getMany(['b'])).rejects.toMatchObject({ code: 'CORRUPT_ENTRY' });
    expect(await scanned(store)).toEqual([]);
    await store.setMany([{ key: 'a', value: bytes('1') }]);
    expect(await scanned(store)).toEqual(['a']);
  });

  test('a value is not served after its time by a storage that does not keep time', async () => {
    let now = 1_000_000;
    const clock = { now: () => now, wallNow: () => now };
    const store = keyvStore(keyvOver(new BatchStorage()), { clock });
    await store.setMany([{ key: 'a', value: bytes('1'), ttlMs: 5000 }]);
    now += 2000;
    expect((await store.getMany(['a']))[0]?.ttlMs).toBe(3000);
    now -= 10_000; // another machine, whose clock is behind
    expect((await store.getMany(['a']))[0]?.ttlMs).toBe(5000);
    now += 13_000;
    expect(await store.getMany(['a'])).toEqual([undefined]);
    expect(await scanned(store)).toEqual([]);
  });

  test('a tombstone does not stay for ever', async () => {
    const storage = new BatchStorage();
    const keyv = keyvOver(storage);
    const setMany = vi.spyOn(keyv, 'setMany');
    await keyvStore(keyv).setIfNewer('a', null, at(1));
    expect(setMany.mock.calls[0]?.[0][0]?.ttl).toBe(600_000);
  });
});

test('Keyv 6 may strip what it takes for an attack from keys', async () => {
  const store = keyvStore(new Keyv6({ sanitize: { keys: true } }));
  const keys = ['a;b', 'ab', 'a--b'];
  for (const key of keys) {
    await store.setMany([{ key, value: bytes(key) }]);
    const found = await store.getMany(keys);
    expect(found.map((one) => one && Buffer.from(one.value).toString())).toEqual(
      keys.map((other) => (other === key ? key : undefined)),
    );
  }
});

test('a key that begins with the namespace of the Keyv is found again, and is no other key', async () => {
  const namespace = 'tenant';
  for (const keyv of [
    new Keyv5({ store: new BatchStorage(), namespace }),
    new Keyv6({ store: new BatchStorage(), namespace }),
    new Keyv6({ namespace }),
  ]) {
    const store = keyvStore(keyv);
    const keys = ['a', 'tenant:a', 'tenant::a', 'tenant:tenant:a', ':a', '::a'];
    await store.setMany(keys.map((key) => ({ key, value: bytes(key) })));
    const found = await store.getMany(keys);
    expect(found.map((one) => one && Buffer.from(one.value).toString())).toEqual(keys);
    expect((await scanned(store)).sort()).toEqual(keys.toSorted());
    expect(await store.deleteMany(keys)).toBe(keys.length);
  }
});

test('a Keyv that hides its failures is refused', () => {
  expect(() => keyvStore(new Keyv5({ emitErrors: false }))).toThrow(/emitErrors/);
});
