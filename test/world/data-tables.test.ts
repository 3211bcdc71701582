import { describe, expect, test } from 'vitest';
import { createTables } from '../../examples/world/data/memory-tables.js';
import { Conflict, Incomplete, NotFound, type Tables } from '../../examples/world/data/tables.js';
import type { Kingdom, Settlement, Structure } from '../../examples/world/model.js';

const fresh = { version: 1, deleted: false } as const;
const campaign = { id: 'c', name: 'Campaign', ...fresh };
const kingdom = (id: string, name = id): Kingdom => ({ id, name, campaignId: 'c', level: 1, ...fresh });
const town = (id: string, kingdomId: string, population = 10, name = id): Settlement => ({
  ...{ id, name, kingdomId, population },
  ...{ level: 1, lon: 0, lat: 0, ...fresh },
});
const mill = (id: string, settlementId: string, name = id, code = ''): Structure => ({
  ...{ id, name, settlementId, code },
  ...{ kind: 'mill', level: 1, lon: 0, lat: 0, ...fresh },
});

/** Two kingdoms, two towns in the first and one in the other, a mill in each of the first's. */
function world(): Tables {
  return createTables()
    .add('campaign', [campaign])
    .add('kingdom', [kingdom('north'), kingdom('south')])
    .add('settlement', [town('a', 'north', 5), town('b', 'north', 90), town('c', 'south')])
    .add('structure', [mill('m', 'a'), mill('n', 'b')])
    .build();
}
const ids = (rows: Iterable<{ readonly id: string }>): string[] => Array.from(rows, ({ id }) => id);

describe('a branch', () => {
  test('inherits a row until it writes its own, and the parent never sees what it wrote', () => {
    const tables = world();
    tables.write('settlement', 'main', 'a', { name: 'Alba' });
    expect(tables.byIds('settlement', 'rising-seas', ['a'])[0]?.name).toBe('Alba');
    tables.write('settlement', 'rising-seas', 'a', { population: 0 });
    tables.write('settlement', 'main', 'a', { name: 'Albana' });
    expect(tables.byIds('settlement', 'rising-seas', ['a'])[0]).toMatchObject({ name: 'Alba', population: 0 });
    expect(tables.byIds('settlement', 'main', ['a'])[0]).toMatchObject({ name: 'Albana', population: 5 });
    expect(ids(tables.overrides('settlement', 'rising-seas'))).toEqual(['a']);
    expect(tables.overrides('settlement', 'open-skies')).toEqual([]);
  });

  test('lists a moved row under its new parent only, while other branches keep it where it was', () => {
    const tables = world();
    tables.write('settlement', 'rising-seas', 'b', { kingdomId: 'south' });
    expect(ids(tables.childrenOf('settlement', 'rising-seas', ['north']))).toEqual(['a']);
    expect(ids(tables.childrenOf('settlement', 'rising-seas', ['south']))).toEqual(['b', 'c']);
    for (const branch of ['main', 'open-skies']) {
      expect(ids(tables.childrenOf('settlement', branch, ['north']))).toEqual(['b', 'a']);
      expect(ids(tables.childrenOf('settlement', branch, ['south']))).toEqual(['c']);
    }
  });

  test('that is none is refused by every read and write', () => {
    const tables = world();
    expect(() => tables.byIds('kingdom', 'nowhere', [])).toThrow(NotFound);
    expect(() => tables.childrenOf('kingdom', 'nowhere', [])).toThrow(NotFound);
    expect(() => [...tables.all('kingdom', 'nowhere')]).toThrow(NotFound);
    expect(() => tables.overrides('kingdom', 'nowhere')).toThrow(NotFound);
    expect(() => tables.search('a', 'nowhere', 1)).toThrow(NotFound);
    expect(() => tables.write('kingdom', 'nowhere', 'north', {})).toThrow("No branch 'nowhere'; known: main,");
  });

  test('must descend from one that is there, and not from itself', () => {
    expect(() => createTables({ branches: { main: {}, lost: { parent: 'gone' } } })).toThrow(NotFound);
    expect(() => createTables({ branches: { main: {}, a: { parent: 'b' }, b: { parent: 'a' } } })).toThrow(Conflict);
  });
});

