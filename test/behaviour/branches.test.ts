import { describe, expect, test } from 'vitest';
import { defineModel } from '../../src/index.js';
import { seededRandom } from '../../src/testing/index.js';
import { type BranchedWorld, branchedWorld, entities, kingdomOf } from './setup.js';

const ALL = ['main', 'dev', 'feature', 'other'];
const read = ({ tide }: BranchedWorld, id = 's0', branches = ALL): Promise<(string | undefined)[]> =>
  Promise.all(branches.map(async (branch) => (await tide.get('settlement', id, { branch }))?.name));
/** The branches in which tier 1 holds it. */
const held = ({ tide }: BranchedWorld, id = 's0'): string[] =>
  ALL.filter((branch) => tide.peek('settlement', id, { branch }) !== undefined);
const lists = ({ tide }: BranchedWorld, kingdom = 'k0'): string[] =>
  ALL.filter((branch) => tide.peekChildren('settlement', { kingdom }, { branch }) !== undefined);
const readLists = ({ tide }: BranchedWorld, kingdom = 'k0'): Promise<string[]> =>
  Promise.all(
    ALL.map(async (branch) =>
      (await tide.children('settlement', { kingdom }, { branch })).map(({ name }) => name).join(),
    ),
  );

test('a branch shows what it inherits until it, or one between, overrides', async () => {
  const own = branchedWorld();
  expect(await read(own)).toEqual(['old', 'old', 'old', 'old']);
  await own.put('dev', 's0', 'by dev');
  expect(await read(own)).toEqual(['old', 'by dev', 'by dev', 'old']);
  await own.put('feature', 's0', 'by feature');
  expect(await read(own)).toEqual(['old', 'by dev', 'by feature', 'old']);
  await own.put('main', 's0', 'by main');
  expect(await read(own)).toEqual(['by main', 'by dev', 'by feature', 'by main']);
  expect(await readLists(own)).toEqual(['by main,old', 'by dev,old', 'by feature,old', 'by main,old']);
});

describe('what goes stale', () => {
  test.each<[branch: string, stays: string[]]>([
    ['main', []],
    ['dev', ['main', 'other']],
    ['feature', ['main', 'dev', 'other']],
    ['other', ['main', 'dev', 'feature']],
  ])('by a change in %s: there and in the branches under it, records and lists', async (branch, stays) => {
    const own = branchedWorld();
    for (const id of ['s0', 's2']) await read(own, id);
    for (const kingdom of ['k0', 'k1']) await readLists(own, kingdom);
    await own.put(branch, 's0', 'new');
    expect([held(own), lists(own)]).toEqual([stays, stays]);
    expect(held(own, 's2')).toEqual(ALL);
    // The first row of a branch that inherits is an override: what hangs under the inherited one is not named.
    expect(lists(own, 'k1')).toEqual(ALL);
  });

  test('a row that a branch hides is gone there and under it, and nowhere else', async () => {
    const own = branchedWorld();
    await read(own);
    await readLists(own);
    own.db.remove('settlement', 's0', 'dev');
    await own.tide.change({ type: 'settlement', id: 's0', op: 'delete', branch: 'dev' });
    expect(held(own)).toEqual(['main', 'other']);
    expect(await read(own)).toEqual(['old', undefined, undefined, 'old']);
    expect(await readLists(own)).toEqual(['old,old', 'old', 'old', 'old,old']);
  });

  test('what hangs under a row, when its first override says nothing of the row it covers', async () => {
    const own = branchedWorld();
    const structures = (): string[] =>
      ALL.filter((branch) => own.tide.peek('structure', 't0', { branch }) !== undefined);
    for (const branch of ALL) await own.tide.get('structure', 't0', { branch });
    await own.put('dev', 's0', 'by dev', 'none');
    expect(structures()).toEqual(['main', 'other']);
  });

  test('every list, when a row of a branch goes: an inherited one may come to light, under whichever parent', async () => {
    const own = branchedWorld();
    const before = { id: 's0', kingdomId: 'k1', name: 'moved by dev' };
    own.db.put('settlement', before, 'dev');
    await readLists(own, 'k0');
    own.db.remove('settlement', 's0', 'dev');
    await own.tide.change({ type: 'settlement', id: 's0', op: 'delete', branch: 'dev', before });
    expect(lists(own, 'k0')).toEqual(['main', 'other']);
  });

  test('everything in a branch and under it, by the subject of the branch', async () => {
    const own = branchedWorld();
    for (const id of ['s0', 's1', 'none']) await read(own, id);
    await readLists(own);
    await own.tide.change({ subjects: [own.tide.subject.branch('dev')] });
    for (const id of ['s0', 's1', 'none']) expect(held(own, id)).toEqual(['main', 'other']);
    expect(lists(own)).toEqual(['main', 'other']);
  });

  test('everything of a type in a branch and under it, by the subject of the type', async () => {
    const own = branchedWorld();
    const { tide } = own;
    await read(own);
    await readLists(own);
    await tide.get('kingdom', 'k0', { branch: 'feature' });
    await tide.change({ subjects: [tide.subject.type('settlement', { branch: 'dev' })] });
    expect([held(own), lists(own)]).toEqual([
      ['main', 'other'],
      ['main', 'other'],
    ]);
    expect(tide.peek('kingdom', 'k0', { branch: 'feature' })).toBeDefined();
  });
});

