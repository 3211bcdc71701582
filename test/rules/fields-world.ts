import fc from 'fast-check';
import type { EntityFacts, FieldNeeds, FieldRule, FieldSchema, FieldSet } from '../../src/rules/index.js';

/** A small world for computed fields, rules at random over it, and its values computed from nothing. */

export interface Row {
  readonly id: string;
  readonly [field: string]: unknown;
}

export const schema: FieldSchema = {
  kingdom: {
    parents: { liege: { type: 'kingdom', id: 'liegeId' } },
    children: { settlements: { type: 'settlement' }, vassals: { type: 'kingdom', by: 'liege' } },
    computed: { wealth: 'number', strong: 'boolean', report: 'json' },
  },
  settlement: {
    parents: { kingdom: { type: 'kingdom', id: 'kingdomId' } },
    children: { structures: { type: 'structure', by: 'settlement' } },
    computed: { income: 'number', hub: 'boolean', title: 'string' },
  },
  structure: {
    parents: {
      settlement: { type: 'settlement', id: 'settlementId' },
      // Several, of which the hop takes the first.
      owner: { type: 'kingdom', id: (row) => (row as Row)['owners'] as readonly string[] | null },
    },
    computed: { output: 'number', note: 'string' },
  },
};
export const TYPES = Object.keys(schema);
/** Parent fields by type: type of the parent. */
const LINKS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  kingdom: { liegeId: 'kingdom' },
  settlement: { kingdomId: 'kingdom' },
  structure: { settlementId: 'settlement', owners: 'kingdom' },
};

// ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────

const idOf = (type: string, many: number): fc.Arbitrary<string> =>
  fc.nat(many - 1).map((i) => `${type.slice(0, 2)}${String(i)}`);
const IDS: Readonly<Record<string, number>> = { kingdom: 4, settlement: 8, structure: 12 };
const someId = (type: string, many = IDS[type] as number): fc.Arbitrary<string> => idOf(type, many);

const level = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 9 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 'none', 2.5) },
);
export function rowOf(type: string, many?: number): fc.Arbitrary<Row> {
  const links = Object.entries(LINKS[type] as object).map(([field, to]: [string, string]) => {
    const one = fc.option(someId(to), { freq: 6 });
    return [field, field === 'owners' ? fc.option(fc.array(someId(to), { maxLength: 2 })) : one] as const;
  });
  return fc.record({
    ...{ id: someId(type, many), level, open: fc.boolean(), name: fc.constantFrom('a', 'b') },
    variables: fc.record({ gold: level, tags: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }) }),
    ...Object.fromEntries(links),
  });
}

// ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Paths of single values from a row of a type, at most so many hops away. */
function pathsFrom(type: string, hops: number): string[] {
  const { parents = {}, computed = {} } = schema[type] ?? {};
  const here = ['level', 'open', 'name', 'variables.gold', 'variables', 'absent', ...Object.keys(computed)];
  if (hops === 0) return here;
  const beyond = Object.entries(parents).flatMap(([hop, { type: to }]) => [
    hop,
    ...pathsFrom(to, hops - 1).map((path) => `${hop}.${path}`),
  ]);
  return [...here, ...beyond];
}
/** Paths of lists of rows, with the type of these. */
function listsFrom(type: string, hops: number): (readonly [string, string])[] {
  const { parents = {}, children = {} } = schema[type] ?? {};
  const here = Object.entries(children).map(([hop, { type: to }]) => [hop, to] as const);
  if (hops === 0) return here;
  const beyond = Object.entries(parents).flatMap(([hop, { type: to }]) =>
    listsFrom(to, hops - 1).map(([path, of]) => [`${hop}.${path}`, of] as const),
  );
  return [...here, ...beyond];
}
const read = (...path: string[]): unknown => ({ var: path.join('.') });

function loopOver(root: string, [list, of]: readonly [string, string]): fc.Arbitrary<unknown> {
  const items = read(root, list);
  const nested = listsFrom(of, 0).map(([path]) => path);
  return fc
    .constantFrom(...pathsFrom(of, 1), ...nested)
    .chain((path) =>
      fc.constantFrom(
        { reduce: [items, { '+': [read('current', path), { var: 'accumulator' }] }, 0] },
        { filter: [items, { '>': [read(path), 2] }] },
        { map: [items, read(path)] },
        { all: [items, read(path)] },
        { val: [root, ...list.split('.'), 0, ...path.split('.')] },
        { val: [root, ...list.split('.'), 'length'] },
      ),
    );
}

function leafOf(type: string): fc.Arbitrary<unknown> {
  const lists = listsFrom(type, 1);
  const single = fc.constantFrom(...pathsFrom(type, 2)).map((path) => read(type, path));
  const rare = fc.constantFrom<unknown>(
    ...[{ var: 'now' }, { var: 'season.name' }, read(type), { var: { cat: [type, '.', { var: `${type}.name` }] } }],
    ...[{ throw: 'no' }, { var: '' }, 3, true, 'text'],
  );
  return fc.oneof(
    { weight: 5, arbitrary: single },
    { weight: 2, arbitrary: rare },
    ...lists.map((list) => ({ weight: 2, arbitrary: loopOver(type, list) })),
  );
}

