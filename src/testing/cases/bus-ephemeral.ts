import assert from 'node:assert/strict';
import type { Bus, EphemeralTopics } from '../../contract.js';
import { freshId, hears, numbered, recorder, type BusCase } from './bus-fixture.js';
import { awkwardBytes, eventually, utf8 } from './case.js';

/** Topics without history, where a bus has them. */
export const busEphemeralCases: readonly BusCase[] = [
  {
    name: 'what is sent on an ephemeral topic is heard once by who listens to it, on every replica',
    run: async (make) => {
      const { bus, peer, elapse } = await make();
      const [here, there, elsewhere] = [listener(), listener(), listener()];
      await ephemeralOf(bus).listen('t', here.hear);
      await ephemeralOf(peer).listen('t', there.hear);
      await ephemeralOf(peer).listen('u', elsewhere.hear);
      for (const text of numbered(10)) await ephemeralOf(bus).send('t', utf8(text));
      // Between the nodes of a cluster one message may overtake another.
      const sorted = (texts: readonly string[]): string[] => [...texts].sort();
      for (const each of [here, there]) await eventually(elapse, () => sorted(each.texts()), sorted(numbered(10)));
      assert.deepEqual(elsewhere.texts(), []);
    },
  },
  {
    name: 'who listens to an ephemeral topic does not hear what was sent before, nor once it has ended; twice is once',
    run: async (make) => {
      const { bus, elapse } = await make();
      const topics = ephemeralOf(bus);
      await topics.send('t', utf8('before'));
      // From node to node of a cluster it is on its way for a while.
      await elapse(100);
      const [first, second] = [listener(), listener()];
      const end = await topics.listen('t', first.hear);
      await topics.listen('t', second.hear);
      await topics.send('t', utf8('while'));
      await eventually(elapse, first.texts, ['while']);
      await end();
      await end();
      await topics.send('t', utf8('after'));
      await eventually(elapse, second.texts, ['while', 'after']);
      assert.deepEqual(first.texts(), ['while']);
    },
  },
  {
    name: 'an ephemeral topic has no part in the topic of the same name',
    run: async (make) => {
      const { bus, elapse } = await make();
      const [passing, kept] = [listener(), recorder()];
      await ephemeralOf(bus).listen('t', passing.hear);
      await bus.subscribe('t', kept);
      await ephemeralOf(bus).send('t', utf8('passing'));
      const { offset } = await bus.publish('t', utf8('kept'), { id: freshId() });
      assert.equal(offset, 1);
      await hears(elapse, kept, ['kept']);
      await eventually(elapse, passing.texts, ['passing']);
    },
  },
  {
    name: 'any bytes pass an ephemeral topic as they were, 4,096 of them, and a copy of their own for each listener',
    run: async (make) => {
      const { bus, elapse } = await make();
      const sent = [...awkwardBytes, new Uint8Array(4096).fill(255)];
      const heard: string[] = [];
      await ephemeralOf(bus).listen('t', (bytes) => {
        bytes.fill(0);
      });
      await ephemeralOf(bus).listen('t', (bytes) => heard.push(Buffer.from(bytes).toString('hex')));
      for (const bytes of sent) await ephemeralOf(bus).send('t', bytes);
      const expected = sent.map((bytes) => Buffer.from(bytes).toString('hex')).sort();
      await eventually(elapse, () => [...heard].sort(), expected);
    },
  },
];

function ephemeralOf({ ephemeral }: Bus): EphemeralTopics {
  assert.ok(ephemeral, 'the bus has ephemeral topics; skip these cases where it has none');
  return ephemeral;
}

function listener(): { readonly hear: (bytes: Uint8Array) => void; readonly texts: () => string[] } {
  const heard: string[] = [];
  return {
    hear: (bytes) => {
      heard.push(new TextDecoder().decode(bytes));
    },
    texts: () => heard,
  };
}
