import { setTimeout as pause } from 'node:timers/promises';
import { measure } from './measure.mjs';
import { losses, memory } from './pubsub-faults.mjs';
import * as peers from './pubsub-peers.mjs';
import { throwAwayRedis } from './redis.mjs';

const BURST = 100;
const SUBSCRIBERS = [1, 100, 1000];
const RAW = 'ioredis PUBLISH, callbacks';
const OURS = 'RedisPubSub, with history';
const GRS = 'graphql-redis-subscriptions';
const YOGA = '@graphql-yoga/redis-event-target';
const CLASSIC = '@socket.io/redis-adapter';
const STREAMS = '@socket.io/redis-streams-adapter';
const SOCKET_IO = [CLASSIC, STREAMS];

const title = (subscribers) =>
  `${subscribers.toLocaleString('en')} ${subscribers === 1 ? 'subscriber' : 'subscribers'}`;

const cases = [
  { name: RAW, open: peers.raw },
  { name: OURS, open: peers.ours },
  { name: 'createPubSub, with history', open: peers.oursOnBus },
  { name: 'RedisPubSub, history: false', open: peers.oursWithoutHistory },
  { name: GRS, open: peers.theirs },
  { name: YOGA, open: peers.yoga },
];

export default {
  title: 'Messages to many subscribers',
  question: 'What does one message cost from publish() to the last subscriber of one process, and what of it is lost?',
  setting: `One topic, payloads of 180 bytes as JSON, publisher and subscribers in one process, Redis on this machine. Subscribers read in a \`for await\` loop, but for the first case, which is PUBLISH with one listener that parses once and calls everybody. A burst is over once every subscriber has had all of it, and every payload is summed. With history each message goes into a stream of Redis as well, by one script for a turn. In the last two tables each library is on its own.`,
  packages: ['ioredis', GRS, YOGA, '@graphql-yoga/subscription', 'socket.io', ...SOCKET_IO],
  goals: [
    {
      text: `1,000 subscribers: RedisPubSub at least 5 × as fast as the iterators of ${GRS}`,
      limit: 5,
      atLeast: true,
      actual: ({ between }) => between(title(1000), GRS, OURS),
    },
    {
      text: `1,000 subscribers: at least 30 × as fast as ${YOGA}`,
      limit: 30,
      atLeast: true,
      actual: ({ between }) => between(title(1000), YOGA, OURS),
    },
    {
      text: '1 subscriber: with history ≤ 3 × bare PUBLISH',
      limit: 3,
      actual: ({ ratio }) => ratio(title(1), OURS),
    },
    {
      text: 'messages lost by RedisPubSub in both faults, at most',
      limit: 0,
      actual: ({ words }) => words(LOSSES).lost,
    },
  ],
  measure: (name, group, ...rest) => group.run?.() ?? measure(name, group, ...rest),
  start: async ({ run }) => {
    if (run !== undefined) return { stop: () => {} };
    const server = await throwAwayRedis();
    return { given: { port: server.port }, stop: () => server.stop() };
  },
  groups: [
    ...SUBSCRIBERS.map((subscribers) => ({
      title: title(subscribers),
      operation: `burst of ${BURST}`,
      reference: RAW,
      cases: cases.map(({ name, open }) => ({ name, make: (given) => bursts(open, given, subscribers) })),
    })),
    { run: () => memory({ [OURS]: 'ours', [GRS]: 'theirs', [YOGA]: 'yoga' }) },
    {
      run: () =>
        losses(LOSSES, {
          'ioredis PUBLISH': 'raw',
          [GRS]: 'theirs',
          [YOGA]: 'yoga',
          [`two servers of Socket.IO, ${CLASSIC}`]: 'socketIo',
          ['the same, its sharded adapter']: 'socketIoSharded',
          [`the same, ${STREAMS}`]: 'socketIoStreams',
          [OURS]: 'ours',
        }),
    },
  ],
};

const LOSSES = 'what is lost of 4,000 messages, 1,000 a second';

async function bursts(open, given, subscribers) {
  const peer = await open(given);
  const topic = `bursts ${process.pid}`;
  let sum = 0;
  let missing = 0;
  let arrived = () => {};
  const onPayload = ({ n }) => {
    sum += n;
    if (--missing === 0) arrived();
  };
  for (let i = 0; i < subscribers; i++) await peer.subscribe(topic, onPayload);
  // Iterators of others subscribe when they are first asked.
  await pause(200);
  const text = 'x'.repeat(160);
  const burst = async () => {
    missing = subscribers * BURST;
    const all = new Promise((resolve) => (arrived = resolve));
    const sent = [];
    for (let n = 1; n <= BURST; n++) sent.push(peer.publish(topic, { n, text }));
    await Promise.all([all, ...sent]);
  };
  return {
    run: async (from, to) => {
      sum = 0;
      for (let i = from; i < to; i++) await burst();
      return sum;
    },
    verify: () => {
      if (missing !== 0) throw new Error(`${missing} messages are missing`);
      if (peers.holes.told > 0) throw new Error(`${peers.holes.told} holes were told`);
    },
  };
}