describe('deletion', () => {
  test('marks the row, takes it off its list, and is undone by a write', () => {
    const tables = world();
    tables.write('settlement', 'main', 'b', { deleted: true });
    expect(tables.byIds('settlement', 'main', ['b'])[0]).toMatchObject({ id: 'b', deleted: true, version: 2 });
    expect(ids(tables.childrenOf('settlement', 'main', ['north']))).toEqual(['a']);
    tables.write('settlement', 'main', 'b', { deleted: false });
    expect(ids(tables.childrenOf('settlement', 'main', ['north']))).toEqual(['b', 'a']);
  });

  test('of a kingdom hides its settlements and their structures in that branch', () => {
    const tables = world();
    tables.write('kingdom', 'rising-seas', 'north', { deleted: true });
    expect(tables.childrenOf('settlement', 'rising-seas', ['north'])).toEqual([]);
    expect(tables.childrenOf('structure', 'rising-seas', ['a', 'b'])).toEqual([]);
    expect(tables.byIds('settlement', 'rising-seas', ['a', 'c']).map(({ id }) => id)).toEqual(['c']);
    expect(tables.byIds('structure', 'rising-seas', ['m'])).toEqual([]);
    expect(ids(tables.all('settlement', 'rising-seas'))).toEqual(['c']);
    expect(tables.search('b', 'rising-seas', 9)).toEqual([]);
    expect(ids(tables.childrenOf('structure', 'main', ['a']))).toEqual(['m']);
  });

  test('leaves the counts to what the root branch shows', () => {
    const tables = world();
    expect(tables.counts).toEqual({ campaign: 1, kingdom: 2, settlement: 3, structure: 2 });
    tables.write('kingdom', 'rising-seas', 'north', { deleted: true });
    expect(tables.counts).toEqual({ campaign: 1, kingdom: 2, settlement: 3, structure: 2 });
    tables.write('kingdom', 'main', 'north', { deleted: true });
    expect(tables.counts).toEqual({ campaign: 1, kingdom: 1, settlement: 1, structure: 0 });
  });
});

describe('a write', () => {
  test('returns both images, raises the version by one, and changes no row that was handed out', () => {
    const tables = world();
    const [held] = tables.byIds('settlement', 'main', ['a']);
    const { before, after } = tables.write('settlement', 'main', 'a', { name: 'Alba' }, 1);
    expect(before).toBe(held);
    expect(held).toEqual(town('a', 'north', 5));
    expect(after).toEqual({ ...town('a', 'north', 5), name: 'Alba', version: 2 });
  });

  test('cannot set the id or the version', () => {
    const { after } = world().write('kingdom', 'main', 'north', { id: 'south', version: 40 });
    expect(after).toMatchObject({ id: 'north', version: 2 });
  });

  test('with another version than the present one is a conflict and changes nothing', () => {
    const tables = world();
    tables.write('kingdom', 'main', 'north', { name: 'North' });
    expect(() => tables.write('kingdom', 'main', 'north', { name: 'Nord' }, 1)).toThrow(Conflict);
    expect(() => tables.write('kingdom', 'main', 'new', { name: 'New', campaignId: 'c' }, 1)).toThrow(Conflict);
    expect(tables.byIds('kingdom', 'main', ['north', 'new'])).toMatchObject([{ name: 'North', version: 2 }]);
  });

  test('of a row that is not there creates it, with defaults', () => {
    const { before, after } = world().write(
      'structure',
      'main',
      'x',
      { name: 'X', settlementId: 'a', kind: 'mill', lon: 1, lat: 2 },
      0,
    );
    expect(before).toBeNull();
    expect(after).toEqual({ ...mill('x', 'a', 'X'), lon: 1, lat: 2 });
  });

  test('that creates a row without what it needs says what is missing', () => {
    expect(() => world().write('settlement', 'main', 'x', { name: 'X', kingdomId: 'north', lon: 1 })).toThrow(
      new Incomplete("'x' is new: expected a lat, got none."),
    );
  });

  test('refuses a parent that is not there, deleted, or beneath a deleted one', () => {
    const tables = world();
    expect(() => tables.write('settlement', 'main', 'a', { kingdomId: 'gone' })).toThrow(NotFound);
    tables.write('settlement', 'main', 'b', { deleted: true });
    expect(() => tables.write('structure', 'main', 'm', { settlementId: 'b' })).toThrow(NotFound);
    tables.write('kingdom', 'main', 'south', { deleted: true });
    expect(() => tables.write('structure', 'main', 'm', { settlementId: 'c' })).toThrow(NotFound);
    expect(tables.byIds('structure', 'main', ['m'])).toEqual([mill('m', 'a')]);
  });
});

