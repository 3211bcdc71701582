import { setTimeout as pause } from 'node:timers/promises';
import * as six from 'ioredis';
import * as five from 'ioredis-5';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type RedisCluster, startCluster, startSentinel } from '../../../scripts/services.mjs';
import { redis, redisBus, redisMarks } from '../../../src/adapters/redis/index.js';
import type { Bump, Marks } from '../../../src/contract.js';
import { entitySubject, partitionOf } from '../../../src/subject.js';
import { besideEntries } from '../../contract/beside.js';
import { clientOf, describeOwn } from '../../services/own.js';

const ankh = entitySubject('settlement', 'ankh', 'main');
const change = { changeId: 'change', nonce: 'nonce' };

/** A watcher that keeps what it is told. */
async function watching(marks: Marks): Promise<{ readonly bumps: Bump[]; readonly gaps: (number | undefined)[] }> {
  const [bumps, gaps]: [Bump[], (number | undefined)[]] = [[], []];
  await marks.watch({ onBump: (bump) => bumps.push(bump), onGap: (partition) => gaps.push(partition) });
  return { bumps, gaps };
}

const LONG = { timeout: 15_000, interval: 50 };

describeOwn('a failover by Sentinel', () => {
  test.each([
    ['ioredis 6', six.Redis],
    ['ioredis 5', five.Redis as unknown as typeof six.Redis],
  ])('forgets its last bumps, and the new epoch says from which position on, %s', async (_, Redis) => {
    const { name, sentinels, servers, stop } = await startSentinel();
    onTestFinished(stop);
    const [primary, replica] = servers;
    const connect = () => new Redis({ name, sentinels: [...sentinels] });
    const [client, subscriber] = [connect(), connect()];
    onTestFinished(() => {
      client.disconnect();
      subscriber.disconnect();
    });
    const { marks, bus } = redis({ client, subscriber });
    const { bumps, gaps } = await watching(marks);
    const [kept] = await marks.bump([ankh], change);
    const published = await bus.publish('topic', Buffer.from('kept'), { id: '1' });
    await vi.waitFor(() => {
      expect(replica.cli('hget', 'tm1:p:{0}', '#head')).toBe('1\n');
    }, LONG);
    // From here on the replica hears nothing: it would have to authenticate, and those who are connected do not.
    primary.cli('config', 'set', 'requirepass', 'unknown to the replica');
    primary.cli('-a', 'unknown to the replica', 'client', 'kill', 'type', 'replica');
    const [forgotten] = await marks.bump([ankh], change);
    expect(forgotten).toMatchObject({ epoch: kept?.epoch, position: 2 });
    await primary.kill();

    const head = await vi.waitFor(async () => (await marks.heads())[0], LONG);
    expect(head).toMatchObject({ head: 0, from: { epoch: kept?.epoch, head: 1 } });
    expect(head?.epoch).not.toBe(kept?.epoch);
    await vi.waitFor(() => {
      expect(gaps.length).toBeGreaterThanOrEqual(2);
    }, LONG);
    const [again] = await marks.bump([ankh], change);
    await vi.waitFor(() => {
      expect(bumps.at(-1)).toEqual(again);
    }, LONG);
    expect(await bus.read('topic', published, 10)).toMatchObject({ truncated: true, top: { offset: 0 } });
  });
});