function expressionOf(type: string, kind: string): fc.Arbitrary<unknown> {
  const leaf = leafOf(type);
  const number = fc.oneof(
    { weight: 1, arbitrary: leaf },
    { weight: 3, arbitrary: leaf.map((a) => ({ try: [{ '+': [a] }, { if: [a, 1, 0] }] })) },
  );
  const made: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    number: fc.oneof(
      number,
      fc.tuple(number, number).map(([a, b]) => ({ '+': [a, b] })),
      fc.tuple(leaf, number, number).map(([a, b, c]) => ({ if: [a, b, c] })),
      number.map((a) => ({ '%': [{ '*': [a, 7] }, 11] })),
    ),
    boolean: fc.oneof(
      leaf,
      leaf.map((a) => ({ '!': [a] })),
      fc.tuple(number, number).map(([a, b]) => ({ '>=': [a, b] })),
      fc.tuple(leaf, leaf).map(([a, b]) => ({ '===': [a, b] })),
    ),
    string: fc.oneof(
      leaf,
      fc.tuple(number, number).map(([a, b]) => ({ cat: [a, ' ', b] })),
      fc.tuple(leaf, leaf).map(([a, b]) => ({ if: [a, 'yes', b, 'no', 'neither'] })),
    ),
    json: leaf,
  };
  return made[kind] as fc.Arbitrary<unknown>;
}

export function ruleOf(many = 15): fc.Arbitrary<FieldRule> {
  const places = TYPES.flatMap((type) =>
    Object.entries(schema[type]?.computed ?? {}).map(([field, kind]) => ({ type, field, kind })),
  );
  return fc.constantFrom(...places).chain(({ type, field, kind }) =>
    fc.record({
      id: fc.nat(many - 1).map((i) => `r${String(i)}`),
      entityType: fc.constant(type),
      entityId: fc.option(someId(type), { freq: 2 }),
      field: fc.constant(field),
      expression: expressionOf(type, kind),
      priority: fc.nat(2),
      isActive: fc.nat(9).map((n) => n > 0),
    }),
  );
}

// ── The oracle: every value from nothing ────────────────────────────────────────────────────────────────────────

export type Rows = ReadonlyMap<string, ReadonlyMap<string, Row>>;
export interface Given {
  readonly now: unknown;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** Values by 'type id field', each by `evaluate` over facts that `needs` names. */
export function valuesOf(set: FieldSet, rows: Rows, given: Given): Map<string, unknown> {
  const known = new Map<string, unknown>();
  const valueOf = (type: string, row: Row, field: string): unknown => {
    const key = `${type} ${row.id} ${field}`;
    if (!known.has(key)) {
      const facts = factsOf(row, set.needs(type, [field]));
      known.set(key, set.evaluate(type, facts, { ...given, only: [field] }).values[field]);
    }
    return known.get(key);
  };
  const factsOf = (row: Row, needs: FieldNeeds): EntityFacts => ({
    row,
    computed: Object.fromEntries(needs.computed.map((field) => [field, valueOf(needs.type, row, field)])),
    hops: Object.fromEntries(
      Object.entries(needs.hops).map(([hop, beyond]) => {
        const found = hopFrom(needs.type, row, hop, rows);
        return [hop, Array.isArray(found) ? found.map((one) => factsOf(one, beyond)) : found && factsOf(found, beyond)];
      }),
    ),
  });
  for (const [type, all] of rows) {
    const fields = Object.keys(schema[type]?.computed ?? {});
    for (const row of all.values()) for (const field of fields) valueOf(type, row, field);
  }
  return known;
}

/** By looking at every row. */
function hopFrom(type: string, row: Row, hop: string, rows: Rows): Row | Row[] | null {
  const { parents = {}, children = {} } = schema[type] ?? {};
  const idsIn = (from: Row, { id }: (typeof parents)[string]): string[] => {
    const ids = typeof id === 'string' ? from[id] : id(from);
    return ids == null ? [] : Array.isArray(ids) ? (ids as string[]) : [ids as string];
  };
  const up = parents[hop];
  if (up !== undefined) return rows.get(up.type)?.get(idsIn(row, up)[0] ?? '') ?? null;
  const down = children[hop];
  const [, link] = Object.entries(schema[down?.type ?? '']?.parents ?? {}).find(
    ([name, one]) => one.type === type && (down?.by === undefined || down.by === name),
  ) as [string, (typeof parents)[string]];
  return [...(rows.get(down?.type ?? '') ?? new Map<string, Row>()).values()].filter((one) =>
    idsIn(one, link).includes(row.id),
  );
}
