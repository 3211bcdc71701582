// One replica: the world's own server, in a process of its own. What makes it one of several is `redis(…)`.
import { redis } from 'tidemark/redis';
import { countriesGeoJson } from '../world/data/countries.ts';
import { earth } from '../world/data/earth.ts';
import { inventedWorld } from '../world/data/invented.ts';
import { RULES } from '../world/rules.ts';
import { serve } from '../world/server/serve.ts';
import { clientsOf } from './clients.ts';
import type { Plan } from './plan.ts';
import { Report } from './report.ts';
import { SharedTables } from './shared-tables.ts';

process.once('disconnect', () => process.exit());
process.once('message', (plan: Plan) => {
  void begin(plan);
});

async function begin(plan: Plan): Promise<void> {
  const { source, outlines } = chosenBy(plan);
  const tables = new SharedTables(await source.load(() => {}), plan.log);
  const { client, subscriber } = await clientsOf(plan);
  const report = new Report();
  const shared = report.noting(redis({ client, subscriber, prefix: plan.prefix }));
  report.begin(
    await serve(tables, { port: 0, outlines, credits: source.credits, shared, rules: RULES, report: report.failed }),
    tables,
  );
}

function chosenBy({ world, seed }: Plan) {
  if (world === 'earth') return { source: earth, outlines: countriesGeoJson };
  const invented = inventedWorld(world, seed);
  return { source: invented, outlines: () => invented.outlines() };
}
