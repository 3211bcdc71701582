import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A TCP link to a port of this machine that can be cut, and whose answers can be held up. */
export async function startLink(to) {
  const pairs = new Set();
  let cut = false;
  /** What servers have answered since answers are held up; null while they are not. */
  let held = null;
  let onHeld = () => {};
  let onPassed = () => {};
  const server = createServer((near) => {
    if (cut) return near.destroy();
    const far = connect(to, '127.0.0.1');
    const pair = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end);
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => {
      if (held === null) {
        near.write(data, () => onPassed());
        return;
      }
      held.push(() => near.write(data));
      onHeld();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    cut: () => {
      cut = true;
      for (const pair of pairs) for (const socket of pair) socket.destroy();
    },
    heal: () => {
      cut = false;
    },
    hold: () => {
      held = [];
    },
    /** Resolves once an answer is held up. */
    holds: () => new Promise((resolve) => (held.length > 0 ? resolve() : (onHeld = resolve))),
    /** Resolves with the next answer that goes through. */
    passes: () => new Promise((resolve) => (onPassed = resolve)),
    release: () => {
      const answers = held ?? [];
      held = null;
      for (const answer of answers) answer();
    },
    stop: () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      server.close();
    },
  };
}
