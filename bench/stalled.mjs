import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { makeServer } from 'graphql-ws';
import { PubSub } from 'graphql-subscriptions';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { createTidemark, defineModel, entity, memory } from 'tidemark';

/** Not a matter of time: what is held for a client that does not read. Run as a program: one run. */

const FILE = fileURLToPath(import.meta.url);
const RUNS = 2;
const EVENTS = 100_000;
const BURST = 500;
/** So many before what is counted: what is bounded is full by then. */
const BEFORE = 20_000;
const MB = 1 << 20;
const TITLE = `${EVENTS.toLocaleString('en')} events`;
const OURS = 'tidemark, a connection of tide.realtime';

export default {
  title: 'A client that does not read',
  question: 'What does a server hold for one client whose link does not drain?',
  setting: `${EVENTS.toLocaleString('en')} events with a text of 200 characters to one client that stops reading after it has subscribed; everything is in one process, in memory, ${RUNS} runs each in processes of their own, after 20,000 that are not counted. tidemark and graphql-ws are given a link that reports, or is, full from then on: graphql-ws waits for what it sends, tidemark is told what waits and asks for no more. Socket.IO has a client whose socket is paused, and does not look. tidemark's clock runs at a tenth, since it would send the client away after 30 s. The heap is what a collection leaves, buffers included.`,
  packages: ['graphql-ws', 'graphql-subscriptions', 'socket.io'],
  goals: [
    {
      text: 'tidemark: megabytes by which the heap grows, at most',
      limit: 5,
      actual: ({ words }) => words(TITLE).heapMb,
    },
  ],
  measure: (_, group) => group.run(),
  groups: [{ run: compare }],
};

async function compare() {
  const rows = [];
  let heapMb = 0;
  const libraries = { [OURS]: 'ours', 'graphql-ws, graphql-subscriptions': 'graphqlWs', 'Socket.IO': 'socketIo' };
  for (const [name, library] of Object.entries(libraries)) {
    const runs = [];
    for (let run = 0; run < RUNS; run++) runs.push(await inChild(library));
    const heaps = runs.map(({ heap }) => heap / MB);
    const sizes = runs.map(({ rss }) => rss / MB);
    if (library === 'ours') heapMb = Math.max(...heaps);
    rows.push([name, range(heaps), range(sizes)]);
  }
  return { title: TITLE, head: ['library', 'heap grows by', 'RSS grows by'], rows, heapMb };
}

const range = (values) => `${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)} MB`;

function inChild(library) {
  const child = fork(FILE, [library], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.on('message', (found) => {
      resolve(found);
      child.kill();
    });
    child.on('exit', (code) => reject(new Error(`${library}: its process ended with ${code}`)));
  });
}

// ── One run, in a process of its own ────────────────────────────────────────────────────────────────────────────

/** Each resolves, once the client has subscribed and stopped to read, with what tells of an event. */
const LIBRARIES = {
  ours: async () => {
    const tide = createTidemark({
      model: defineModel({ entities: { thing: entity()({ announce: ['text'] }) } }),
      origin: {},
      ...memory(),
      authorize: () => true,
      clock: slowClock(),
    });
    let waiting = 0;
    const subscribed = new Promise((resolve) => {
      const connection = tide.realtime.connect({
        principal: {},
        pressure: () => waiting,
        send: ({ kind }) => {
          if (kind === 'subscribed') resolve();
        },
        close: (code) => {
          throw new Error(`closed with ${code} before the end`);
        },
      });
      connection.subscribe('it', { type: 'thing', id: '1' });
    });
    await subscribed;
    waiting = 300_000;
    return (n) =>
      tide.change({
        type: 'thing',
        id: '1',
        op: 'update',
        before: { id: '1', text: '' },
        after: { id: '1', text: textOf(n) },
      });
  },
  graphqlWs: async () => {
    const pubsub = new PubSub();
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: { it: { type: GraphQLString } } }),
      subscription: new GraphQLObjectType({
        name: 'Subscription',
        fields: { it: { type: GraphQLString, subscribe: () => pubsub.asyncIterableIterator('it') } },
      }),
    });
    let full = false;
    let receive;
    const ready = new Promise((resolve) => {
      makeServer({ schema, onSubscribe: () => void setImmediate(resolve) }).opened(
        {
          protocol: 'graphql-transport-ws',
          send: () => (full ? new Promise(() => {}) : Promise.resolve()),
          close: (code) => {
            throw new Error(`closed with ${code} before the end`);
          },
          onMessage: (listener) => (receive = listener),
        },
        {},
      );
    });
    await receive(JSON.stringify({ type: 'connection_init' }));
    void receive(JSON.stringify({ type: 'subscribe', id: 'it', payload: { query: 'subscription { it }' } }));
    await ready;
    full = true;
    return (n) => pubsub.publish('it', { it: textOf(n) });
  },
  socketIo: async () => {
    const web = createServer();
    const server = new Server(web, { transports: ['websocket'], pingTimeout: 600_000 });
    const connected = once(server, 'connection');
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const client = io(`http://127.0.0.1:${web.address().port}`, { transports: ['websocket'] });
    const [[socket]] = await Promise.all([connected, once(client, 'connect')]);
    await socket.join('it');
    client.io.engine.transport.ws.pause();
    return async (n) => server.to('it').emit('message', { text: textOf(n) });
  },
};

/** A client that does not read for thirty seconds is sent away: on a slow machine all this takes longer. */
function slowClock() {
  const began = Date.now();
  return {
    now: () => performance.now() / 10,
    wallNow: () => began + (Date.now() - began) / 10,
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs * 10);
      return () => clearTimeout(timer);
    },
    defer: (run) => void Promise.resolve().then(() => process.nextTick(run)),
    turnEnd: (run) => process.nextTick(run),
  };
}

/** In one piece, as from a database. */
const textOf = (n) => Buffer.from(String(n).padEnd(200, 'x')).toString();

const held = () => {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed + arrayBuffers, rss };
};

async function stall(library) {
  const tell = await LIBRARIES[library]();
  const tellMany = async (from, to) => {
    for (let n = from; n < to; n += BURST) {
      await Promise.all(Array.from({ length: BURST }, (_, i) => tell(n + i)));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await tellMany(0, BEFORE);
  const before = held();
  await tellMany(BEFORE, BEFORE + EVENTS);
  const after = held();
  return { heap: after.heap - before.heap, rss: after.rss - before.rss };
}

if (process.argv[1] === FILE) process.send(await stall(process.argv[2]));
