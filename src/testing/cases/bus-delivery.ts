import assert from 'node:assert/strict';
import { awkwardBytes, awkwardNames, eventually, plain, utf8 } from './case.js';
import { freshId, hears, numbered, publishAll, recorder, type BusCase } from './bus-fixture.js';

/** Publishing and hearing. */
export const busDeliveryCases: readonly BusCase[] = [
  {
    name: 'positions of a topic begin at 1 and rise by one within an epoch, whoever publishes',
    run: async (make) => {
      const { bus, peer } = await make();
      const positions = [
        ...(await publishAll(bus, 't', numbered(3))),
        ...(await publishAll(peer, 't', numbered(3))),
        ...(await publishAll(bus, 't', numbered(1))),
      ];
      assert.notEqual(positions[0]?.epoch, '');
      assert.deepEqual(
        positions,
        positions.map((_, i) => ({ epoch: positions[0]?.epoch, offset: i + 1 })),
      );
    },
  },
  {
    name: 'a listener hears every message published after it was acknowledged, in order, with its position',
    run: async (make) => {
      const { bus, peer, elapse } = await make();
      const [here, there] = [recorder(), recorder()];
      await bus.subscribe('t', here);
      await peer.subscribe('t', there);
      const positions = [
        ...(await publishAll(bus, 't', numbered(10, 'mine '))),
        ...(await publishAll(peer, 't', numbered(10, 'theirs '))),
      ];
      for (const listener of [here, there]) {
        await hears(elapse, listener, [...numbered(10, 'mine '), ...numbered(10, 'theirs ')]);
        assert.deepEqual(
          listener.heard.map(({ position }) => position),
          positions,
        );
      }
    },
  },
  {
    name: 'a listener does not hear what was published before it began',
    run: async (make) => {
      const { bus, elapse } = await make();
      await publishAll(bus, 't', numbered(3, 'before '));
      const late = recorder();
      await bus.subscribe('t', late);
      await publishAll(bus, 't', numbered(2, 'after '));
      await hears(elapse, late, numbered(2, 'after '));
    },
  },
  {
    name: 'messages published at once are heard once each, in the order of their positions',
    run: async (make) => {
      const { bus, peer, elapse } = await make();
      const listener = recorder();
      await bus.subscribe('t', listener);
      const texts = numbered(10);
      const positions = await Promise.all(
        texts.map((text, i) => (i % 2 === 0 ? bus : peer).publish('t', utf8(text), { id: freshId() })),
      );
      const inOrder = texts
        .map((text, i) => ({ text, offset: positions[i]?.offset ?? 0 }))
        .sort((a, b) => a.offset - b.offset);
      await hears(
        elapse,
        listener,
        inOrder.map(({ text }) => text),
      );
      assert.deepEqual(
        listener.heard.map(({ position }) => position.offset),
        numbered(10).map((_, i) => i + 1),
      );
    },
  },
  {
    name: 'topics of any characters are kept apart',
    run: async (make) => {
      const { bus, elapse } = await make();
      const listeners = awkwardNames.map((topic) => ({ topic, listener: recorder() }));
      for (const { topic, listener } of listeners) await bus.subscribe(topic, listener);
      for (const { topic } of listeners) await publishAll(bus, topic, [`for ${topic}`]);
      for (const { topic, listener } of listeners) {
        await eventually(elapse, listener.texts, [`for ${topic}`]);
        assert.equal(listener.heard[0]?.position.offset, 1);
      }
    },
  },
  {
    name: 'any bytes are heard and read as they were, zeros, invalid UTF-8, none at all and views included',
    run: async (make) => {
      const { bus, elapse } = await make();
      const listener = recorder();
      await bus.subscribe('t', listener);
      const { top } = await bus.read('t', undefined, 0);
      for (const bytes of awkwardBytes) await bus.publish('t', bytes, { id: freshId() });
      const expected = awkwardBytes.map(plain);
      await eventually(elapse, () => listener.heard.map(({ bytes }) => plain(bytes)), expected);
      const { messages } = await bus.read('t', top, 100);
      assert.deepEqual(
        messages.map(({ bytes }) => plain(bytes)),
        expected,
      );
    },
  },
  {
    name: 'a message does not change with the buffer it came from, nor with what a listener or reader does to its copy',
    run: async (make) => {
      const { bus, elapse } = await make();
      const listener = recorder();
      await bus.subscribe('t', {
        onMessage: ({ bytes }) => {
          bytes.fill(1);
        },
        onGap: () => {},
      });
      await bus.subscribe('t', listener);
      const { top } = await bus.read('t', undefined, 0);
      const mine = utf8('kept');
      await bus.publish('t', mine, { id: freshId() });
      mine.fill(0);
      await hears(elapse, listener, ['kept']);
      for (let i = 0; i < 2; i++) {
        const { messages } = await bus.read('t', top, 10);
        assert.deepEqual(
          messages.map(({ bytes }) => plain(bytes)),
          [plain(utf8('kept'))],
        );
        messages[0]?.bytes.fill(2);
      }
    },
  },
  {
    name: 'publishing an id again gives its first position and has no effect',
    run: async (make) => {
      const { bus, peer, elapse } = await make();
      const listener = recorder();
      await bus.subscribe('t', listener);
      const [start] = await publishAll(bus, 't', ['start']);
      const first = await bus.publish('t', utf8('once'), { id: 'the id' });
      await publishAll(bus, 't', ['between']);
      assert.deepEqual(await bus.publish('t', utf8('again'), { id: 'the id' }), first);
      assert.deepEqual(await peer.publish('t', utf8('again'), { id: 'the id' }), first);
      await publishAll(bus, 't', ['end']);
      await hears(elapse, listener, ['start', 'once', 'between', 'end']);
      const { messages, top } = await bus.read('t', start, 10);
      assert.equal(messages.length, 3);
      assert.equal(top.offset, 4);
    },
  },
  {
    name: 'the same id published many times at once is one message',
    run: async (make) => {
      const { bus, peer, elapse } = await make();
      const listener = recorder();
      await bus.subscribe('t', listener);
      const positions = await Promise.all(
        Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? bus : peer).publish('t', utf8('once'), { id: 'the id' })),
      );
      assert.equal(new Set(positions.map(({ offset }) => offset)).size, 1);
      await hears(elapse, listener, ['once']);
    },
  },
  {
    name: 'an id is known per topic: in another it is another message',
    run: async (make) => {
      const { bus, elapse } = await make();
      const [one, two] = [recorder(), recorder()];
      await bus.subscribe('one', one);
      await bus.subscribe('two', two);
      for (const id of ['same', 'a\u0000*:{}', '__proto__']) {
        await bus.publish('one', utf8(`one ${id}`), { id });
        await bus.publish('two', utf8(`two ${id}`), { id });
      }
      await hears(elapse, one, ['one same', 'one a\u0000*:{}', 'one __proto__']);
      await hears(elapse, two, ['two same', 'two a\u0000*:{}', 'two __proto__']);
    },
  },
  {
    name: 'a listener that throws fails no publication and silences no other listener, itself included',
    run: async (make) => {
      const { bus, elapse } = await make();
      const [first, last] = [recorder(), recorder()];
      let thrown = 0;
      await bus.subscribe('t', first);
      await bus.subscribe('t', {
        onMessage: () => {
          thrown++;
          throw new Error('a listener that throws');
        },
        onGap: () => {},
      });
      await bus.subscribe('t', last);
      await publishAll(bus, 't', numbered(3));
      await hears(elapse, first, numbered(3));
      await hears(elapse, last, numbered(3));
      assert.equal(thrown, 3);
    },
  },
  {
    name: 'a listener that unsubscribed hears nothing more; twice is once; others of the topic go on',
    run: async (make) => {
      const { bus, elapse } = await make();
      const [leaving, staying] = [recorder(), recorder()];
      const unsubscribe = await bus.subscribe('t', leaving);
      await bus.subscribe('t', staying);
      await publishAll(bus, 't', ['before']);
      await hears(elapse, leaving, ['before']);
      await unsubscribe();
      await unsubscribe();
      await publishAll(bus, 't', ['after']);
      await hears(elapse, staying, ['before', 'after']);
      assert.deepEqual(leaving.texts(), ['before']);
    },
  },
  {
    name: 'a topic can be left by its last listener and listened to again',
    run: async (make) => {
      const { bus, elapse } = await make();
      const [first, second] = [recorder(), recorder()];
      const unsubscribe = await bus.subscribe('t', first);
      await publishAll(bus, 't', ['one']);
      await hears(elapse, first, ['one']);
      await unsubscribe();
      await publishAll(bus, 't', ['unheard']);
      await bus.subscribe('t', second);
      await publishAll(bus, 't', ['three']);
      await hears(elapse, second, ['three']);
      assert.equal(second.heard[0]?.position.offset, 3);
      assert.deepEqual(first.texts(), ['one']);
    },
  },
  {
    name: 'a listener that publishes while it is told does not change the order for the others',
    run: async (make) => {
      const { bus, elapse } = await make();
      const [first, last] = [recorder(), recorder()];
      await bus.subscribe('t', first);
      await bus.subscribe('t', {
        onMessage: ({ position }) => {
          if (position.offset <= 3)
            void bus.publish('t', utf8(`echo of ${String(position.offset)}`), { id: freshId() });
        },
        onGap: () => {},
      });
      await bus.subscribe('t', last);
      await publishAll(bus, 't', ['start']);
      await hears(elapse, first, ['start', 'echo of 1', 'echo of 2', 'echo of 3']);
      await hears(elapse, last, ['start', 'echo of 1', 'echo of 2', 'echo of 3']);
    },
  },
  {
    name: 'closing twice is closing once',
    run: async (make) => {
      const { bus } = await make();
      await bus.subscribe('t', recorder());
      await bus.close();
      await bus.close();
    },
  },
];
