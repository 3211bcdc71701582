// The world on a map, in the browser: cities, countries and airports, who reads them from where, and what each edit
// makes stale. `npm start`, then open the address that it prints. `--help` lists the flags. With DATABASE_URL the rows are
// in Postgres.
import { type Outbox, configFromEnv } from 'tidemark';
import { countriesGeoJson } from './data/countries.ts';
import { earth } from './data/earth.ts';
import { inventedWorld } from './data/invented.ts';
import type { WorldTables } from './data/tables.ts';
import type { WorldOrigin } from './model.ts';
import { type Flags, USAGE, parseFlags } from './server/flags.ts';
import { barOn, progressOn } from './server/progress.ts';
import { serve } from './server/serve.ts';

const flags = flagsOrUsage(process.argv.slice(2));
const { source, outlines } = chosenBy(flags);

const { tables, origin, outbox, close } = await world().catch(exit);
const { credits } = source;
const serving = await serve(tables, { port: flags.port, outlines, credits, origin, shared: { outbox } });
console.log(`${tables.counts.settlement.toLocaleString('en')} settlements on the map: ${serving.url}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void serving
      .close()
      .then(close)
      .then(() => console.log('Closed.'));
  });
}

interface Opened {
  readonly tables: WorldTables;
  readonly origin?: WorldOrigin;
  readonly outbox?: Outbox;
  readonly close?: () => Promise<void>;
}

async function world(): Promise<Opened> {
  const { databaseUrl } = configFromEnv({ DATABASE_URL: process.env['DATABASE_URL'] });
  if (databaseUrl === null) {
    if (flags.replace === true) throw new Error('--replace: expected DATABASE_URL to say where the world is.');
    return { tables: await source.load(progressOn(process.stdout)) };
  }
  const { openWorld } = await import('./postgres/open.ts');
  const { replace = false } = flags;
  const opened = await openWorld(databaseUrl, source, {
    replace,
    progress: barOn(process.stdout),
    report: console.error,
  });
  const rows = `${opened.rows.toLocaleString('en')} rows in Postgres`;
  console.log(opened.found ? `${rows}, as they were left.` : `${rows}, all of them new.`);
  return opened;
}

function exit(error: unknown): never {
  // A server that cannot be reached at any of its addresses is an AggregateError, with a code and no message.
  const { message, code } = error as { readonly message?: string; readonly code?: string };
  console.error(`The world could not be opened: ${message || code || String(error)}`);
  process.exit(1);
}

function chosenBy({ world, seed }: Flags) {
  if (world === 'earth') return { source: earth, outlines: countriesGeoJson };
  const invented = inventedWorld(world, seed);
  return { source: invented, outlines: () => invented.outlines() };
}

function flagsOrUsage(args: readonly string[]): Flags {
  try {
    if (!args.includes('--help')) return parseFlags(args);
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}
