import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { redis } from '../../../src/adapters/redis/index.js';
import { memory } from '../../../src/index.js';
import { deleteAll, topologies } from '../../services/redis.js';
import { type Kind, kinds } from './clients.js';
import { type Replica, type ReplicaOptions, type Shared, openReplica } from './replica.js';

// What every client is promised, whatever its link, on two and three replicas over each of these: the same list for all.

interface Ground {
  readonly name: string;
  readonly missing: string | undefined;
  /** What all replicas of one test share: called once for each. */
  begin(): () => Shared;
}

const inMemory: Ground = {
  name: 'one process',
  missing: undefined,
  begin: () => {
    const shared = memory();
    return () => shared;
  },
};

const onRedis = topologies
  .filter(({ name }) => /^(single server|cluster), ioredis 6$/.test(name))
  .map(({ name, missing, connect }): Ground => ({
    name,
    missing,
    begin: () => {
      const prefix = `test:${crypto.randomUUID()}:`;
      return () => {
        const clients = connect();
        const shared = redis({ ...clients, prefix });
        onTestFinished(async () => {
          await Promise.all([shared.store, shared.marks, shared.bus].map((part) => part.close()));
          await deleteAll(clients.client, prefix);
          for (const one of [clients.client, clients.subscriber]) one.disconnect();
        });
        return shared;
      };
    },
  }));

test.runIf(process.env['CI'] === 'true')('there is a Redis and a cluster', () => {
  expect(onRedis.map(({ missing }) => missing)).toEqual([undefined, undefined]);
});

describe.each([inMemory, ...onRedis].map((ground) => [ground.name, ground] as const))('%s', (_, ground) => {
  if (ground.missing !== undefined) console.warn(`NO REDIS: links are not tested on ${ground.name}: ${ground.missing}`);
  describe.skipIf(ground.missing !== undefined).each(kinds.map((kind) => [kind.name, kind] as const))(
    '%s',
    (_, kind) => {
      keepsItsPromises(kind, ground);
    },
  );
});

/** Servers of the whole machine may be slow; what never comes fails all the same. */
const until = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 10_000 });

function keepsItsPromises(kind: Kind, ground: Ground): void {
  const open = async (count: number, options: ReplicaOptions = {}): Promise<Replica[]> => {
    const sharedOf = ground.begin();
    return Promise.all(Array.from({ length: count }, () => openReplica(sharedOf(), options)));
  };
  const rooms = ['campaign:c1', 'settlement:s1'];
  const begun = (watcher: ReturnType<Kind['watch']>) => until(() => expect([...watcher.ready]).toHaveLength(2));

  test('is told each change once, in order, though two of its rooms have it, whichever replica it was made on', async () => {
    const [a, b, c] = (await open(3)) as [Replica, Replica, Replica];
    const watcher = kind.watch(a.url, { user: 'ada', rooms });
    await begun(watcher);
    await a.edit('s1', 1);
    await b.edit('s1', 2);
    await c.edit('s2', 1);
    await c.edit('s1', 3);
    await until(() => expect(watcher.told).toHaveLength(4));
    expect(watcher.told.filter((told) => told !== 's2 1')).toEqual(['s1 1', 's1 2', 's1 3']);
    expect(watcher.told).toContain('s2 1');
  });

  test('goes on elsewhere from where it stood: nothing is missing, and nothing comes twice', async () => {
    const [a, b] = (await open(2)) as [Replica, Replica];
    // Of several rooms each stands where its last message was: what one had of a change, another may have yet to come.
    const room = { user: 'ada', rooms: ['campaign:c1'] };
    const first = kind.watch(a.url, room);
    await until(() => expect(first.ready.size).toBe(1));
    await a.edit('s1', 1, 2);
    await until(() => expect(first.told).toEqual(['s1 1', 's1 2']));
    const from = first.state;
    first.leave();
    await a.die();
    await b.edit('s1', 3, 4);
    await b.edit('s2', 1);
    const second = kind.watch(b.url, { ...room, from });
    await until(() => expect(second.told.toSorted()).toEqual(['s1 3', 's1 4', 's2 1']));
    await b.edit('s1', 5);
    await until(() => expect(second.told.at(-1)).toBe('s1 5'));
    expect(second.told).toHaveLength(4);
  });

  test('is refused without credentials, and where it may not look', async () => {
    const [a] = (await open(1, {
      authorize: ({ name }, { id }) => name === 'ada' && id !== 's1',
    })) as [Replica];
    const nobody = kind.watch(a.url, { user: '', rooms });
    await until(() => expect(nobody.told).toHaveLength(1));
    expect(nobody.told[0]).toMatch(/^refused 401$|^closed 4401$/);

    const ada = kind.watch(a.url, { user: 'ada', rooms });
    await until(() => expect(ada.told).toEqual(['ended settlement:s1 UNAUTHORIZED']));
    await a.edit('s1', 1);
    await until(() => expect(ada.told).toEqual(['ended settlement:s1 UNAUTHORIZED', 's1 1']));
  });

  test('hears nothing more once it is revoked, on any replica, nor when it comes back', async () => {
    const banned = new Set<string>();
    const [a, b] = (await open(2, { authorize: ({ name }) => !banned.has(name) })) as [Replica, Replica];
    const [here, there, other] = [
      kind.watch(a.url, { user: 'eve', rooms }),
      kind.watch(b.url, { user: 'eve', rooms }),
      kind.watch(b.url, { user: 'ada', rooms }),
    ] as const;
    for (const each of [here, there, other]) await begun(each);
    await a.edit('s1', 1);
    for (const each of [here, there, other]) await until(() => expect(each.told).toEqual(['s1 1']));
    banned.add('eve');
    await a.tide.realtime.revoke({ principal: 'eve' });
    await a.edit('s1', 2, 3);
    await until(() => expect(other.told).toEqual(['s1 1', 's1 2', 's1 3']));
    const over = ['ended campaign:c1 REVOKED', 'ended settlement:s1 REVOKED'];
    for (const each of [here, there]) await until(() => expect(each.told.slice(1).toSorted()).toEqual(over));

    const again = kind.watch(b.url, { user: 'eve', rooms, from: here.state });
    const refused = ['ended campaign:c1 UNAUTHORIZED', 'ended settlement:s1 UNAUTHORIZED'];
    await until(() => expect(again.told.toSorted()).toEqual(refused));
  });

  test('leaves nothing behind when it goes, and is closed when the server does', async () => {
    const [a] = (await open(1)) as [Replica];
    const first = kind.watch(a.url, { user: 'ada', rooms });
    await begun(first);
    expect(a.clients).toBe(kind.linkPerRoom === true ? 2 : 1);
    first.leave();
    await until(() => expect(a.clients).toBe(0));
    const second = kind.watch(a.url, { user: 'ada', rooms });
    await begun(second);
    a.ws.close();
    a.sse.close();
    a.io.close();
    await a.graphql.close();
    await until(() => expect(second.told[0]).toBe('closed 1001'));
    expect(a.clients).toBe(0);
  });
}