describe('loading', () => {
  test('refuses a row without its parent and an id that is there', () => {
    const builder = createTables().add('campaign', [campaign]);
    expect(() => builder.add('settlement', [town('a', 'north')])).toThrow(NotFound);
    expect(() => builder.add('kingdom', [kingdom('north'), kingdom('north')])).toThrow(Conflict);
  });
});

describe('search', () => {
  const tables = createTables({ words: { kingdom: 'country', settlement: 'city' } })
    .add('campaign', [campaign])
    .add('kingdom', [kingdom('is', 'Ísland'), kingdom('pl', 'Polska')])
    .add('settlement', [
      town('r', 'is', 118_918, 'Reykjavík'),
      town('s', 'is', 10, 'Saint-Reykur'),
      town('l', 'pl', 700_000, 'Łódź'),
      town('n', 'pl', 5, "N'Djaména Nowa"),
    ])
    .add('structure', [mill('kef', 'r', 'Keflavík Mill', 'KEF'), mill('k', 'l', 'Kefir House')])
    .build();
  const found = (text: string, limit = 9): string[] => tables.search(text, 'main', limit).map(({ id }) => id);

  test('ignores case, accents, hyphens and apostrophes, in the text and in the names', () => {
    expect(found('reykjavik')).toEqual(['r']);
    expect(found('REYKJAVÍK')).toEqual(['r']);
    expect(found('lodz')).toEqual(['l']);
    expect(found('łó')).toEqual(['l']);
    expect(found('saint reykur')).toEqual(['s']);
    expect(found("  n'djamena-n ")).toEqual(['n']);
  });

  test('puts what is the text before what begins with it before what has a later word that does', () => {
    expect(found('reyk')).toEqual(['r', 's']);
    expect(found('kef')).toEqual(['kef', 'k']);
    expect(found('eykj')).toEqual([]);
  });

  test('says where each hit is', () => {
    expect(tables.search('reykjavik', 'main', 1)).toEqual([
      { type: 'settlement', id: 'r', name: 'Reykjavík', where: 'city in Ísland', lon: 0, lat: 0 },
    ]);
    expect(tables.search('island', 'main', 1)).toEqual([
      { type: 'kingdom', id: 'is', name: 'Ísland', where: 'country', lon: null, lat: null },
    ]);
    expect(tables.search('keflavik', 'main', 1)[0]?.where).toBe('mill, Reykjavík');
    expect(tables.search('campaign', 'main', 1)[0]?.where).toBe('campaign');
  });

  test('finds a row by the name and the code that it has in the branch, and by none that it had', () => {
    const renamed = createTables()
      .add('campaign', [campaign])
      .add('kingdom', [kingdom('k')])
      .add('settlement', [town('t', 'k', 1, 'Old')])
      .add('structure', [mill('m', 't', 'Mill', 'OLD')])
      .build();
    const at = (text: string, branch: string): string[] => ids(renamed.search(text, branch, 9));
    renamed.write('settlement', 'rising-seas', 't', { name: 'New' });
    renamed.write('structure', 'rising-seas', 'm', { code: 'NEW' });
    expect(at('new', 'rising-seas')).toEqual(['t', 'm']);
    expect(at('old', 'rising-seas')).toEqual([]);
    expect(at('old', 'main')).toEqual(['t', 'm']);
    expect(at('new', 'main')).toEqual([]);
    renamed.write('settlement', 'rising-seas', 't', { name: 'Old' });
    expect(at('old', 'rising-seas')).toEqual(['t']);
  });

  test('of nothing, or for none, finds none', () => {
    expect([found(''), found(' - '), found('reyk', 0), found('reyk', Number.NaN)]).toEqual([[], [], [], []]);
  });
});
