import { setTimeout as elapse } from 'node:timers/promises';
import { Pool } from 'pg';
import { onTestFinished, test } from 'vitest';
import { pgOutbox } from '../../src/adapters/postgres/index.js';
import { outboxSql } from '../../src/adapters/postgres/schema/outbox.js';
import { casesFor, outboxCases, type OutboxFixture } from '../../src/testing/index.js';
import { describePostgis } from '../services/postgres.js';

describePostgis('an outbox in Postgres', (database) => {
  async function make(): Promise<OutboxFixture> {
    const { connectionString } = database();
    const schema = `outbox_${crypto.randomUUID().replaceAll('-', '')}`;
    const [pool, peer] = [new Pool({ connectionString }), new Pool({ connectionString })];
    await pool.query(`create schema ${schema}; ${outboxSql(`"${schema}"`)}`);
    onTestFinished(async () => {
      await pool.query(`drop schema ${schema} cascade`);
      await Promise.all([pool.end(), peer.end()]);
    });
    const begin = async () => {
      const client = await pool.connect();
      await client.query('begin');
      const end = async (how: string): Promise<void> => {
        await client.query(how);
        client.release();
      };
      return { via: client, commit: () => end('commit'), rollback: () => end('rollback') };
    };
    return {
      outbox: pgOutbox({ pool, schema }),
      peer: pgOutbox({ pool: peer, schema }),
      begin,
      trigger: ({ id, change }) =>
        pool.query(`insert into ${schema}.outbox (id, change, is_trigger) values ($1, $2, true)`, [id, change]),
      elapse,
    };
  }
  for (const { name, run } of casesFor(outboxCases)) test(name, () => run(make));
});
