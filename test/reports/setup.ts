import { type Bus, memory } from '../../src/index.js';
import { type FakeClock, fakeClock } from '../../src/testing/index.js';
import { type Database, type World, type WorldOptions, database, world } from '../behaviour/setup.js';

export const ROLL_CALL = 'replicas';
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** What passes over the ephemeral topics of a bus, in the hands of a test. */
export interface Passing {
  readonly bus: Bus;
  /** 'topic text', of what was sent. */
  readonly sent: string[];
  /** Topics that are listened to now, one for each who does. */
  readonly listened: string[];
  /** Says something on a topic as some other replica would. */
  say(topic: string, message: string | Uint8Array): Promise<void>;
  /** What becomes of a message: the messages that arrive in its place. Undefined: it arrives. */
  fate: ((topic: string, bytes: Uint8Array) => readonly Uint8Array[]) | undefined;
  /** What a send comes to before it takes effect. */
  sending: (() => Promise<void>) | undefined;
  listening: (() => Promise<void>) | undefined;
}

export function passing(inner: Bus): Passing {
  const topics = inner.ephemeral;
  if (topics === undefined) throw new Error('expected a bus with ephemeral topics');
  const state: Passing = {
    bus: {
      ...inner,
      ephemeral: {
        send: async (topic, bytes) => {
          state.sent.push(`${topic} ${text(bytes)}`);
          await state.sending?.();
          for (const each of state.fate?.(topic, bytes) ?? [bytes]) await topics.send(topic, each);
        },
        listen: async (topic, onMessage) => {
          await state.listening?.();
          const end = await topics.listen(topic, onMessage);
          state.listened.push(topic);
          return async () => {
            state.listened.splice(state.listened.indexOf(topic), 1);
            await end();
          };
        },
      },
    },
    sent: [],
    listened: [],
    say: (topic, message) => topics.send(topic, Buffer.from(message)),
    fate: undefined,
    sending: undefined,
    listening: undefined,
  };
  return state;
}

export interface Fleet extends Passing {
  readonly clock: FakeClock;
  readonly db: Database;
  /** One more replica, in use. */
  join(options?: WorldOptions): Promise<World>;
}

/** Replicas over one memory, whose ephemeral topics are watched. */
export function fleet(): Fleet {
  const [clock, db] = [fakeClock(), database()];
  const shared = memory({ clock });
  const watched = passing(shared.bus);
  let joined = 0;
  return Object.assign(watched, {
    clock,
    db,
    join: async (options: WorldOptions = {}) => {
      const from = ++joined * 100_000;
      const one = world({ ...shared, bus: watched.bus, ...options }, { db, clock, from });
      await one.tide.ready();
      return one;
    },
  });
}

/** What a promise comes to once so much time has passed, and not before. */
export async function after<T>(clock: FakeClock, ms: number, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = (): void => {
    settled = true;
  };
  promise.then(done, done);
  await clock.advance(ms - 1);
  if (settled) throw new Error(`expected it to take ${String(ms)} ms, it took less`);
  await clock.advance(1);
  if (!settled) throw new Error(`expected it to take ${String(ms)} ms, it takes more`);
  return promise;
}
