// The world on a map, in the browser: cities, countries and airports, who reads them from where, and what each edit
// makes stale. `npm start`, then open the address that it prints. `--help` lists the flags.
import { countriesGeoJson } from './data/countries.ts';
import { earth } from './data/earth.ts';
import { inventedWorld } from './data/invented.ts';
import { type Flags, USAGE, parseFlags } from './server/flags.ts';
import { progressOn } from './server/progress.ts';
import { serve } from './server/serve.ts';

const flags = flagsOrUsage(process.argv.slice(2));
const { source, outlines } = chosenBy(flags);

const tables = await source.load(progressOn(process.stdout));
const serving = await serve(tables, { port: flags.port, outlines, credits: source.credits });
console.log(`${tables.counts.settlement.toLocaleString('en')} settlements on the map: ${serving.url}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void serving.close().then(() => console.log('Closed.'));
  });
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