test('an unknown branch is read from the origin and never cached', async () => {
  const { tide, db } = branchedWorld();
  const at = { branch: 'nowhere' };
  for (let i = 1; i <= 3; i++) {
    await tide.get('settlement', 's0', at);
    await tide.children('settlement', { kingdom: 'k0' }, at);
    await tide.cache.getOrLoad('n', at, async (reader) => reader.get('settlement', 's1'));
    expect(db.calls.filter(({ branch }) => branch === 'nowhere')).toHaveLength(3 * i);
    expect(tide.peek('settlement', 's0', at)).toBeUndefined();
    expect(tide.peekChildren('settlement', { kingdom: 'k0' }, at)).toBeUndefined();
  }
  expect(tide.stats().tier1.entries).toBe(0);
});

test('a branch that is forked is cached from then on, and sees what it inherits', async () => {
  const own = branchedWorld();
  const { tide, parents } = own;
  const at = { branch: 'fork' };
  await tide.get('settlement', 's0', at);
  parents.set('fork', 'dev');
  await tide.change({ subjects: [tide.subject.branch('fork')] });
  expect((await tide.get('settlement', 's0', at))?.name).toBe('old');
  expect(tide.peek('settlement', 's0', at)?.name).toBe('old');
  await own.put('dev', 's0', 'by dev');
  expect(tide.peek('settlement', 's0', at)).toBeUndefined();
  expect((await tide.get('settlement', 's0', at))?.name).toBe('by dev');
});

test('a branch under another parent shows the rows of that one', async () => {
  const own = branchedWorld();
  await own.put('dev', 's0', 'by dev');
  await own.put('other', 's0', 'by other');
  expect(await read(own)).toEqual(['old', 'by dev', 'by dev', 'by other']);
  own.parents.set('feature', 'other');
  await own.tide.change({ subjects: [own.tide.subject.branch('feature')] });
  expect(held(own)).toEqual(['main', 'dev', 'other']);
  expect(await read(own)).toEqual(['old', 'by dev', 'by other', 'by other']);
  await own.put('dev', 's0', 'by dev again');
  expect(held(own)).toEqual(['main', 'feature', 'other']);
  await own.put('other', 's0', 'by other again');
  expect(await read(own)).toEqual(['old', 'by dev again', 'by other again', 'by other again']);
});

test('values by key are loaded apart in each branch, hand-set ones are not', async () => {
  const { tide } = branchedWorld();
  const load = (branch: string): Promise<string> => tide.cache.getOrLoad('n', { branch }, (reader) => reader.branch);
  expect(await Promise.all(ALL.map(load))).toEqual(ALL);
  expect(await Promise.all([...ALL].reverse().map(load))).toEqual([...ALL].reverse());
  await tide.cache.set('greeting', 'hello');
  expect(await tide.cache.get('greeting')).toBe('hello');
});

describe('a branch has to be named', () => {
  test('or the call is refused, and does not compile', async () => {
    const { tide } = branchedWorld();
    // @ts-expect-error -- a call names its branch
    await expect(tide.get('settlement', 's0')).rejects.toMatchObject({ code: 'BRANCH_REQUIRED' });
    // @ts-expect-error -- a scope too
    expect(() => tide.scope()).toThrow(expect.objectContaining({ code: 'BRANCH_REQUIRED' }) as Error);
    // @ts-expect-error -- a change too
    const changing = tide.change({ type: 'settlement', id: 's0', op: 'update' });
    await expect(changing).rejects.toMatchObject({ code: 'BRANCH_REQUIRED' });
    await expect(tide.get('settlement', 's0', { branch: ' ' })).rejects.toMatchObject({ code: 'BLANK_ID' });
  });

  test('a scope names it for all its verbs', async () => {
    const own = branchedWorld();
    const scope = own.tide.scope({ branch: 'dev' });
    own.db.put('settlement', { id: 's0', kingdomId: kingdomOf('s0'), name: 'by dev' }, 'dev');
    const items = scope.subscribe({ type: 'settlement', id: 's0' });
    await scope.change({ type: 'settlement', id: 's0', op: 'update' });
    expect((await items.next()).value).toMatchObject({ branch: 'dev' });
    expect((await scope.get('settlement', 's0'))?.name).toBe('by dev');
    expect(await read(own)).toEqual(['old', 'by dev', 'by dev', 'old']);
    expect(new Set(own.db.calls.map(({ branch }) => branch))).toEqual(new Set(ALL));
  });

  test('branches that inherit from each other are an error of every read', async () => {
    const own = branchedWorld();
    own.parents.set('dev', 'feature');
    const reading = own.tide.get('settlement', 's0', { branch: 'dev' });
    await expect(reading).rejects.toMatchObject({
      code: 'BRANCH_CYCLE',
      message: expect.stringContaining('dev → feature → dev') as string,
    });
    expect(await read(own, 's0', ['main', 'other'])).toEqual(['old', 'old']);
  });

  test('as the model declares them, inline', () => {
    const parents = new Map([['dev', 'main']]);
    const model = defineModel({ entities, branches: { parentOf: (branch) => parents.get(branch) } });
    expect(model.branched).toBe(true);
  });
});

