import { Pool } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { pgBus, postgres } from '../../../src/adapters/postgres/index.js';
import { type Listener, channelOf, listenerOn } from '../../../src/adapters/postgres/listener.js';
import { fakeClock } from '../../../src/testing/index.js';
import { openProxy } from '../../faults/proxy.js';
import { describeOwnPostgres, ownPostgres, poolOf } from '../../services/own-postgres.js';
import { type SharedDatabase, describeReplicas } from '../../services/replicas.js';

const BACKENDS = `from pg_stat_activity where query like '%listen%' and pid <> pg_backend_pid()`;
const [one, two] = [channelOf('s', 'test', 'one'), channelOf('s', 'test', 'two')];

function recorder() {
  const told: string[] = [];
  const hearer = {
    onMessage: (channel: string, payload: string) =>
      void told.push(`${channel === one ? 'one' : 'two'} ${payload}`.trim()),
    onLost: () => void told.push('lost'),
    onBack: () => void told.push('back'),
  };
  return { told, hearer };
}

const notify = (pool: Pool, channel: string, payload: string) =>
  pool.query('select pg_notify($1, $2)', [channel, payload]);

function opened(pool: Pool, options: object = {}): Listener {
  const listener = listenerOn(pool, options);
  onTestFinished(() => listener.close());
  return listener;
}

test.each([
  ['a pool of one connection', (pool: Pool) => () => pgBus({ pool }), /max of at least 2/],
  ['a pool of one connection, for all parts', (pool: Pool) => () => postgres({ pool }), /max of at least 2/],
  ['no pool to listen', (pool: Pool) => () => pgBus({ pool, listen: 'pool' as never }), /listen: expected a Pool/],
])('%s is refused', (_, make, message) => {
  expect(make(new Pool({ max: 1 }))).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  expect(make(new Pool({ max: 1 }))).toThrow(message);
});

describeReplicas('a listener', (shared: () => SharedDatabase) => {
  test('hears on one connection for all, each channel until its last hearer has left', async () => {
    const { here, there } = shared();
    const [connect, query] = [vi.spyOn(here, 'connect'), vi.spyOn(here, 'query')];
    const listener = opened(here);
    const [first, second] = [recorder(), recorder()];
    const ends = await Promise.all([
      listener.listen([one, two], first.hearer),
      listener.listen([one], second.hearer),
      listener.listen([two], { ...second.hearer, onMessage: () => expect.fail('a hearer that throws') }),
    ]);
    // Each query takes one, too.
    expect(connect.mock.calls.length - query.mock.calls.length).toBe(1);
    await notify(there, one, '1');
    await notify(there, two, '2');
    await vi.waitFor(() => {
      expect(first.told).toHaveLength(2);
    });
    ends[0]();
    ends[0]();
    await notify(there, one, '3');
    await vi.waitFor(() => {
      expect([first.told, second.told]).toEqual([
        ['one 1', 'two 2'],
        ['one 1', 'one 3'],
      ]);
    });
  });

  test('gives its connection back when nobody listens any more, and takes one when somebody does again', async () => {
    const { there, here } = shared();
    const pool = new Pool({ ...here.options, max: 2 });
    const listener = opened(pool);
    for (let i = 0; i < 3; i++) {
      const { told, hearer } = recorder();
      const end = await listener.listen([one], hearer);
      await notify(there, one, String(i));
      await vi.waitFor(() => {
        expect(told).toEqual([`one ${String(i)}`]);
      });
      end();
    }
    await pool.end(); // waits for every connection that was taken
  });

  test('keeps no process alive', async () => {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const { here } = shared();
    const pool = new Pool({ ...here.options, max: 2, allowExitOnIdle: true });
    const before = sockets();
    const listener = opened(pool);
    await listener.listen([one], recorder().hearer);
    expect(sockets()).toBeLessThanOrEqual(before);
    await listener.close();
    await expect(listener.listen([one], recorder().hearer)).rejects.toMatchObject({ code: 'CLOSED' });
    await pool.end();
  });
});

