import { describe, expect, test } from 'vitest';
import { type Subject, defineView } from '../../src/index.js';
import { type World, kingdomOf, model, world } from './setup.js';

const image = (id: string, name = 'old') => ({ id, kingdomId: kingdomOf(id), name });

describe('dependsOn', () => {
  type Act = (own: World) => Promise<unknown>;
  const update: Act = ({ tide }) =>
    tide.change({ type: 'settlement', id: 's0', op: 'update', before: image('s0'), after: image('s0', 'new') });
  const other: Act = ({ tide }) =>
    tide.change({ type: 'settlement', id: 's1', op: 'update', before: image('s1'), after: image('s1', 'new') });
  const create: Act = ({ tide }) => tide.change({ type: 'settlement', id: 's8', op: 'create', after: image('s8') });
  const kingdomGone: Act = ({ tide }) => tide.change({ type: 'kingdom', id: 'k0', op: 'delete' });
  const bulk: Act = ({ tide }) => tide.change({ subjects: [tide.subject.type('settlement')] });
  const structures: Act = ({ tide }) => tide.change({ type: 'structure', id: 't0', op: 'update' });
  const rules: Act = ({ tide }) => tide.change({ subjects: [tide.subject.rules('settlement', 'c1')] });
  const otherRules: Act = ({ tide }) => tide.change({ subjects: [tide.subject.rules('settlement', 'c2')] });
  const branch: Act = ({ tide }) => tide.change({ subjects: [tide.subject.branch('main')] });
  const acts = { update, other, create, kingdomGone, bulk, structures, rules, otherRules, branch };

  test.each<[kind: Subject['kind'], subject: (own: World) => Subject, stale: readonly (keyof typeof acts)[]]>([
    // Whoever depends on an entity that may be absent depends on the deletion of what it hangs under.
    ['entity', ({ tide }) => tide.subject.entity('settlement', 's0'), ['update', 'kingdomGone', 'bulk', 'branch']],
    [
      'list',
      ({ tide }) => tide.subject.list('settlement', { kingdom: 'k0' }),
      ['update', 'create', 'kingdomGone', 'bulk', 'branch'],
    ],
    [
      'type',
      ({ tide }) => tide.subject.type('settlement'),
      ['update', 'other', 'create', 'kingdomGone', 'bulk', 'branch'],
    ],
    ['rules', ({ tide }) => tide.subject.rules('settlement', 'c1'), ['rules']],
    ['branch', ({ tide }) => tide.subject.branch('main'), ['branch']],
  ])('a subject of kind %s makes it stale as such a value would be', async (kind, subjectOf, expected) => {
    const stale: string[] = [];
    for (const [name, act] of Object.entries(acts)) {
      const own = world();
      const subject = subjectOf(own);
      expect(subject.kind).toBe(kind);
      await own.tide.cache.getOrLoad('n', { dependsOn: [subject] }, () => 1);
      await act(own);
      if ((await own.tide.cache.get('n')) === undefined) stale.push(name);
    }
    expect(stale).toEqual(expected);
  });

  test('of a view may be a function of its parameters', async () => {
    const own = world();
    const { tide } = own;
    const view = defineView(model)({
      name: 'external',
      dependsOn: ({ id }: { id: string }) => [tide.subject.entity('settlement', id)],
      load: (_, { id }) => `of ${id}`,
    });
    for (const id of ['s0', 's1']) await tide.view(view, { id });
    await own.rename('s0');
    expect([tide.peekView(view, { id: 's0' }), tide.peekView(view, { id: 's1' })]).toEqual([undefined, 'of s1']);
  });
});
