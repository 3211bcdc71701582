import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { RedisPubSub as Theirs } from 'graphql-redis-subscriptions';
import { createPubSub } from 'tidemark/graphql';
import { redisBus } from 'tidemark/redis';
import { startLink } from './link.mjs';
import { connectTo, throwAwayRedis } from './redis.mjs';

/** Run as a program: one run. */

const FILE = fileURLToPath(import.meta.url);
const RUNS = 3;
const TOPICS = 10_000;
const MISSED = 100;
const PATIENCE_MS = 20_000;
const TITLE = `${TOPICS.toLocaleString('en')} topics, one message missed on each of ${MISSED}`;
const OURS = 'tidemark, createPubSub';
const GRS = 'graphql-redis-subscriptions';

export default {
  title: 'A link that comes back',
  question: 'How long after its link to Redis is back is a replica current again that follows 10,000 topics?',
  setting: `Subscriber connection through a link that is cut; while it is down one message is published on each of ${MISSED} of the topics, by another connection. The time runs from when the link lets connections through again; both try to connect every 50 ms. tidemark is current when the history of every topic has been read to its end and every missed message was delivered; ${GRS} when every channel is subscribed again. ${RUNS} runs each, in processes of their own.`,
  packages: ['ioredis', GRS],
  goals: [
    {
      text: 'tidemark: milliseconds until every topic is current, the slowest run',
      limit: 2000,
      actual: ({ words }) => words(TITLE).slowestMs,
    },
    { text: 'messages that tidemark missed, at most', limit: 0, actual: ({ words }) => words(TITLE).lost },
  ],
  measure: (_, group) => group.run(),
  groups: [{ run: compare }],
};

async function compare() {
  const rows = [];
  let slowestMs = 0;
  let lost = 0;
  for (const [name, library] of Object.entries({ [OURS]: 'ours', [GRS]: 'theirs' })) {
    const runs = [];
    for (let run = 0; run < RUNS; run++) runs.push(await onServer(library));
    const ms = runs.map((one) => Math.round(one.ms)).sort((a, b) => a - b);
    const missing = runs.map((one) => one.missing);
    if (library === 'ours') [slowestMs, lost] = [ms.at(-1), Math.max(...missing)];
    rows.push([name, ...ms.map((one) => `${one} ms`), `${Math.min(...missing)}–${Math.max(...missing)} of ${MISSED}`]);
  }
  return { title: TITLE, head: ['library', 'fastest', 'median', 'slowest', 'never delivered'], rows, slowestMs, lost };
}

async function onServer(library) {
  const server = await throwAwayRedis();
  const child = fork(FILE, [library, String(server.port)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', resolve);
      child.on('exit', (code) => reject(new Error(`${library}: its process ended with ${code}`)));
    });
  } finally {
    child.kill();
    await server.stop();
  }
}

// ── One run, in a process of its own ────────────────────────────────────────────────────────────────────────────

const topicOf = (n) => `topic ${n}`;

/** `follow` resolves once everything is; `current` once everything is again, from when it is called. */
const LIBRARIES = {
  ours: async (client, subscriber, onMessage) => {
    const bus = redisBus({ client, subscriber });
    let reads = 0;
    let done = () => {};
    const read = async (...asked) => {
      const history = await bus.read(...asked);
      if (++reads === TOPICS) done();
      return history;
    };
    const pubsub = createPubSub({ bus: { ...bus, read }, onResync: () => undefined, onError: () => {} });
    return {
      follow: async () => {
        for (let n = 0; n < TOPICS; n += 500)
          await Promise.all(Array.from({ length: 500 }, (_, i) => pubsub.listen(topicOf(n + i), onMessage)));
      },
      publisher: (other) => createPubSub({ bus: redisBus({ client: other, subscriber }) }),
      current: () => {
        reads = 0;
        return new Promise((resolve) => (done = resolve));
      },
    };
  },
  theirs: async (publisher, subscriber, onMessage) => {
    const pubsub = new Theirs({ publisher, subscriber });
    return {
      follow: () => Promise.all(Array.from({ length: TOPICS }, (_, n) => pubsub.subscribe(topicOf(n), onMessage))),
      publisher: (other) => new Theirs({ publisher: other, subscriber }),
      // Behind the subscriptions that ioredis makes again, this one is answered.
      current: async () => {
        await once(subscriber, 'ready');
        await subscriber.subscribe('behind them');
      },
    };
  },
};

async function measureOne(library, port) {
  const link = await startLink(port);
  const client = connectTo(port);
  const subscriber = connectTo(link.port, { retryStrategy: () => 50 }).on('error', () => {});
  const delivered = new Set();
  let all = () => {};
  const replica = await LIBRARIES[library](client, subscriber, ({ n }) => {
    if (delivered.add(n).size === MISSED) all();
  });
  await replica.follow();
  const publisher = replica.publisher(connectTo(port));
  const closed = once(subscriber, 'close');
  link.cut();
  await closed;
  const step = TOPICS / MISSED;
  await Promise.all(Array.from({ length: MISSED }, (_, i) => publisher.publish(topicOf(i * step), { n: i })));
  const current = replica.current();
  const whole = new Promise((resolve) => (all = resolve));
  const began = performance.now();
  link.heal();
  await current;
  // Nothing more comes where nothing is looked for.
  if (library === 'ours') await Promise.race([whole, new Promise((late) => setTimeout(late, PATIENCE_MS))]);
  return { ms: performance.now() - began, missing: MISSED - delivered.size };
}

if (process.argv[1] === FILE) {
  const [library, port] = process.argv.slice(2);
  process.send(await measureOne(library, Number(port)));
}