describeOwnPostgres('the connection of a listener', () => {
  async function linked() {
    const server = await ownPostgres();
    const link = await openProxy(server);
    onTestFinished(() => link.close());
    const direct = poolOf(server);
    const through = poolOf({ url: `postgresql://postgres@${link.host}:${String(link.port)}/postgres` });
    return { server, link, direct, through };
  }
  async function isHeard(pool: Pool, told: readonly string[], payload: string): Promise<void> {
    await notify(pool, one, payload);
    await notify(pool, two, payload);
    await vi.waitFor(() => {
      expect(told.slice(-2)).toEqual([`one ${payload}`, `two ${payload}`]);
    });
  }

  test('is taken again whenever its backend is terminated, one at a time', { timeout: 30_000 }, async () => {
    const { direct } = await linked();
    const { told, hearer } = recorder();
    await opened(direct).listen([one, two], hearer);
    for (let i = 1; i <= 3; i++) {
      expect((await direct.query(`select pg_terminate_backend(pid) ${BACKENDS}`)).rowCount).toBe(1);
      await vi.waitFor(() => {
        expect(told.slice(-2)).toEqual(['lost', 'back']);
      });
      await isHeard(direct, told, String(i));
    }
    expect((await direct.query(`select ${BACKENDS}`)).rowCount).toBe(1);
  });

  test('is taken again when links are cut, however long none can be made', { timeout: 30_000 }, async () => {
    const { link, direct, through } = await linked();
    const { told, hearer } = recorder();
    await opened(direct, { listen: through }).listen([one, two], hearer);
    link.cut();
    await vi.waitFor(() => {
      expect(told).toEqual(['lost', 'back']);
    });
    await isHeard(direct, told, 'cut');
    const connect = vi.spyOn(through, 'connect');
    await link.refuse();
    await vi.waitFor(
      () => {
        expect(connect.mock.calls.length).toBeGreaterThan(4);
      },
      { timeout: 10_000 },
    );
    expect(told.slice(4)).toEqual(['lost']);
    await link.heal();
    await vi.waitFor(
      () => {
        expect(told.slice(4)).toEqual(['lost', 'back']);
      },
      { timeout: 10_000 },
    );
    await isHeard(direct, told, 'healed');
  });

  test('is given up if its other end is gone and it was not told: 15 s after the last answer', async () => {
    const { link, direct, through } = await linked();
    const clock = fakeClock();
    const { told, hearer } = recorder();
    const listener = opened(direct, { listen: through, clock, random: () => 0 });
    await listener.listen([one, two], hearer);
    link.halfOpen();
    await notify(direct, one, 'missed');
    await clock.advance(10_000);
    await clock.advance(4999);
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual(['lost']);
    await clock.advance(25);
    await vi.waitFor(() => {
      expect(told).toEqual(['lost', 'back']);
    });
    await isHeard(direct, told, 'again');
    await listener.close();
    expect(clock.timers).toBe(0);
  });

  test('that answers late, yet in time, is kept', async () => {
    const { link, direct, through } = await linked();
    const clock = fakeClock();
    const { told, hearer } = recorder();
    await opened(direct, { listen: through, clock }).listen([one, two], hearer);
    for (let i = 0; i < 3; i++) {
      link.hold('down');
      await clock.advance(10_000);
      await clock.advance(4000);
      await link.heal();
      // Behind the answer, on the same connection.
      await isHeard(direct, told, `late ${String(i)}`);
      expect(clock.timers).toBe(1); // the next ping, and no answer that is waited for
    }
    expect(told).toHaveLength(6);
  });

  test('is taken again from a server that was started again', { timeout: 30_000 }, async () => {
    const { server, direct } = await linked();
    direct.on('error', () => {});
    const { told, hearer } = recorder();
    await opened(direct).listen([one, two], hearer);
    await server.kill();
    await server.restart();
    await vi.waitFor(
      () => {
        expect(told).toEqual(['lost', 'back']);
      },
      { timeout: 10_000 },
    );
    await isHeard(direct, told, 'up');
  });

  describe('that cannot be made', () => {
    test('is the error of who wanted to listen, and close() does not wait for it', async () => {
      const { link, direct, through } = await linked();
      await link.refuse();
      const listener = opened(direct, { listen: through });
      await expect(listener.listen([one], recorder().hearer)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await link.heal();
      const { told, hearer } = recorder();
      await listener.listen([one, two], hearer);
      await isHeard(direct, told, 'later');
      await link.refuse();
      await vi.waitFor(() => {
        expect(told.at(-1)).toBe('lost');
      });
      await listener.close();
    });
  });
});
