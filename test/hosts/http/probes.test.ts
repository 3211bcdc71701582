import { expect, test } from 'vitest';
import { Probes } from '../../../src/hosts/http/probes.js';
import { fakeClock } from '../../../src/testing/index.js';
import type { Health } from '../../../src/index.js';

const UP = { status: 'up', issues: [] as string[] } as unknown as Health;

test('whoever asks for health at once shares one answer, and who asks later gets another', async () => {
  const answers: ((health: Health) => void)[] = [];
  const tide = {
    ready: () => Promise.resolve(),
    health: () => new Promise<Health>((resolve) => answers.push(resolve)),
  };
  const probes = new Probes(tide, { draining: false });
  const both = [probes.answer('health'), probes.answer('health')];
  expect(answers).toHaveLength(1);
  answers[0]?.(UP);
  expect(await Promise.all(both)).toEqual([
    { status: 200, body: UP },
    { status: 200, body: UP },
  ]);
  const later = probes.answer('health');
  answers[1]?.({ ...UP, status: 'down' });
  expect(await later).toMatchObject({ status: 503 });
});

test('a process is ready once its tide is, is asked again until then, and is not once it is to stop', async () => {
  let ready = false;
  let asked = 0;
  const tide = {
    ready: () => (asked++, ready ? Promise.resolve() : Promise.reject(new Error('no table'))),
    health: () => Promise.resolve(UP),
  };
  const app = { draining: false };
  const probes = new Probes(tide, app);
  expect(await probes.answer('ready')).toEqual({ status: 503, body: { status: 'starting' } });
  ready = true;
  expect(await probes.answer('ready')).toEqual({ status: 200, body: { status: 'ready' } });
  await probes.answer('ready');
  expect(asked).toBe(2);
  app.draining = true;
  expect(await probes.answer('ready')).toEqual({ status: 503, body: { status: 'stopping' } });
  expect(await probes.answer('health')).toMatchObject({ status: 503, body: { status: 'down' } });
  expect(await probes.answer('live')).toEqual({ status: 200, body: { status: 'alive' } });
});

test('a start that takes long is told, and waited for by nobody', async () => {
  const clock = fakeClock();
  let begin = (): void => undefined;
  const starting = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const tide = { ready: () => starting, health: () => Promise.resolve(UP) };
  const probes = new Probes(tide, { draining: false }, clock);
  const first = probes.answer('ready');
  await clock.advance(1000);
  expect(await first).toEqual({ status: 503, body: { status: 'starting' } });
  begin();
  expect(await probes.answer('ready')).toMatchObject({ status: 200 });
});
