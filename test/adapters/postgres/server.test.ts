import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { pgMarks, postgres } from '../../../src/adapters/postgres/index.js';
import type { Bump, Head, Marks } from '../../../src/contract.js';
import { entitySubject } from '../../../src/subject.js';
import { describeOwnPostgres, ownPostgres, poolOf } from '../../services/own-postgres.js';

const ankh = entitySubject('settlement', 'ankh', 'main');
const change = { changeId: 'change', nonce: 'nonce' };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const headIn = async (marks: Marks): Promise<Head> => (await marks.heads())[0] as Head;

function marksOf(server: { readonly url: string }): Marks {
  const marks = pgMarks({ pool: poolOf(server) });
  onTestFinished(() => marks.close());
  return marks;
}

async function watching(marks: Marks): Promise<{ readonly bumps: Bump[]; readonly gaps: (number | undefined)[] }> {
  const [bumps, gaps]: [Bump[], (number | undefined)[]] = [[], []];
  await marks.watch({ onBump: (bump) => bumps.push(bump), onGap: (partition) => gaps.push(partition) });
  return { bumps, gaps };
}

describeOwnPostgres('a Postgres on its own', () => {
  test('that was started again begins an epoch, which knows of the one before all that was there', async () => {
    const server = await ownPostgres();
    const marks = marksOf(server);
    const { bumps, gaps } = await watching(marks);
    const [kept] = (await marks.bump([ankh], change)) as [Bump];
    await server.kill('SIGINT');
    await server.restart();
    const head = await vi.waitFor(() => headIn(marks));
    expect(head).toMatchObject({ head: 0, nonce: '', from: { epoch: kept.epoch, head: 1 } });
    expect(head.epoch).not.toBe(kept.epoch);
    expect(await headIn(marks)).toEqual(head);
    expect((await marks.read([ankh])).tokens).toEqual([{ epoch: head.epoch, position: 0, nonce: '' }]);
    await vi.waitFor(() => {
      expect(gaps.length).toBeGreaterThanOrEqual(2); // gone, and back
    });
    const bump = await marks.bump([ankh], change);
    await vi.waitFor(() => {
      expect(bumps.at(-1)).toEqual(bump[0]);
    });
  });

  const ends = {
    'stopped at once': async (server: Awaited<ReturnType<typeof ownPostgres>>) => {
      await server.kill();
      await server.restart();
    },
    'lost one of its processes, so that it began anew without being started': async (server: { url: string }) => {
      const pool = poolOf(server);
      pool.on('error', () => {});
      const before = await pool.query<{ at: string }>('select pg_postmaster_start_time()::text as at');
      const [victim, witness] = [await pool.connect(), await pool.connect()];
      const ended = new Promise<void>((resolve) => witness.on('end', resolve));
      for (const client of [victim, witness]) client.on('error', () => {});
      const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
      process.kill(rows[0]?.pid ?? expect.fail('a process'), 'SIGKILL');
      await ended; // all processes go with one
      const after = await vi.waitFor(
        () => pool.query<{ at: string }>('select pg_postmaster_start_time()::text as at'),
        {
          timeout: 10_000,
        },
      );
      expect(after.rows).toEqual(before.rows);
    },
  };
  test.each(Object.entries(ends))('that %s has empty tables, and an epoch that comes from none', async (_, end) => {
    const server = await ownPostgres();
    const pool = poolOf(server);
    const { store, marks } = postgres({ pool });
    onTestFinished(() => marks.close());
    const [lost] = (await marks.bump([ankh], change)) as [Bump];
    await store.setMany([{ key: 'key', value: bytes('value') }]);
    await end(server);
    const head = await vi.waitFor(() => headIn(marks), { timeout: 10_000 });
    expect(head).toMatchObject({ head: 0, nonce: '', from: null });
    expect(head.epoch).not.toBe(lost.epoch);
    expect((await marks.read([ankh])).tokens[0]).toEqual({ epoch: head.epoch, position: 0, nonce: '' });
    expect(await store.getMany(['key'])).toEqual([undefined]);
    expect(
      await pgMarks({ pool, partitions: 2 })
        .heads()
        .catch((error: unknown) => error),
    ).toMatchObject({
      code: 'INVALID_OPTION', // remembered through a crash
    });
  });

  test('in recovery is refused, and its marks are of another epoch once it is promoted', async () => {
    const server = await ownPostgres();
    const pool = poolOf(server);
    const { store, marks } = postgres({ pool });
    onTestFinished(() => marks.close());
    const [before] = (await marks.bump([ankh], change)) as [Bump];
    await server.kill('SIGINT');
    writeFileSync(join(server.data, 'standby.signal'), '');
    await server.restart();
    await vi.waitFor(() => pool.query('select 1'));
    const refused = { code: 'MARKS_UNAVAILABLE', message: expect.stringMatching(/expected the primary/) as string };
    await expect(marks.heads()).rejects.toMatchObject(refused);
    await expect(marks.bump([ankh], change)).rejects.toMatchObject(refused);
    await expect(marks.watch({ onBump: () => {}, onGap: () => {} })).rejects.toMatchObject(refused);
    await expect(store.getMany(['key'])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(store.setMany([{ key: 'key', value: bytes('') }])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await pool.query('select pg_promote()');
    const head = await headIn(marks);
    expect([head.epoch === before.epoch, head.head]).toEqual([false, 0]);
  });

  test('whose connection for LISTEN is ended is listened to again: a gap, and a gap', async () => {
    const server = await ownPostgres();
    const pool = poolOf(server);
    const marks = marksOf(server);
    const { bumps, gaps } = await watching(marks);
    for (let cut = 1; cut <= 3; cut++) {
      const ended = `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'`;
      expect((await pool.query(ended)).rowCount).toBe(1);
      await vi.waitFor(() => {
        expect(gaps).toHaveLength(2 * cut);
      });
      const bump = await marks.bump([ankh], change);
      await vi.waitFor(() => {
        expect(bumps.at(-1)).toEqual(bump[0]);
      });
    }
  });

  test('that cannot be reached is no unhandled error, and close() does not wait for it', async () => {
    const server = await ownPostgres();
    const { store, marks } = postgres({ pool: poolOf(server) });
    await watching(marks);
    await store.getMany(['key']);
    await server.kill();
    await expect(marks.read([ankh])).rejects.toThrow();
    await expect(store.getMany(['key'])).rejects.toThrow();
    await Promise.all([store.close(), marks.close()]);
  });

  describe('tells copies apart', () => {
    test('a database made from another one has epochs of its own, and says where they came from', async () => {
      const server = await ownPostgres();
      const first = poolOf(server);
      const marks = pgMarks({ pool: first });
      const [bump] = (await marks.bump([ankh], change)) as [Bump];
      await marks.close();
      await first.end();
      const admin = poolOf({ url: server.url.replace(/postgres$/, 'template1') });
      await admin.query('create database copy template postgres');
      const [here, there] = [marksOf(server), marksOf({ url: server.url.replace(/postgres$/, 'copy') })];
      expect((await headIn(here)).epoch).toBe(bump.epoch);
      expect(await headIn(there)).toMatchObject({ head: 0, from: { epoch: bump.epoch, head: 1 } });
    });

    test.each(['partition', 'mark'])(
      'a table that was emptied and filled from a copy is another one: %s',
      async (name) => {
        const server = await ownPostgres();
        const pool = poolOf(server);
        const marks = marksOf(server);
        const [bump] = (await marks.bump([ankh], change)) as [Bump];
        await pool.query(`create table copy as table tidemark.${name}`);
        await marks.bump([ankh], change);
        const restored = ['begin', `truncate tidemark.${name}`, `insert into tidemark.${name} table copy`, 'commit'];
        await pool.query(restored.join(';'));
        const head = await headIn(marks);
        expect(head).toMatchObject({ head: 0, from: { epoch: bump.epoch, head: name === 'mark' ? 2 : 1 } });
        expect((await marks.read([ankh])).tokens[0]?.position).toBe(0);
      },
    );

    test.each(['read', 'bump', 'newEpoch', 'fetch'])('from whichever call comes first: %s', async (verb) => {
      const server = await ownPostgres();
      const pool = poolOf(server);
      const { store, marks } = postgres({ pool });
      onTestFinished(() => marks.close());
      const [{ epoch }] = (await marks.bump([ankh], change)) as [Bump];
      await pool.query('vacuum full tidemark.mark'); // moves it into another file
      if (verb === 'read') await marks.read([ankh]);
      if (verb === 'bump') expect(await marks.bump([ankh], change)).toMatchObject([{ prev: 0, position: 1 }]);
      if (verb === 'newEpoch') await marks.newEpoch(0, epoch);
      if (verb === 'fetch') await marks.fetchFrom?.(store)?.([], [ankh], () => []);
      const head = await headIn(marks);
      expect([head.from, head.epoch === epoch]).toEqual([{ epoch, head: 1 }, false]);
    });
  });
});
