import { describe, expect, test } from 'vitest';
import { expressHost } from '../../../src/hosts/express/index.js';
import { fastifyHost } from '../../../src/hosts/fastify/index.js';
import { createTidemark, isTidemarkError, memory } from '../../../src/index.js';
import { chaosStore, fakeClock, seededRandom } from '../../../src/testing/index.js';
import { FRAMEWORKS } from './apps.js';
import { type Tide, rows } from './world.js';

const make = (options: ReturnType<typeof rows>['options']): Tide => createTidemark(options);
const json = async (url: string, headers: Readonly<Record<string, string>> = {}) => {
  const response = await fetch(url, { headers });
  return { status: response.status, body: (await response.json()) as unknown };
};

describe.each(Object.entries(FRAMEWORKS))('an app on %s', (_, serve) => {
  test('has one scope for each request: reads are batched, and repeated to whoever asks again', async () => {
    const { options, asked } = rows();
    const { url } = await serve(make({ ...options, ttlMs: 1 }), {
      '/pair': async (scope) => {
        const [one, two] = await Promise.all([scope().get('settlement', 's1'), scope().get('settlement', 's2')]);
        return { one, two, same: scope() === scope() };
      },
    });
    const { body } = await json(`${url}/pair`);
    expect(body).toEqual({ one: { id: 's1', name: 'Harrow' }, two: { id: 's2', name: 'Mora' }, same: true });
    expect(asked).toEqual(['s1,s2']);
    await json(`${url}/pair`);
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  test('reads as new as the receipt that a request names, and refuses what is none', async () => {
    const { options, rename } = rows();
    const tide = make(options);
    const { url, failures } = await serve(tide, {
      '/settlements/:id': (scope, { id }) => scope().get('settlement', id),
    });
    await json(`${url}/settlements/s1`);
    const receipt = await rename(tide, 's1', 'New Harrow');
    const answer = await json(`${url}/settlements/s1`, { 'x-after': receipt.toString() });
    expect(answer.body).toEqual({ id: 's1', name: 'New Harrow' });
    const refused = await json(`${url}/settlements/s1`, { 'x-after': 'yesterday' });
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain('INVALID_RECEIPT');
    expect(failures.filter((error) => !isTidemarkError(error))).toEqual([]);
  });

  test('gives up what a request waits for when its client goes', async () => {
    const { options, gate } = rows();
    let asked = (): void => undefined;
    const begun = new Promise<void>((resolve) => (asked = resolve));
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    gate.wait = () => {
      asked();
      return held;
    };
    const given = new Promise<unknown>((resolve) => {
      void serve(make(options), {
        '/settlements/:id': (scope, { id }) =>
          scope()
            .get('settlement', id)
            .catch((error: unknown) => {
              resolve(error);
              throw error;
            }),
      }).then(async ({ url }) => {
        const leaving = new AbortController();
        const answer = fetch(`${url}/settlements/s1`, { signal: leaving.signal }).catch(() => undefined);
        await begun;
        leaving.abort();
        await answer;
      });
    });
    expect(await given).toMatchObject({ code: 'ABORTED' });
    release();
  });

  test('answers what its clients do wrong with a code and a sentence, and what it does wrong with no word of it', async () => {
    const { options } = rows();
    const broken = {
      ...options,
      origin: { settlement: { byIds: () => Promise.reject(new Error('password=hunter2')) } },
    };
    const { url, failures } = await serve(make(broken), {
      '/blank': (scope) => scope().get('settlement', ' '),
      '/broken': (scope) => scope().get('settlement', 's1'),
      '/theirs': () => Promise.reject(new TypeError('no error of this library')),
    });
    const blank = await json(`${url}/blank`);
    expect([blank.status, JSON.stringify(blank.body)]).toEqual([400, expect.stringContaining('BLANK_ID')]);
    const failed = await json(`${url}/broken`);
    expect(failed.status).toBe(500);
    expect(JSON.stringify(failed.body)).not.toContain('hunter2');
    expect(failures.some((error) => isTidemarkError(error) && error.code === 'ORIGIN_FAILED')).toBe(true);
    expect((await json(`${url}/theirs`)).status).toBe(500);
    expect(failures.some((error) => error instanceof TypeError)).toBe(true);
  });

  test('says whether it lives, may be asked, and how it is', async () => {
    const { url } = await serve(make(rows().options), {});
    expect(await json(`${url}/health/live`)).toEqual({ status: 200, body: { status: 'alive' } });
    expect(await json(`${url}/health/ready`)).toEqual({ status: 200, body: { status: 'ready' } });
    for (const { status, body } of await Promise.all(Array.from({ length: 8 }, () => json(`${url}/health`)))) {
      const thresholds = { minHitRate: 0.5, maxMemory: 512, maxLatency: 50 };
      expect(status).toBe(200);
      expect(body).toMatchObject({ status: 'up', metrics: { hitRate: null }, thresholds, issues: [] });
    }
    expect((await fetch(`${url}/health`)).headers.get('cache-control')).toBe('no-store');
  });

  test('stays ready while its store is down, which its health says', async () => {
    const { options } = rows();
    const shared = memory();
    const store = chaosStore(shared.store, { random: seededRandom(1), clock: fakeClock() });
    const { url } = await serve(make({ ...options, ...shared, store }), {});
    expect((await json(`${url}/health/ready`)).status).toBe(200);
    store.failAlways();
    expect(await json(`${url}/health`)).toMatchObject({ status: 503, body: { status: 'down' } });
    expect((await json(`${url}/health/ready`)).status).toBe(200);
    expect((await json(`${url}/health/live`)).status).toBe(200);
  });

  test('cuts what is still busy when its time is over', async () => {
    const { options, gate } = rows();
    let asked = (): void => undefined;
    const begun = new Promise<void>((resolve) => (asked = resolve));
    gate.wait = () => {
      asked();
      return new Promise(() => undefined);
    };
    const { url, stop } = await serve(
      make(options),
      { '/settlements/:id': (scope, { id }) => scope().get('settlement', id) },
      { timeoutMs: 50 },
    );
    const answer = fetch(`${url}/settlements/s1`).then(
      () => 'answered',
      () => 'cut',
    );
    await begun;
    await stop();
    expect(await answer).toBe('cut');
  });

  test('ends once, however often it is told to', async () => {
    const { options } = rows();
    const tide = make(options);
    const { stop, url } = await serve(tide, {});
    await json(`${url}/health/live`);
    await Promise.all([stop(), stop()]);
    await stop();
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    await expect(tide.get('settlement', 's1')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

test('an option that there is not is refused', () => {
  const tide = make(rows().options);
  expect(() => expressHost(tide, { scopes: 1 } as never)).toThrow("expressHost: expected scope, got 'scopes'.");
  expect(() => fastifyHost(tide, { drainMs: -1 })).toThrow('fastifyHost: drainMs: expected milliseconds, got -1.');
  const host = expressHost(tide);
  expect(() => host.graceful({} as never, { wait: 1 } as never)).toThrow(
    "graceful: expected drainMs, timeoutMs, clock, got 'wait'.",
  );
});