describe('a subscription', () => {
  /** The names of the branches whose changes it was told of, in order. */
  async function told(own: BranchedWorld, branch: string): Promise<string[]> {
    const heard: string[] = [];
    const items = own.tide.subscribe({ type: 'settlement', id: 's0' }, { branch });
    void (async () => {
      for await (const item of items) heard.push(item.kind === 'resync' ? item.reason : item.branch);
    })();
    for (const changed of ALL) await own.put(changed, 's0', changed);
    await own.clock.advance(5000);
    await items.return?.();
    return heard;
  }

  test.each([
    ['main', ['main']],
    ['dev', ['main', 'dev']],
    ['feature', ['main', 'dev', 'feature']],
    ['other', ['main', 'other']],
  ])('in %s is told of %j', async (branch, expected) => {
    expect(await told(branchedWorld(), branch)).toEqual(expected);
  });

  test('follows its branch to another parent', async () => {
    const own = branchedWorld();
    const heard: string[] = [];
    const items = own.tide.subscribe({ type: 'settlement', id: 's0' }, { branch: 'feature' });
    void (async () => {
      for await (const item of items) heard.push(item.kind === 'resync' ? item.reason : item.branch);
    })();
    await own.clock.advance(0);
    own.parents.set('feature', 'other');
    await own.tide.change({ subjects: [own.tide.subject.branch('feature')] });
    await own.clock.advance(5000);
    for (const changed of ['dev', 'other']) await own.put(changed, 's0', changed);
    await own.clock.advance(5000);
    await items.return?.();
    expect(heard).toEqual(['feature', 'branch', 'other']);
  });
});

test('300 random changes in random branches: every read everywhere is what the database says', async () => {
  const own = branchedWorld();
  const { tide, db } = own;
  const random = seededRandom(23);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const ids = ['s0', 's1', 's2', 's3', 's4'];
  const gone = new Set(['main s4']);
  const overrides = new Set<string>();
  for (let step = 0; step < 300; step++) {
    const [branch, id] = [pick(ALL), pick(ids)];
    const at = `${branch} ${id}`;
    const here = { type: 'settlement', id, branch } as const;
    const own = branch === 'main' || overrides.has(at);
    const before = await originRow(db, branch, id);
    const after = { id, kingdomId: pick(['k0', 'k1']), name: `${branch} ${String(step)}` };
    if (before !== null && random() < 0.25) {
      db.remove('settlement', id, branch);
      await tide.change({ ...here, op: 'delete', before: own ? before : null });
      gone.add(at);
    } else {
      db.put('settlement', after, branch);
      if (before === null) await tide.change({ ...here, op: 'restore', after });
      else
        await tide.change(own && random() < 0.7 ? { ...here, op: 'update', before, after } : moved(here, own, after));
      gone.delete(at);
    }
    if (branch !== 'main') overrides.add(at);
    for (const one of ALL) {
      const rows = await tide.getMany('settlement', ids, { branch: one });
      expect(rows, `step ${String(step)} in ${one}`).toEqual(await Promise.all(ids.map((x) => originRow(db, one, x))));
      for (const kingdom of ['k0', 'k1']) {
        const list = await tide.children('settlement', { kingdom }, { branch: one });
        expect(list, `step ${String(step)}, ${kingdom} in ${one}`).toEqual(
          rows.filter((row) => row?.kingdomId === kingdom).sort(byOrderOf(list)),
        );
      }
    }
  }
});

type Row = { id: string; kingdomId: string; name: string };
/** An update without `before` says that it moved nothing, so one that may have is a delete and a restore. */
function moved(
  here: { readonly type: 'settlement'; readonly id: string; readonly branch: string },
  own: boolean,
  after: Row,
) {
  return own
    ? [{ ...here, op: 'delete' } as const, { ...here, op: 'restore', after } as const]
    : ({ ...here, op: 'update', after } as const);
}
async function originRow(db: BranchedWorld['db'], branch: string, id: string): Promise<Row | null> {
  const { signal } = new AbortController();
  const rows = await db.origin.settlement.byIds([id], { branch, branches: [branch], signal, recentlyChanged: false });
  return [...(rows as Iterable<Row>)][0] ?? null;
}
const byOrderOf = (list: readonly { id: string }[]) => {
  const order = list.map(({ id }) => id);
  return (a: { id: string } | null, b: { id: string } | null): number =>
    order.indexOf(a?.id ?? '') - order.indexOf(b?.id ?? '');
};
