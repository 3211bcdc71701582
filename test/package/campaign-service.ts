import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPostgres } from '../../scripts/postgres.mjs';
import { findRedis } from '../../scripts/redis.mjs';
import { startPostgres, startRedis } from '../../scripts/services.mjs';
import { CAMPAIGN_CASES, type Convention, type Init, type Replica } from './campaign-cases.js';
import { copyExample, linkedFolder, start } from './linked.js';

/** An example that serves examples/campaign. */
export interface CampaignService extends Convention {
  /** Its folder in examples. */
  readonly folder: string;
  readonly main: string;
  /** Before it is started: its folder, and tidemark's as it is packed. */
  readonly compile?: (app: string, tidemark: string) => Promise<void>;
  /** How it ends on SIGTERM. */
  readonly exit: readonly [number | null, string | null];
}

type Env = Readonly<Record<string, string>>;

/** The example as it is run outside this repository, with the packed tarball and in processes of its own, is asked for every case. */
export function testCampaign({ folder, main, compile, exit, ...convention }: CampaignService): void {
  const scratch = linkedFolder();
  const app = join(scratch, 'examples', folder);

  beforeAll(async () => {
    copyExample(scratch, folder);
    await compile?.(app, join(scratch, 'node_modules/tidemark'));
  });

  /** For as long as its describe. */
  async function replica(env: Env = {}): Promise<Replica & { readonly stop: () => Promise<void> }> {
    const { child, exited, url } = await start(app, { main, env });
    started.push(child);
    const ask = async (path: string, { method = 'GET', body, after }: Init = {}) => {
      const headers = { 'x-user': 'ann', 'content-type': 'application/json', ...(after && { 'x-after': after }) };
      const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
      const response = await fetch(url + path, { method, headers, ...sent });
      const answer = (await response.json()) as unknown;
      return { status: response.status, body: answer, after: response.headers.get('x-after') ?? '' };
    };
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      expect(await exited).toEqual(exit);
    };
    return { url, ask, stop };
  }
  const started: { kill(signal: 'SIGKILL'): unknown }[] = [];
  afterAll(() => {
    for (const child of started) child.kill('SIGKILL');
  });

  /** The cases in their order, then that the replicas end. */
  function asked(replicas: () => readonly Awaited<ReturnType<typeof replica>>[]): void {
    const both = () => {
      const [one, other = one] = replicas();
      if (one === undefined || other === undefined) throw new Error('No replica has started.');
      return { one, other };
    };
    test.each(CAMPAIGN_CASES)('$name', ({ run }) => run({ ...both(), convention }));
    test('it ends when it is told to', () => Promise.all(replicas().map((one) => one.stop())));
  }

  describe('without any service', () => {
    let replicas: readonly Awaited<ReturnType<typeof replica>>[] = [];
    beforeAll(async () => {
      replicas = [await replica()];
    });
    asked(() => replicas);

    test('a size makes a larger campaign', async () => {
      const { ask, stop } = await replica({ CAMPAIGN_SIZE: '2x3x4' });
      expect(outline((await ask('/campaigns/c1')).body)).toEqual(OF_2X3X4);
      await stop();
    });
  });

  const missing = findRedis().missing ?? findPostgres().missing;
  if (missing !== undefined) console.warn(`NO SERVICES: the example of ${folder} is run without: ${missing}`);
  test.runIf(process.env['CI'] === 'true')('there are a Redis and a Postgres', () => {
    expect(missing).toBeUndefined();
  });

  describe.skipIf(missing !== undefined)('over Redis and Postgres, as two replicas', () => {
    let replicas: readonly Awaited<ReturnType<typeof replica>>[] = [];
    let database = '';
    const servers: { stop(): Promise<unknown> }[] = [];
    beforeAll(async () => {
      const redis = await startRedis();
      servers.push(redis);
      const postgres = await startPostgres();
      servers.push(postgres);
      database = postgres.url;
      const env = { REDIS_URL: `redis://127.0.0.1:${String(redis.port)}`, DATABASE_URL: database };
      replicas = await Promise.all([replica(env), replica(env)]);
    });
    afterAll(async () => {
      for (const child of started.splice(0)) child.kill('SIGKILL');
      await Promise.all(servers.map((server) => server.stop()));
    });
    asked(() => replicas);

    test('a size makes a larger campaign at the first start, which later ones find', async () => {
      const sized = new URL(database);
      sized.pathname = '/sized';
      const client = new pg.Client({ connectionString: database });
      await client.connect();
      await client.query('create database sized');
      await client.end();
      for (const size of ['2x3x4', '1x1x1']) {
        const { ask, stop } = await replica({ DATABASE_URL: sized.href, CAMPAIGN_SIZE: size });
        expect(outline((await ask('/campaigns/c1')).body)).toEqual(OF_2X3X4);
        await stop();
      }
    });
  });
}

interface Identified {
  readonly id: string;
}
interface Tree {
  readonly kingdoms: readonly (Identified & {
    readonly settlements: readonly (Identified & { readonly structures: readonly Identified[] })[];
  })[];
}

/** Which ids hang on which, each list by id. */
const outline = (tree: unknown): object =>
  Object.fromEntries(
    (tree as Tree).kingdoms.map(({ id, settlements }) => [
      id,
      Object.fromEntries(settlements.map((one) => [one.id, one.structures.map((structure) => structure.id).sort()])),
    ]),
  );
const OF_2X3X4 = {
  k1: { s1: ['m1', 'm2', 'm3', 'm4'], s2: ['m5', 'm6', 'm7', 'm8'], s3: ['m10', 'm11', 'm12', 'm9'] },
  k2: {
    ...{ s4: ['m13', 'm14', 'm15', 'm16'], s5: ['m17', 'm18', 'm19', 'm20'] },
    s6: ['m21', 'm22', 'm23', 'm24'],
  },
};
