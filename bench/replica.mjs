import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { shiftClock } from './shift-clock.mjs';

/**
 * A replica: one library in a process of its own, told from outside what to do. Its origin is the process that started it.
 * Run as a program this file is that process; imported, it starts one.
 */

const FILE = fileURLToPath(import.meta.url);

/**
 * @param {string} library A name in `redis-peers.mjs`.
 * @param {object} place What the library is given, but for `load`; `clockMs` besides: how far its wall clock is off.
 * @param {(key: string) => Promise<object>} load
 * @returns {Promise<{ ask: (verb: string, ...args: unknown[]) => Promise<any>, stop: () => void }>}
 */
export async function startReplica(library, place, load) {
  const child = fork(FILE, [library, JSON.stringify(place)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  let said = '';
  child.stderr.on('data', (data) => (said = (said + data).slice(-2000)));
  const asked = new Map();
  let ended = false;
  child.on('message', async ({ id, value, error, key }) => {
    if (key !== undefined) {
      const answer = await load(key);
      if (!ended) child.send({ id, value: answer });
      return;
    }
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (error === undefined) resolve(value);
    else reject(new Error(error));
  });
  child.on('exit', (code) => {
    ended = true;
    for (const { reject } of asked.values())
      reject(new Error(`${library}: its process ended with ${code}: ${said.trim()}`));
  });
  let next = 0;
  const ask = (verb, ...args) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(new Error(`${library}: its process has ended: ${said.trim()}`));
      asked.set(next, { resolve, reject });
      child.send({ id: next++, verb, args });
    });
  const stop = async () => {
    if (ended) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  try {
    await ask('ready');
  } catch (error) {
    await stop();
    throw error;
  }
  return { ask, stop };
}

if (process.argv[1] === FILE) await serve(process.argv[2], JSON.parse(process.argv[3]));

async function serve(library, { clockMs = 0, ...place }) {
  shiftClock(clockMs);
  const waiting = new Map();
  let next = 0;
  const load = (key) =>
    new Promise((resolve) => {
      waiting.set(next, resolve);
      process.send({ id: next++, key });
    });
  const peers = await import('./redis-peers.mjs');
  const making = peers[library]({ ...place, load });
  making.catch(() => {}); // told to whoever asks
  process.on('message', async ({ id, verb, args, value }) => {
    if (verb === undefined) {
      waiting.get(id)(value);
      waiting.delete(id);
      return;
    }
    try {
      const made = { ...(await making), ready: () => true };
      made.readAtOnce = (key, count) => together(count, () => made.read(key));
      process.send({ id, value: await made[verb](...args) });
    } catch (error) {
      process.send({ id, error: String(error) });
    }
  });
}

/** How many of so many reads at once gave a value. */
async function together(count, read) {
  const values = await Promise.all(Array.from({ length: count }, read));
  return values.filter((value) => value?.id !== undefined).length;
}
