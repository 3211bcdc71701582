import { createSchema } from 'graphql-yoga';
import type { SearchHit } from '../data/tables.ts';
import { BRANCHES, type TypeName, kingdomSummary, settlementSummary } from '../model.ts';
import { branchFields, branches } from './branches.ts';
import { cached } from './cached.ts';
import { edits } from './edits.ts';
import { Refused } from './errors.ts';
import { atMost } from './limits.ts';
import { explain } from './measure.ts';
import { places } from './places.ts';
import type { Connection, Node, RequestContext, World } from './request.ts';
import { typeDefs } from './sdl.ts';

interface Where {
  readonly branch?: string | null;
}
interface One extends Where {
  readonly id: string;
}
interface Limited {
  readonly limit?: number | null;
}
interface Searched extends Where, Limited {
  readonly text: string;
}
interface Box extends Where, Limited {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}
interface Disc extends Where, Limited {
  readonly lon: number;
  readonly lat: number;
  readonly radius: number;
}
interface Nearby extends Limited {
  readonly radius: number;
}

const queries = {
  campaign: (_: unknown, { id, branch }: One, request: RequestContext) => request.in(branch).get('campaign', id),
  kingdom: (_: unknown, { id, branch }: One, request: RequestContext) => request.in(branch).get('kingdom', id),
  settlement: (_: unknown, { id, branch }: One, request: RequestContext) => request.in(branch).get('settlement', id),
  structure: (_: unknown, { id, branch }: One, request: RequestContext) => request.in(branch).get('structure', id),

  kingdoms: async (_: unknown, { branch }: Where, request: RequestContext) => {
    const here = request.in(branch);
    const campaigns = [...request.world.tables.all('campaign', here.branch)];
    return (await Promise.all(campaigns.map(async ({ id }) => here.children('kingdom', { campaign: id })))).flat();
  },
  search: (_: unknown, { text, branch, limit }: Searched, request: RequestContext) =>
    search(request.world, request.in(branch).branch, text, atMost(50, limit, 12)),
  inBox: async (_: unknown, { west, south, east, north, branch, limit }: Box, request: RequestContext) => {
    const here = request.in(branch);
    const box = { min: { lon: west, lat: south }, max: { lon: east, lat: north } };
    const found = await here.scope.spatial.inBox('settlement', { ...box, limit: atMost(5_000, limit, 500) });
    return here.nodes<'settlement'>(found);
  },
  near: async (_: unknown, { lon, lat, radius, branch, limit }: Disc, request: RequestContext) => {
    const here = request.in(branch);
    const disc = { point: { lon, lat }, radius, limit: atMost(500, limit, 20) };
    return here.nodes<'settlement'>(await here.scope.spatial.near('settlement', disc));
  },

  ...places,
  branches,
  cached: (_: unknown, { type, id, branch }: One & { type: TypeName }, request: RequestContext) =>
    cached(request.world, { type, id, branch: request.in(branch).branch }),
  explain: (_: unknown, { type, id, branch }: One & { type: TypeName }, request: RequestContext) =>
    explain(request.world, { type, id, branch: request.in(branch).branch }),
  stats: (_: unknown, __: object, { world }: RequestContext) => figures(world),
  me: (_: unknown, __: object, { principal }: RequestContext) => principal,
};

/** The fields that are not simply fields of the row. */
const fields = {
  Branch: branchFields,
  Campaign: {
    kingdoms: ({ id, here }: Node<'campaign'>) => here.children('kingdom', { campaign: id }),
  },
  Kingdom: {
    campaign: ({ campaignId, here }: Node<'kingdom'>) => here.get('campaign', campaignId),
    settlements: ({ id, here }: Node<'kingdom'>, { limit }: Limited) =>
      here.children('settlement', { kingdom: id }, atMost(Infinity, limit, Infinity)),
    summary: ({ id, here }: Node<'kingdom'>) => here.view(kingdomSummary, { kingdom: id }),
  },
  Settlement: {
    inherited: ({ id, here }: Node<'settlement'>, _: object, { world }: RequestContext) =>
      BRANCHES[here.branch]?.parent !== undefined &&
      !world.tables.overrides('settlement', here.branch).some((own) => own.id === id),
    kingdom: ({ kingdomId, here }: Node<'settlement'>) => here.get('kingdom', kingdomId),
    structures: ({ id, here }: Node<'settlement'>) => here.children('structure', { settlement: id }),
    summary: ({ id, here }: Node<'settlement'>) => here.view(settlementSummary, { settlement: id }),
    fields: ({ id, here }: Node<'settlement'>) => here.scope.loaders.settlement.computed(id),
    nearby: async ({ id, lon, lat, here }: Node<'settlement'>, { radius, limit }: Nearby) => {
      const most = atMost(500, limit, 8);
      const disc = { point: { lon, lat }, radius, limit: most + 1 };
      const found = await here.scope.spatial.near('settlement', disc);
      return here.nodes<'settlement'>(found.filter((other) => other.id !== id).slice(0, most));
    },
  },
  SettlementSummary: {
    structures: ({ structures }: { readonly structures: Readonly<Record<string, number>> }) =>
      Object.entries(structures).map(([kind, count]) => ({ kind, count })),
  },
  Structure: {
    settlement: ({ settlementId, here }: Node<'structure'>) => here.get('settlement', settlementId),
  },
};

export const schema = createSchema<Connection & RequestContext>({
  typeDefs,
  resolvers: { Query: queries, ...edits, ...fields },
});

/** Cached by its words until any name anywhere in the branch may have changed. */
function search({ tide, tables }: World, branch: string, text: string, limit: number): Promise<SearchHit[]> {
  if (text.length > 100) throw new Refused('BAD_REQUEST', 'search.text: expected at most 100 characters.');
  const wanted = text.trim().toLowerCase();
  const types = ['campaign', 'kingdom', 'settlement', 'structure'] as const;
  const dependsOn = types.map((type) => tide.subject.type(type, { branch }));
  return tide.cache.getOrLoad(tide.key('search', { text: wanted, limit }), { branch, dependsOn }, () =>
    tables.search(wanted, branch, limit),
  );
}

/** What this process has read and held so far. */
export function figures({ tide }: World) {
  const { hits, misses, hitRate, originCalls, changes, tier1, startTime } = tide.stats();
  const { entries, marks } = tier1;
  return { hits, misses, hitRate, originCalls, changes, entries, marks, startTime: startTime.toISOString() };
}
