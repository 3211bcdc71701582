import type { Pool, PoolClient } from 'pg';

/** Commits what was done if it came to an end, and rolls it back if it threw. */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  // A pool does not listen to what it handed out: a lost connection would end the process. The statement rejects anyway.
  client.on('error', ignore);
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failed: unknown) => {
      broken = failed as Error;
    });
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

const ignore = (): void => {};
