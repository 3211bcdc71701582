import 'reflect-metadata';
import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { describe, expect, test } from 'vitest';
import { TidemarkHealth, TidemarkModule, tideToken } from '../../../src/hosts/nest/index.js';
import { type Clock, type Marks, type Store, memory, systemClock } from '../../../src/index.js';
import { decorate } from './decorated.js';
import { PATIENT, PLATFORMS, type Platform, type Tide, rows, serve } from './world.js';

class Health {
  readonly #terminus: HealthCheckService;
  readonly #tidemark: TidemarkHealth;
  constructor(terminus: HealthCheckService, tidemark: TidemarkHealth) {
    this.#terminus = terminus;
    this.#tidemark = tidemark;
  }
  check() {
    return this.#terminus.check([() => this.#tidemark.check('world')]);
  }
  ready() {
    return this.#terminus.check([() => this.#tidemark.ready('world')]);
  }
}
decorate(Health, [Controller('health')], {
  constructor: { on: [], parameters: [Inject(HealthCheckService), Inject(TidemarkHealth)] },
  check: { on: [Get(), HealthCheck()] },
  ready: { on: [Get('ready'), HealthCheck()] },
});

interface Parts {
  readonly store?: Store | undefined;
  readonly marks?: Marks | undefined;
  readonly drainMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

async function replica(platform: Platform, { drainMs, ...parts }: Parts = {}) {
  const { options } = rows();
  const { app, url } = await serve(platform, {
    imports: [
      TerminusModule.forRoot({ logger: false }),
      TidemarkModule.forRoot({ tide: { ...options, ...parts }, drainMs }),
    ],
    controllers: [Health],
  });
  const probe = async (path = '') => {
    const response = await fetch(`${url}/health${path}`);
    return { status: response.status, told: (await response.json()) as Record<string, unknown> };
  };
  return { app, probe, tide: app.get<Tide>(tideToken()) };
}

/** A store that says this of itself, and every answer of which a test may hold up. */
function storeOf(pingMs: number) {
  const { store } = memory();
  const gate = { wait: (): Promise<unknown> => Promise.resolve() };
  const info: Store['info'] = async (typeOf) => {
    await gate.wait();
    return { ...(await store.info(typeOf)), pingMs };
  };
  return { gate, store: { ...store, info } };
}

describe.each(PLATFORMS)('the health indicator in Terminus on %s', (platform) => {
  test('is up, with figures and thresholds', async () => {
    const { probe, tide } = await replica(platform);
    await tide.get('settlement', 's1');
    const world = {
      status: 'up',
      metrics: { hitRate: 0, redisPingMs: null, memoryUsageMB: null, keyCountByType: { settlement: 1 } },
      thresholds: { minHitRate: 0.5, maxMemory: 512, maxLatency: 50 },
      issues: [],
    };
    expect(await probe()).toEqual({
      status: 200,
      told: { status: 'ok', info: { world }, error: {}, details: { world } },
    });
  });

  test('is degraded where a threshold is passed, and the check does not fail', async () => {
    const { probe } = await replica(platform, { store: storeOf(51).store });
    const issues = ['Slow store: expected a round trip within 50 ms, got 51.0 ms.'];
    expect(await probe()).toMatchObject({ status: 200, told: { status: 'degraded', info: { world: { issues } } } });
  });

  test('is down where marks cannot be reached, and the check fails', async () => {
    const { marks } = memory();
    let isCut = false;
    const heads = () => (isCut ? Promise.reject(new Error('cut')) : marks.heads());
    const { probe } = await replica(platform, { marks: { ...marks, heads } });
    const ready = { status: 200, told: { info: { world: { status: 'up', state: 'ready' } } } };
    expect(await probe('/ready')).toMatchObject(ready);
    isCut = true;
    const world = { status: 'down', issues: ['Unreachable marks: cut.'] };
    expect(await probe()).toMatchObject({ status: 503, told: { status: 'error', error: { world } } });
    // Reads go on, so that it may be sent requests.
    expect(await probe('/ready')).toMatchObject(ready);
  });

  test('is the same for any number of probes at once, of any replica, whichever ends first', async () => {
    const shared = memory();
    const { gate, store } = storeOf(3);
    const replicas = [
      await replica(platform, { store, marks: shared.marks }),
      await replica(platform, { store, marks: shared.marks }),
    ];
    for (const { tide } of replicas) await tide.get('settlement', 's1');
    const before = await shared.marks.heads();
    const alone = await Promise.all(replicas.map(({ probe }) => probe()));
    const waiting: (() => void)[] = [];
    gate.wait = () => new Promise<void>((resolve) => waiting.push(resolve));
    const probes = [...replicas, ...replicas, ...replicas].map(({ probe }) => probe());
    // Whoever asks the same replica meanwhile shares its answer.
    await expect.poll(() => waiting.length, PATIENT).toBe(2);
    gate.wait = () => Promise.resolve();
    // The last to ask is the first to hear.
    for (const answer of waiting.reverse()) answer();
    expect(await Promise.all(probes)).toEqual([...alone, ...alone, ...alone]);
    expect(await shared.marks.heads()).toEqual(before);
  });

  test('is down from the moment that the app is to stop, while all else is still served', async () => {
    let drained = (): void => undefined;
    const after: Clock['after'] = (delayMs, run) => {
      if (delayMs !== 60_000) return systemClock.after(delayMs, run);
      drained = run;
      return () => undefined;
    };
    const { app, probe, tide } = await replica(platform, { drainMs: 60_000, clock: { ...systemClock, after } });
    expect(await probe()).toMatchObject({ status: 200 });
    const closed = app.close();
    await expect
      .poll(() => probe('/ready'), PATIENT)
      .toMatchObject({
        ...{ status: 503, told: { error: { world: { status: 'down', state: 'stopping' } } } },
      });
    await expect
      .poll(() => probe(), PATIENT)
      .toMatchObject({
        ...{ status: 503, told: { error: { world: { status: 'down', issues: ['The app is shutting down.'] } } } },
      });
    expect(await tide.get('settlement', 's2')).toMatchObject({ name: 'Mora' });
    drained();
    await closed;
    await expect(probe()).rejects.toThrow('fetch failed');
  });
});

test('without Terminus it is a call', async () => {
  const { app } = await replica('express');
  expect(await app.get(TidemarkHealth).check()).toMatchObject({ tidemark: { status: 'up' } });
});
