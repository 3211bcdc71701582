import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Receipt } from '../../../src/index.js';
import { localRules } from '../../../src/hosts/grpc/index.js';
import { describeOwn, ownServer } from '../../services/own.js';
import { levelOf, openRealm } from './realm.js';
import { clientOf } from './world.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const ROUNDS = LONG ? 60 : 3;
const ASKERS = 8;
const OPEN_MS = 100;
/** How long to wait for something that has to come. */
const PATIENCE = { timeout: 20_000, interval: 10 };

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A rules service in a process of its own; restarted on the port that it had. */
async function ruleServer(redisPort: number) {
  let port = 0;
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const running = fork(file('rule-server.ts'), [String(redisPort), String(port)], {
      execArgv: ['--import', file('../../faults/resolve.mjs')],
      env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: join(tmpdir(), 'tidemark-compiled') },
    });
    child = running;
    const [said] = (await Promise.race([once(running, 'message'), once(running, 'exit')])) as [number];
    if (running.exitCode !== null) throw new Error(`the rules service ended with ${String(running.exitCode)}`);
    port = said;
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  };
  onTestFinished(kill);
  await start();
  return { start, kill, port };
}

describeOwn('rules services that are killed', () => {
  test('no question is answered wrongly or not at all while two are killed in turn, and both at once', async () => {
    const { port: redisPort } = await ownServer();
    const here = openRealm(redisPort);
    onTestFinished(() => here.close());
    await here.setFactor(1);
    const servers = [await ruleServer(redisPort), await ruleServer(redisPort)] as const;
    const client = clientOf(
      servers.map(({ port }) => port),
      { timeoutMs: 2000, breaker: { failures: 3, openMs: OPEN_MS }, fallback: localRules(here) },
    );

    // The factor rises all the time. Whoever asks with a receipt gets what it stands for, or what has come since.
    let [written, over] = [1, false];
    let announced: { readonly factor: number; readonly after: Receipt } | undefined;
    const change = async (): Promise<void> => {
      while (!over) {
        const factor = ++written;
        announced = { factor, after: await here.setFactor(factor) };
        await pause(20); // real processes: changes go on while servers die, not as fast as one can
      }
    };
    const seen = { answers: 0, wrong: [] as string[], failed: [] as string[] };
    const check = (id: string, value: unknown, least: number): void => {
      seen.answers++;
      const factor = Number(value) / levelOf(id);
      if (!Number.isInteger(factor) || factor < least || factor > written)
        seen.wrong.push(`${id}: ${String(value)}, factor expected from ${String(least)} to ${String(written)}`);
    };
    const ask = async (asker: number): Promise<void> => {
      for (let n = asker; !over; n += ASKERS) {
        const { factor = 1, after } = announced ?? {};
        const [one, other] = [`s${String(1 + (n % 50))}`, `s${String(1 + ((n * 7) % 50))}`];
        try {
          const answer = await client.evaluateCondition({ type: 'settlement', id: one, field: 'income' }, { after });
          check(one, answer.value, factor);
          const both = [one, `${other}0`].map((id) => ({ type: 'settlement', id, field: 'income', key: id }));
          const { results } = await client.evaluateConditions(both, { after, order: 'dependencies' });
          for (const result of results) check(result.key, 'value' in result ? result.value : result.error, factor);
        } catch (error) {
          seen.failed.push(String(error));
        }
      }
    };

    const callsOf = (which: 0 | 1): number => {
      const { calls = 0, failures = 0 } = client.metrics().servers[which] ?? {};
      return calls - failures;
    };
    /** The server takes part again. */
    const answersAgain = async (which: 0 | 1): Promise<void> => {
      const before = callsOf(which);
      await vi.waitFor(() => {
        expect(callsOf(which)).toBeGreaterThan(before + 20);
      }, PATIENCE);
    };
    const isAskedElsewhere = async (): Promise<void> => {
      const { answers } = seen;
      await vi.waitFor(() => {
        expect(seen.answers).toBeGreaterThan(answers + 100);
      }, PATIENCE);
    };

    const load = [change(), ...Array.from({ length: ASKERS }, (_, asker) => ask(asker))];
    await Promise.all([answersAgain(0), answersAgain(1)]);
    expect(client.metrics().fallback).toBe(0);
    for (let round = 0; round < ROUNDS; round++) {
      const which = (round % 2) as 0 | 1;
      await servers[which].kill();
      await isAskedElsewhere();
      await servers[which].start();
      await answersAgain(which);
    }
    await Promise.all(servers.map(({ kill }) => kill()));
    const { fallback } = client.metrics();
    await isAskedElsewhere();
    expect(client.metrics().fallback).toBeGreaterThan(fallback);
    await Promise.all(servers.map(({ start }) => start()));
    await Promise.all([answersAgain(0), answersAgain(1)]);
    over = true;
    await Promise.all(load);

    expect(seen).toMatchObject({ wrong: [], failed: [] });
    const { answered, unavailable, refused } = client.metrics();
    expect([unavailable, refused]).toEqual([0, 0]);
    expect(answered).toBeGreaterThan(200);
    expect(written).toBeGreaterThan(10);
    if (LONG) console.log(JSON.stringify({ answers: seen.answers, factors: written, ...client.metrics() }));
  });
});
