import assert from 'node:assert/strict';
import type { BusPosition } from '../../contract.js';
import { hears, numbered, publishAll, readOn, recorder, textOf, type BusCase } from './bus-fixture.js';

/** Reading on from a position. */
export const busHistoryCases: readonly BusCase[] = [
  {
    name: 'a topic without messages has an epoch and offset 0, and its first message follows them',
    run: async (make) => {
      const { bus, peer } = await make();
      const empty = await bus.read('t', undefined, 10);
      assert.deepEqual(empty, { messages: [], top: { epoch: empty.top.epoch, offset: 0 }, truncated: false });
      assert.notEqual(empty.top.epoch, '');
      assert.deepEqual((await peer.read('t', undefined, 10)).top, empty.top);
      const [first] = await publishAll(bus, 't', ['m1']);
      assert.deepEqual(first, { epoch: empty.top.epoch, offset: 1 });
      const { messages, truncated } = await bus.read('t', empty.top, 10);
      assert.deepEqual(messages.map(textOf), ['m1']);
      assert.equal(truncated, false);
    },
  },
  {
    name: 'from any position exactly the messages after it are read, oldest first, up to the top',
    run: async (make) => {
      const { bus, peer } = await make();
      const { top: start } = await bus.read('t', undefined, 0);
      const texts = numbered(10);
      const positions = [start, ...(await publishAll(bus, 't', texts))];
      for (const [i, since] of positions.entries()) {
        const { messages, top, truncated } = await peer.read('t', since, 100);
        assert.deepEqual(messages.map(textOf), texts.slice(i), `since ${String(i)}`);
        assert.deepEqual(
          messages.map(({ position }) => position),
          positions.slice(i + 1),
        );
        assert.deepEqual(top, positions.at(-1));
        assert.equal(truncated, false);
      }
    },
  },
  {
    name: 'without a position there are no messages, only the top',
    run: async (make) => {
      const { bus } = await make();
      const positions = await publishAll(bus, 't', numbered(3));
      assert.deepEqual(await bus.read('t', undefined, 10), { messages: [], top: positions[2], truncated: false });
    },
  },
  {
    name: 'at most limit messages are read, the oldest ones, and pages together leave nothing out',
    run: async (make) => {
      const { bus } = await make();
      const { top: start } = await bus.read('t', undefined, 0);
      const texts = numbered(10);
      const positions = await publishAll(bus, 't', texts);
      for (const limit of [1, 3, 10, 11]) {
        const { messages, top, truncated } = await bus.read('t', start, limit);
        assert.deepEqual(messages.map(textOf), texts.slice(0, limit));
        assert.deepEqual(top, positions.at(-1), 'the top is the end of the topic, not of the page');
        assert.equal(truncated, false);
        assert.deepEqual((await readOn(bus, 't', start, limit)).map(textOf), texts);
      }
      const none = await bus.read('t', start, 0);
      assert.deepEqual(none, { messages: [], top: positions.at(-1), truncated: false });
    },
  },
  {
    name: 'reading one topic gives no messages of another',
    run: async (make) => {
      const { bus } = await make();
      const { top } = await bus.read('one', undefined, 0);
      await publishAll(bus, 'one', ['one']);
      await publishAll(bus, 'two', ['two']);
      assert.deepEqual((await bus.read('one', top, 10)).messages.map(textOf), ['one']);
    },
  },
  {
    name: 'a read that misses messages no longer kept says so, and goes on with the oldest kept, without a hole',
    run: async (make) => {
      const { bus, history } = await make();
      const [first, second] = (await publishAll(bus, 't', numbered(2))) as [BusPosition, BusPosition];
      await publishAll(bus, 't', numbered(history + 1, 'more '));
      for (const since of [{ epoch: first.epoch, offset: 0 }, first, second]) {
        const { messages, top, truncated } = await bus.read('t', since, 10_000);
        assert.equal(truncated, true);
        assert.equal(messages.at(-1)?.position.offset, top.offset);
        const oldest = messages[0]?.position.offset ?? 0;
        assert.deepEqual(
          messages.map(({ position }) => position.offset),
          messages.map((_, i) => oldest + i),
        );
        assert.equal((await bus.read('t', messages[0]?.position, 10_000)).truncated, false);
        assert.equal((await bus.read('t', since, 1)).truncated, true, 'however small the page');
      }
    },
  },
  {
    name: 'the messages that must be kept are kept',
    run: async (make) => {
      const { bus, history } = await make();
      await publishAll(bus, 't', numbered(history));
      const kept = Math.floor(history / 4);
      const { top } = await bus.read('t', undefined, 0);
      const since = { epoch: top.epoch, offset: top.offset - kept };
      const { messages, truncated } = await bus.read('t', since, 10_000);
      assert.equal(truncated, false);
      assert.deepEqual(messages.map(textOf), numbered(history).slice(-kept));
    },
  },
  {
    name: 'a position of another epoch is truncated, and the present epoch is read from its oldest message',
    run: async (make) => {
      const { bus } = await make();
      await publishAll(bus, 't', numbered(3));
      for (const offset of [0, 1, 3, 99]) {
        const { messages, truncated } = await bus.read('t', { epoch: 'no epoch of ours', offset }, 10);
        assert.equal(truncated, true);
        assert.deepEqual(messages.map(textOf), numbered(3));
      }
      assert.equal((await bus.read('empty', { epoch: 'no epoch of ours', offset: 0 }, 10)).truncated, true);
    },
  },
  {
    name: 'a position above the top is truncated: the topic went back',
    run: async (make) => {
      const { bus } = await make();
      const [first] = await publishAll(bus, 't', ['m1']);
      assert.ok(first);
      assert.equal((await bus.read('t', { epoch: first.epoch, offset: 2 }, 10)).truncated, true);
      assert.equal((await bus.read('t', first, 10)).truncated, false);
    },
  },
  {
    name: 'a forgotten topic comes back with another epoch, and what was before it is truncated',
    run: async (make) => {
      const { bus, forget } = await make();
      assert.ok(forget, 'the fixture says how to forget a topic, or skips this case');
      const before = await publishAll(bus, 't', numbered(3, 'before '));
      await forget('t');
      const [after] = await publishAll(bus, 't', ['after']);
      assert.notEqual(after?.epoch, before[0]?.epoch);
      assert.equal(after?.offset, 1);
      const { messages, truncated } = await bus.read('t', before[0], 10);
      assert.equal(truncated, true);
      assert.deepEqual(messages.map(textOf), ['after']);
    },
  },
  {
    name: 'a listener goes on hearing a topic that was forgotten, and sees its new epoch',
    run: async (make) => {
      const { bus, forget, elapse } = await make();
      assert.ok(forget, 'the fixture says how to forget a topic, or skips this case');
      const listener = recorder();
      await bus.subscribe('t', listener);
      await publishAll(bus, 't', ['before']);
      await hears(elapse, listener, ['before']);
      await forget('t');
      await publishAll(bus, 't', ['after']);
      await hears(elapse, listener, ['before', 'after']);
      const [before, after] = listener.heard.map(({ position }) => position);
      assert.notEqual(after?.epoch, before?.epoch);
      assert.equal(after?.offset, 1);
    },
  },
  {
    name: 'subscribing, then reading on from an old position, leaves no hole and shows what overlaps by its position',
    run: async (make) => {
      const { bus, peer, elapse } = await make();
      const [seen] = await publishAll(bus, 't', ['m1']);
      await publishAll(bus, 't', ['m2', 'm3']);
      const listener = recorder();
      await peer.subscribe('t', listener);
      const publishing = publishAll(bus, 't', ['m4', 'm5', 'm6']);
      const { messages } = await peer.read('t', seen, 100);
      await publishing;
      await hears(elapse, listener, ['m4', 'm5', 'm6']);
      const byOffset = new Map(
        [...messages, ...listener.heard].map((message) => [message.position.offset, textOf(message)]),
      );
      assert.deepEqual(
        [...byOffset].sort(([a], [b]) => a - b).map(([, text]) => text),
        ['m2', 'm3', 'm4', 'm5', 'm6'],
      );
    },
  },
];