describeOwn('a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  describe.each([
    ['ioredis 6', six.Cluster],
    ['ioredis 5', five.Cluster as unknown as typeof six.Cluster],
  ])('%s', (version, Cluster) => {
    const prefix = `${version}:`;

    function connect(options: object = {}) {
      const client = new Cluster([...cluster.nodes], options);
      onTestFinished(() => {
        client.disconnect();
      });
      return client;
    }
    const clients = () => ({ client: connect(), subscriber: connect({ shardedSubscribers: true }), prefix });

    test('that loses subscriptions and makes them again has a gap, and what is bumped after that is heard', async () => {
      const { marks, bus } = redis(clients());
      const { bumps, gaps } = await watching(marks);
      let busGaps = 0;
      await bus.subscribe('topic', { onMessage: () => {}, onGap: () => void busGaps++ });
      await pause(200); // ioredis goes on to arrange its connections after the first commands
      const before = { gaps: gaps.length, busGaps };
      for (const server of cluster.servers) server.cli('client', 'kill', 'type', 'pubsub');
      await vi.waitFor(() => {
        expect(gaps.length).toBeGreaterThanOrEqual(before.gaps + 2);
        expect(busGaps).toBeGreaterThan(before.busGaps);
      }, LONG);
      const [bump] = await marks.bump([ankh], change);
      await vi.waitFor(() => {
        expect(bumps.at(-1)).toEqual(bump);
      }, LONG);
    });

    test('refuses replicas that would not hear the announcements of the others', async () => {
      const sharded = clients();
      const plain = { ...sharded, subscriber: clientOf(cluster.nodes[0] ?? expect.fail('a node')) };
      await redisMarks(sharded).bump([ankh], change);
      const error = {
        code: 'INVALID_OPTION',
        message: 'announcements: expected SPUBLISH, as the store has it from other replicas, got PUBLISH.',
      };
      await expect(redisMarks(plain).heads()).rejects.toMatchObject(error);
      await redisBus(plain).publish('plain', Buffer.from('message'), { id: '1' });
      await redisBus(sharded).publish('sharded', Buffer.from('message'), { id: '1' });
      await expect(redisBus(plain).read('sharded', undefined, 1)).rejects.toMatchObject(error);
      await expect(redisBus(sharded).subscribe('plain', { onMessage: () => {}, onGap: () => {} })).rejects.toThrow(
        /expected PUBLISH/,
      );
    });

    test('gives entries and the marks asked for at once, and leaves the others to a second trip', async () => {
      const { store, marks } = redis(clients());
      const named = ['a', 'b', 'c'].map((id) => entitySubject('settlement', id, 'main'));
      await store.setMany([{ key: 'entry', value: besideEntries.entry(named) }]);
      const fetch = marks.fetchFrom?.(store) ?? expect.fail('a way to fetch from that store');
      const { entries, subjects, read } = await fetch(['entry', 'none'], [ankh, ankh], besideEntries.subjectsOf);
      expect([entries.map((entry) => entry !== undefined), subjects]).toEqual([[true, false], [ankh]]);
      expect(read.tokens).toEqual((await marks.read([ankh])).tokens);
    });

    test('that moves a partition to another node gives it another epoch, and goes on announcing', async () => {
      const { marks } = redis(clients());
      const { bumps, gaps } = await watching(marks);
      const [before] = await marks.bump([ankh], change);
      const key = `${prefix}tm1:p:{${String(partitionOf(ankh, 16))}}`;
      await moveSlot(cluster, key);
      const [after] = await marks.bump([ankh], change);
      expect(after).toMatchObject({ prev: 0, position: 1 });
      const head = (await marks.heads())[before?.partition ?? 0];
      expect(head?.from).toEqual({ epoch: before?.epoch, head: before?.position });
      await vi.waitFor(() => {
        expect(gaps.length).toBeGreaterThan(0);
      }, LONG);
      await vi.waitFor(async () => {
        const [bump] = await marks.bump([ankh], change);
        await pause(50);
        expect(bumps.at(-1)).toEqual(bump);
      }, LONG);
    });
  });
});

/** Moves the slot of a key to another node, as an operator does. */
async function moveSlot({ servers }: RedisCluster, key: string): Promise<void> {
  const cli = (server: (typeof servers)[number], ...command: string[]): string => server.cli(...command).trim();
  const [first] = servers;
  if (first === undefined) throw new Error('a cluster without servers');
  const slot = cli(first, 'cluster', 'keyslot', key);
  const from = servers.find((server) => cli(server, 'cluster', 'countkeysinslot', slot) !== '0') ?? first;
  const to = servers.find((server) => server !== from) ?? first;
  const [fromId, toId] = [cli(from, 'cluster', 'myid'), cli(to, 'cluster', 'myid')];
  cli(to, 'cluster', 'setslot', slot, 'importing', fromId);
  cli(from, 'cluster', 'setslot', slot, 'migrating', toId);
  for (const one of cli(from, 'cluster', 'getkeysinslot', slot, '1000').split('\n'))
    cli(from, 'migrate', to.host, String(to.port), one, '0', '5000');
  for (const server of [to, from, ...servers]) cli(server, 'cluster', 'setslot', slot, 'node', toId);
}
