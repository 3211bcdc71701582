import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, get } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type EventReader, listen } from '../../world/server-events.js';
import { PATIENT } from './world.js';

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A program that is an app, and what it is told to be made with. */
export interface Stopping {
  readonly program: URL;
  readonly framework: string;
}

/** A replica in a process of its own. */
async function start({ program, framework }: Stopping, drainMs: number) {
  const child: ChildProcess = fork(fileURLToPath(program), [framework, String(drainMs)], {
    execArgv: ['--import', file('../../faults/resolve.mjs')],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>;
  const [port] = (await once(child, 'message')) as [number];
  return { child, exited, url: `http://127.0.0.1:${String(port)}` };
}
type Replica = Awaited<ReturnType<typeof start>>;

/** The status of a GET over connections that are kept open. */
const ask = (agent: Agent, url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.on('error', reject).on('end', () => {
        resolve(response.statusCode ?? 0);
      });
      response.resume();
    }).on('error', reject);
  });

/** Sends whoever asks to replicas that say they are well, as a load balancer does. */
function balance(replicas: readonly Replica[]) {
  const agent = new Agent({ keepAlive: true });
  const probing = new Agent();
  let well: readonly Replica[] = replicas;
  let over = false;
  onTestFinished(() => {
    over = true;
  });
  const probes = (async () => {
    while (!over) {
      const answers = await Promise.all(replicas.map(({ url }) => ask(probing, `${url}/health`).catch(() => 0)));
      well = replicas.filter((_, index) => answers[index] === 200);
    }
  })();
  const served = new Map<Replica, number>(replicas.map((replica) => [replica, 0]));
  const failures: string[] = [];
  let turn = 0;
  const client = async () => {
    while (!over) {
      const replica = well[turn++ % well.length] as Replica;
      const status = await ask(agent, `${replica.url}/settlements/s${String(turn)}`).catch(String);
      if (status !== 200) failures.push(`${String(status)} from ${replica.url}`);
      served.set(replica, (served.get(replica) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 24 }, client);
  return {
    failures,
    served: (replica: Replica) => served.get(replica) ?? 0,
    end: async () => {
      over = true;
      await Promise.all([probes, ...clients]);
      agent.destroy();
    },
  };
}

async function untilEnded(live: EventReader): Promise<void> {
  while ((await live.next()) !== undefined);
}

/** What an app that stops keeps to, whatever it is made with. */
export function describeStopping(name: string, stopping: Stopping): void {
  describe(`${name} that stops`, () => {
    test('under load drops no request and leaves no handle', async () => {
      const [one, other] = await Promise.all([start(stopping, 500), start(stopping, 500)]);
      const load = balance([one, other]);
      await expect.poll(() => load.served(one), PATIENT).toBeGreaterThan(200);
      one.child.send('stop');
      expect(await one.exited).toEqual([0, null]);
      const atItsEnd = load.served(other);
      await expect.poll(() => load.served(other), PATIENT).toBeGreaterThan(atItsEnd + 200);
      await load.end();
      expect(load.failures).toEqual([]);
    });

    test('ends live updates, for which nobody waits, and then serves what it was asked before', async () => {
      const { child, exited, url } = await start(stopping, 0);
      const live = await listen(url, '/live');
      const ended = untilEnded(live);
      const answer = fetch(`${url}/held/s1`);
      expect(await once(child, 'message')).toEqual(['held', undefined]);
      child.send('stop');
      await ended;
      child.send('release');
      const response = await answer;
      expect([response.status, await response.json()]).toEqual([200, { id: 's1', name: 'of s1' }]);
      expect(await exited).toEqual([0, null]);
    });

    test('stops the same way at a signal, and waits for no client that keeps its connection', async () => {
      const { child, exited, url } = await start(stopping, 0);
      const agent = new Agent({ keepAlive: true });
      onTestFinished(() => {
        agent.destroy();
      });
      const live = await new Promise<IncomingMessage>((resolve) => get(`${url}/live`, { agent }, resolve));
      const ended = once(live.resume(), 'end');
      child.kill('SIGTERM');
      await ended;
      expect(await exited).toEqual([null, 'SIGTERM']);
    });

    test('waits for no client that has connected and asks nothing', async () => {
      const { child, exited, url } = await start(stopping, 0);
      const silent = connect(Number(new URL(url).port), '127.0.0.1');
      onTestFinished(() => {
        silent.destroy();
      });
      silent.on('error', () => undefined);
      await once(silent, 'connect');
      // By then it was accepted, since it came before.
      expect((await fetch(`${url}/settlements/s1`)).status).toBe(200);
      child.send('stop');
      expect(await exited).toEqual([0, null]);
    });
  });
}
